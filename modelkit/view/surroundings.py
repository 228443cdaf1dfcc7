"""Regions and gates in the picture of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Device
from modelkit.view.layout import Floats
from modelkit.view.style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TINT = 0.22  # share of the colour in a region's shade
HATCHES = ("", "////", "....", "xxxx")
RADIUS, SMALLER = 0.47, 0.07  # of the shade around a site, between neighbours at distance 1


@dataclass(frozen=True)
class GatePlace:
    """Where a gate stands, and the middle of what it couples to."""

    label: str
    at: Floats
    towards: Floats


def gate_places(device: Device, sites: Floats, lowest: float) -> list[GatePlace]:
    """A place below the device for every gate that something is coupled to."""
    coupled: dict[str, list[int]] = {}
    for group in device.screening:
        for column, electrode in enumerate(group.electrodes):
            if electrode.kind == "gate":
                unknowns = group.couplings[:, [column]].nonzero()[0]
                here = np.flatnonzero(np.isin(group.membership, unknowns))
                coupled.setdefault(electrode.label, []).extend(here.tolist())
    found = []
    for number, (label, touched) in enumerate(coupled.items()):
        middle = sites[touched].mean(axis=0)
        found.append(GatePlace(label, np.array([middle[0], lowest - 1.2 - 0.8 * number]), middle))
    return found


def draw_regions(axes: Axes, device: Device, sites: Floats, style: Style) -> None:
    """Shade the sites of every region, with its name; regions that overlap differ in size and hatch."""
    from matplotlib.collections import EllipseCollection
    from matplotlib.colors import to_rgb

    for number, region in enumerate(device.regions):
        colour = np.array(to_rgb(style.colours[number % len(style.colours)]))
        shade, kind = tuple(1 - TINT * (1 - colour)), number % len(HATCHES)
        size, here = 2 * (RADIUS - SMALLER * kind), sites[region.site]
        axes.add_collection(
            EllipseCollection(
                size, size, 0, units="xy", offsets=here, offset_transform=axes.transData,
                facecolors=[shade], edgecolors=[tuple(colour) if HATCHES[kind] else shade],
                hatch=HATCHES[kind] or None, linewidths=0, zorder=0.1 + 0.01 * number,
            )
        )  # fmt: skip
        above = 1 if kind < 2 else -1
        edge = float(here[:, 1].max() + RADIUS) if above > 0 else float(here[:, 1].min() - RADIUS)
        axes.annotate(
            region.name, (float(here[:, 0].mean()), edge), (0, above * (2 + 7 * (kind % 2))),
            textcoords="offset points", ha="center", va="bottom" if above > 0 else "top",
            fontsize=6, color=tuple(0.8 * colour), zorder=5,
        )  # fmt: skip


def draw_gates(axes: Axes, places: list[GatePlace], style: Style) -> None:
    """A bar for each gate, and a dotted line to what it couples to."""
    for place in places:
        ends = np.array([place.at, place.towards])
        axes.plot(ends[:, 0], ends[:, 1], ":", color=style.faint, linewidth=0.8 * style.line, zorder=0.5)
        x, y = place.at
        axes.plot([x - 0.5, x + 0.5], [y, y], color=style.ink, linewidth=4 * style.line, zorder=4)
        axes.annotate(
            place.label, (x + 0.5, y), (4, 0), textcoords="offset points", ha="left", va="center",
            fontsize=6, color=style.ink, zorder=5,
        )  # fmt: skip
