"""The device as a networkx graph of sites and terminals, for people and for small algorithms.

No solver goes through it: a graph of 90 000 sites alone takes longer than their Hamiltonian.
"""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np

from modelkit.graph.device import Complexes, Device, Entries, Floats, TerminalGroup
from modelkit.graph.labels import bond_labels, site_labels, terminal_labels


def device_graph(device: Device) -> nx.MultiDiGraph:
    """Sites, hops and terminals of a device.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are labels (``c[3]``, ``S[2]``).  A site has ``kind`` "site", ``lattice``, ``family``,
        ``index`` (name to value), ``position`` (tuple or None), ``orbitals``, ``onsite`` (d, d),
        ``potential`` (prescribed, not in ``onsite``), ``regions`` (names of those that hold it).
        A gate that something is coupled to has ``kind`` "gate", ``name`` and ``potential``.
        A terminal has ``kind`` "terminal", ``noun``, ``name``, ``index``, ``given`` (mu, T as far
        as given), ``conditions`` ((unknown, quantity, constant, slope) each), ``self_energy`` (its
        kind).  Edges: ``kind`` "hop" from source to target with ``matrix`` (d_to, d_from), the
        coefficient of ``c†_to c_from``, and ``label``; ``kind`` "pair" with ``matrix`` Delta of
        ``Delta c_from c_to`` (lattices without nambu); ``kind`` "pair_block" with the block of H
        for lattices with nambu; ``kind`` "attachment" from a terminal to a site; ``kind`` "capacitance" from
        a gate to the sites that it is coupled to, with ``region`` (the number of their potential) and
        ``capacitance`` (of all of them together).
    """
    graph = nx.MultiDiGraph()
    names = site_labels(device)
    _add_sites(graph, device, names)
    labels = bond_labels(device, np.array(names)).tolist()
    on_bond = device.hops.bond >= 0
    blocks = _blocks(device, device.hops, on_bond)
    bonds = zip(device.bonds.source.tolist(), device.bonds.target.tolist(), labels, strict=True)
    for source, target, label in bonds:
        matrix = blocks.get((target, source), _zeros(device, target, source))
        graph.add_edge(names[source], names[target], kind="hop", matrix=matrix, label=label)
    for (to, source), matrix in _blocks(device, device.hops, ~on_bond).items():
        graph.add_edge(names[source], names[to], kind="pair_block", matrix=matrix)
    every = np.ones(len(device.pairs.row), dtype=bool)
    for (one, other), matrix in _blocks(device, device.pairs, every).items():
        graph.add_edge(names[one], names[other], kind="pair", matrix=matrix)
    _add_terminals(graph, device, names)
    _add_gates(graph, device, names)
    return graph


def _add_sites(graph: nx.MultiDiGraph, device: Device, names: list[str]) -> None:
    home = _blocks(device, device.onsite, np.ones(len(device.onsite.row), dtype=bool))
    regions: dict[int, tuple[str, ...]] = {}
    for region in device.regions:
        for site in region.site.tolist():
            regions[site] = (*regions.get(site, ()), region.name)
    potential = device.potential.tolist() or [0.0] * device.size
    for group in device.sites:
        for row in range(group.count):
            site = group.first + row
            graph.add_node(
                names[site],
                kind="site",
                lattice=group.family.lattice,
                family=group.family.name,
                index={name: column[row].item() for name, column in group.index.items()},
                position=None if group.position is None else tuple(group.position[row].tolist()),
                orbitals=group.orbitals,
                onsite=home.get((site, site), _zeros(device, site, site)),
                potential=potential[site],
                regions=regions.get(site, ()),
            )


def _add_gates(graph: nx.MultiDiGraph, device: Device, names: list[str]) -> None:
    for group in device.screening:
        couplings = group.couplings.tocoo()
        for unknown, column, value in zip(couplings.row, couplings.col, couplings.data, strict=True):
            electrode = group.electrodes[int(column)]
            if electrode.kind != "gate":
                continue
            graph.add_node(electrode.label, kind="gate", name=electrode.label, potential=electrode.potential)
            relation = {"region": group.first + int(unknown), "capacitance": -float(value)}
            for site in np.flatnonzero(group.membership == unknown).tolist():
                graph.add_edge(electrode.label, names[site], kind="capacitance", **relation)


def _add_terminals(graph: nx.MultiDiGraph, device: Device, names: list[str]) -> None:
    labels = terminal_labels(device)
    for group in device.terminals:
        for row in range(group.count):
            graph.add_node(labels[group.first + row], **_terminal(group, row))
        for member, site in zip(group.member.tolist(), group.site.tolist(), strict=True):
            graph.add_edge(labels[group.first + member], names[site], kind="attachment")


def _terminal(group: TerminalGroup, row: int) -> dict[str, Any]:
    return {
        "kind": "terminal",
        "noun": group.terminal.noun,
        "name": group.terminal.name,
        "index": {name: column[row].item() for name, column in group.index.items()},
        "given": {name: float(column[row]) for name, column in group.given.items()},
        "conditions": tuple(
            (one.unknown, one.quantity, float(one.constant[row]), float(one.slope[row]))
            for one in group.conditions
        ),
        "self_energy": group.terminal.self_energy.kind,
    }


def _zeros(device: Device, to: int, source: int) -> Complexes:
    size = np.diff(device.offset)
    return np.zeros((int(size[to]), int(size[source])), dtype=np.complex128)


def _blocks(device: Device, entries: Entries, chosen: Any) -> dict[tuple[int, int], Complexes]:
    """Sum of the entries of each pair of sites (row, column) as matrices."""
    offset: Any = device.offset
    row, column = entries.row[chosen], entries.column[chosen]
    to, source = (np.searchsorted(offset, orbital, side="right") - 1 for orbital in (row, column))
    found: dict[tuple[int, int], Complexes] = {}
    places = zip(
        to.tolist(),
        source.tolist(),
        (row - offset[to]).tolist(),
        (column - offset[source]).tolist(),
        strict=True,
    )
    values: Floats = entries.value[chosen]
    for (one, other, a, b), value in zip(places, values.tolist(), strict=True):
        if (one, other) not in found:
            found[one, other] = _zeros(device, one, other)
        found[one, other][a, b] += value
    return found
