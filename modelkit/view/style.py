"""How figures look, in one place: a single journal column, colours that everybody can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FURTHER = ("#332288", "#999933", "#882255", "#888888", "#DDCC77")  # of the muted scheme of P. Tol


@dataclass(frozen=True)
class Style:
    """How figures look; lengths in inches, font sizes and widths in points.

    Parameters
    ----------
    width, wide : float
        Widths of one and of two columns of a journal.
    ratio : float
        Height of a panel over the width of one column.
    font : str
        Family of all text; its mathematics is set in ``mathematics``.  Both come with matplotlib.
    size, small : float
        Font sizes of labels, and of ticks and legends.
    colours, lines, markers : tuple
        Cycled through together, so that curves differ in print without colour as well.
    sequential, diverging : str
        Colour maps of quantities of one sign and of both signs.
    missing : str
        Colour of failed points in a map.
    few : int
        Up to this number of points every curve has markers.
    crowded : int
        Above this number of points a curve has no markers; above it sites have no labels.
    many : int
        Above this number curves of numbers have a colour bar, and markers only up to ``few`` points;
        names have a bar above the number of colours.
    """

    width: float = 3.4
    wide: float = 7.0
    ratio: float = 0.72
    font: str = "STIXGeneral"
    mathematics: str = "stix"
    size: float = 9.0
    small: float = 8.0
    line: float = 1.0
    marker: float = 3.4
    colours: tuple[str, ...] = OKABE_ITO + FURTHER
    lines: tuple[str, ...] = ("-", "--", "-.", ":")
    markers: tuple[str, ...] = ("o", "s", "^", "D", "v", "P", "X")
    sequential: str = "viridis"
    diverging: str = "RdBu_r"
    missing: str = "0.85"
    ink: str = "0.15"
    faint: str = "0.6"
    few: int = 12
    crowded: int = 64
    many: int = 7

    def settings(self) -> dict[str, Any]:
        """The rcParams of this style, for ``matplotlib.rc_context``."""
        return {
            "font.family": self.font,
            "mathtext.fontset": self.mathematics,
            "font.size": self.size,
            "axes.labelsize": self.size,
            "axes.titlesize": self.size,
            "xtick.labelsize": self.small,
            "ytick.labelsize": self.small,
            "legend.fontsize": self.small,
            "legend.frameon": False,
            "legend.handlelength": 1.7,
            "legend.columnspacing": 0.8,
            "legend.handletextpad": 0.4,
            "legend.borderaxespad": 0.3,
            "axes.linewidth": 0.6,
            "axes.unicode_minus": True,
            "axes.formatter.use_mathtext": True,
            "axes.formatter.limits": (-3, 4),
            "xtick.direction": "in",
            "ytick.direction": "in",
            "xtick.top": True,
            "ytick.right": True,
            "xtick.minor.visible": True,
            "ytick.minor.visible": True,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.minor.width": 0.4,
            "ytick.minor.width": 0.4,
            "xtick.major.size": 3.0,
            "ytick.major.size": 3.0,
            "xtick.minor.size": 1.6,
            "ytick.minor.size": 1.6,
            "lines.linewidth": self.line,
            "lines.markersize": self.marker,
            "savefig.dpi": 300,
            "figure.dpi": 150,
            "pdf.fonttype": 42,
            "svg.fonttype": "none",
        }


PLAIN = Style()
