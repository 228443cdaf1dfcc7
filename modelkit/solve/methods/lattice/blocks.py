"""Lattices in layers: block recursion, with doubling where slices repeat.

What passes between the contacts needs only the layers that they touch: all others are eliminated by the
plan of :mod:`modelkit.numerics.stretches`, a run of equal slices in a logarithmic number of steps.  Local
quantities take the plain recursion over all layers.  The elimination does not exchange rows between
layers; where that costs digits it is noticed, and such an energy is solved by the next safer way: doubling,
recursion, sparse factorisation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.numerics.block_tridiagonal import Elimination, largest
from modelkit.numerics.stretches import Joined, Passed, Plan
from modelkit.registry import methods
from modelkit.solve.conductor import Floats, GreenFunction, Method, ResponsiveConductance
from modelkit.solve.memory import refuse_large
from modelkit.solve.methods.lattice import amplitudes, columns
from modelkit.solve.methods.lattice.amplitudes import AmplitudeConductance
from modelkit.solve.methods.lattice.columns import LatticeColumns
from modelkit.solve.methods.lattice.dark_levels import probe
from modelkit.solve.methods.lattice.green import BlockGreen
from modelkit.solve.methods.lattice.partition import Partition, contact_width, partition
from modelkit.solve.methods.lattice.self_energy_blocks import SelfEnergyBlocks
from modelkit.solve.methods.pattern import check_degeneracy, closes_loops

Complexes = NDArray[np.complex128]
Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]

ROUGH = 1e-11  # eps times the largest elements of Z and of an inverse: more digits are not given away
CLOSED = 2e-13  # the same where slices are joined: their levels are not broadened, and errors pass through
UNITARY = 2e-12  # what may be missing of the unitarity of the amplitudes between the channels
USED = slice(None)  # of the plans
LOST = 10.0  # part of Gamma that its channels do not hold, by rounding of a self-energy: so much of it counts
BACKWARD = 1e-13  # residual of a solution, relative to its terms, that needs no other factorisation
KEPT = 2**28  # bytes of pivots that are kept for the next columns
WIDE = 4  # channels in orbitals of the largest layer up to which they are carried along
LIVE = 24  # blocks of the largest layer that an elimination holds at once, about
COPIES = 4  # of the amplitudes of one energy, while they are solved for
STEP = 5e4  # multiplications in the time that a step takes beside its products, over a few energies
SHARE = 8  # local quantities are batched by themselves: so much less of them counts for the others


class BlockConductor:
    """Any lattice in layers."""

    def __init__(self, system: OpenSystem) -> None:
        check_degeneracy(system)
        self.system = system
        self.partition = partition(system)
        refuse_large(
            _passing(system, self.partition),
            f"one energy of layers with up to {self.partition.largest} orbitals",
            "take a narrower lattice",
        )
        self.loops = closes_loops(system)

    def at(self, energies: Floats) -> ResponsiveConductance:
        """Factorise."""
        energies = np.asarray(energies, dtype=float)
        found = BlockColumns(self.system, energies, self.partition)
        return BlockConductance(self.system, energies, found, loops=self.loops)

    def green(self, z: Complexes) -> GreenFunction:
        """See the protocol."""
        return BlockGreen(self.system, z)


class BlockColumns(LatticeColumns):
    """``Z^-1 w`` by the recursion over layers; where its residual is not small, as for any lattice."""

    def __init__(self, system: OpenSystem, energies: Floats, found: Partition) -> None:
        super().__init__(system, energies, found.orbitals)
        self.partition = found
        self.sigma = SelfEnergyBlocks(self.channels, found)
        self._pivots: tuple[tuple[int, int, float], Elimination] | None = None

    @property
    def held(self) -> int:
        """See :class:`~modelkit.solve.methods.lattice.columns.Columns`."""
        if self._pivots is None:
            return super().held
        first, last, _ = self._pivots[0]
        return super().held + (last - first) * 16 * int((self.partition.matrix.layers.sizes**2).sum())

    def solve(self, part: slice, columns: Complexes, shift: float = 0.0) -> Complexes:
        """See :class:`~modelkit.solve.methods.lattice.columns.Columns`."""
        elimination = self._eliminated(part, shift)
        with np.errstate(invalid="ignore", over="ignore"):
            found = self._swept(elimination, columns)
            residual, small = self._residual(part, shift, found, columns)
            if not small.all():
                found = found + self._swept(elimination, residual)
                _, small = self._residual(part, shift, found, columns)
        for number in np.flatnonzero(~small):
            e = part.start + int(number)
            found[number] = super().solve(slice(e, e + 1), columns[number : number + 1], shift)[0]
        return found

    def bytes_per_energy(self, width: int) -> int:
        """See :class:`~modelkit.solve.methods.lattice.columns.Columns`."""
        sizes = self.partition.matrix.layers.sizes
        return 16 * int((sizes**2).sum() + len(self.reached) * width)

    def _eliminated(self, part: slice, shift: float) -> Elimination:
        key = (part.start, part.stop, shift)
        if self._pivots is not None and self._pivots[0] == key:
            return self._pivots[1]
        matrix, z = self.partition.matrix, self._energies[part] + shift
        hops = [matrix.down(k) for k in range(len(matrix.hop))]

        def diagonal(k: int) -> Any:
            return self.sigma.taken_from(matrix.bare(z, matrix.node[k]), part, k)

        found = Elimination(diagonal, hops, [hop.adjoint for hop in hops])
        size = len(z) * 16 * int((matrix.layers.sizes**2).sum())
        self._pivots = (key, found) if size <= KEPT else None
        return found

    def _swept(self, elimination: Elimination, columns: Complexes) -> Complexes:
        layers = self.partition.matrix.layers
        parts = [columns[:, layers.nodes(k)] for k in range(len(layers.sizes))]
        found = np.empty_like(columns)
        found[:, layers.order] = np.concatenate(elimination.solve(parts), axis=1)
        return found

    def _residual(
        self, part: slice, shift: float, found: Complexes, columns: Complexes
    ) -> tuple[Complexes, Flags]:
        """What a solution leaves, and where that is no more than rounding."""
        turned = self._hamiltonian @ found.swapaxes(0, 1).reshape(found.shape[1], -1)
        z = (self._energies[part] + shift)[:, None, None]
        left = columns - z * found + turned.reshape(found.shape[1], len(found), -1).swapaxes(0, 1)
        for layer in self.sigma.touched:
            at = self.partition.matrix.layers.nodes(layer)
            left[:, at] += self.sigma.of_layer(part, layer) @ found[:, at]
        allowed = BACKWARD * (self.scale[part] * largest(found) + largest(columns))
        return left, np.isfinite(allowed) & (largest(left) <= allowed)

    @cached_property
    def _hamiltonian(self) -> sparse.csr_array:
        return sparse.csr_array(self._system.hamiltonian[self.reached][:, self.reached])


class BlockConductance(AmplitudeConductance):
    """Amplitudes between the channels alone, and everywhere once a local quantity is asked for."""

    _columns: BlockColumns

    @cached_property
    def _t(self) -> Floats:
        width, plans = len(self._channels.terminal), self._columns.partition.plans
        if (
            self._channels.charges
            or self._parts is not None
            or not 0 < width <= WIDE * self._columns.partition.largest
        ):
            return super()._t
        t = np.empty((len(self.energies), self._system.n_terminals, self._system.n_terminals))
        left = np.arange(len(self.energies))
        for plan in plans[USED]:
            if len(left) and (not plan.unit or plan.inverses < plans[-1].inverses):
                left = self._through(plan, left, t)
        if len(left):
            again = self.energies[left]
            columns = BlockColumns(self._system, again, self._columns.partition)
            t[left] = AmplitudeConductance(self._system, again, columns, loops=self._loops).transmission()
        return t

    def _through(self, plan: Plan, wanted: Integers, t: Floats) -> Integers:
        """Fill in the transmissions at some energies by a plan; those whose digits are not sure are left."""
        found = self._columns.partition
        size = max(1, amplitudes.CHUNK // max(1, _passing(self._system, found)))
        left = []
        for first in range(0, len(wanted), size):
            part = wanted[first : first + size]
            with np.errstate(invalid="ignore", over="ignore"):
                scattering, rough = self._passed(plan, part)
                t[part] = self._terminals(scattering)
            left.append(part[rough])
        return np.concatenate(left)

    def _passed(self, plan: Plan, part: Integers) -> tuple[Complexes, Flags]:
        """``W† G W`` at some energies, and where its digits are not sure."""
        found, sigma, z = self._columns.partition, self._columns.sigma, self.energies[part]
        matrix, kept = found.matrix, plan.kept
        joined = Joined(matrix, plan, z)

        def diagonal(k: int) -> Any:
            return sigma.taken_from(matrix.bare(z, matrix.node[kept[k]]), part, kept[k])

        def incoming(k: int) -> Any:
            return sigma.incoming(part, kept[k])

        passed = Passed(diagonal, joined.between, incoming, len(self._channels.terminal))
        rounding = np.finfo(float).eps * self._columns.scale[part]
        sure = (rounding * joined.largest <= CLOSED) & (rounding * passed.largest <= ROUGH)
        missing = _missing(passed.amplitude)
        if not np.all(missing <= UNITARY):
            missing = missing - LOST * sigma.lost(part)
        return passed.amplitude, ~(sure & (missing <= UNITARY))

    def _amplitudes(self) -> Iterator[tuple[slice, Complexes]]:
        size = self._columns.bytes_per_energy(len(self._channels.terminal) + 1)
        refuse_large(
            COPIES * size,
            f"local quantities of {len(self._columns.reached)} orbitals with "
            f"{len(self._channels.terminal)} at contacts at one energy",
            "ask for quantities of the terminals only, or take a smaller lattice",
        )
        return super()._amplitudes()


def _missing(scattering: Complexes) -> Floats:
    """How far ``i (S - S†)`` is from ``S S†`` for a column, relative to its terms; (n_E,)."""
    column = probe(scattering.shape[1])
    out, back = scattering @ column, scattering.conj().swapaxes(1, 2) @ column
    terms = np.sum(np.abs(back) ** 2, axis=1) + np.linalg.norm(out, axis=1) * np.linalg.norm(column)
    off = np.abs(-2 * (out @ column.conj()).imag - np.sum(np.abs(back) ** 2, axis=1))
    return np.asarray(np.divide(off, terms, out=np.zeros_like(off), where=terms != 0))


def _passing(system: OpenSystem, found: Partition) -> int:
    """Bytes of one energy for what passes between the contacts."""
    width = contact_width(system)
    kept = int(found.matrix.layers.sizes[found.touched].sum())
    blocks = LIVE * found.largest**2 + int((found.matrix.layers.sizes[found.touched] ** 2).sum())
    return 16 * (blocks + 3 * kept * width + 2 * width**2) + 8 * system.n_terminals**2


def _size(system: OpenSystem) -> int:
    """Bytes of one energy: what passes, and a part of the local amplitudes."""
    found = partition(system)
    local = COPIES * 16 * len(found.orbitals) * (contact_width(system) + 1)
    return _passing(system, found) + local // SHARE


def _refuses(system: OpenSystem) -> str | None:
    return None


def _unsuited(system: OpenSystem) -> str | None:
    found = partition(system)
    width, n = contact_width(system) + 1, len(found.orbitals)
    work = found.work + STEP * (found.plans[0].inverses if found.plans else 1)
    if n <= columns.DENSE_UP_TO:
        other = float(3 * n**3 + 2 * n**2 * width)
        return f"its {n} orbitals are inverted faster as one matrix" if work > other else None
    column = 120 * n * math.log2(n)
    other = n * min(1e3 * math.sqrt(n), 1e4 + 30 * found.largest**2) + width * column
    if work > other:
        return f"with layers of up to {found.largest} orbitals it costs more than a sparse factorisation"
    return None


def _details(system: OpenSystem) -> str:
    found = partition(system)
    count = len(found.matrix.node)
    text = f"{count} layers of up to {found.largest} orbitals"
    if found.plans and found.plans[0].inverses < count:
        text += f", {found.plans[0].inverses} steps"
    return text


methods.add(
    "blocks",
    Method(
        "blocks",
        "fits: thin layers of sites are eliminated one after another, slices that repeat by doubling",
        _refuses,
        BlockConductor,
        size=_size,
        responds=True,
        unsuited=_unsuited,
        details=_details,
    ),
)
