"""Where orbitals of a device stand on the ring that it is made of: in which cell, and which of the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkit.elements.indices import spelled
from modelkit.errors import ModelError
from modelkit.graph.device import Device, Floats, Integers, SiteGroup
from modelkit.graph.labels import components, site_label, spins

HINT = "method = gaussian or exact takes chains without momenta"


@dataclass(frozen=True, eq=False)
class RingPlaces:
    """Cells and orbitals of all orbitals of a device.

    Attributes
    ----------
    cells : int
    infinite : bool
        Whether the ring stands for an infinite chain.
    index : str
        Name of the ring's index.
    cell, orbital : (n,)
        Cell 0 .. cells-1 of each orbital of the device, its number in the cell.
    labels : tuple of str
        Of the orbitals of a cell: ``c``, ``c up``, ``d[2] up``.
    spin : (d,)
        0 for up, 1 for down, -1 without spin.
    spaces : tuple of str
        Internal spaces of all sites; empty where sites differ in them.
    """

    cells: int
    infinite: bool
    index: str
    cell: Integers
    orbital: Integers
    labels: tuple[str, ...]
    spin: Integers
    spaces: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """Orbitals of a cell."""
        return len(self.labels)

    def centred(self, displacement: Integers) -> Integers:
        """Displacements round the ring the short way; half of the ring counts as forward."""
        back = (self.cells - 1) // 2
        return np.asarray((displacement + back) % self.cells - back)


def short_way(step: Floats | Integers, cells: int) -> Floats:
    """Cells from one to another round a ring; 0 half way round it, where either way is as long."""
    short = (step + cells / 2) % cells - cells / 2
    return np.asarray(np.where(2 * np.abs(short) == cells, 0.0, short))


def ring_places(device: Device) -> RingPlaces:
    """The cells of a device.

    Raises
    ------
    ModelError
        Sites that are on no ring, on two, or on rings of different lengths; cells of different sites.
    """
    which = [_ring(group) for group in device.sites]
    cells = _length(device, which)
    cell, orbital, labels, spin = [], [], list[str](), list[int]()
    shared = len({group.family.name for group in device.sites}) < len(device.sites)
    for group, at in zip(device.sites, which, strict=True):
        j = _cells_of(group, at)
        kind, others = _others(group, at)
        _refuse_gaps(device, group, at, j, kind, others)
        cell.append(np.repeat(j, group.orbitals))
        number = kind[:, None] * group.orbitals + np.arange(group.orbitals)
        orbital.append(len(labels) + number.reshape(-1))
        family = group.family
        name = f"{family.lattice}.{family.name}" if shared else family.name
        for other in others:
            labels += [" ".join([spelled(name, other), *one]) for one in components(group)]
            spin += spins(group)
    spaces = {group.spaces for group in device.sites}
    return RingPlaces(
        cells=cells,
        infinite=any(group.infinite for group in device.sites),
        index=device.sites[0].family.indices[which[0]].name,
        cell=np.concatenate(cell),
        orbital=np.concatenate(orbital),
        labels=tuple(labels),
        spin=np.array(spin, dtype=np.intp),
        spaces=spaces.pop() if len(spaces) == 1 else (),
    )


def _ring(group: SiteGroup) -> int:
    """Which index of a family runs over the ring."""
    found = [place for place, cells in enumerate(group.rings) if cells]
    if len(found) == 1:
        return found[0]
    name, span = group.family.name, group.family.span
    if not found:
        raise ModelError(f"no index of '{name}' runs over a ring: its modes have no momenta", span, hint=HINT)
    raise ModelError(
        f"{len(found)} indices of '{name}' run over rings: modes have one momentum", span, hint=HINT
    )


def _length(device: Device, which: list[int]) -> int:
    """Cells of the ring that all families share."""
    lengths = [group.rings[at] for group, at in zip(device.sites, which, strict=True)]
    said = [
        "infinitely many" if group.infinite else str(cells)
        for group, cells in zip(device.sites, lengths, strict=True)
    ]
    for group, words in zip(device.sites, said, strict=True):
        if words != said[0]:
            raise ModelError(
                f"'{device.sites[0].family.name}' has {said[0]} cells, '{group.family.name}' {words}",
                group.family.span,
                hint=HINT,
            )
    return lengths[0]


def _cells_of(group: SiteGroup, at: int) -> Integers:
    return np.asarray(group.index[group.family.indices[at].name], dtype=np.intp) - 1


def _others(group: SiteGroup, at: int) -> tuple[Integers, list[tuple[float, ...]]]:
    """Which combination of the other indices each site has, in the order of the sites, and all of them."""
    names = [index.name for place, index in enumerate(group.family.indices) if place != at]
    if not names:
        return np.zeros(group.count, dtype=np.intp), [()]
    columns = np.stack([np.asarray(group.index[name], dtype=float) for name in names], axis=-1)
    found, first, kind = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[kind.reshape(-1)], [tuple(found[row].tolist()) for row in order]


def _refuse_gaps(
    device: Device, group: SiteGroup, at: int, j: Integers, kind: Integers, others: list[tuple[float, ...]]
) -> None:
    cells = group.rings[at]
    there = np.zeros((cells, len(others)), dtype=bool)
    there[j, kind] = True
    if there.all():
        return
    cell, which = (int(part) for part in np.argwhere(~there)[0])
    index = [value + 0 for value in others[which]]
    index.insert(at, cell + 1)
    example = site_label(device, group.first + int(np.flatnonzero(kind == which)[0]))
    raise ModelError(
        f"the cells of the ring differ: there is '{example}', but no '{spelled(group.family.name, index)}'",
        group.family.span,
        hint=HINT,
    )
