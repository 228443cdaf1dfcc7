"""The Hamiltonian: as sums over the declared graph, written in LaTeX, and as a sparse matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import sympy as sp

from modelkit.elements.indices import Index, Listed, Range, Ring
from modelkit.elements.lattices import Lattice, SiteFamily, SiteRef, Term
from modelkit.elements.terms import terms as kinds
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.link import relations, things
from modelkit.graph.potentials import potential_entries, potential_terms
from modelkit.language.symbols import symbol

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class SymbolicSum:
    """``sum over indices (where ...) of a term``.

    The ranges are those for which both ends exist where that can be said by a formula: a hop
    ``c[l] -> c[l+1]`` over 1..N runs over 1..N-1.
    """

    term: Term
    indices: tuple[Index, ...]
    where: sp.Basic


def symbolic_sums(graph: nx.MultiDiGraph) -> list[SymbolicSum]:
    """The Hamiltonian of the declared graph, term by term in the order of the text, then the potentials."""
    families: dict[str, SiteFamily] = things(graph, "site")
    terms: list[Term] = relations(graph, frozenset(kinds))
    for potential in things(graph, "potential").values():
        terms += potential_terms(potential, families.values())
    return [
        SymbolicSum(term, tuple(_narrowed(index, term, families) for index in term.indices), term.where)
        for term in terms
    ]


def latex(graph: nx.MultiDiGraph) -> str:
    """The Hamiltonian of the declared graph as LaTeX, one sum a term, aligned at the first sign."""
    lattices: dict[str, Lattice] = things(graph, "lattice")
    prefixed = len(lattices) > 1
    sums = [_sum(one, prefixed) for one in symbolic_sums(graph)]
    if not sums:
        return "H = 0"
    return "H = " + " \\\\\n  + ".join(sums)


def hamiltonian(device: Device) -> csr_array:
    """The orbital matrix of H, Hermitian, complex csr of shape (n_orbitals, n_orbitals).

    Prescribed potentials are in it.  Index order (to, from).  With nambu it is the Bogoliubov-de Gennes
    matrix of ``H = 1/2 Psi† H_BdG Psi``.

    Raises
    ------
    ModelError
        Pairs in a lattice without nambu space: H is no matrix of single orbitals then.
    """
    from scipy.sparse import coo_array

    if len(device.pairs.row):
        raise ModelError(
            "a Hamiltonian with pairs is a matrix only with particles and holes",
            hint="declare 'internal nambu' in the lattice",
        )
    home, hops = device.onsite, device.hops
    at, potential = potential_entries(device)
    row = np.concatenate([home.row, at, hops.row, hops.column])
    column = np.concatenate([home.column, at, hops.column, hops.row])
    value = np.concatenate([home.value, potential, hops.value, hops.value.conj()])
    size = int(device.offset[-1])
    return coo_array((value, (row, column)), shape=(size, size)).tocsr()


def _narrowed(index: Index, term: Term, families: dict[str, SiteFamily]) -> Index:
    """The index with the range for which the sites of the term exist."""
    over = index.over
    if not isinstance(over, Range) or over.step != 1:
        return index
    start, stop = over.start, over.stop
    for end in term.ends:
        family = families[f"{end.lattice}.{end.family}"]
        for subscript, own in zip(end.at, family.indices, strict=False):
            shift = subscript - index.symbol
            if not shift.is_Integer or not isinstance(own.over, Range):
                continue
            start = _larger(start, own.over.start - shift)
            stop = -_larger(-stop, shift - own.over.stop)
    return Index(index.symbol, Range(start, stop), index.span)


def _larger(one: sp.Expr, other: sp.Expr) -> sp.Expr:
    """The larger formula where the difference is a number, otherwise the first."""
    difference = sp.expand(other - one)
    return other if difference.is_number and difference > 0 else one


def _sum(one: SymbolicSum, prefixed: bool) -> str:
    body = _body(one.term, prefixed)
    conditions = [] if one.where is sp.true else [formula_latex(one.where)]
    signs = []
    for number, index in enumerate(one.indices):
        signs.append(_sign(index, conditions if number == len(one.indices) - 1 else []))
    if not one.indices:
        return body
    return " ".join(signs) + f" {body}"


def _sign(index: Index, conditions: Iterable[str]) -> str:
    name = formula_latex(index.symbol)
    match index.over:
        case Range(start=start, stop=stop, step=step):
            upper = f"^{{{formula_latex(stop)}}}"
            lower = [f"{name}={formula_latex(start)}"]
            if step != 1:
                lower = [f"{name}={formula_latex(start)}, {formula_latex(start + step)}, \\ldots"]
        case Ring(cells=cells) if cells == sp.oo:
            lower, upper = [f"{name} \\in \\mathbb{{Z}}"], ""
        case Ring(cells=cells):
            lower, upper = [f"{name} \\in \\mathrm{{ring}}({formula_latex(cells)})"], ""
        case Listed(values=values):
            lower, upper = [f"{name} \\in \\{{{', '.join(map(formula_latex, values))}\\}}"], ""
    lines = [*lower, *conditions]
    below = lines[0] if len(lines) == 1 else "\\substack{" + " \\\\ ".join(lines) + "}"
    return f"\\sum_{{{below}}}{upper}"


def _body(term: Term, prefixed: bool) -> str:
    operators = [operator_latex(end, prefixed) for end in term.ends]
    factor = _factor(term)
    match term.part:
        case "onsite":
            return _joined(
                [_dagger(operators[0]), factor, operators[0]]
                if _is_matrix(term)
                else [factor, _dagger(operators[0]), operators[0]]
            )
        case "hops":
            source, target = operators
            parts = (
                [_dagger(target), factor, source] if _is_matrix(term) else [factor, _dagger(target), source]
            )
            return f"\\left({_joined(parts)} + \\mathrm{{h.c.}}\\right)"
        case "pairs":
            parts = [operators[0], factor, operators[1]] if _is_matrix(term) else [factor, *operators]
            return f"\\left({_joined(parts)} + \\mathrm{{h.c.}}\\right)"
    if _is_matrix(term):  # of the particles in each component
        return _joined([f"n^\\mathsf{{T}}_{{{operators[0]}}}", factor, f"n_{{{operators[1]}}}"])
    return _joined([factor, *(f"{_dagger(operator)} {operator}" for operator in operators)])


def _joined(parts: list[str]) -> str:
    text = " ".join(part for part in parts if part)
    return text.replace("- ", "-", 1) if text.startswith("- ") else text


def _is_matrix(term: Term) -> bool:
    return isinstance(term.value, sp.MatrixBase)


def _factor(term: Term) -> str:
    """The value in front of the operators; a random one is called w."""
    if term.distribution is not None:
        at = ",".join(formula_latex(subscript) for end in term.ends for subscript in end.at)
        value: Any = term.value
        arguments = ", ".join(map(formula_latex, value.args))
        return f"w_{{{at}}}[\\mathrm{{{term.distribution}}}({arguments})]"
    if term.value == 1:
        return ""
    if term.value == -1:
        return "-"
    text = formula_latex(term.value)
    return f"\\left({text}\\right)" if isinstance(term.value, sp.Add) else f"{text} \\,"


def operator_latex(end: SiteRef, prefixed: bool, labels: Sequence[str] = ()) -> str:
    """``c_{l+1}``, with the name of its lattice in front of the indices and component labels behind."""
    name = end.family if len(end.family) == 1 else f"\\mathrm{{{_escaped(end.family)}}}"
    components = (f"\\mathrm{{{_escaped(label)}}}" for label in labels)
    below = ",".join([*map(formula_latex, end.at), *components])
    if prefixed:
        lattice = f"\\mathrm{{{_escaped(end.lattice)}}}"
        below = f"{lattice};{below}" if below else lattice
    return f"{name}_{{{below}}}" if below else name


def formula_latex(formula: Any) -> str:
    """A formula in print; names are set as on the axes of figures."""
    names = {one: symbol(str(one)) for one in getattr(formula, "free_symbols", ())}
    return str(sp.latex(formula, symbol_names=names))


def _dagger(operator: str) -> str:
    return f"{operator}^\\dagger"


def _escaped(name: str) -> str:
    return name.replace("_", "\\_")
