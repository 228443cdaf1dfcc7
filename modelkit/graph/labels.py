"""Labels of sites, bonds and terminals: the author's words with values for the indices.

They are made on demand: a device has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelkit.graph.device import Device, SiteGroup, TerminalGroup
from modelkit.graph.sites import index_text


def site_labels(device: Device) -> list[str]:
    """``c[3]``, ``d[3,4]``, ``dot``; ``wire.c[3]`` where lattices share the name of a family."""
    shared = Counter(group.family.name for group in device.sites)
    return [label for group in device.sites for label in _of_sites(group, shared[group.family.name] > 1)]


def terminal_labels(device: Device) -> list[str]:
    """``L``, ``S[2]``, in the order of the device's terminals."""
    return [label for group in device.terminals for label in _of_terminals(group)]


def bond_labels(device: Device) -> list[str]:
    """``c[3]->c[4]``, the arrow as declared."""
    names = site_labels(device)
    pairs = zip(device.bonds.source.tolist(), device.bonds.target.tolist(), strict=True)
    return [f"{names[source]}->{names[target]}" for source, target in pairs]


def terminal_sites(device: Device) -> list[str]:
    """The label of the site that each terminal touches; empty where it touches several."""
    names = site_labels(device)
    found: list[str] = []
    for group in device.terminals:
        touched = np.bincount(group.member, minlength=group.count)
        site = np.zeros(group.count, dtype=np.intp)
        site[group.member] = group.site
        found += [
            names[place] if alone else ""
            for place, alone in zip(site.tolist(), (touched == 1).tolist(), strict=True)
        ]
    return found


def _of_sites(group: SiteGroup, shared: bool) -> list[str]:
    name = f"{group.family.lattice}.{group.family.name}" if shared else group.family.name
    return _spelled(name, [index.name for index in group.family.indices], group.index, group.count)


def _of_terminals(group: TerminalGroup) -> list[str]:
    terminal = group.terminal
    return _spelled(terminal.name, [index.name for index in terminal.indices], group.index, group.count)


def _spelled(name: str, indices: Sequence[str], columns: Mapping[str, Any], count: int) -> list[str]:
    if not indices:
        return [name] * count
    texts = [
        map(str, columns[index].tolist())
        if columns[index].dtype.kind == "i"
        else map(index_text, columns[index].tolist())
        for index in indices
    ]
    return [f"{name}[{','.join(parts)}]" for parts in zip(*texts, strict=True)]
