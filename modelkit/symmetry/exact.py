"""Whether an operation that numbers have found holds exactly: formulas are compared, not values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.graph.device import TerminalGroup
from modelkit.graph.formulas import names_in
from modelkit.graph.hamiltonian import hamiltonian
from modelkit.graph.terms import Placed, term_names
from modelkit.language.outside import exact_number
from modelkit.symmetry.operations import Operation
from modelkit.symmetry.parts import Examined
from modelkit.symmetry.subject import Subject

Complexes = NDArray[np.complex128]
Entry = tuple[int, tuple[Any, ...], bool]  # number of a term, values of its indices, whether its adjoint
Block = tuple[Entry, ...]

NEAR = 1e-8  # of an element of a unitary: it is the exact one
MOST = 100  # different blocks, and pairs of them that are compared
ODD = ("wide_band", "chain")  # kinds whose -conj(Sigma(-E)) is Sigma(E)
MU = -1  # the number of the term -mu, on each site


class Certainty(Enum):
    """How sure an operation is."""

    ALWAYS = "exactly, for all values of the parameters"
    GIVEN = "exactly, at these values"
    NUMBERS = "by numbers, to 1e-12"


def certainties(operations: Sequence[Operation], device: Examined, subject: Subject) -> list[Certainty]:
    """For each operation the strongest that can be proven: symbolically, in exact numbers, or neither.

    Lattices are compared at their given sizes.  What is known by numbers alone (leads, disorder, condensates,
    capacitances) leaves an operation that moves anything known by numbers.
    """
    found = [Certainty.NUMBERS] * len(operations)
    for level in (Certainty.GIVEN, Certainty.ALWAYS):
        formulas = Formulas(subject, device, level)
        for k, operation in enumerate(operations):
            with suppress(_Unproven):
                found[k] = level if Proof(operation, device, formulas).holds() else found[k]
    return found


class _Unproven(Exception):
    """Nothing is known about this."""


class Formulas:
    """The formulas of a device as exact matrices, each made once; each pair is compared once."""

    def __init__(self, subject: Subject, device: Examined, level: Certainty) -> None:
        self._subject, self._values, self._device = subject, device.device.values, device.device
        self._level = level
        self._made: dict[Any, sp.Matrix] = {}
        self._equal: dict[Any, bool] = {}

    @cached_property
    def _terms(self) -> list[Placed]:
        try:
            return self._subject.expansion.placed_terms(self._values)
        except ModelError:  # a potential whose place is no formula
            raise _Unproven from None

    @cached_property
    def _replaced(self) -> dict[sp.Symbol, sp.Expr]:
        """Lets by their formulas; parameters that shape lattices, and all at given values, by numbers."""
        declared = self._subject.graph.graph["declarations"]
        shaping = set().union(*(term_names(each.term) for each in self._terms)) if self._terms else set()
        free = set(self._subject.real()) - shaping if self._level is Certainty.ALWAYS else set()
        found: dict[sp.Symbol, sp.Expr] = {
            each.symbol: _rational(self._values[name])
            for name, each in declared.parameters.items()
            if name not in free
        }
        for let in declared.lets.values():
            found[let.symbol] = let.expression.subs(found)
        return found

    def formula(self, formula: Any, index: Mapping[str, Any]) -> sp.Basic:
        """With lets, given numbers and values of indices in their places."""
        indices = {
            symbol: _rational(index[symbol.name]) for symbol in formula.free_symbols if symbol.name in index
        }
        return formula.subs(indices).subs(self._replaced)

    @cached_property
    def mu(self) -> sp.Expr:
        """The reference's chemical potential."""
        reference = self._subject.graph.graph["declarations"].reference
        return sp.S.Zero if reference is None else self.formula(reference.mu, {})

    @property
    def blocks(self) -> dict[tuple[int, int], Block]:
        """What the Hamiltonian is made of, by (to, from)."""
        if self._found is None:
            raise _Unproven
        return self._found

    @cached_property
    def _found(self) -> dict[tuple[int, int], Block] | None:
        """None where it is not all formulas, or too many of them."""
        with suppress(_Unproven):
            return self._collected()
        return None

    def _collected(self) -> dict[tuple[int, int], Block]:
        found: dict[tuple[int, int], list[Entry]] = {}
        for number, each in enumerate(self._terms):
            if each.term.distribution is not None or each.term.part == "pairs":
                raise _Unproven
            used = sorted(names_in([each.term.value]) & set(each.domain.index))
            columns = [np.broadcast_to(each.domain.index[name], each.count).tolist() for name in used]
            keys = list(zip(*columns, strict=True)) if used else [()] * each.count
            ends = each.sites[0].tolist(), each.sites[-1].tolist()
            for start, stop, key in zip(*ends, keys, strict=True):
                found.setdefault((stop, start), []).append((number, key, False))
                if each.term.part == "hops":
                    found.setdefault((start, stop), []).append((number, key, True))
        blocks = {place: tuple(sorted(entries)) for place, entries in found.items()}
        self._refuse_others(blocks)
        return blocks

    def _refuse_others(self, blocks: Mapping[tuple[int, int], Block]) -> None:
        """The formulas have the values that the device's matrix has, and it holds nothing else."""
        if len(set(blocks.values())) > MOST:
            raise _Unproven
        device = self._device
        matrix, offset = hamiltonian(device), device.offset
        site = np.repeat(np.arange(device.size), np.diff(offset))
        places = {
            (int(site[row]), int(site[column]))
            for row, column, value in zip(*matrix.nonzero(), matrix.data[matrix.data != 0], strict=True)
        }
        if not places <= set(blocks):
            raise _Unproven
        for block, (row, column) in {block: place for place, block in blocks.items()}.items():
            here = matrix[offset[row] : offset[row + 1], offset[column] : offset[column + 1]].toarray()
            exact = self.matrix(block, len(here)) if len(here) == len(here.T) else None
            if exact is None or np.abs(self._numbers(exact) - here).max(initial=0.0) > NEAR * np.abs(
                here
            ).max(initial=1.0):
                raise _Unproven

    def _numbers(self, matrix: sp.Matrix) -> Complexes:
        values = {
            symbol: exact_number(self._values[str(symbol)], str(symbol)) for symbol in matrix.free_symbols
        }
        return np.array(matrix.subs(values).evalf(), dtype=complex)

    def matrix(self, block: Block, d: int) -> sp.Matrix:
        """A sum of formulas as a matrix."""
        if (block, d) not in self._made:
            total = sp.zeros(d, d)
            for number, key, adjoint in block:
                total += self._entry(number, key, d).H if adjoint else self._entry(number, key, d)
            self._made[block, d] = total
        return self._made[block, d]

    def _entry(self, number: int, key: tuple[Any, ...], d: int) -> sp.Matrix:
        if number == MU:
            return -self.mu * sp.eye(d)
        each = self._terms[number]
        used = sorted(names_in([each.term.value]) & set(each.domain.index))
        value = self.formula(each.term.value, dict(zip(used, key, strict=True)))
        return square(value, d)

    def equal(self, key: Any, one: Any, other: Any) -> bool:
        """Whether two exact numbers or matrices are the same; remembered under a key."""
        if key not in self._equal:
            if len(self._equal) > MOST:
                raise _Unproven
            self._equal[key] = all(_vanishes(each) for each in sp.Matrix([one - other]))
        return self._equal[key]


class Proof:
    """That one operation is exact."""

    def __init__(self, operation: Operation, device: Examined, formulas: Formulas) -> None:
        self._operation, self._device, self._formulas = operation, device, formulas
        self._size = device.structure.size[: device.size]

    def holds(self) -> bool:
        """Whether it can be proven."""
        device = self._device.device
        if device.superconducting or (device.screening and not self._still):
            raise _Unproven
        if not all(self._terminal(group, k) for group in device.terminals for k in range(group.count)):
            return False
        return self._by_phases() if self._size.max(initial=1) == 1 else self._by_unitaries()

    @property
    def _still(self) -> bool:
        """Whether nothing is moved and energies keep their signs."""
        return self._operation.trivial and not self._operation.sort.opposing

    @cached_property
    def _blocks(self) -> dict[tuple[int, int], Block]:
        """Counted from mu where energies change their signs."""
        found = dict(self._formulas.blocks)
        if self._operation.sort.opposing and self._formulas.mu != 0:
            for site in range(self._device.size):
                found[site, site] = ((MU, (), False), *found.get((site, site), ()))
        return found

    def _pairs(self) -> Iterator[tuple[tuple[int, int], Block, Block]]:
        """Blocks and their images; nothing where there is none."""
        site = self._operation.site.tolist()
        image = {(site[row], site[column]): block for (row, column), block in self._blocks.items()}
        for place in {*self._blocks, *image}:
            back = image.get(place, ())
            yield place, back, self._blocks.get(place, ())

    def _moved(self, matrix: sp.Matrix) -> sp.Matrix:
        """What the sort makes of a block, besides its unitary."""
        sort = self._operation.sort
        moved = matrix.conjugate() if sort.conjugating else matrix
        return -moved if sort.opposing else moved

    def _by_unitaries(self) -> bool:
        """Block by block, with unitaries whose elements are recognised."""
        unitary: dict[int, tuple[Any, sp.Matrix]] = {}
        known: dict[bytes, sp.Matrix] = {}
        for v, w in enumerate(self._operation.site.tolist()):
            d = int(self._size[v])
            U = self._operation.lift.unitary[v, :d, :d]
            word = (np.round(U, 6) + 0.0).tobytes()
            if word not in known:
                known[word] = _recognised(U)
            unitary[w] = word, known[word]
        compared = set()
        for (row, column), block, image in self._pairs():
            (left, one), (right, other) = unitary[row], unitary[column]
            key = block, image, left, right
            if key in compared:
                continue
            compared.add(key)
            turned = one * self._moved(self._rectangle(block, row, column)) * other.H
            if not self._formulas.equal(key, turned, self._rectangle(image, row, column)):
                return False
        return True

    def _rectangle(self, block: Block, row: int, column: int) -> sp.Matrix:
        if block and self._size[row] != self._size[column]:
            raise _Unproven
        if not block:
            return sp.zeros(int(self._size[row]), int(self._size[column]))
        return self._formulas.matrix(block, int(self._size[row]))

    def _by_phases(self) -> bool:
        """Sites without internal spaces: the product of all ratios around each loop is one."""
        ratio = {place: (block, image) for place, block, image in self._pairs()}
        neighbours: dict[int, list[int]] = {}
        for row, column in ratio:
            neighbours.setdefault(column, []).append(row)
        phase: dict[int, Counter[tuple[Block, Block]]] = {}
        for start in range(self._device.size):
            phase.setdefault(start, Counter())
            open_ = [start]
            while open_:
                column = open_.pop()
                for row in neighbours.get(column, ()):
                    if row not in phase and _numerical(self._number(ratio[row, column][1])) != 0:
                        phase[row] = phase[column].copy()
                        if not self._same(*ratio[row, column]):
                            phase[row][ratio[row, column]] += 1
                        open_.append(row)
        return all(self._loop(phase[row], pair, phase[column]) for (row, column), pair in ratio.items())

    def _number(self, block: Block) -> sp.Expr:
        return self._formulas.matrix(block, 1)[0, 0] if block else sp.S.Zero

    def _same(self, block: Block, image: Block) -> bool:
        one, other = self._moved(sp.Matrix([[self._number(block)]]))[0, 0], self._number(image)
        return self._formulas.equal((block, image), one, other)

    def _loop(self, row: Counter[Any], pair: tuple[Block, Block], column: Counter[Any]) -> bool:
        """``u_row b = c u_column`` with phases u that are products of ratios ``c / b`` of other hops."""
        more, less = row - column, column - row
        if not more and not less:
            return self._same(*pair)
        left, right = self._moved(sp.Matrix([[self._number(pair[0])]]))[0, 0], self._number(pair[1])
        for ratios, swap in ((more, False), (less, True)):
            for (block, image), count in ratios.items():
                b, c = self._moved(sp.Matrix([[self._number(block)]]))[0, 0], self._number(image)
                left, right = (
                    left * (b if swap else c) ** count,
                    right * (c if swap else b) ** count,
                )
        key = pair, frozenset(more.items()), frozenset(less.items())
        return self._formulas.equal(key, left, right)

    def _terminal(self, group: TerminalGroup, member: int) -> bool:
        """Self-energy and conditions are those of the image."""
        own, number = group.terminal, int(self._operation.terminal[group.first + member])
        image = next(g for g in self._device.device.terminals if g.first <= number < g.first + g.count)
        to = number - image.first
        kind = own.self_energy.kind
        if kind != image.terminal.self_energy.kind or kind not in ODD:
            raise _Unproven
        if self._operation.sort.opposing and kind == "chain" and self._formulas.mu != 0:
            raise _Unproven
        pairs = [
            (value, image.terminal.self_energy.arguments.get(name))
            for name, value in own.self_energy.arguments.items()
        ]
        conditions = zip(own.conditions, image.terminal.conditions, strict=True)
        pairs += [(one.value, other.value) for one, other in conditions]
        for one, other in pairs:
            if one is None or other is None or isinstance(one, sp.MatrixBase):
                raise _Unproven
            a = self._formulas.formula(one, _index(group, member))
            b = self._formulas.formula(other, _index(image, to))
            if self._operation.sort.opposing and one in [each.value for each in own.conditions] and a != 0:
                raise _Unproven
            if a != b and not self._formulas.equal((a, b), a, b):
                return False
        return True


def _index(group: TerminalGroup, member: int) -> dict[str, Any]:
    return {name: values[member] for name, values in group.index.items()}


def square(value: Any, d: int) -> sp.Matrix:
    """A formula as a matrix: a scalar stands for a multiple of the identity."""
    if isinstance(value, sp.MatrixBase):
        if value.shape != (d, d):
            raise _Unproven
        return sp.Matrix(value)
    return value * sp.eye(d)


def _rational(value: Any) -> sp.Expr:
    """The number that was written: 0.3 is 3/10."""
    if isinstance(value, complex):
        return _rational(value.real) + sp.I * _rational(value.imag)
    if isinstance(value, sp.Basic):
        return value
    number = float(value)
    if not np.isfinite(number):
        raise _Unproven
    simple = Fraction(number).limit_denominator(10**6)
    return sp.Rational(simple) if float(simple) == number else sp.Rational(repr(number))


def _recognised(matrix: Complexes) -> sp.Matrix:
    """A unitary with elements made of 0, 1/2, 1/sqrt(2), sqrt(3)/2 and 1."""
    exact = [sp.S.Zero, sp.Rational(1, 2), 1 / sp.sqrt(2), sp.sqrt(3) / 2, sp.S.One]
    numbers = np.array([float(each) for each in exact])

    def real(x: float) -> sp.Expr:
        k = int(np.argmin(np.abs(numbers - abs(x))))
        if abs(numbers[k] - abs(x)) > NEAR:
            raise _Unproven
        return exact[k] if x >= 0 else -exact[k]

    return sp.Matrix([[real(x.real) + sp.I * real(x.imag) for x in row] for row in matrix])


def _numerical(formula: sp.Expr) -> complex:
    """A value at some numbers of its parameters."""
    values = {symbol: sp.Rational(31 + 7 * k, 41) for k, symbol in enumerate(_sorted(formula))}
    return complex(formula.subs(values).evalf(30))


def _sorted(formula: sp.Expr) -> list[sp.Symbol]:
    return sorted(formula.free_symbols, key=str)


def _vanishes(formula: sp.Expr) -> bool:
    """Whether an exact number or formula is proven to be zero."""
    if formula == 0:
        return True
    try:
        if abs(_numerical(formula)) > 1e-20:
            return False
    except (TypeError, ZeroDivisionError):
        raise _Unproven from None
    return sp.expand(formula) == 0 or sp.simplify(sp.expand(formula, complex=True)) == 0
