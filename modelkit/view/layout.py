"""Where sites and terminals stand in a picture, with and without declared positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Device

Floats = NDArray[np.float64]
OBLIQUE = np.array([[1.0, 0.0], [0.0, 1.0], [0.45, 0.3]])  # a third coordinate points to the back
ANGLES = np.pi / 2 + np.pi / 4 * np.array([0, 4, 2, 6, 1, 7, 3, 5])  # up, down, left, right, diagonals
AROUND = (  # where a label stands: rather aside than over or under a site, below, to the right
    np.pi / 12 * np.array(sorted(range(-12, 12), key=lambda k: (abs(k) == 6, k > 0, abs(k) > 6, abs(k))))
)


@dataclass(frozen=True)
class Place:
    """Where a terminal stands, and the sites (numbers) that it touches."""

    group: int
    member: int
    at: Floats
    sites: tuple[int, ...]


def site_places(device: Device) -> Floats:
    """Positions of all sites in the plane, shape (n_sites, 2), the typical bond having length 1.

    Declared positions are used where there are any; sites without are placed by their bonds.
    """
    known = np.full((device.size, 2), np.nan)
    for group in device.sites:
        if group.position is not None:
            shown = group.position @ OBLIQUE[: group.position.shape[1]]
            known[group.first : group.first + group.count] = shown
    given = ~np.isnan(known[:, 0])
    if given.all():
        return known / _spacing(known, device)
    if given.any():
        known /= _spacing(known[given], None)
    return _by_bonds(device, known, given)


def terminal_places(device: Device, sites: Floats) -> list[Place]:
    """A place for every terminal: beside its site where no bond runs, or beside the middle of its sites."""
    bonds = _directions(device, sites)
    middle = sites.mean(axis=0)
    found: list[Place] = []
    for number, group in enumerate(device.terminals):
        touched: dict[int, list[int]] = {member: [] for member in range(group.count)}
        for site, member in zip(group.site.tolist(), group.member.tolist(), strict=True):
            touched[member].append(site)
        for member, here in touched.items():
            centre = sites[here].mean(axis=0) if here else middle
            if len(here) == 1:
                angle = _free(bonds[here[0]], number)
                bonds[here[0]].append(angle)
                reach = 1.0
            else:
                away = centre - middle
                angle = float(np.arctan2(away[1], away[0])) if np.hypot(*away) > 1e-9 else np.pi / 2
                along = (sites[here] - centre) @ np.array([np.cos(angle), np.sin(angle)])
                reach = 1.6 + float(np.max(along, initial=0.0))  # beyond all sites that it touches
            at = centre + reach * np.array([np.cos(angle), np.sin(angle)])
            found.append(Place(number, member, at, tuple(here)))
    return found


def label_angles(device: Device, sites: Floats, terminals: Sequence[Place]) -> Floats:
    """The direction at each site that is farthest from its bonds and contacts, shape (n_sites,).

    To the right and below where several are as good: words are wide.
    """
    taken = _directions(device, sites)
    for place in terminals:
        for site in place.sites:
            step = place.at - sites[site]
            taken[site].append(float(np.arctan2(step[1], step[0])))
    return np.array([_widest(angles) for angles in taken])


def _spacing(places: Floats, device: Device | None) -> float:
    """The typical distance of neighbours: median over the bonds, else over the sites in a row."""
    if device is not None and len(device.bonds.source):
        lengths = np.linalg.norm(places[device.bonds.source] - places[device.bonds.target], axis=1)
        lengths = lengths[lengths > 0]
        if len(lengths):
            return float(np.min(lengths) if len(lengths) < 3 else np.quantile(lengths, 0.05))
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 1.0


def _by_bonds(device: Device, known: Floats, given: NDArray[np.bool_]) -> Floats:
    """Place sites by the graph of the bonds, its connected parts one above the other."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(device.size))
    graph.add_edges_from(zip(device.bonds.source.tolist(), device.bonds.target.tolist(), strict=True))
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    places = known.copy()
    floor = float(np.nanmin(known[:, 1])) - 3 if given.any() else 0.0
    for part in sorted(nx.connected_components(graph), key=min):
        members = sorted(part)
        fixed = [site for site in members if given[site]]
        if len(fixed) == len(members):
            continue
        shape = _part(graph.subgraph(part), members, {site: known[site] for site in fixed})
        if not fixed:
            shape -= [shape[:, 0].min(), shape[:, 1].max() - floor]
            floor = float(shape[:, 1].min()) - 3
        places[members] = shape
    return places


def _part(graph: object, members: list[int], fixed: dict[int, Floats]) -> Floats:
    """Places of a connected part: a row, a ring, or balanced springs."""
    import networkx as nx

    degrees = dict(nx.degree(graph))
    count = len(members)
    if not fixed and count > 2 and set(degrees.values()) == {2}:
        angle = 2 * np.pi * np.arange(count) / count
        order = {node: k for k, (node, _) in enumerate(nx.find_cycle(graph))}
        ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * count / (2 * np.pi)
        return np.array([ring[order[node]] for node in members])
    if not fixed and max(degrees.values()) <= 2:
        start = next(node for node in members if degrees[node] < 2)
        row = {node: k for k, node in enumerate(nx.dfs_preorder_nodes(graph, start))}
        return np.array([[float(row[node]), 0.0] for node in members])
    if fixed:
        found = nx.spring_layout(graph, pos=fixed | _near(graph, members, fixed), fixed=list(fixed), seed=1)
    elif count <= 150:
        found = nx.kamada_kawai_layout(graph, pos=nx.spectral_layout(graph))  # unfolded to begin with
    else:
        found = nx.spring_layout(graph, seed=1)
    places = np.array([found[node] for node in members], dtype=float)
    if fixed:
        return places
    lengths = [float(np.linalg.norm(found[one] - found[other])) for one, other in nx.edges(graph)]
    return places / (float(np.median(lengths)) or 1.0)


def _near(graph: object, members: list[int], fixed: dict[int, Floats]) -> dict[int, Floats]:
    """First guesses for sites without a position: below the fixed ones."""
    centre = np.mean(list(fixed.values()), axis=0)
    free = [site for site in members if site not in fixed]
    return {site: centre + np.array([0.5 * k, -1.5]) for k, site in enumerate(free)}


def _directions(device: Device, sites: Floats) -> list[list[float]]:
    """Angles of the bonds that leave each site; far partners do not count."""
    found: list[list[float]] = [[] for _ in range(device.size)]
    for one, other in zip(device.bonds.source.tolist(), device.bonds.target.tolist(), strict=True):
        step = sites[other] - sites[one]
        if 0 < np.hypot(*step) < 1.6:
            angle = float(np.arctan2(step[1], step[0]))
            found[one].append(angle)
            found[other].append(angle + np.pi)
    return found


def _widest(taken: list[float]) -> float:
    if not taken:
        return -np.pi / 2
    away = np.min(np.abs(np.angle(np.exp(1j * (AROUND[:, None] - np.array(taken))))), axis=1)
    return float(AROUND[int(np.argmax(np.round(away, 6)))])


def _free(taken: list[float], number: int) -> float:
    """The direction farthest from those taken; up and down in turns where several are as good."""
    if len(taken) == 1:
        return taken[0] + np.pi  # the end of a chain: go on
    turned = np.roll(ANGLES[:2], number % 2).tolist() + ANGLES[2:].tolist()
    if not taken:
        return float(turned[0])
    away = [min(abs(np.angle(np.exp(1j * (angle - other)))) for other in taken) for angle in turned]
    return float(turned[int(np.argmax(np.round(away, 6)))])
