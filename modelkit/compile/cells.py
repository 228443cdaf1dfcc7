"""The unit cell of a device that is a ring, or an infinite chain: all cells are compared.

Displacements go round the ring the short way.  One of exactly half the ring has no direction: half of its
hopping counts forward and half backward, which is h(k) at all momenta of the ring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from modelkit.compile.cell_jumps import cell_jumps
from modelkit.compile.lindbladian import Lindbladian, lindbladian
from modelkit.compile.ring_places import HINT, RingPlaces, ring_places
from modelkit.compile.unit_cell import Complexes, UnitCell
from modelkit.errors import ModelError
from modelkit.graph.device import Device, Integers
from modelkit.graph.labels import site_label

SAME = 1e-10  # of the largest matrix element: values that no two cells differ by
SIZES = (13, 21, 34, 55, 89, 144, 233, 377, 610)
"""Rings that stand for an infinite chain: no displacement up to 272 cells is the same on the first two."""


def unit_cell(device: Device) -> UnitCell:
    """The cell of a device with one ring index; other indices and families are orbitals of the cell.

    Raises
    ------
    ModelError
        A device that is not the same in all cells, whose first odd site is named; jump operators that
        are neither linear nor bilinear; interactions.
    """
    system = lindbladian(device)
    if np.any(system.interaction.value):
        raise ModelError(
            "particles that interact have no modes with rates between them", hint="method = exact takes them"
        )
    places = ring_places(device)
    jumps = [
        jump
        for family, group in zip(
            system.jumps, (one for one in device.dissipators if one.beta is None), strict=True
        )
        for jump in cell_jumps(family, group, places, device)
    ]
    return UnitCell(
        hopping=_hopping(system, places, device),
        jumps=tuple(jumps),
        baths=tuple(bath for bath in system.baths if bath.rate > 0),
        cells=None if places.infinite else places.cells,
        momentum=f"k_{places.index}",
        orbitals=places.labels,
        spin=places.spin,
        filling=_filling(system),
        spaces=places.spaces,
        device=device,
    )


def infinite_cell(make: Callable[[int], Device]) -> UnitCell:
    """The cell of an infinite chain, read off rings that are longer than its operators reach.

    Parameters
    ----------
    make
        The device whose infinite ring is replaced by one of so many cells.

    Raises
    ------
    ModelError
        As for :func:`unit_cell`; operators that reach as far as the longest ring.
    """
    found = unit_cell(make(SIZES[0]))
    for size, longer in pairwise(SIZES):
        previous, found = found, unit_cell(make(longer))
        if _reach(previous) < size / 2 and _agree(previous, found):
            return replace(found, cells=None)
    raise ModelError(
        f"operators of the infinite chain reach {_reach(found)} cells and more, as far as one looks",
        hint="cut them with 'where', or take a finite number of cells",
    )


def _hopping(system: Lindbladian, places: RingPlaces, device: Device) -> dict[int, Complexes]:
    """``h_x``, x and -x both, as most cells have it."""
    matrix = system.hamiltonian.tocoo()
    row, column = (np.asarray(part, dtype=np.intp) for part in matrix.coords)
    d, L = places.dimension, places.cells
    x = places.centred(places.cell[row] - places.cell[column])
    key = ((x + L) * d + places.orbital[row]) * d + places.orbital[column]
    order = np.lexsort((places.cell[column], key))
    row, column, value = row[order], column[order], matrix.data[order]
    keys, start, number, count = np.unique(
        key[order], return_index=True, return_inverse=True, return_counts=True
    )
    usual = _usual(value, number, start, count, L)
    allowed = SAME * np.abs(value).max(initial=0.0)
    odd = np.abs(value - usual[number]) > allowed
    if odd.any():
        at = int(np.flatnonzero(odd)[np.argmin(places.cell[column[odd]])])
        raise _differs(device, int(row[at]), int(column[at]))
    lacking = (count < L) & (np.abs(usual) > allowed)
    if lacking.any():
        which = int(np.flatnonzero(lacking)[0])
        part = slice(int(start[which]), int(start[which] + count[which]))
        raise _misses(device, places, row[part], column[part])
    found: dict[int, Complexes] = {0: np.zeros((d, d), dtype=complex)}
    for at, element in zip(keys.tolist(), usual.tolist(), strict=True):
        cell, a, b = at // (d * d) - L, at // d % d, at % d
        found.setdefault(cell, np.zeros((d, d), dtype=complex))[a, b] = element
    if 2 * max(found) == L:
        found[L // 2] /= 2
        found[-L // 2] = found[L // 2].conj().T
    zero = np.zeros((d, d), dtype=complex)
    both = sorted({*found, *(-x for x in found)}, key=lambda x: (abs(x), x))
    return {x: (found.get(x, zero) + found.get(-x, zero).conj().T) / 2 for x in both}


def _usual(value: Complexes, number: Integers, start: Integers, count: Integers, cells: int) -> Complexes:
    """The element that most cells have: the median over them, 0 where most have none."""
    middle = start + count // 2
    parts = [part[np.lexsort((part, number))][middle] for part in (value.real, value.imag)]
    return np.where(2 * count > cells, parts[0] + 1j * parts[1], 0)


def _differs(device: Device, row: int, column: int) -> ModelError:
    one, other = (_site(device, orbital) for orbital in sorted((row, column)))
    what = f"the energy of '{one}'" if one == other else f"the hop between '{one}' and '{other}'"
    return ModelError(f"{what} is not the same as in the other cells", hint=HINT)


def _misses(device: Device, places: RingPlaces, row: Integers, column: Integers) -> ModelError:
    """An element that one cell has not; rows and columns are those of the other cells."""
    there = np.zeros(places.cells, dtype=bool)
    there[places.cell[column]] = True
    cell = int(np.argmin(there))
    shift = cell - places.cell[column[0]]
    to, source = (
        int(
            np.flatnonzero(
                (places.orbital == places.orbital[at])
                & (places.cell == (places.cell[at] + shift) % places.cells)
            )[0]
        )
        for at in (row[0], column[0])
    )
    return _differs(device, to, source)


def _site(device: Device, orbital: int) -> str:
    return site_label(device, int(np.searchsorted(device.offset, orbital, side="right")) - 1)


def _filling(system: Lindbladian) -> float | None:
    """Particles per mode of all lattices together.

    Raises
    ------
    ModelError
        Lattices with and without a filling.
    """
    given = {name: value for name, value in system.filling.items() if name in system.lattices}
    if not given:
        return None
    missing = [name for name in system.lattices if name not in given]
    if missing:
        raise ModelError(
            f"'{next(iter(given))}' has a filling, but '{missing[0]}' on the same ring has none",
            hint=f"write: filling {missing[0]} = 1/2",
        )
    return float(np.mean([given[system.lattices[number]] for number in system.lattice.tolist()]))


def _reach(cell: UnitCell) -> int:
    cells = [*cell.hopping]
    for jump in cell.jumps:
        cells += [*jump.loss, *jump.gain, *(x for pair in jump.bilinear for x in pair)]
    return max(map(abs, cells), default=0)


def _agree(one: UnitCell, other: UnitCell) -> bool:
    """Whether two cells have the same operators."""
    if len(one.jumps) != len(other.jumps) or one.orbitals != other.orbitals:
        return False
    pairs = [(one.hopping, other.hopping)]
    pairs += [
        (getattr(a, name), getattr(b, name))
        for a, b in zip(one.jumps, other.jumps, strict=True)
        for name in ("bilinear", "loss", "gain")
    ]
    rates, others = (
        [*(jump.rate for jump in cell.jumps), *(bath.rate for bath in cell.baths)] for cell in (one, other)
    )
    return all(_same_blocks(*pair) for pair in pairs) and np.allclose(rates, others, rtol=SAME, atol=0)


def _same_blocks(one: Mapping[Any, Complexes], other: Mapping[Any, Complexes]) -> bool:
    scale = max((float(np.abs(block).max()) for block in one.values()), default=0.0)
    return one.keys() == other.keys() and all(
        np.abs(block - other[x]).max() <= SAME * scale for x, block in one.items()
    )
