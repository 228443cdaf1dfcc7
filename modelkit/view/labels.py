"""Words and symbols on axes and in legends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelkit.language.symbols import is_greek, symbol
from modelkit.registry import outputs, result_dims

if TYPE_CHECKING:
    import xarray as xr

DIMENSIONS = {"natural", "energy", "length", "temperature", "current", "time", "hbar"}
SPELT = {"dos": "local density of states"}
LETTERS = 32  # along the height of a panel
MICRO, ANGSTROM = "\N{MICRO SIGN}", "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}"


def axis_label(name: str, array: xr.DataArray, symbols: bool = True) -> str:
    """What stands on an axis: words, symbol and unit.

    Parameters
    ----------
    name : str
        Variable or dimension of a Dataset.
    array : xarray.DataArray
        Its ``attrs`` may hold ``long_name`` and ``units``.  Of the words those up to a comma are taken, and
        what follows ``, in`` as the unit, if there is none (``length, in sites``).  A derived result that is
        a symbol is followed by its formula (``latex``), as far as that has room.
    """
    words, _, further = str(array.attrs.get("long_name", "")).partition(", ")
    words = re.split(r"[:;] ", words)[0] or _words(name)
    words = SPELT.get(words, words)
    shown = _symbol_of(name, array) if symbols else ""
    if words == name and shown and not _spoken(name):
        words = ""  # a derived quantity or an undocumented parameter: the symbol says all
    unit = str(array.attrs.get("units", "")).strip() or _said_in(further)
    said = f"${shown}$" if shown else ""
    parts = [plain(words), (said + _formula(name, shown or words, array)).replace("$$", " ")]
    head = " ".join(part for part in parts if part)
    if unit in {"", "1"}:
        return head
    unit = f"({plain_unit(unit)})"
    return head + ("\n" if "=" in head and _letters(head + unit) > LETTERS else " ") + unit


def value_label(dimension: str, value: Any, unit: str = "") -> str:
    r"""A curve's label for one value of a dimension: ``$\gamma = 0.1$ meV`` or the label itself."""
    if isinstance(value, str):
        return plain(value)
    shown = f"${symbol(dimension)} = {number(value)}$"
    return shown if unit in {"", "1"} or _natural(unit) else f"{shown} {plain_unit(unit)}"


def place_label(dataset: xr.Dataset, dimension: str, position: int) -> str:
    """The same for a position along a dimension."""
    if dimension not in dataset.coords:
        return value_label(dimension, position)
    values = dataset[dimension]
    return value_label(dimension, values.values[position], str(values.attrs.get("units", "")))


def number(value: Any) -> str:
    """A number for mathematics in text: 6 digits, powers of ten written as such."""
    text = f"{value:.6g}"
    if "e" in text:
        digits, _, power = text.partition("e")
        return rf"{digits}\times 10^{{{int(power)}}}"
    return text


def plain(text: str) -> str:
    """Text that matplotlib must not read as mathematics."""
    return text.replace("$", r"\$")


def plain_unit(unit: str) -> str:
    """A unit for an axis: powers, ``hbar`` and ``*`` in print; dimensions alone are natural units."""
    if _natural(unit):
        return "natural units"
    shown = re.sub(r"\bu(?=(eV|m|s|A|V|K|T|W)\b)", MICRO, re.sub(r"\bangstrom\b", ANGSTROM, plain(unit)))
    return re.sub(r"\^(-?\d+)", r"$^{\1}$", shown).replace("*", " ").replace("hbar", r"$\hbar$")


def _natural(unit: str) -> bool:
    return set(re.findall(r"[A-Za-z_]+", unit)) <= DIMENSIONS


def _formula(name: str, called: str, array: xr.DataArray) -> str:
    r"""``= 2\pi I_L/V`` behind a symbol; nothing behind words, or where it is too long."""
    latex = str(array.attrs.get("latex", ""))
    said = _spoken(name) and max(map(len, name.split("_"))) > 4
    return f"$= {latex}$" if latex and not said and _letters(called + latex) < LETTERS - 3 else ""


def _letters(text: str) -> int:
    """How many letters a text with mathematics is long, roughly: those of indices are small."""
    plain = re.sub(r"\\(mathrm|to|,|;)|[$ ]", "", text)
    small = re.findall(r"[_^]\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", plain)
    bare = re.sub(r"[{}_^]", "", re.sub(r"\\[A-Za-z]+", "x", plain))
    return round(len(bare) - 0.3 * sum(len(re.sub(r"[{}]", "", one)) for one in small))


def family(label: str) -> str:
    """The family of a label: ``S`` of ``S[2]``."""
    return label.partition("[")[0]


def indices(label: str) -> tuple[float, ...]:
    """The numbers in a label: (3, 4) of ``d[3,4]``; nothing for ``dot``."""
    inside = label.partition("[")[2].rstrip("]")
    try:
        return tuple(float(part) for part in inside.split(",")) if inside else ()
    except ValueError:
        return ()


def _said_in(words: str) -> str:
    """The unit in ``in sites (and more)``."""
    found = re.match(r"in ([^,;:()]+)", words)
    return found[1].strip() if found else ""


def _words(name: str) -> str:
    return name.replace("_", " ") if name in outputs or _spoken(name) else name


def _spoken(name: str) -> bool:
    """Whether a name is words rather than a symbol: ``bond_current``, not ``mu_1`` or ``dI``."""
    return name.islower() and all(len(part) > 3 and not is_greek(part) for part in name.split("_"))


def _symbol_of(name: str, array: xr.DataArray) -> str:
    if "symbol" in array.attrs:
        given = str(array.attrs["symbol"])
        return "" if given == name and _spoken(name) else symbol(given)
    if name in outputs:
        short = outputs[name].short
        return symbol(short) if short and short.isidentifier() and len(short) < 4 else ""
    if name in result_dims:
        return symbol(result_dims[name].symbol) if result_dims[name].symbol else ""
    return "" if _spoken(name) else symbol(name)
