"""Leads: a lattice continued beyond one of its ends by its own formulas.

The last slices of the end (sites of one value of the index along the normal) repeat beyond it, and the terms
of the lattice are evaluated there, disorder left out.  Cells of one or more slices are taken such that hops
lead from a cell to its neighbours alone; they must be equal up to a gauge (:mod:`modelkit.graph.gauge`).
Cell 1 is the first one beyond the end, cells 0 and -1 are the last of the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from modelkit.elements.lattices import Lattice
from modelkit.elements.targets import Attachment
from modelkit.errors import ModelError
from modelkit.graph.assembly import Elements, Part, Place, elements
from modelkit.graph.attach import Attached
from modelkit.graph.bonds import joined_bonds
from modelkit.graph.coefficients import coefficients
from modelkit.graph.device import Complexes, Floats, Integers, Lead
from modelkit.graph.domains import LIMIT
from modelkit.graph.formulas import Values
from modelkit.graph.gauge import Fault, uniform_gauge
from modelkit.graph.internal import Internal, internal
from modelkit.graph.slices import Slices, Slot, continued_sites, continued_term, end_slices
from modelkit.graph.terms import Families, placed

CELLS = (-1, 0, 1, 2, 3, 4)  # that are made and compared
LOOK = tuple(range(-12, 5))  # slices whose hops tell how far hops reach
PERIODS = 12  # slices a cell may have more than its hops reach
REACH = 48  # slices that a hop may reach
PARTS = ("onsite", "hops", "pairs")  # of H
NOTHING = 1e-14  # of the largest matrix element: such a hop is none


def lead_of(
    attachment: Attachment,
    members: Attached,
    member: int,
    lattice: Lattice,
    families: Families,
    values: Values,
) -> Lead:
    """The lead of one member of a terminal at one end.

    Raises
    ------
    ModelError
        The lattice does not continue uniformly there, and why.
    """
    try:
        return _continued(attachment, members, member, lattice, families, values)
    except ModelError as error:
        if error.span == attachment.span:
            raise
        where = f"beyond the {attachment.end} end of '{lattice.name}', where a lead continues it"
        hint = "end the variation inside the device, for example by 'where' or if(...)"
        raise ModelError(f"{where}, {error.message}", error.span, hint=hint) from None


def _continued(
    attachment: Attachment,
    members: Attached,
    member: int,
    lattice: Lattice,
    families: Families,
    values: Values,
) -> Lead:
    reach, refused = 1, None
    while True:
        slices = end_slices(attachment, members, member, families, values, max(2 * reach, 1 - LOOK[0]))
        if not slices.at[0]:
            message = f"no site of the {attachment.end} end is left for the lead"
            raise ModelError(message, attachment.span, hint="loosen the 'where' behind 'on'")
        slots = slices.slots(reach)
        longest = reach
        if slots is not None:
            look = LOOK if reach == 1 else CELLS
            longest = _cells(slices, slots, reach, lattice, families, values, look).longest
        if longest <= reach:
            break
        if longest > REACH:
            raise _refusal(slices, "its hops reach over any number of slices", "cut them off with 'where'")
        reach = longest
    for period in range(reach, reach + PERIODS + 1):
        slices = end_slices(attachment, members, member, families, values, 2 * period)
        slots = slices.slots(period)
        if slots is None:
            refused = refused or _unlike(slices)
            continue
        cells = _cells(slices, slots, period, lattice, families, values)
        try:
            chi = _uniform(cells)
        except ModelError as error:
            refused = refused or error
            continue
        return _in_gauge(cells, chi)
    assert refused is not None
    raise refused


@dataclass(frozen=True, eq=False)
class _Cells:
    """Matrices over the orbitals of some cells, each of ``slots``; ``pairs`` holds D, see Lead.

    Rows of sites that the device does not have are empty.
    """

    slices: Slices
    slots: tuple[Slot, ...]
    period: int
    cells: Sequence[int]
    space: Internal
    h: sparse.csr_array
    pairs: sparse.csr_array

    @property
    def size(self) -> int:
        """Orbitals of a cell."""
        return len(self.slots) * self.space.dimension

    def range_of(self, first: int, last: int) -> slice:
        """Orbitals of the cells first..last."""
        return slice((first - self.cells[0]) * self.size, (last - self.cells[0] + 1) * self.size)

    def block(self, row: int, column: int, *, pairs: bool = False) -> Complexes:
        """The matrix to a cell from another one."""
        matrix = self.pairs if pairs else self.h
        return np.asarray(matrix[self.range_of(row, row), self.range_of(column, column)].toarray())

    @cached_property
    def longest(self) -> int:
        """The largest difference of the index along the normal between sites that a term joins."""
        entries = (abs(self.h) + abs(self.pairs)).tocoo()
        kept = entries.data > NOTHING * entries.data.max(initial=0.0)
        site = np.stack([one[kept] for one in entries.coords]) // self.space.dimension
        cell, slot = np.divmod(site, len(self.slots))
        depth = np.array([one.slice for one in self.slots])
        value = cell * self.period - depth[slot]
        return int(np.abs(value[0] - value[1]).max(initial=1))

    def named(self, orbital: int) -> str:
        """The label of the site of an orbital."""
        cell, slot = divmod(orbital // self.space.dimension, len(self.slots))
        return self.slices.label(cell + self.cells[0], self.slots[slot], self.period)


def _cells(
    slices: Slices,
    slots: tuple[Slot, ...],
    period: int,
    lattice: Lattice,
    families: Families,
    values: Values,
    cells: Sequence[int] = CELLS,
) -> _Cells:
    """Expand the terms of the lattice on the last cells of the device and the first beyond it."""
    space = internal(lattice.spaces)
    sites, cell, slot = continued_sites(slices, slots, cells, period, families)
    reach = (max(cells) + 1) * period
    parts = {}
    for part in PARTS:
        terms = [
            placed(continued_term(term, slices, reach, families, values), sites, values, LIMIT, partial=True)
            for term in lattice.terms
            if term.part == part and term.distribution is None
        ]
        blocks = tuple(coefficients(term, space, values) for term in terms)
        joined = joined_bonds(terms, len(cell)) if part != "onsite" else None
        parts[part] = Part(tuple(terms), blocks, joined)
    made = elements(Place(0, len(cell), 0, space), parts, 0)
    number = (cell - cells[0]) * len(slots) + slot
    orbital = (number[:, None] * space.dimension + np.arange(space.dimension)).ravel()
    matrices = _matrices(made, orbital, len(cells) * len(slots) * space.dimension)
    return _Cells(slices, slots, period, cells, space, *matrices)


def _matrices(made: Elements, orbital: Integers, size: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """H and D, with the orbitals renumbered."""
    onsite, hops, pairs = made.onsite, made.hops, made.pairs
    h = _sparse(
        [onsite.row, hops.row, hops.column],
        [onsite.column, hops.column, hops.row],
        [onsite.value, hops.value, hops.value.conj()],
        orbital,
        size,
    )
    delta = pairs.value.conj()
    return h, _sparse([pairs.column, pairs.row], [pairs.row, pairs.column], [delta, -delta], orbital, size)


def _sparse(
    rows: Sequence[Integers],
    columns: Sequence[Integers],
    values: Sequence[Complexes],
    orbital: Integers,
    size: int,
) -> sparse.csr_array:
    row, column = orbital[np.concatenate(rows)], orbital[np.concatenate(columns)]
    entries = np.concatenate(values).astype(complex)
    matrix = sparse.coo_array((entries, (row, column)), shape=(size, size)).tocsr()
    matrix.sum_duplicates()
    return matrix


def _uniform(cells: _Cells) -> Floats:
    """Phases of the sites in which one cell differs from the next, for all cells but the last.

    Raises
    ------
    ModelError
        They differ by more; the device is shorter than its hops.
    """
    _refuse_longer(cells)
    last = CELLS[-1]
    here, there = cells.range_of(1, last - 1), cells.range_of(2, last)
    d, count = cells.space.dimension, len(cells.slots) * (last - 1)
    chi = uniform_gauge(
        cells.h[here, here],
        cells.h[there, there],
        cells.pairs[here, here],
        cells.pairs[there, there],
        np.repeat(np.arange(count), d),
        np.tile(_charges(cells.space), count),
    )
    if isinstance(chi, Fault):
        raise _not_uniform(cells, chi)
    return chi


def _in_gauge(cells: _Cells, chi: Floats) -> Lead:
    """The lead in the gauge in which its cells are equal.

    Raises
    ------
    ModelError
        Hops that stop at the end.
    """
    _refuse_stopped(cells)
    d = cells.space.dimension
    turn = np.repeat(chi[: len(cells.slots)], d)
    charge = np.tile(_charges(cells.space), len(cells.slots))
    phase = np.exp(1j * charge * turn)
    coupling, pairs = cells.block(0, 1), cells.block(0, 1, pairs=True)
    touched = (np.abs(coupling) + np.abs(pairs)).reshape(len(cells.slots), -1).any(axis=1)
    site = np.array([cells.slices.site(0, slot, cells.period) for slot in cells.slots], dtype=np.intp)
    rows = np.repeat(touched, d)
    return Lead(
        site[touched],
        cells.block(1, 1),
        cells.block(1, 2) * phase,
        coupling[rows],
        cells.block(1, 1, pairs=True),
        cells.block(1, 2, pairs=True) * phase.conj(),
        pairs[rows],
        _charges(cells.space) < 0,
    )


def _charges(space: Internal) -> Floats:
    """1 for particles, -1 for holes, for the orbitals of a site."""
    sizes = (space.before, 2, space.after) if space.nambu else (space.dimension, 1, 1)
    return np.ascontiguousarray(np.broadcast_to(np.array([1.0, -1.0])[: sizes[1]][:, None], sizes)).ravel()


def _refuse_longer(cells: _Cells) -> None:
    """Hops of the lead must end on sites of the device, in its last cell."""
    if cells.longest > cells.period:
        raise _refusal(cells.slices, "its hops reach over any number of slices", "cut them off with 'where'")
    reach = max((slot.slice for slot in _crossing(cells)), default=0) + 1
    if reach > cells.slices.extent:
        reason = f"its hops reach over {reach} slices, but the lattice has {cells.slices.extent}"
        raise _refusal(cells.slices, reason, "make the lattice longer")


def _crossing(cells: _Cells) -> list[Slot]:
    """Places of a lead cell that a hop joins with the next cell."""
    block = np.abs(cells.block(1, 2)) + np.abs(cells.block(1, 2, pairs=True))
    used = np.flatnonzero(block.reshape(len(cells.slots), -1).any(axis=1))
    return [cells.slots[k] for k in used]


def _refuse_stopped(cells: _Cells) -> None:
    """A hop that stands between the last slices of the device and not across the end was cut off by hand."""
    inside, across, beyond = (
        abs(cells.h[cells.range_of(n, n), cells.range_of(n + 1, n + 1)]) for n in (-1, 0, 1)
    )
    if not across.nnz or not beyond.nnz or across.max() == 0 or beyond.max() == 0:
        raise _refusal(
            cells.slices,
            "no hop leads on from there",
            "let hops run over the whole range: ends are cut by themselves",
        )
    cut = ((inside > 0).astype(np.int8) - (across > 0).astype(np.int8)).tocoo()
    lost = np.flatnonzero(cut.data > 0)
    if len(lost):
        row, column = (int(one[lost[0]]) for one in cut.coords)
        names = f"'{cells.named(row)}' and '{cells.named(column + cells.size)}'"
        raise _refusal(
            cells.slices,
            f"the hop between {names} has no counterpart across the end",
            "let hops run over the whole range: ends are cut by themselves",
        )


def _not_uniform(cells: _Cells, fault: Fault) -> ModelError:
    first = cells.range_of(1, 1).start
    row, column = first + fault.row, first + fault.column
    names = [
        cells.named(row),
        cells.named(row + cells.size),
        cells.named(column),
        cells.named(column + cells.size),
    ]
    if fault.what == "phase":
        reason = (
            f"no gauge makes its cells equal: phases of hops such as '{names[0]}' to '{names[2]}' change "
            "from cell to cell as those of a field that is not uniform"
        )
        return _refusal(cells.slices, reason, "let the flux of each plaquette be the same near the end")
    if names[0] == names[2]:
        reason = f"the energies of '{names[0]}' and '{names[1]}' beyond it differ"
    else:
        reason = (
            f"the hops between '{names[0]}' and '{names[2]}' and between '{names[1]}' and '{names[3]}' "
            "beyond it differ in size"
        )
    return _refusal(
        cells.slices, reason, "end the variation inside the device, for example by 'where' or if(...)"
    )


def _unlike(slices: Slices) -> ModelError:
    sizes = [len(slices.at[k]) for k in (0, 1) if k in slices.at]
    shown = f"{sizes[0]} and {sizes[1]} sites" if len(set(sizes)) > 1 else "different sites"
    return _refusal(
        slices,
        f"its last slices have {shown}",
        "let the last slices be equal, or choose a part of the end with 'where'",
    )


def _refusal(slices: Slices, reason: str, hint: str) -> ModelError:
    attachment = slices.attachment
    return ModelError(
        f"'{attachment.lattice}' does not continue uniformly beyond its {attachment.end} end, as a lead "
        f"must: {reason}",
        attachment.span,
        hint=hint,
    )
