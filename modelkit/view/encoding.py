"""How curves are told apart: colours, lines, markers and the legend that explains them.

One dimension takes colour, line and marker together, so that print without colour still tells; two
dimensions share them, the larger one taking the colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkit.view.style import Style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

ROW = 58  # letters in a row of the legend over one column


@dataclass(frozen=True)
class Split:
    """A dimension with a curve for each value: labels of the values, and whether they are numbers."""

    name: str
    labels: tuple[str, ...]
    numeric: bool

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Look:
    """Colour, line and marker of a curve."""

    colour: Any
    line: str = "-"
    marker: str = ""
    open: bool = False

    def settings(self) -> dict[str, Any]:
        """Arguments of ``Axes.plot``."""
        face = "white" if self.open else self.colour
        return {"color": self.colour, "linestyle": self.line, "marker": self.marker, "markerfacecolor": face}


class Encoding:
    """The looks of all curves over the product of the splits."""

    def __init__(self, splits: Sequence[Split], style: Style) -> None:
        self.style = style
        self.splits = tuple(splits)
        shared = len(splits) == 2 and min(len(split) for split in splits) <= len(style.lines)
        self.coloured = max(splits, key=lambda split: (len(split), split.numeric)) if shared else None
        sizes = [len(split) for split in splits]
        self.shape = tuple(sizes)
        self.colours = _colours(self.coloured, int(np.prod(sizes, dtype=int)), splits, style)

    def look(self, place: tuple[int, ...], marked: bool) -> Look:
        """The look of the curve at a place of the product."""
        if self.coloured is not None:
            where = self.splits.index(self.coloured)
            return self._styled(self.colours[place[where]], place[1 - where], marked)
        k = int(np.ravel_multi_index(place, self.shape)) if self.shape else 0
        if len(self.colours) > self.style.many:
            return Look(self.colours[k])
        return self._styled(self.colours[k], k, marked)

    def handles(self, marked: bool) -> list[Artist]:
        """What the legend lists: every value, or a few of many numbers."""
        from matplotlib.lines import Line2D

        def handle(look: Look, label: str) -> Artist:
            return Line2D([], [], label=label, **look.settings())

        if self.coloured is None:
            return [handle(self.look(place, marked), label) for place, label in self._chosen()]
        where = self.splits.index(self.coloured)
        styled = self.splits[1 - where]
        listed = _few(len(self.coloured), self.style.many)
        colours = [handle(Look(self.colours[k]), self.coloured.labels[k]) for k in listed]
        grey = [
            handle(self._styled(self.style.faint, k, marked), text) for k, text in enumerate(styled.labels)
        ]
        return colours + grey

    def _styled(self, colour: Any, k: int, marked: bool) -> Look:
        style = self.style
        look = Look(colour, style.lines[k % len(style.lines)])
        return (
            replace(look, marker=style.markers[k % len(style.markers)], open=k % 2 == 1) if marked else look
        )

    def _chosen(self) -> Iterator[tuple[tuple[int, ...], str]]:
        every = list(np.ndindex(*self.shape))
        for k in _few(len(every), self.style.many):
            words = [split.labels[at] for split, at in zip(self.splits, every[k], strict=True)]
            yield every[k], ", ".join(words)


def legend(axes: Axes, handles: Sequence[Artist], row: int = ROW, always: bool = False) -> None:
    """A legend above the panel, where no curve runs; none for a single curve unless ``always``."""
    if len(handles) < (1 if always else 2):
        return
    lengths = [len(str(handle.get_label()).replace("$", "").replace("\\", "")) + 6 for handle in handles]
    columns = len(handles) if sum(lengths) <= row else max(1, min(len(handles) - 1, row // max(lengths)))
    axes.legend(handles=list(handles), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns)


def _colours(coloured: Split | None, count: int, splits: Sequence[Split], style: Style) -> list[Any]:
    """The palette; a colour map for many curves and for more than four values of a number."""
    number = len(coloured) if coloured else count
    ordered = (coloured or (splits[0] if len(splits) == 1 else None)) or None
    if number > style.many or (ordered is not None and ordered.numeric and number > 4):
        from matplotlib import colormaps

        return list(colormaps[style.sequential](np.linspace(0.0, 0.88, number)))
    return [style.colours[k % len(style.colours)] for k in range(number)]


def _few(count: int, most: int) -> list[int]:
    """All of few positions, evenly chosen ones of many."""
    if count <= most:
        return list(range(count))
    return sorted(set(np.linspace(0, count - 1, most - 2).round().astype(int).tolist()))
