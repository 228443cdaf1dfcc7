"""Hand-made devices: a chain, a ring, a strip, with and without positions."""

from __future__ import annotations

import numpy as np
import sympy as sp

from modelkit.elements.indices import Index, Range
from modelkit.elements.lattices import SiteFamily
from modelkit.elements.terminals import Attachment, Condition, SelfEnergyCall, Terminal
from modelkit.graph.device import Bonds, ConditionValues, Device, Entries, SiteGroup, TerminalGroup

NONE = np.zeros(0, dtype=np.intp)
EMPTY = Entries(NONE, NONE, np.zeros(0, dtype=complex), NONE)


def device(
    pairs: list[tuple[int, int]], sites: int, positions: np.ndarray | None, touched: dict[str, list[int]]
) -> Device:
    """Sites 0..sites-1 joined by pairs; each terminal touches sites one by one, L and R are baths."""
    symbol = sp.Symbol("l", integer=True)
    index = Index(symbol, Range(sp.Integer(1), sp.Integer(sites)))
    family = SiteFamily("wire", "c", (index,))
    group = SiteGroup(family, 0, sites, {"l": np.arange(1, sites + 1)}, positions, 1, 1.0)
    source, target = (np.array([pair[k] for pair in pairs], dtype=np.intp) for k in (0, 1))
    bonds = np.arange(len(pairs))
    hops = Entries(target, source, -np.ones(len(pairs), dtype=complex), bonds)
    groups, first = [], 0
    for name, here in touched.items():
        groups.append(_terminal(name, here, first, index))
        first += len(here)
    offset = np.arange(sites + 1)
    return Device(
        {}, (group,), offset, EMPTY, hops, EMPTY, Bonds(source, target), tuple(groups), {}, ("hand", sites)
    )


def _terminal(name: str, here: list[int], first: int, index: Index) -> TerminalGroup:
    probe = name not in "LR"
    count = len(here)
    condition = (Condition("I", sp.Integer(0)),) if probe else ()
    given = (ConditionValues("mu", "I", np.zeros(count), np.zeros(count)),) if probe else ()
    terminal = Terminal(
        "probe" if probe else "bath", name, (index,) if probe else (), sp.true,
        (Attachment("wire", "c", (sp.Symbol("l", integer=True),)),),
        SelfEnergyCall("wide_band", {"Gamma": sp.Integer(1)}),
        {}, ("mu",) if probe else (), condition,
    )  # fmt: skip
    numbers = {"l": np.array(here) + 1} if probe else {}
    return TerminalGroup(terminal, first, count, numbers, {}, {}, given, np.array(here), np.arange(count))


def row(sites: int = 12, placed: bool = True) -> Device:
    """A chain with sources and drains."""
    positions = np.stack([np.arange(1, sites + 1.0), np.zeros(sites)], axis=1) if placed else None
    touched = {
        "L": [0],
        "R": [sites - 1],
        "S": list(range(1, sites - 1, 2)),
        "D": list(range(2, sites - 1, 2)),
    }
    return device([(k, k + 1) for k in range(sites - 1)], sites, positions, touched)


def ring(sites: int = 8) -> Device:
    """A ring without positions and one probe."""
    return device(
        [(k, (k + 1) % sites) for k in range(sites)], sites, None, {"L": [0], "R": [sites // 2], "P": [2]}
    )


def far(sites: int = 12) -> Device:
    """Every site joined to every other, on a line."""
    positions = np.stack([np.arange(1, sites + 1.0), np.zeros(sites)], axis=1)
    pairs = [(a, b) for a in range(sites) for b in range(a + 1, sites)]
    made = device(pairs, sites, positions, {"L": [0], "R": [sites - 1], "S": list(range(1, sites - 1, 2))})
    made.hops.value[:] = [-1 / (b - a) ** 2 for a, b in pairs]
    return made


def strip(columns: int = 8, rows: int = 4, placed: bool = True) -> Device:
    """A square lattice with a probe at its upper edge."""
    number = {(x, y): x * rows + y for x in range(columns) for y in range(rows)}
    pairs = [(number[x, y], number[x + 1, y]) for x in range(columns - 1) for y in range(rows)]
    pairs += [(number[x, y], number[x, y + 1]) for x in range(columns) for y in range(rows - 1)]
    positions = np.array([[x, y] for x, y in number], dtype=float) if placed else None
    return device(
        pairs, len(number), positions, {"L": [0], "R": [len(number) - 1], "P": [number[4, rows - 1]]}
    )
