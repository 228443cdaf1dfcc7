"""The symmetry group of a bulk Hamiltonian H(k), exactly.

::

    from sympy import symbols, Matrix, I
    from modelkit.symmetry.bulk.symmetries import bulk_symmetries

    kx, ky, m, B = symbols("k_x k_y m B")
    found = bulk_symmetries(Matrix([[m + B, kx - I*ky], [kx + I*ky, -m + B]]), (kx, ky))
    print(found)                                    # generators, charges, what breaks the rest
    found.operator("mirror x x time reversal").U    # a matrix of sympy

Symbols that are no momenta are parameters, generic unless given.  The unitaries do not depend on k: write
H(k) in the gauge in which phases follow the positions of the orbitals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import sympy as sp

from modelkit.errors import ModelError
from modelkit.language.outside import exact_value
from modelkit.symmetry.bulk.exact.functions import Key
from modelkit.symmetry.bulk.exact.surds import Surd
from modelkit.symmetry.bulk.exact.unitaries import Unitary
from modelkit.symmetry.bulk.family import Family, Square, Turn, family
from modelkit.symmetry.bulk.group_search import Element, Search, search
from modelkit.symmetry.bulk.point_groups import Rotation, candidates
from modelkit.symmetry.bulk.point_groups import rotations as given_rotations
from modelkit.symmetry.bulk.words import (
    canonical,
    latex_name,
    latex_of,
    matrix_text,
    name_of,
    spaces_of,
    term_text,
    text_of,
    turn_text,
)
from modelkit.symmetry.structure import SORTS, Sort

PLAIN = (
    *("inversion", "mirror x", "mirror y", "mirror z", "C2", "C3", "C4", "C6"),
    *(f"C{n} about z" for n in (2, 3, 4, 6)),
)
WIDEST = 90  # characters of a term in a line
MOST = 8  # conserved charges that are listed one by one


@dataclass(frozen=True, eq=False)
class BulkOperation:
    """``U H(R^-1 k) U^+ = H(k)``; with a conjugating sort ``U H(-R^-1 k)* U^+``, opposing: ``= -H(k)``."""

    name: str
    rotation: Rotation
    sort: Sort
    unitary: Unitary
    spaces: tuple[str, ...]

    @property
    def operator(self) -> str:
        """``sigma_y K``."""
        return text_of(self.unitary, self.sort, self.spaces)

    @property
    def R(self) -> sp.Matrix:
        """What it does to momenta (d, d), without the sign of an antiunitary one."""
        return sp.Matrix([[x.sympy() for x in row] for row in self.rotation.rows])

    @property
    def U(self) -> sp.Matrix:
        """What it does to the bands (n, n)."""
        return self.unitary.sympy()

    @property
    def exact(self) -> bool:
        """Whether the elements of U are exact; that it exists always is."""
        return self.unitary.exact

    @property
    def square(self) -> int | None:
        """+1 or -1 where ``U U`` (``U U*``) is that number, else None."""
        both = self.unitary.behind(self.unitary, self.sort.conjugating).floats
        for sign in (1, -1):
            if np.abs(both - sign * np.eye(len(both))).max() < 1e-9:
                return sign
        return None

    def __str__(self) -> str:
        """``time reversal = sigma_y K``."""
        return f"{self.name} = {self.operator}" + ("" if self.exact else " (elements by numbers)")

    def latex(self) -> str:
        """A line of LaTeX, without dollars."""
        return f"{latex_name(self.name)} = {latex_of(self.unitary, self.sort, self.spaces)}"


@dataclass(frozen=True)
class BrokenOperation:
    """A candidate that fails: the terms that break it, parameters whose zero or flip would restore it."""

    name: str
    terms: tuple[str, ...]
    zero: tuple[str, ...]
    flip: tuple[str, ...]

    def __str__(self) -> str:
        """``no inversion: broken by alpha*k_x*sigma_y; restored by alpha = 0``."""
        restored = [f"{each} = 0" for each in self.zero] + [f"{each} -> -{each}" for each in self.flip]
        terms = [each if len(each) <= WIDEST else each[: WIDEST - 3] + "..." for each in self.terms]
        text = f"no {self.name}: broken by {', '.join(terms)}"
        return text + (f"; restored by {' or '.join(restored)}" if restored else "")


@dataclass(frozen=True, eq=False)
class BulkSymmetries:
    """What :func:`bulk_symmetries` finds; ``str`` lists generators, charges and what is broken."""

    family: Family
    rotations: tuple[Rotation, ...]
    spaces: tuple[str, ...]

    @cached_property
    def operations(self) -> tuple[BulkOperation, ...]:
        """The whole group, the identity first."""
        return tuple(self._operation(element, unitary) for element, unitary in self._found.all())

    @cached_property
    def generators(self) -> tuple[BulkOperation, ...]:
        """Operations that generate the group."""
        return tuple(self._operation(element, unitary) for element, unitary in self._found.generators.items())

    def operator(self, name: str) -> BulkOperation:
        """The operation of a name (``"time reversal"``, ``"mirror x"``); ModelError if it is broken."""
        element = self._element(name)
        unitary = self._found.operator(element)
        if unitary is None:
            raise ModelError(str(self.broken(name)), hint=f"ask for .holds({name!r}) first")
        return self._operation(element, unitary)

    def holds(self, name: str) -> bool:
        """Whether an operation belongs to the group."""
        return self._element(name) in self._found.elements

    @cached_property
    def conserved(self) -> tuple[sp.Matrix, ...]:
        """Hermitian charges besides the particle number that commute with H(k) at all k."""
        return tuple(_matrix(each, self.family.n) for each in self._charges)

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """Continuous rotations of the momenta with their generators on the bands."""
        return tuple(self.family.turns())

    @property
    def dimension(self) -> int:
        """Dimension of the identity component: conserved charges (without the particle number), rotations."""
        return len(self._charges) + len(self.turns)

    def broken(self, name: str) -> BrokenOperation:
        """Why a candidate fails; ModelError if it does not."""
        rotation, sort = self._split(name)
        if self.holds(name):
            raise ModelError(f'"{name}" is kept', hint=f"its operator: .operator({name!r})")
        zero, flip = [], []
        family = self.family
        for place in range(family.variables.momenta, len(family.variables.symbols)):
            symbol = str(family.variables.symbols[place])
            if family.without(place).operator(rotation, sort) is not None:
                zero.append(symbol)
            if family.operator(rotation, sort, flips=[place]) is not None:
                flip.append(symbol)
        terms = [term_text(family, unit, self.spaces) for unit in _breakers(family, rotation, sort)]
        return BrokenOperation(name, tuple(terms), tuple(zero), tuple(flip))

    def __str__(self) -> str:
        """Generators, conserved charges, continuous rotations, and what breaks the plain candidates."""
        lines = [f"{len(self._found.elements)} operations, generated by"]
        lines += [f"  {each}" for each in self.generators] or ["  the identity alone"]
        n, spaces = self.family.n, self.spaces
        lines += [f"conserved: {matrix_text(each, n, spaces)}" for each in self._charges[:MOST]]
        if len(self._charges) > MOST:
            lines.append(f"conserved: {len(self._charges) - MOST} more charges")
        lines += [f"continuous rotation {turn_text(each, n, spaces)}" for each in self.turns]
        lines += [str(self.broken(name)) for name in self._plain() if not self.holds(name)]
        return "\n".join(lines)

    def latex(self) -> str:
        """Generators as an ``align*`` of LaTeX."""
        lines = [each.latex().replace(" = ", " &= ", 1) for each in self.generators]
        return "\n".join([r"\begin{align*}", " \\\\\n".join(lines), r"\end{align*}"])

    def _repr_latex_(self) -> str:
        return self.latex()

    @cached_property
    def _found(self) -> Search:
        return search(self.family, self.rotations)

    @cached_property
    def _charges(self) -> list[Square]:
        return self.family.conserved()[1:]

    def _operation(self, element: Element, unitary: Unitary) -> BulkOperation:
        rotation, sort = self.rotations[element[0]], element[1]
        return BulkOperation(name_of(rotation, sort), rotation, sort, canonical(unitary), self.spaces)

    @cached_property
    def _names(self) -> dict[str, Element]:
        return {
            name_of(rotation, sort): (k, sort) for sort in SORTS for k, rotation in enumerate(self.rotations)
        }

    def _element(self, name: str) -> Element:
        if name not in self._names:
            near = get_close_matches(name, self._names, 1)
            hint = f'did you mean "{near[0]}"?' if near else 'names are like "time reversal", "mirror x"'
            raise ModelError(f'there is no candidate "{name}"', hint=hint)
        return self._names[name]

    def _split(self, name: str) -> tuple[Rotation, Sort]:
        number, sort = self._element(name)
        return self.rotations[number], sort

    def _plain(self) -> Iterator[str]:
        """The candidates that a person asks for first."""
        for name, (number, sort) in self._names.items():
            rotation = self.rotations[number].name
            if (rotation in PLAIN and sort == Sort()) or (not rotation and sort != Sort()):
                yield name


def bulk_symmetries(
    H: sp.MatrixBase,
    k: Sequence[sp.Symbol],
    values: Mapping[sp.Symbol | str, object] | None = None,
    *,
    rotations: Sequence[sp.MatrixBase] | None = None,
    spaces: Sequence[str] = (),
) -> BulkSymmetries:
    """Find all symmetries of a bulk Hamiltonian among the crystallographic candidates.

    Parameters
    ----------
    H : sympy.Matrix
        Hermitian (n, n): polynomials in k, trigonometric functions of it, or both.
    k : sequence of symbols
        Up to three momenta along cartesian axes; none for a Hamiltonian without momentum.
    values : dict, optional
        Values of parameters, taken exactly (a float as the decimal that is written).  Other symbols are
        generic: an operation is listed if it holds for all their values.
    rotations : sequence of sympy.Matrix, optional
        Candidates (d, d) instead of the cubic and hexagonal point groups.
    spaces : sequence of str, optional
        Names of the Pauli matrices of the two-dimensional factors of the bands, slowest first; without
        it ``sigma``, or ``tau`` and ``sigma``, or ``rho``, ``tau`` and ``sigma``.

    Raises
    ------
    ModelError
        H is not hermitian, or holds other functions than polynomials, exponentials, sines and cosines;
        a value, a rotation or a name does not fit.
    """
    H, momenta = sp.Matrix(H), tuple(k)
    if len(momenta) > 3:
        raise ModelError(f"{len(momenta)} momenta are given", hint="up to three: k_x, k_y, k_z")
    if H.rows != H.cols or not H.rows:
        raise ModelError(f"H(k) is {H.rows} by {H.cols}", hint="give a square matrix")
    parts = family(_at_values(H, momenta, values or {}), momenta)
    chosen = candidates(len(momenta)) if rotations is None else given_rotations(rotations, len(momenta))
    return BulkSymmetries(parts, chosen, spaces_of(parts.n, spaces))


def _at_values(
    H: sp.Matrix, momenta: Sequence[sp.Symbol], values: Mapping[sp.Symbol | str, object]
) -> sp.Matrix:
    """H(k) with exact values in the place of parameters."""
    given = {
        str(name): x if isinstance(x, sp.Expr) else exact_value(x, str(name)) for name, x in values.items()
    }
    known = {str(symbol): symbol for symbol in H.free_symbols}
    unknown = sorted(set(given) - set(known) | set(given) & {str(each) for each in momenta})
    if unknown:
        raise ModelError(
            f'"{unknown[0]}" is no parameter of H(k)', hint=f"parameters: {', '.join(sorted(known))}"
        )
    return H.xreplace({known[name]: x for name, x in given.items()})


def _breakers(family: Family, rotation: Rotation, sort: Sort) -> list[list[Key]]:
    """Terms that do not fit to the others, together where they have the same parameters.

    If all would be well without the terms of certain parameters, these are searched; else all are.
    """
    d = family.variables.momenta
    orbits = family.orbits(rotation, sort)
    searched = orbits
    for parameters in dict.fromkeys(key.powers[d:] for orbit in reversed(orbits) for key in orbit):
        rest = [key for key in family.matrices if key.powers[d:] != parameters]
        if rest and family.part(rest).operator(rotation, sort) is not None:
            searched = [orbit for orbit in orbits if orbit[0].powers[d:] == parameters]
            break
    kept = [key for orbit in orbits if orbit not in searched for key in orbit]
    found: dict[tuple[int, ...], list[Key]] = {}
    for orbit in searched:
        if family.part([*kept, *orbit]).operator(rotation, sort) is None:
            found.setdefault(orbit[0].powers[d:], []).extend(orbit)
        else:
            kept.extend(orbit)
    return list(found.values())


def _matrix(matrix: Square, n: int) -> sp.Matrix:
    zero = Surd({})
    return sp.Matrix(n, n, lambda i, j: matrix.get((i, j), zero).sympy())
