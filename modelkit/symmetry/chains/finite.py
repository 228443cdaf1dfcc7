"""Operations of an open chain that is not translation invariant: open ends, disorder, single contacts.

Permutations of the sites come from the pattern of the hops, their unitaries from the Hamiltonian; an
operation is kept where they map the jump operators, too.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.normal_order import JumpFamily
from modelkit.compile.ring_places import short_way
from modelkit.graph.device import Products
from modelkit.symmetry.blame import bare
from modelkit.symmetry.chains.jumps import BACKWARD
from modelkit.symmetry.group import products
from modelkit.symmetry.lift import EXACT, lift
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.names import SORTS as NAMES
from modelkit.symmetry.names import motion_of, operator_of
from modelkit.symmetry.operations import Operation
from modelkit.symmetry.parts import Examined, conductor
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import SORTS, UNITARY, Sort

Integers = NDArray[np.intp]
Matrix: TypeAlias = sparse.csr_array

MOTIONS = 24  # permutations of a pattern that are tried


@dataclass(frozen=True, eq=False)
class FiniteOperation:
    """An operation that a finite open chain keeps: one-body operators go to ``S f(X) S^+``.

    ``f`` is the identity, ``*``, ``-T`` or ``-+``, by the ``sort``; ``motion`` is what it does to the sites,
    "" where none is moved; the other attributes as those of
    :class:`modelkit.symmetry.chains.jumps.ChainOperation`.
    """

    sort: Sort
    S: Matrix
    motion: str
    name: str
    any_coupling: bool
    half_filling: bool

    def of(self, X: Matrix) -> Matrix:
        """What it makes of a one-body operator."""
        return _mapped(X, self.sort, self.S)

    def reverses(self, X: Matrix) -> bool:
        """Whether it makes minus the operator of it."""
        return _size(self.of(X) + X) <= EXACT * _size(X)

    def reverses_carried(self, chain: FiniteChain) -> bool:
        """Whether it makes minus the current of it that the jumps carry themselves."""
        moves, crossing = ([_flat(self.of(W)) for W in each] for each in (chain.moves, chain.crossing))
        return not moves or _same(_tensor(crossing, moves), -chain.carried)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class FiniteChain:
    """A Lindbladian whose operations are asked for."""

    lindbladian: Lindbladian

    @property
    def conserves_number(self) -> bool:
        """Whether no jump operator makes or takes particles."""
        return not any(_size(part) for each in self.lindbladian.jumps for part in (each.loss, each.gain))

    @cached_property
    def current(self) -> Matrix:
        """Particles that pass a link towards larger cells, times the cells passed, summed over links."""
        return -1j * self._crossing(self.lindbladian.hamiltonian)

    @property
    def moves(self) -> list[Matrix]:
        """``sqrt(r) W`` of each jump operator ``c^+ W c``."""
        return self._forms[2]

    @cached_property
    def crossing(self) -> list[Matrix]:
        """These times the cells that each element crosses."""
        return [self._crossing(W) for W in self.moves]

    @cached_property
    def carried(self) -> Matrix:
        """``sum vec(cells W) vec(W)^+``: what the jumps move themselves, cells counted."""
        return _tensor([_flat(W) for W in self.crossing], [_flat(W) for W in self.moves])

    def _crossing(self, X: Matrix) -> Matrix:
        """A one-body operator times the cells that each of its elements crosses, towards larger ones."""
        elements = X.tocoo()
        row, column = elements.coords
        cell, cells = _cells(self.lindbladian)
        steps = (cell[row] - cell[column]).astype(float)
        for around in np.unique(cells[cells > 0]).tolist():
            steps[cells[row] == around] = short_way(steps[cells[row] == around], around)
        return sparse.csr_array((steps * elements.data, (row, column)), shape=X.shape)

    @cached_property
    def operations(self) -> tuple[FiniteOperation, ...]:
        """All that are found; unitaries that leave every site where it is are left out.

        Raises
        ------
        Undecided
            Jump operators that are sums of moves of particles and of others; interactions.
        """
        self._decidable()
        device = self._examined
        found = []
        signs = (False,) if self.lindbladian.baths else (False, True)  # baths follow the sign of energies
        for backward, sort, permutation in itertools.product(signs, SORTS, self._motions):
            still = np.array_equal(permutation, np.arange(len(permutation)))
            if sort == UNITARY and still and not backward:
                continue
            made = self._operation(device, sort, permutation, backward)
            if made is not None:
                found.append(made)
        return tuple(found)

    @cached_property
    def _examined(self) -> Examined:
        device, h = self.lindbladian.device, self.lindbladian.hamiltonian
        assert device is not None  # it was compiled from one
        level = float(h.diagonal().real.mean())  # common to all states of a number of particles
        return conductor(replace(device, reference={"mu": level, "T": 0.0}))

    @cached_property
    def _motions(self) -> list[Integers]:
        pattern = bare(self._examined.structure)
        pair = Pair(pattern, pattern)
        own = [(UNITARY, permutation) for permutation, _ in pair.generators()]
        here = np.arange(pattern.n, dtype=np.intp)
        return [permutation for _, permutation in products(own, [(UNITARY, here)], MOTIONS)]

    def _decidable(self) -> None:
        if len(self.lindbladian.interaction.value):
            raise Undecided("interactions have not said how they transform")
        for each in self.lindbladian.jumps:
            if any(len(part.value) for part in each.higher):
                raise Undecided(f"the jump operator of '{each.name}' is more than bilinear")
            if sum(bool(_size(part)) for part in (each.loss, each.gain, _moves(each, self._n))) > 1:
                raise Undecided(
                    f"the jump operator of '{each.name}' is a sum of such as take, add and move particles"
                )

    @property
    def _n(self) -> int:
        return self.lindbladian.size

    def _operation(
        self, device: Examined, sort: Sort, permutation: Integers, backward: bool
    ) -> FiniteOperation | None:
        of_levels = Sort(sort.conjugating, sort.opposing != backward)
        made = lift(device.structure.under(of_levels), device.structure, permutation)
        if made is None:
            return None
        S = _unitary(made.unitary, permutation, device)
        if not self._keeps_jumps(sort, S):
            return None
        none = np.zeros(0, dtype=np.intp)
        found = Operation(sort, permutation, made, permutation[: device.size], none)
        operator = operator_of(found, device).removesuffix("K").strip()
        motion = motion_of(found.site, device)
        words = [motion, NAMES[sort].removesuffix(" about mu"), operator, BACKWARD * backward]
        name = " x ".join(word for word in words if word)
        opposing = sort.opposing
        any_coupling = sort.reverses_time == backward and not (opposing and self._shifted_by_traces)
        return FiniteOperation(sort, S, motion, name, any_coupling, opposing and self.conserves_number)

    def _keeps_jumps(self, sort: Sort, S: Matrix) -> bool:
        """Whether tensors of jumps go to themselves, loss and gain to each other under particle-hole."""
        loss, gain, moves = self._forms
        images = [_mapped(form, _without_sign(sort), S) for form in (loss, gain)]
        if sort.opposing:
            images.reverse()
        if not all(_same(one, other) for one, other in zip(images, (loss, gain), strict=True)):
            return False
        turned = [_flat(_mapped(W, sort, S)) for W in moves]
        return not moves or _same(_tensor(turned), self._tensor)

    @cached_property
    def _tensor(self) -> Matrix:
        return _tensor([_flat(W) for W in self._forms[2]])

    @cached_property
    def _forms(self) -> tuple[Matrix, Matrix, list[Matrix]]:
        """``sum r v* v^T`` of losses, ``sum r v v^+`` of gains, and ``sqrt(r) W`` of each that moves."""
        n = self._n
        forms = [sparse.csr_array((n, n), dtype=complex) for _ in range(2)]
        moves = []
        for each in self.lindbladian.jumps:
            root = sparse.diags_array(np.sqrt(each.rate).astype(complex))
            for k, part in enumerate((each.loss.conj(), each.gain)):
                v = root @ part
                forms[k] = sparse.csr_array(forms[k] + v.T @ v.conj())
            stacked = sparse.csr_array(root @ _moves(each, n))
            moves += [
                sparse.csr_array(stacked[[m]].reshape((n, n))) for m in range(each.count) if stacked[[m]].nnz
            ]
        return forms[0], forms[1], moves

    @cached_property
    def _shifted_by_traces(self) -> bool:
        """As ``_shifted_by_traces`` of translation-invariant chains."""
        total, scale = sparse.csr_array((self._n, self._n), dtype=complex), 0.0
        for W in self._forms[2]:
            trace = W.diagonal().sum()
            total = total + np.conj(trace) * W - trace * W.conj().T
            scale = max(scale, _size(W) ** 2)
        return _size(total) > EXACT * scale


def _cells(lindbladian: Lindbladian) -> tuple[Integers, Integers]:
    """The cell of each orbital by its first index, and how many cells that wraps round (0: none)."""
    assert lindbladian.device is not None  # it was compiled from one
    cell, cells = [], []
    for group in lindbladian.device.sites:
        index = next(iter(group.index.values()), np.zeros(group.count))
        cell.append(np.repeat(np.asarray(index, dtype=np.intp), group.orbitals))
        around = group.rings[0] if group.rings else 0
        cells.append(np.full(group.count * group.orbitals, around, dtype=np.intp))
    return np.concatenate(cell), np.concatenate(cells)


def _moves(family: JumpFamily, n: int) -> Matrix:
    """All W of a family, (count, n^2)."""
    W: Products = family.bilinear
    if not len(W.value):
        return sparse.csr_array((family.count, n * n), dtype=complex)
    place = (W.member, W.orbital[:, 0] * n + W.orbital[:, 1])
    return sparse.csr_array((W.value, place), shape=(family.count, n * n))


def _unitary(blocks: NDArray[np.complex128], permutation: Integers, device: Examined) -> Matrix:
    """``S[(image of v, a), (v, b)] = X_v[a, b]``."""
    offset = device.device.offset
    n = int(offset[-1])
    row, column, value = [], [], []
    for v in range(device.size):
        d = int(offset[v + 1] - offset[v])
        a, b = np.indices((d, d)).reshape(2, -1)
        row.append(offset[permutation[v]] + a)
        column.append(offset[v] + b)
        value.append(blocks[v, :d, :d].ravel())
    return sparse.csr_array(
        (np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=(n, n)
    )


def _without_sign(sort: Sort) -> Sort:
    """What vectors go to: those of losses and of gains are exchanged besides."""
    return Sort(conjugating=sort.conjugating)


def _mapped(X: Matrix, sort: Sort, S: Matrix) -> Matrix:
    """``X``, ``X*``, ``-X^T`` or ``-X^+``, turned by S."""
    image = X
    if sort.opposing:
        image = -image.T
    if sort.reverses_time:
        image = image.conj()
    return sparse.csr_array(S @ image @ S.conj().T)


def _flat(W: Matrix) -> Matrix:
    return sparse.csr_array(W.reshape((1, -1)))


def _tensor(rows: list[Matrix], others: list[Matrix] | None = None) -> Matrix:
    """``sum vec(W) vec(W)^+``, of the places that are there; or with the others at the right."""
    A, B = (sparse.csr_array(sparse.vstack(each)) for each in (rows, rows if others is None else others))
    return sparse.csr_array(A.T @ B.conj())


def _same(one: Matrix, other: Matrix) -> bool:
    return _size(one - other) <= EXACT * max(_size(one), _size(other))


def _size(X: Matrix) -> float:
    return float(np.abs(X.data).max(initial=0.0))
