"""The picture of a device: sites, hops, terminals, regions, gates, to scale with declared positions."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkit.errors import ModelError
from modelkit.graph.device import Device, TerminalGroup
from modelkit.graph.labels import site_labels, terminal_labels
from modelkit.language.symbols import symbol
from modelkit.view.encoding import ROW, legend
from modelkit.view.layout import Floats, Place, label_angles, site_places, terminal_places
from modelkit.view.style import PLAIN, Style
from modelkit.view.surroundings import draw_gates, draw_regions, gate_places

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 2000  # sites; more would be a smear
LETTERS = 54  # of a line of the title over the width of a column
TALLEST = 1.25  # height over the width of a column


def draw(device: Device, title: str = "", style: Style = PLAIN) -> Figure:
    """Draw a device.

    Bonds are as thick as their hops are strong, bonds to far partners are arcs.  A filled square is
    a bath, an open circle a probe; the legend says what a probe solves.  Regions are shaded; a bar below
    is a gate, with a dotted line to what it is coupled to.

    Raises ModelError for more sites than a picture can show.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if device.size > MOST:
        raise ModelError(
            f"a picture of {device.size} sites shows nothing",
            hint=f"draw at most {MOST} sites: give a smaller size",
        )
    sites = site_places(device)
    terminals = terminal_places(device, sites)
    corners = np.concatenate([sites, *(place.at[None] for place in terminals)])
    gates = gate_places(device, sites, float(corners[:, 1].min()))
    corners = np.concatenate([corners, *(place.at[None] for place in gates)])
    span = np.maximum(np.ptp(corners, axis=0) + np.array([1.2, 1.8]), 1.0)
    width = style.wide if span[0] > 16 else style.width
    with mpl.rc_context(style.settings()):
        inches = min(width / span[0], TALLEST * style.width / span[1])  # between neighbours
        height = inches * span[1] + 0.3 + 0.12 * len(device.terminals)  # the legend included
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        axes = drawn.add_subplot()
        step = 72 * float(inches)  # in points
        _bonds(axes, device, sites, style)
        handles = _terminals(axes, device, sites, terminals, step, style)
        draw_regions(axes, device, sites, style)
        draw_gates(axes, gates, style)
        _sites(axes, device, sites, terminals, step, style)
        axes.set_xlim(corners[:, 0].min() - 0.6, corners[:, 0].max() + 0.6)
        axes.set_ylim(corners[:, 1].min() - 0.9, corners[:, 1].max() + 0.9)
        axes.set_aspect("equal")
        axes.set_axis_off()
        if title:
            letters = int(LETTERS * width / style.width)
            drawn.suptitle(textwrap.fill(title, letters), fontsize=style.size)
        legend(axes, handles, row=int(1.3 * ROW * width / style.width), always=True)
        drawn.draw_without_rendering()
    return drawn


def _bonds(axes: Axes, device: Device, sites: Floats, style: Style) -> None:
    from matplotlib.collections import PathCollection

    strength = _strength(device)
    largest = float(strength.max()) if len(strength) and strength.max() > 0 else 1.0
    pairs = zip(device.bonds.source.tolist(), device.bonds.target.tolist(), strict=True)
    paths = [_path(sites[one], sites[other]) for one, other in pairs]
    widths = style.line * (0.25 + 1.25 * strength / largest)
    axes.add_collection(
        PathCollection(paths, facecolors="none", edgecolors=style.faint, linewidths=widths, zorder=1)
    )


def _strength(device: Device) -> Floats:
    """Largest matrix element of each bond, shape (n_bonds,)."""
    found = np.zeros(len(device.bonds.source))
    on = device.hops.bond >= 0
    np.maximum.at(found, device.hops.bond[on], np.abs(device.hops.value[on]))
    return found


def _path(one: Floats, other: Floats) -> Any:
    """A straight bond to a neighbour, an arc to a far partner."""
    from matplotlib.path import Path

    step = other - one
    distance = float(np.hypot(*step))
    if distance < 1.8:
        return Path(np.array([one, other]))
    bend = (one + other) / 2 + np.array([-step[1], step[0]]) / distance * (0.35 * distance**0.7)
    return Path(np.array([one, bend, other]), [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def _sites(
    axes: Axes, device: Device, sites: Floats, terminals: list[Place], step: float, style: Style
) -> None:
    size = float(np.clip(0.28 * step, 1.2, 6.0))
    for group in device.sites:
        here = sites[group.first : group.first + group.count]
        axes.plot(here[:, 0], here[:, 1], "o", color=style.ink, markersize=size, zorder=3)
    labels: list[str] = site_labels(device) if device.size <= style.crowded else []
    if labels and max(map(len, labels)) * 3.2 + 6 <= step:
        angles = label_angles(device, sites, terminals)
        for label, at, angle in zip(labels, sites, angles.tolist(), strict=True):
            _beside(axes, label, at, np.array([np.cos(angle), np.sin(angle)]), size / 2 + 1.5, style.ink)


def _terminals(
    axes: Axes, device: Device, sites: Floats, terminals: list[Place], step: float, style: Style
) -> list[Artist]:
    """Draw baths and probes with their contacts; a legend handle for each declared terminal."""
    from matplotlib.lines import Line2D

    labels = [str(label) for label in terminal_labels(device)]
    size = float(np.clip(0.5 * step, 2.0, 7.0))
    room = _room(device, labels, step)
    handles: list[Artist] = []
    for number, group in enumerate(device.terminals):
        colour = style.colours[number % len(style.colours)]
        probe = bool(group.conditions)
        look: dict[str, Any] = {"color": colour, "marker": "o" if probe else "s", "markersize": size}
        look["markerfacecolor"] = "white" if probe else colour
        for place in (one for one in terminals if one.group == number):
            for site in place.sites:
                ends = np.array([sites[site], place.at])
                axes.plot(ends[:, 0], ends[:, 1], color=colour, linewidth=0.8 * style.line, zorder=2)
            axes.plot(*place.at, zorder=4, **look)
            if room:
                _name(axes, labels[group.first + place.member], place, sites, size, colour)
        words = {**look, "markersize": min(size, 5.0)}
        handles.append(Line2D([], [], linestyle="", label=_words(group), **words))
    return handles


def _room(device: Device, labels: list[str], step: float) -> bool:
    """Whether every terminal can have its name beside it."""
    return bool(labels) and max(map(len, labels)) * 3.4 <= 2 * step and len(labels) <= 80


def _name(axes: Axes, label: str, place: Place, sites: Floats, size: float, colour: str) -> None:
    from_site = place.at - sites[list(place.sites)].mean(axis=0) if place.sites else np.array([0.0, 1.0])
    _beside(axes, label, place.at, from_site, size / 2 + 2.5, colour)


def _beside(axes: Axes, label: str, at: Floats, direction: Floats, distance: float, colour: str) -> None:
    """A small label so many points away from a place, on the side of a direction."""
    x, y = direction / max(float(np.hypot(*direction)), 1e-9)
    across = "center" if abs(x) < 0.4 else ("left" if x > 0 else "right")
    up = "center" if abs(y) < 0.4 else ("bottom" if y > 0 else "top")
    axes.annotate(
        label, tuple(at), (distance * x, distance * y), textcoords="offset points",
        ha=across, va=up, fontsize=6, color=colour, zorder=5,
    )  # fmt: skip


def _words(group: TerminalGroup) -> str:
    """A terminal in the legend: its name, its noun, what it solves."""
    terminal = group.terminal
    family = f"[{','.join(group.index)}]" if group.index else ""
    if not terminal.unknowns:
        return f"{terminal.noun} {terminal.name}{family}"
    conditions = ", ".join(condition.quantity for condition in terminal.conditions)
    unknowns = ", ".join(f"${symbol(name)}$" for name in terminal.unknowns)
    return f"{terminal.noun} {terminal.name}{family}: {unknowns} from given {conditions}"
