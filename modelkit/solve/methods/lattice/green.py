"""The Green function above the real axis: its diagonal, and the derivative of that as levels move.

There nothing is singular.  ``dG = G M G`` with ``M = d(H + Sigma)``: the response matrix is never formed,
its action on one displacement is the derivative of the recursion, and costs as much as the diagonal.  Further
orders are the same recursion with power series for blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from operator import methodcaller
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.errors import ModelError
from modelkit.numerics.block_tridiagonal import Block, inverses
from modelkit.numerics.series import Series, added, mapped, resolved
from modelkit.solve.methods.lattice.channels import Channels
from modelkit.solve.methods.lattice.moves import Moves, moves_along, moves_of
from modelkit.solve.methods.lattice.partition import contact_groups, partition
from modelkit.solve.methods.lattice.self_energy_blocks import MovedBlocks, SelfEnergyBlocks
from modelkit.solve.methods.orbitals import touching

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]

CHUNK = 2**26  # bytes of blocks treated together
THIN = 6  # orbitals of a layer up to which products are formed element by element
KEEP = 2**28  # bytes of blocks kept for derivatives


class DenseGreen:
    """By inverses of the whole; see :class:`~modelkit.solve.conductor.GreenFunction`."""

    def __init__(self, system: OpenSystem, z: Complexes) -> None:
        self._system, self._z = system, _above(system, z)
        n = system.hamiltonian.shape[0]
        matrix = self._z[:, None, None] * np.eye(n) - system.hamiltonian.toarray()
        found = _self_energies(system, self._z)
        at = np.arange(len(self._z))[:, None]
        np.add.at(matrix, (at, found.sigma_row, found.sigma_column), -found.sigma)
        self._green = inverses(matrix)

    def diagonal(self) -> Complexes:
        """See the protocol."""
        return _by_site(self._system, np.einsum("eii->ei", self._green))

    def diagonal_change(self, change: Levels) -> Complexes:
        """See the protocol."""
        turned = moves_of(self._system, self._z, change).times(self._green)
        return _by_site(self._system, np.einsum("eij,eji->ei", self._green, turned))

    def diagonal_series(self, directions: Sequence[Levels], order: int) -> Complexes:
        """See the protocol."""
        n = self._system.hamiltonian.shape[0]
        moves = moves_along(self._system, self._z, directions, order)
        found = np.zeros((len(directions), order + 1, len(self._z), n), dtype=complex)
        step = max(1, CHUNK // (16 * max(1, n) ** 2 * len(directions) * (order + 1)))
        for first in range(0, len(self._z), step):
            part = slice(first, first + step)
            here = mapped(moves, methodcaller("at", part))
            green = self._green[part]
            series = resolved([green], here, green.__matmul__, lambda move, x: move.times(x), order)
            _fill_in(found[:, :, part], series)
        return _of_sites(self._system, found)


@dataclass(frozen=True)
class ThinChain:
    """Blocks of layers with a few orbitals each, energies last.

    ``green`` (n_layers, m, m, n_z); ``to`` and ``back`` (n_layers - 1, 2, m, m, n_z) carry a change onwards,
    from the first layer on and from the last one on.
    """

    green: Complexes
    to: Complexes
    back: Complexes

    def changed(self, own: Complexes) -> Complexes:
        """``diag(G M G)`` for the blocks of M, (n_z, n_orbitals)."""
        total, last = own.copy(), len(own) - 1
        both = np.stack([own, own[::-1]], axis=1)
        seen = np.zeros_like(both[0])
        for k in range(last):
            seen = _product(_product(self.to[k], both[k] + seen), self.back[k])
            total[k + 1] += seen[0]
            total[last - k - 1] += seen[1]
        found = np.sum(_product(self.green, total) * self.green.swapaxes(1, 2), axis=2)
        return np.asarray(found.reshape(-1, found.shape[-1]).T)


@dataclass(frozen=True)
class _Sweep:
    """Blocks of a chunk: G of each layer, and what carries a change to the next and to the one before."""

    part: slice
    green: list[Complexes]
    down: list[tuple[Complexes, Complexes]]
    up: list[tuple[Complexes, Complexes]]

    @cached_property
    def thin(self) -> ThinChain | None:
        """The same for layers that are equally thin, where products of matrices one by one are slow."""
        sizes = {g.shape[1] for g in self.green}
        if len(sizes) > 1 or max(sizes, default=THIN + 1) > THIN or len(self.green) < 2:
            return None
        ways = [self.down, self.up[::-1]]
        to, back = (np.stack([_turned([pair[k] for pair in way]) for way in ways], axis=1) for k in (0, 1))
        return ThinChain(_turned(self.green), to, back)


class BlockGreen:
    """By recursion over layers; see :class:`~modelkit.solve.conductor.GreenFunction`."""

    def __init__(self, system: OpenSystem, z: Complexes) -> None:
        self._system, self._z = system, _above(system, z)
        self._partition = partition(system, whole=True)
        self._sigma = SelfEnergyBlocks(_self_energies(system, self._z), self._partition)
        self._size = 5 * 16 * int((self._partition.matrix.layers.sizes**2).sum())
        self._kept: list[_Sweep] | None = None
        self._bases: tuple[Hashable, dict[Hashable, list[Any]]] = (None, {})

    def diagonal(self) -> Complexes:
        """See the protocol."""
        return self._collected(lambda sweep: [np.einsum("eii->ei", g) for g in sweep.green])

    def diagonal_change(self, change: Levels) -> Complexes:
        """See the protocol."""
        moves = moves_of(self._system, self._z, change)
        return self._collected(lambda sweep: self._changed(sweep, moves.at(sweep.part)))

    def diagonal_series(self, directions: Sequence[Levels], order: int) -> Complexes:
        """See the protocol."""
        n = self._system.hamiltonian.shape[0]
        moves = moves_along(self._system, self._z, directions, order)
        found = np.zeros((len(directions), order + 1, len(self._z), n), dtype=complex)
        step = max(1, CHUNK // max(1, 2 * self._size * (order + 1)))
        self._begin(directions[0], order)
        layers = self._partition.matrix.layers
        for first in range(0, len(self._z), step):
            part = slice(first, min(first + step, len(self._z)))
            here = mapped(moves, partial(self._moved_blocks, part))
            for k, series in self._expanded(part, here, order):
                inside = np.zeros((*found.shape[:2], part.stop - first, layers.sizes[k]), dtype=complex)
                _fill_in(inside, series)
                found[:, :, part, layers.order[layers.begin[k] : layers.begin[k + 1]]] = inside
        return _of_sites(self._system, found)

    def _begin(self, direction: Levels, order: int) -> None:
        """Blocks of the series itself are kept for its next variations."""
        key = direction.potential.tobytes(), direction.bands.tobytes(), order
        if self._bases[0] != key:
            self._bases = key, {}

    def _moved_blocks(self, part: slice, moves: Moves) -> MovedBlocks:
        return MovedBlocks(moves.at(part), self._partition)

    def _expanded(self, part: slice, moved: Series, order: int) -> Iterator[tuple[int, Series]]:
        """G of each layer as a series: the recursion of ``_sweep``."""
        matrix, z = self._partition.matrix, self._z[part]
        count = len(matrix.node)
        blocks = [self._sigma.taken_from(matrix.bare(z, matrix.node[k]), part, k) for k in range(count)]

        keep = self._size * len(self._z) * (order + 1) <= KEEP

        def inverse(k: int, *seen: Series, of: str) -> Series:
            place = of, k, part.start
            known = self._bases[1].get(place) or [inverses(blocks[k] - sum(one[0][0] for one in seen))]
            start = known[0]
            own = mapped(moved, lambda one: one.of_layer(len(z), k))
            found = resolved(known, added(own, *seen), start.__matmul__, np.matmul, order)
            if keep:
                self._bases[1][place] = found[0]
            return found

        before: list[Series] = []
        for k in range(count - 1):
            hop, found = matrix.down(k), inverse(k, *before[-1:], of="before")
            before.append(mapped(found, partial(_passed, hop)))
        behind: list[Series] = []
        for k in range(count - 1, -1, -1):
            yield k, inverse(k, *(before[k - 1 : k] if k else ()), *behind[-1:], of="both")
            if k:
                found = inverse(k, *behind[-1:], of="behind")
                behind.append(mapped(found, partial(_passed, matrix.down(k - 1).adjoint)))

    def _collected(self, local: Callable[[_Sweep], list[Complexes]]) -> Complexes:
        orbitals = np.zeros((len(self._z), self._system.hamiltonian.shape[0]), dtype=complex)
        order = self._partition.matrix.layers.order
        for sweep in self._sweeps():
            if len(order):
                orbitals[sweep.part, order] = np.concatenate(local(sweep), axis=1)
        return _by_site(self._system, orbitals)

    def _sweeps(self) -> Iterator[_Sweep]:
        if self._kept is not None:
            yield from self._kept
            return
        keep = len(self._z) * self._size <= KEEP
        step = max(1, CHUNK // max(1, self._size))
        kept = []
        for first in range(0, len(self._z), step):
            found = self._sweep(slice(first, min(first + step, len(self._z))))
            if keep:
                kept.append(found)
            yield found
        if keep:
            self._kept = kept

    def _sweep(self, part: slice) -> _Sweep:
        matrix, z = self._partition.matrix, self._z[part]
        count = len(matrix.node)
        blocks = [self._sigma.taken_from(matrix.bare(z, matrix.node[k]), part, k) for k in range(count)]
        down: list[tuple[Complexes, Complexes]] = []
        up: list[tuple[Complexes, Complexes]] = []
        both = list(blocks)
        seen: Complexes | None = None
        for k in range(count - 1):
            g = inverses(blocks[k] if seen is None else blocks[k] - seen)
            hop = matrix.down(k)
            down.append((hop.left(g), hop.adjoint.right(g)))
            seen = hop.adjoint.right(down[-1][0])
            both[k + 1] = both[k + 1] - seen
        seen = None
        for k in range(count - 1, 0, -1):
            g = inverses(blocks[k] if seen is None else blocks[k] - seen)
            hop = matrix.down(k - 1)
            up.append((hop.adjoint.left(g), hop.right(g)))
            seen = hop.right(up[-1][0])
            both[k - 1] = both[k - 1] - seen
        return _Sweep(part, [inverses(block) for block in both], down, up[::-1])

    def _changed(self, sweep: _Sweep, moves: Moves) -> list[Complexes]:
        """``diag(G M G)`` of each layer; ``d Sigma`` from either side follows by the same recursion."""
        moved = MovedBlocks(moves, self._partition)
        if sweep.thin is not None:
            return [sweep.thin.changed(moved.thin(sweep.thin.green.shape))]
        own = [np.zeros_like(g) for g in sweep.green]
        for k, block in enumerate(own):
            moved.add(block, k)
        total = [block.copy() for block in own]
        seen: Complexes | None = None
        for k, (one, other) in enumerate(sweep.down):
            seen = one @ (own[k] if seen is None else own[k] + seen) @ other
            total[k + 1] += seen
        seen = None
        for k in range(len(own) - 1, 0, -1):
            one, other = sweep.up[k - 1]
            seen = one @ (own[k] if seen is None else own[k] + seen) @ other
            total[k - 1] += seen
        return [np.einsum("eij,eji->ei", g @ block, g) for g, block in zip(sweep.green, total, strict=True)]


def _passed(hop: Block, green: Complexes) -> Complexes:
    """What a layer adds to the self-energy of the next: ``T g T†``."""
    return hop.adjoint.right(hop.left(green))


def _fill_in(found: Complexes, series: Series) -> None:
    """Diagonals of the terms of a series, (n_directions, order + 1, n_z, m)."""
    for v, row in enumerate(series):
        for k, term in enumerate(row):
            if term is not None:
                found[v, k] = np.einsum("eii->ei", term)


def _of_sites(system: OpenSystem, values: Complexes) -> Complexes:
    """As :func:`_by_site`, (..., n_z, n_orbitals)."""
    flat = _by_site(system, values.reshape(-1, values.shape[-1]))
    return flat.reshape(*values.shape[:-1], -1)


def _turned(blocks: list[Complexes]) -> Complexes:
    """Blocks (n_z, m, m) of all layers with the energies last."""
    return np.ascontiguousarray(np.stack(blocks).transpose(0, 2, 3, 1))


def _product(one: Complexes, other: Complexes) -> Complexes:
    """``one @ other`` with the energies last, (..., m, m, n_z)."""
    found = one[..., :, 0, None, :] * other[..., None, 0, :, :]
    for j in range(1, one.shape[-2]):
        found += one[..., :, j, None, :] * other[..., None, j, :, :]
    return np.asarray(found)


def _by_site(system: OpenSystem, values: Complexes) -> Complexes:
    """Sum over the orbitals of each site, with the degeneracy; (n_z, n_sites)."""
    if not values.size:
        return np.zeros((len(values), len(system.weight)), dtype=complex)
    return np.asarray(np.add.reduceat(values, system.offset[:-1], axis=1) * system.weight)


def _self_energies(system: OpenSystem, z: Complexes) -> Channels:
    """Entries of Sigma; above the axis there are no channels."""
    contacts = system.contacts
    values = contacts.sigma(z)
    rows, columns, sigmas = [], [], []
    blocks = [] if contacts.scalar else [np.asarray(value, dtype=complex) for value in values]
    blocks += [lead.sigma(z) for lead in getattr(contacts, "leads", ())]
    if contacts.scalar:
        touched = touching(system)
        sigma = np.asarray(values, dtype=complex).reshape(len(z), len(contacts.site))
        rows, columns, sigmas = [touched.orbital], [touched.orbital], [sigma[:, touched.contact]]
    for orbitals, block in zip(contact_groups(system), blocks, strict=True):
        n = len(orbitals)
        rows.append(np.repeat(orbitals, n))
        columns.append(np.tile(orbitals, n))
        sigmas.append(np.broadcast_to(block, (len(z), n, n)).reshape(len(z), -1))
    none, nothing = np.zeros(0, dtype=np.intp), np.zeros((len(z), 0), dtype=complex)
    return Channels(
        np.concatenate([none, *rows]),
        np.concatenate([none, *columns]),
        np.concatenate([nothing, *sigmas], axis=1),
        none,
        none,
        nothing,
        none,
        np.zeros(0),
    )


def _above(system: OpenSystem, z: Complexes) -> Complexes:
    z = np.atleast_1d(np.asarray(z, dtype=complex))
    if not getattr(system.contacts, "analytic", True):
        raise ModelError(
            "a self-energy is not known off the real axis, where filled states are counted",
            hint="use a self-energy without abs(E) or comparisons of E",
        )
    if np.any(z.imag <= 0):
        raise ValueError("the retarded Green function is asked for above the real axis")
    return z
