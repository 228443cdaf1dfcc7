"""Jump operators and their rates in LaTeX, as they are declared."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx
import sympy as sp

from modelkit.elements.dissipators import Dissipator
from modelkit.elements.jump_operators import Monomial
from modelkit.elements.lattices import Lattice, SiteRef
from modelkit.elements.operator_sums import Fermion
from modelkit.graph.hamiltonian import formula_latex, operator_latex
from modelkit.graph.link import things

MOST = 12  # products of one operator that are written out


def jumps_latex(graph: nx.MultiDiGraph) -> str:
    """A line ``L = ..., gamma = ...`` for each dissipator, aligned; empty where there is none."""
    lattices: dict[str, Lattice] = things(graph, "lattice")
    dissipators: dict[str, Dissipator] = things(graph, "dissipator")
    lines = [_line(one, lattices) for one in dissipators.values()]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}" if lines else ""


def _line(one: Dissipator, lattices: Mapping[str, Lattice]) -> str:
    name = f"\\mathrm{{{one.name.replace('_', chr(92) + '_')}}}"
    below = ",".join([name, *one.carried])
    rate = f"\\gamma_{{{below}}} &= {formula_latex(one.rate)}"
    if one.bath is not None:
        energy = sp.Symbol("E", real=True)
        kernel = one.bath.kernel if one.bath.kernel is not None else sp.exp(-one.bath.beta * energy / 2)
        rates = f"\\tfrac{{\\gamma}}{{L}} \\, k(E_a - E_b), \\quad k(E) = {formula_latex(kernel)}"
        return f"\\eta_b \\to \\eta_a \\;&: \\; {rates}, & {rate}"
    terms = [_product(monomial, lattices) for monomial in one.jump[:MOST]]
    more = " + \\ldots" if len(one.jump) > MOST else ""
    text = " + ".join(terms).replace("+ -", "- ")
    return f"L_{{{below}}} &= {text}{more}, & {rate}"


def _product(monomial: Monomial, lattices: Mapping[str, Lattice]) -> str:
    operators = " ".join(_operator(one, lattices) for one in monomial.operators)
    coefficient = monomial.coefficient
    if coefficient in (1, -1):
        return f"{'-' * (coefficient == -1)}{operators or 1}"
    text = formula_latex(coefficient)
    text = f"\\left({text}\\right)" if isinstance(coefficient, sp.Add) else text
    return f"{text} \\, {operators}"


def _operator(one: Fermion, lattices: Mapping[str, Lattice]) -> str:
    labels: list[str] = []
    rest = one.component
    for space in reversed(lattices[one.lattice].spaces):
        rest, number = divmod(rest, space.dimension)
        labels.insert(0, space.labels[number])
    site = SiteRef(one.lattice, one.family, one.at)
    text = operator_latex(site, len(lattices) > 1, labels)
    return f"{text}^\\dagger" if one.dagger else text
