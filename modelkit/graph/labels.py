"""Labels of sites, bonds and terminals: the author's words with values for the indices.

They are made on demand: a device has none.  ``label_makers`` are those of each kind of things that a
dimension of results may run over (``ResultDim.labels``): ``make(device, labels)`` gives all of a device,
shape (n,), where ``labels(kind)`` are those of another kind.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.condensate import CONDENSATE
from modelkit.elements.indices import spelled
from modelkit.graph.device import Device, SiteGroup, TerminalGroup
from modelkit.language.spaces import make_space
from modelkit.registry import Registry

Labels = NDArray[np.str_]
LabelMaker: TypeAlias = Callable[[Device, Callable[[str], Labels]], Labels]

label_makers: Registry[LabelMaker] = Registry("kind of labels", "kinds of labels")
label_makers.add("site", lambda device, labels: np.array(site_labels(device), dtype=np.str_))
label_makers.add("terminal", lambda device, labels: np.array(all_terminal_labels(device), dtype=np.str_))
label_makers.add(
    "region", lambda device, labels: np.array(region_labels(device, labels("site")), dtype=np.str_)
)
label_makers.add("orbital", lambda device, labels: orbital_labels(device, labels("site")))
label_makers.add(
    "dissipator", lambda device, labels: np.array([one.name for one in device.dissipators], dtype=np.str_)
)
label_makers.add("bond", lambda device, labels: bond_labels(device, labels("site")))


def site_labels(device: Device) -> list[str]:
    """``c[3]``, ``d[3,4]``, ``dot``; ``wire.c[3]`` where lattices share the name of a family."""
    shared = Counter(group.family.name for group in device.sites)
    return [label for group in device.sites for label in _of_sites(group, shared[group.family.name] > 1)]


def site_label(device: Device, site: int) -> str:
    """The label of one site, without those of all others."""
    shared = Counter(group.family.name for group in device.sites)
    group = next(one for one in device.sites if one.first <= site < one.first + one.count)
    row = site - group.first
    name = (
        f"{group.family.lattice}.{group.family.name}" if shared[group.family.name] > 1 else group.family.name
    )
    return spelled(name, [group.index[index.name][row] for index in group.family.indices])


def region_labels(device: Device, sites: Labels) -> list[str]:
    """Labels of the unknown potentials, screening by screening; ``sites`` are those of the sites.

    A region's or lattice's name, or the site's label where each site has a potential.  Without
    screening the names of the regions.
    """
    if not device.screening:
        return [region.name for region in device.regions]
    return [
        label
        for group in device.screening
        for label in (group.names or sites[group.membership >= 0].tolist())
    ]


def terminal_labels(device: Device) -> list[str]:
    """``L``, ``S[2]``, in the order of the device's terminals; those that are declared."""
    return [label for group in device.terminals for label in _of_terminals(group)]


def all_terminal_labels(device: Device) -> list[str]:
    """The declared terminals, and behind them the condensate of a superconducting device."""
    return [*terminal_labels(device), *[CONDENSATE] * device.superconducting]


def bond_labels(device: Device, sites: Labels) -> Labels:
    """``c[3]->c[4]``, the arrow as declared, shape (n_bonds,); ``sites`` are the labels of the sites."""
    bonds = device.bonds
    return np.strings.add(np.strings.add(sites[bonds.source], "->"), sites[bonds.target])


def orbital_labels(device: Device, sites: Labels) -> Labels:
    """``c[3]``, ``c[3] up``, ``c[3] up 2``: the site and its components, shape (n_orbitals,)."""
    found: list[str] = []
    for group in device.sites:
        words = [" ".join(one) for one in components(group)] if group.orbitals > 1 else [""]
        own = sites[group.first : group.first + group.count].tolist()
        found += [" ".join(filter(None, (site, word))) for site in own for word in words]
    return np.array(found, dtype=np.str_)


def components(group: SiteGroup) -> list[tuple[str, ...]]:
    """The components of a site, as formulas name them: a word for each internal space."""
    sized = [None if name == "orbital" else make_space(name) for name in group.spaces]
    rest = group.orbitals // math.prod(one.dimension for one in sized if one is not None)
    numbers = tuple(str(k + 1) for k in range(rest))
    words = [numbers if one is None else one.labels for one in sized]
    return list(itertools.product(*words))


def spins(group: SiteGroup) -> list[int]:
    """Of each component of a site: 0 for up, 1 for down, -1 without spin."""
    at = group.spaces.index("spin") if "spin" in group.spaces else None
    return [-1 if at is None else ("up", "down").index(one[at]) for one in components(group)]


def terminal_sites(device: Device, sites: Labels) -> Labels:
    """The label of the site that each terminal touches, "" for several; as ``all_terminal_labels``."""
    found = [np.zeros(0, dtype=sites.dtype)]
    for group in device.terminals:
        site = np.zeros(group.count, dtype=np.intp)
        site[group.member] = group.site
        alone = np.bincount(group.member, minlength=group.count) == 1
        found.append(np.where(alone, sites[site], ""))
    found.append(np.full(int(device.superconducting), "", dtype=sites.dtype))
    return np.concatenate(found)


def _of_sites(group: SiteGroup, shared: bool) -> list[str]:
    name = f"{group.family.lattice}.{group.family.name}" if shared else group.family.name
    return _spelled(name, [index.name for index in group.family.indices], group.index, group.count)


def _of_terminals(group: TerminalGroup) -> list[str]:
    terminal = group.terminal
    return _spelled(terminal.name, [index.name for index in terminal.indices], group.index, group.count)


def _spelled(name: str, indices: Sequence[str], columns: Mapping[str, Any], count: int) -> list[str]:
    if not indices:
        return [name] * count
    values = (columns[index].tolist() for index in indices)
    return [spelled(name, at) for at in zip(*values, strict=True)]
