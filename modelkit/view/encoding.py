"""How curves are told apart: colours, lines, markers, and the legend or colour bar that explains them.

One dimension takes colour, line and marker together, so that print without colour still tells; two
dimensions share them, the larger one taking the colours.  Many numbers, or more names than there are
colours, get a colour map and a bar beside the panel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkit.view.style import Style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

ROW = 58  # letters in a row of the legend over one column
DARK = 0.88  # a colour map ends here: its last colours are too light for a line


@dataclass(frozen=True)
class Split:
    """A dimension with a curve for each value.

    ``labels`` are the values in words, ``numbers`` the values where they are finite numbers, shape
    (n,); ``title`` is what stands beside a colour bar.
    """

    title: str
    labels: tuple[str, ...]
    numbers: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def kept(self, places: NDArray[np.intp]) -> Split:
        """The split of some of the values."""
        numbers = None if self.numbers is None else self.numbers[places]
        return replace(self, labels=tuple(self.labels[k] for k in places.tolist()), numbers=numbers)


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
    """The looks of all curves over the product of the splits.

    Parameters
    ----------
    splits : sequence of Split
        What tells the curves apart, shape (n of each).
    lined, marked : bool
        Whether curves have lines and markers; the legend shows what is drawn.
    """

    def __init__(
        self, splits: Sequence[Split], style: Style, lined: bool = True, marked: bool = False
    ) -> None:
        self.style, self.lined, self.marked = style, lined, marked
        self.shape = tuple(len(split) for split in splits)
        shared = len(splits) == 2 and min(self.shape) <= len(style.lines)
        self.first = int(self.shape[1] > self.shape[0]) if shared else 0
        self.styled = splits[1 - self.first] if shared else None
        self.coloured = splits[self.first] if shared or len(splits) == 1 else product(splits)
        self.barred = _needs_bar(self.coloured, style)
        self.colours = _colours(self.coloured, style)

    def look(self, place: tuple[int, ...]) -> Look:
        """The look of the curve at a place of the product."""
        if self.styled is not None:
            return self._looks(self.colours[place[self.first]], place[1 - self.first])
        k = int(np.ravel_multi_index(place, self.shape)) if self.shape else 0
        return self._looks(self.colours[k], 0 if self.barred else k)

    def handles(self) -> list[Artist]:
        """What the legend lists: every value that has no colour bar; nothing for a single curve."""
        if not self.shape:
            return []
        if self.styled is None:
            looks = [] if self.barred else [self._looks(colour, k) for k, colour in enumerate(self.colours)]
            return [_handle(*pair) for pair in zip(looks, self.coloured.labels, strict=False)]
        plain = "" if self.lined else self.style.markers[0]
        swatch = "-" if self.lined else ""
        found = []
        if not self.barred:
            looks = [Look(colour, swatch, plain) for colour in self.colours]
            found += [_handle(*pair) for pair in zip(looks, self.coloured.labels, strict=True)]
        grey = [self._looks(self.style.faint, k) for k in range(len(self.styled))]
        return found + [_handle(*pair) for pair in zip(grey, self.styled.labels, strict=True)]

    def bar(self, axes: Axes) -> None:
        """The colour bar beside the panel, where colours are a map."""
        if not self.barred:
            return
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import BoundaryNorm, ListedColormap

        split, labelled = self.coloured, None
        if split.numbers is not None:
            mappable = ScalarMappable(_norm(split.numbers), _map(self.style))
        else:
            count = len(split)
            steps = BoundaryNorm(np.arange(count + 1) - 0.5, count)
            mappable = ScalarMappable(steps, ListedColormap(self.colours))
            labelled = sorted(set(np.linspace(0, count - 1, 6).round().astype(int).tolist()))
        beside = axes.inset_axes((1.03, 0.0, 0.04, 1.0))  # as that of a map: panels below each other agree
        drawn = axes.figure.colorbar(mappable, cax=beside, ticks=labelled)
        if labelled is not None:
            drawn.ax.set_yticklabels([split.labels[k] for k in labelled])
            drawn.ax.minorticks_off()
        drawn.set_label(split.title)
        drawn.outline.set_linewidth(0.6)

    def _looks(self, colour: Any, k: int) -> Look:
        style = self.style
        look = Look(colour, style.lines[k % len(style.lines)] if self.lined else "")
        if not self.marked:
            return look
        return replace(look, marker=style.markers[k % len(style.markers)], open=k % 2 == 1)


def legend(
    axes: Axes, handles: Sequence[Artist], row: int = ROW, always: bool = False, title: str = ""
) -> None:
    """A legend above the panel, where no curve runs; none for a single entry unless ``always``."""
    if len(handles) < (1 if always else 2):
        return
    words = [re.sub(r"\\[A-Za-z]+", "x", str(handle.get_label())) for handle in handles]
    lengths = [len(word.replace("$", "")) + 6 for word in words]
    columns = len(handles) if sum(lengths) <= row else max(1, min(len(handles) - 1, row // max(lengths)))
    axes.legend(
        handles=list(handles), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns,
        title=title or None, title_fontsize="small",
    )  # fmt: skip


def clear_offset(axes: Axes) -> bool:
    """Lift the legend above the power of ten of the axis, if both are there; known after drawing only."""
    shown, offset = axes.get_legend(), axes.yaxis.get_offset_text()
    if shown is None or not offset.get_text():
        return False
    height = offset.get_window_extent().height / axes.get_window_extent().height
    shown.set_bbox_to_anchor((0.5, 1.0 + 1.15 * height), axes.transAxes)
    return True


def _handle(look: Look, label: str) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **look.settings())


def product(splits: Sequence[Split]) -> Split:
    """All combinations as one split; a single nameless curve for none."""
    places = np.ndindex(*(len(split) for split in splits))
    words = [[split.labels[at] for split, at in zip(splits, place, strict=True)] for place in places]
    return Split(", ".join(split.title for split in splits), tuple(", ".join(parts) for parts in words))


def _needs_bar(split: Split, style: Style) -> bool:
    return len(split) > (style.many if split.numbers is not None else len(style.colours))


def _colours(split: Split, style: Style) -> list[Any]:
    """The palette; a colour map by value for many numbers, in their order for more than four."""
    count = len(split)
    if split.numbers is not None and count > style.many:
        return list(_map(style)(_norm(split.numbers)(split.numbers)))
    if _needs_bar(split, style) or (split.numbers is not None and count > 4):
        return list(_map(style)(np.linspace(0.0, 1.0, count)))
    return list(style.colours[:count])


def _map(style: Style) -> Any:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps[style.sequential](np.linspace(0.0, DARK, 256)))


def _norm(numbers: NDArray[np.float64]) -> Any:
    """Numbers to colours, logarithmically where they span more than two powers of ten."""
    from matplotlib.colors import LogNorm, Normalize

    low, high = float(numbers.min()), float(numbers.max())
    return (LogNorm if 0 < 100 * low < high else Normalize)(low, high)
