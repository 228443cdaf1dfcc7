"""Operators of a bulk Hamiltonian in the field's words and in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sympy as sp

from modelkit.errors import ModelError
from modelkit.symmetry.bulk.exact.elimination import Matrix, identity
from modelkit.symmetry.bulk.exact.functions import Key
from modelkit.symmetry.bulk.exact.surds import Surd
from modelkit.symmetry.bulk.exact.unitaries import Unitary, product_of, products_of
from modelkit.symmetry.bulk.family import Family, Turn
from modelkit.symmetry.bulk.point_groups import Rotation
from modelkit.symmetry.structure import CHIRAL, PARTICLE_HOLE, TIME_REVERSAL, UNITARY, Sort

WORDS = {UNITARY: "", TIME_REVERSAL: "time reversal", PARTICLE_HOLE: "particle-hole", CHIRAL: "chiral"}
SPACES = ("eta", "rho", "tau", "sigma")
"""Names of the Pauli matrices of up to four two-dimensional factors, the last varying fastest."""


def name_of(rotation: Rotation, sort: Sort) -> str:
    """``time reversal``, ``mirror x x time reversal``, ``identity``."""
    return " x ".join(part for part in (rotation.name, WORDS[sort]) if part) or "identity"


def canonical(unitary: Unitary) -> Unitary:
    """With the phase in which its first coefficient (in Pauli matrices, or first element) is positive."""
    if not unitary.exact:
        return unitary
    words = products_of(unitary.n)
    first = next((c for word in words if (c := _coefficient(unitary.matrix, word))), None)
    if first is None:
        first = unitary.matrix[min(unitary.matrix)]
    return unitary.turned(first.conjugate())


def expression(matrix: Matrix, n: int, scale: sp.Expr, spaces: Sequence[str]) -> sp.Expr | None:
    """A matrix times a number as a sum of products of Pauli matrices; None where n is no power of two."""
    if not products_of(n):
        return None
    terms = [(c.sympy() * scale, word) for word in products_of(n) if (c := _coefficient(matrix, word))]
    symbols = [(c, _product(word, spaces)) for c, word in terms]
    if len(symbols) == 2 and symbols[0][1] == 1 and sp.im(symbols[0][0]) == 0 and sp.re(symbols[1][0]) == 0:
        angle = sp.atan2(sp.im(symbols[1][0]), symbols[0][0])
        if (angle / sp.pi).is_Rational and abs(sp.N(symbols[0][0] ** 2 - symbols[1][0] ** 2) - 1) < 1e-12:
            return sp.exp(sp.I * angle * symbols[1][1], evaluate=False)
    return sp.factor_terms(sp.Add(*(c * symbol for c, symbol in symbols)))


def text_of(unitary: Unitary, sort: Sort, spaces: Sequence[str]) -> str:
    """``sigma_y K``, ``exp(-I*pi*sigma_z/4)``, or the matrix itself."""
    words = _words(unitary, spaces)
    text = str(words if words is not None else unitary.sympy().tolist())
    if not sort.conjugating:
        return text
    return "K" if text == "1" else f"({text}) K" if isinstance(words, sp.Add) else f"{text} K"


def latex_of(unitary: Unitary, sort: Sort, spaces: Sequence[str]) -> str:
    """The operator as LaTeX, without dollars."""
    words = _words(unitary, spaces)
    text = sp.latex(words if words is not None else unitary.sympy())
    if not sort.conjugating:
        return str(text)
    if text == "1":
        return r"\mathcal{K}"
    return (rf"\left({text}\right)" if isinstance(words, sp.Add) else str(text)) + r"\,\mathcal{K}"


def latex_name(name: str) -> str:
    r"""``\text{mirror }x \times \text{time reversal}``, ``C_{4} \text{ about }z``."""
    parts = []
    for part in re.sub(r"mirror x x ", "mirror x @ ", name).replace(" x ", " @ ").split(" @ "):
        turn = re.fullmatch(r"([CS])(\d+)(?:\^(-?\d+))?(?: about (.*))?", part)
        if turn:
            power = f"^{{{turn[3]}}}" if turn[3] else ""
            axis = rf"\text{{ about }}{_latex_axis(turn[4])}" if turn[4] else ""
            parts.append(f"{turn[1]}_{{{turn[2]}}}{power}{axis}")
        elif part.startswith("mirror "):
            parts.append(rf"\text{{mirror }}{_latex_axis(part[7:])}")
        else:
            parts.append(rf"\text{{{part}}}")
    return r" \times ".join(parts)


def matrix_text(matrix: Matrix, n: int, spaces: Sequence[str]) -> str:
    """A hermitian matrix in words."""
    found = expression(matrix, n, sp.Integer(1), spaces)
    if found is not None and not isinstance(found, sp.exp):
        return str(found)
    zero = Surd({})
    return str([[matrix.get((i, j), zero).sympy() for j in range(n)] for i in range(n)])


def term_text(family: Family, keys: Sequence[Key], spaces: Sequence[str]) -> str:
    """A part of H: ``alpha*k_x*sigma_y``."""
    n, variables = family.n, family.variables
    if products_of(n):
        terms = []
        for word in products_of(n):
            function = {key: c for key in keys if (c := _coefficient(family.matrices[key], word))}
            if function:
                terms.append(variables.sympy(function) * _product(word, spaces))
        return str(sp.factor_terms(sp.Add(*terms)))
    rows = []
    for i in range(n):
        elements = [
            {key: family.matrices[key][i, j] for key in keys if (i, j) in family.matrices[key]}
            for j in range(n)
        ]
        rows.append([variables.sympy(element) for element in elements])
    return str(rows)


def turn_text(turn: Turn, n: int, spaces: Sequence[str]) -> str:
    """``L_z + sigma_z/2``: the generator of a continuous rotation."""
    axes = "z" if len(turn.weights) == 1 else "xyz"
    orbital = sp.Add(*(w.sympy() * sp.Symbol(f"L_{a}") for w, a in zip(turn.weights, axes, strict=True)))
    if not turn.spin:
        return str(orbital)
    spin = expression(turn.spin, n, sp.Integer(1), spaces)
    return str(orbital + spin) if spin is not None else f"{orbital} + {matrix_text(turn.spin, n, spaces)}"


def spaces_of(n: int, given: Sequence[str]) -> tuple[str, ...]:
    """Names of the two-dimensional factors of n bands; none where there are no such factors."""
    count = n.bit_length() - 1 if products_of(n) else 0
    if given and len(given) != count:
        raise ModelError(
            f"{n} bands are a product of {count} two-dimensional spaces, but {len(given)} are named",
            hint="name each of them: spaces=(" + "".join(f'"{each}", ' for each in SPACES[-count:]) + ")"
            if count
            else "leave the names out: operators are then written as matrices",
        )
    return tuple(given) or SPACES[len(SPACES) - count :]


def _words(unitary: Unitary, spaces: Sequence[str]) -> sp.Expr | None:
    if unitary.norm is None:
        return None
    if unitary.matrix == identity(unitary.n):
        return sp.Integer(1)
    return expression(unitary.matrix, unitary.n, 1 / sp.sqrt(unitary.norm.sympy()), spaces)


def _coefficient(matrix: Matrix, word: str) -> Surd:
    """``tr(P matrix) / n``."""
    overlap = Surd({})
    for place, x in product_of(word).items():
        if place in matrix:
            overlap = overlap + x.conjugate() * matrix[place]
    return overlap * Surd({1: sp.QQ(1, 2 ** len(word))})


def _product(word: str, spaces: Sequence[str]) -> sp.Expr:
    """``tau_x*sigma_y`` without the identities."""
    factors = [
        sp.Symbol(f"{space}_{axis}", commutative=False)
        for space, axis in zip(spaces, word, strict=True)
        if axis != "0"
    ]
    return sp.Mul(*factors)


def _latex_axis(text: str) -> str:
    return re.sub(r"sqrt\((\d+)\)", r"\\sqrt{\1}", text)
