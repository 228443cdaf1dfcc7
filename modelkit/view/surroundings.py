"""Regions and gates in the picture of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Device
from modelkit.view.layout import Floats
from modelkit.view.style import Style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
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
    coupled: dict[str, set[int]] = {}
    for group in device.screening:
        for column, electrode in enumerate(group.electrodes):
            if electrode.kind == "gate":
                unknowns = group.couplings[:, [column]].nonzero()[0]
                here = np.flatnonzero(np.isin(group.membership, unknowns))
                coupled.setdefault(electrode.label, set()).update(here.tolist())
    found = []
    for number, (label, here) in enumerate(coupled.items()):
        middle = sites[sorted(here)].mean(axis=0)
        found.append(GatePlace(label, np.array([middle[0], lowest - 1.2 - 0.8 * number]), middle))
    return found


def draw_regions(axes: Axes, device: Device, sites: Floats, style: Style) -> list[Artist]:
    """Shade the sites of every region; legend handles.  Regions that overlap differ in size and hatch."""
    from matplotlib.collections import EllipseCollection
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    handles: list[Artist] = []
    for number, region in enumerate(device.regions):
        colour = np.array(to_rgb(style.colours[-1 - number % len(style.colours)]))
        shade = tuple(1 - TINT * (1 - colour))
        hatch = HATCHES[number % len(HATCHES)]
        size = 2 * (RADIUS - SMALLER * (number % len(HATCHES)))
        look = {"facecolor": shade, "edgecolor": tuple(colour) if hatch else shade, "hatch": hatch, "linewidth": 0}
        axes.add_collection(
            EllipseCollection(
                size, size, 0, units="xy", offsets=sites[region.site], offset_transform=axes.transData,
                facecolors=[shade], edgecolors=[look["edgecolor"]], hatch=hatch or None, linewidths=0,
                zorder=0.1 + 0.01 * number,
            )
        )  # fmt: skip
        handles.append(Patch(label=f"region {region.name}", **look))
    return handles


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
