"""Labels and helper coordinates of a device, made when a Dataset needs them and kept while they hold."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Device
from modelkit.graph.labels import label_makers, terminal_sites
from modelkit.registry import result_dims
from modelkit.results.dataset import Labelled

Array = NDArray[Any]
AXIS = "axis"  # the dimension of positions: x, y, z


class Frame:
    """What the positions in a device's arrays are called.

    ``labels(dim)`` has shape (n_terminals,), (n_sites,), (n_bonds,), (number of unknown potentials,), ...; a
    superconducting device has the condensate as its last terminal.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self._made: dict[str, Array] = {}

    def labels(self, dim: str) -> Array:
        """Labels of a dimension that has some, in the order of the arrays."""
        known = result_dims[dim]
        return np.array(known.words) if known.labels is None else self._of_kind(known.labels)

    def coordinates(self, dim: str) -> dict[str, Labelled]:
        """Helper coordinates along a dimension.

        ``terminal_site``: the site that a terminal touches, ``""`` if several; in a Dataset it also runs
        over the sweeps along which a terminal moves, ``""`` where it is absent.  ``site_number`` counts the
        sites of each lattice from 1, or is the index where a lattice is one family with one index.
        Where the model gives positions: ``position`` (site, axis), ``bond_start`` and ``bond_end`` (bond,
        axis), and ``region_position`` (region, axis) of potentials that are those of single sites.
        """
        if dim == "terminal":
            return {"terminal_site": Labelled(("terminal",), self._touched)}
        found = {"site_number": Labelled(("site",), self._numbers)} if dim == "site" else {}
        if any(group.position is not None for group in self.device.sites):
            found |= {name: Labelled((dim, AXIS), values) for name, values in self._placed(dim).items()}
        return found

    def _placed(self, dim: str) -> dict[str, Array]:
        """Positions along a dimension, each of shape (n, number of axes)."""
        if dim == "site":
            return {"position": self._positions}
        if dim == "bond":
            bonds = self.device.bonds
            return {"bond_start": self._positions[bonds.source], "bond_end": self._positions[bonds.target]}
        if dim == "region":
            number = {label: k for k, label in enumerate(self.labels("site").tolist())}
            sites = [number.get(label) for label in self.labels(dim).tolist()]
            if None not in sites:
                return {"region_position": self._positions[np.array(sites, dtype=np.intp)]}
        return {}

    def describes(self, device: Device) -> bool:
        """Whether another device has these very labels and coordinates (its arrays are shared)."""
        if device is self.device:
            return True
        return (
            device.superconducting == self.device.superconducting
            and len(device.sites) == len(self.device.sites)
            and len(device.terminals) == len(self.device.terminals)
            and _same_regions(device, self.device)
            and _same(device.bonds.source, self.device.bonds.source)
            and _same(device.bonds.target, self.device.bonds.target)
            and all(
                _same_indices(one.index, other.index) and _same(one.position, other.position)
                for one, other in zip(device.sites, self.device.sites, strict=True)
            )
            and all(
                _same_indices(one.index, other.index)
                and _same(one.site, other.site)
                and _same(one.member, other.member)
                for one, other in zip(device.terminals, self.device.terminals, strict=True)
            )
        )

    def _of_kind(self, kind: str) -> Array:
        if kind not in self._made:
            self._made[kind] = label_makers[kind](self.device, self._of_kind)
        return self._made[kind]

    @cached_property
    def _touched(self) -> Array:
        return terminal_sites(self.device, self._of_kind("site"))

    @cached_property
    def _numbers(self) -> Array:
        groups = self.device.sites
        lattices = [group.family.lattice for group in groups]
        numbers: list[Array] = []
        counted: dict[str, int] = {}
        for group, lattice in zip(groups, lattices, strict=True):
            start = counted.get(lattice, 0)
            counted[lattice] = start + group.count
            if len(group.index) == 1 and lattices.count(lattice) == 1:
                numbers.extend(np.asarray(values, dtype=float) for values in group.index.values())
            else:
                numbers.append(np.arange(start + 1, start + group.count + 1, dtype=float))
        return np.concatenate(numbers)

    @cached_property
    def _positions(self) -> Array:
        positions = [group.position for group in self.device.sites]
        width = max(position.shape[1] for position in positions if position is not None)
        found = np.full((self.device.size, width), np.nan)
        for group, position in zip(self.device.sites, positions, strict=True):
            if position is not None:
                found[group.first : group.first + group.count, : position.shape[1]] = position
        return found


def _same(one: Array | None, other: Array | None) -> bool:
    if one is other:
        return True
    return one is not None and other is not None and np.array_equal(one, other)


def _same_regions(one: Device, other: Device) -> bool:
    """Whether the unknown potentials are called the same, given equal sites."""
    return [region.name for region in one.regions] == [region.name for region in other.regions] and all(
        mine.names == yours.names and _same(mine.membership, yours.membership)
        for mine, yours in zip(one.screening, other.screening, strict=True)
    )


def _same_indices(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
