"""What a drawing's words mean in a Dataset: its quantity, the axis that runs, what tells curves apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.condensate import CONDENSATE
from modelkit.errors import ModelError, Span
from modelkit.language.symbols import symbol
from modelkit.registry import outputs, running_dim, suggestion
from modelkit.view.labels import axis_label, family, indices

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Axis:
    """The running axis of a drawing.

    Parameters
    ----------
    array : xarray.DataArray
        The quantity; a terminal that moves in a sweep has a place along the axis for each of its sites.
    dimension : str
        The dimension of ``array`` along which a curve runs.
    label : str
        What stands on the axis.
    order : ndarray of int, shape (n,)
        Positions along the dimension that have a place on the axis, ascending in ``values``.
    values : ndarray of float, shape (n,)
        Where they stand.
    names : tuple of str or None
        Their labels when the values are mere places in a row.
    families : tuple of str or None
        The family of each point (``S``, ``D``), if the points are things with names.
    integer : bool
        Only whole numbers make sense as ticks.
    """

    array: xr.DataArray
    dimension: str
    label: str
    order: NDArray[np.intp]
    values: NDArray[np.float64]
    names: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    integer: bool = False


def quantity(dataset: xr.Dataset, name: str, span: Span | None = None) -> xr.DataArray:
    """The variable of a long or a short name; a ModelError lists what the task gives."""
    for candidate in (name, *(entry.name for entry in outputs.values() if entry.short == name)):
        if candidate in dataset.data_vars:
            array = dataset[candidate]
            if np.iscomplexobj(array.values):
                raise ModelError(
                    f"'{name}' is complex and cannot be drawn",
                    span,
                    hint=f"give the task an output like abs_{name} = abs({name})",
                )
            if "units" not in array.attrs and dataset.attrs.get("units") == "natural":
                return array.assign_attrs(units="natural")  # whatever a formula gives, it is in them
            return array
    known = [str(key) for key in dataset.data_vars if is_result(str(key))]
    hint = suggestion(name, known, "results") or "ask the task for outputs"
    raise ModelError(f"the task gives no '{name}' to draw", span, hint=hint)


def is_result(name: str) -> bool:
    """Whether a variable is a result, not an audit or the reason of a failure."""
    return not name.startswith("audit_") and name != "failed"


def dimension(array: xr.DataArray, name: str, span: Span | None = None) -> str:
    """The dimension of a quantity that ``against`` or ``by`` names."""
    for candidate in (name, running_dim(name)):
        if candidate is not None and candidate in array.dims:
            return candidate
    hint = f"it runs over {', '.join(map(str, array.dims))}" if array.dims else "it is a single number"
    raise ModelError(f"'{array.name}' does not run over '{name}'", span, hint=hint)


def axis(dataset: xr.Dataset, array: xr.DataArray, against: str, span: Span | None = None) -> Axis:
    """The axis on which a quantity is drawn against ``against``.

    Terminals drawn against ``site`` stand at their sites (coordinate ``terminal_site``); how many are
    on several sites, and so on no single one, is said in the label.
    """
    if (
        against == "site"
        and "site" not in array.dims
        and "terminal" in array.dims
        and "terminal_site" in dataset.coords
    ):
        return _at_sites(dataset, array, span)
    name = dimension(array, against, span)
    if name not in dataset.coords:
        count = dataset.sizes[name]
        return Axis(array, name, name, np.arange(count), np.arange(count, dtype=float), integer=True)
    values = dataset[name].values
    if values.dtype.kind in "OUS":
        labels = [str(label) for label in values]
        return _along(dataset, array, name, labels, labels, dimension_words(name, array))
    order = np.argsort(values, kind="stable")
    whole = bool(np.all(values == np.round(values))) and values.dtype.kind in "iu"
    return Axis(
        array, name, axis_label(name, dataset[name]), order, values[order].astype(float), integer=whole
    )


def dimension_words(name: str, array: xr.DataArray) -> str:
    """What a dimension is called on an axis: of a matrix ``from terminal`` and ``to terminal``."""
    if name.startswith("terminal_from"):
        return "from terminal" if name == "terminal_from" else "and from terminal"
    return "to terminal" if name == "terminal" and "terminal_from" in array.dims else name


def on_several(dataset: xr.Dataset, array: xr.DataArray, against: str) -> NDArray[np.bool_]:
    """Which terminals have no place on an axis of sites, as they are on several; none on other axes.

    Shape (n_terminals,).  The condensate, which is everywhere, is not among them.
    """
    if against != "site" or "site" in array.dims or "terminal_site" not in dataset.coords:
        return np.zeros(dataset.sizes.get("terminal", 0), dtype=bool)
    touched = dataset["terminal_site"].transpose(..., "terminal").values
    alone = np.array([[bool(_text(site)) for site in row] for row in touched.reshape(-1, touched.shape[-1])])
    return np.asarray(~alone.any(axis=0) & (dataset["terminal"].values != CONDENSATE))


def numeric(dataset: xr.Dataset, name: str) -> bool:
    """Whether a dimension runs over numbers."""
    return name in dataset.coords and dataset[name].dtype.kind in "iuf"


def _at_sites(dataset: xr.Dataset, array: xr.DataArray, span: Span | None) -> Axis:
    """Terminals at their sites, one place for each pair of a terminal and a site at which it ever stands."""
    import xarray as xr

    touched = dataset["terminal_site"].transpose(..., "terminal")
    sites = [[_text(site) for site in row] for row in touched.values.reshape(-1, touched.sizes["terminal"])]
    labels = [str(label) for label in dataset["terminal"].values]
    places = [
        (k, site) for k in range(len(labels)) for site in dict.fromkeys(row[k] for row in sites) if site
    ]
    if not places:
        hint = "draw it against 'terminal'"
        raise ModelError("every terminal is on several sites, and so on none of this axis", span, hint=hint)
    which = xr.DataArray([k for k, _ in places], dims="terminal")
    where = [site for _, site in places]
    array = array.drop_vars("terminal", errors="ignore").isel(terminal=which)
    if touched.ndim > 1:  # a value counts where its terminal stands at this point
        there = touched.drop_vars("terminal").isel(terminal=which) == xr.DataArray(where, dims="terminal")
        array = array.where(there.reset_coords(drop=True))
    found = _along(dataset, array, "terminal", where, [labels[k] for k, _ in places], "site")
    lost = _left_out([label for k, label in enumerate(labels) if k not in {place for place, _ in places}])
    return replace(found, label=f"{found.label} ({lost})") if lost else found


def _left_out(terminals: Sequence[str]) -> str:
    """``without 2 on several sites``; the condensate of a superconductor is on all of them."""
    several = len(set(terminals) - {CONDENSATE})
    lost = [f"{several} on several sites"] if several else []
    if CONDENSATE in terminals:
        lost.append(f"the {CONDENSATE}")
    return f"without {' and '.join(lost)}" if lost else ""


def _along(
    dataset: xr.Dataset,
    array: xr.DataArray,
    name: str,
    places: Sequence[str],
    labels: Sequence[str],
    word: str,
) -> Axis:
    """An axis of named things: by the numbers in their labels, else one after the other."""
    sited = np.array([bool(place) for place in places])
    numbers = [_place(place) for place in places]
    one_row = len({_row(place) for place, here in zip(places, sited, strict=True) if here}) == 1
    chosen = np.flatnonzero(sited)
    listed = chosen.tolist()
    if one_row and all(numbers[k] is not None for k in listed):
        values = np.array([numbers[k] for k in listed], dtype=float)
        sort = np.argsort(values, kind="stable")
        named, integer = None, True
    else:
        row: dict[str, int] = {}
        every = _sites(dataset) if word == "site" else ()
        for place in (*every, *(places[k] for k in listed)):
            row.setdefault(place, len(row))
        values = np.array([row[places[k]] for k in listed], dtype=float)
        sort = np.argsort(values, kind="stable")
        named, integer = tuple(row), True
    families = tuple(family(labels[k]) for k in chosen[sort].tolist())
    if named is None:
        rows = {family(place) for place in places if place and "->" not in place}
        word = rf"{word} ${symbol(rows.pop())}_\ell$" if len(rows) == 1 and word != "site" else word
        word = r"site $\ell$" if word == "site" else word
    return Axis(array, name, word, chosen[sort], values[sort], named, families, integer)


def _sites(dataset: xr.Dataset) -> tuple[str, ...]:
    return tuple(str(site) for site in dataset["site"].values) if "site" in dataset.coords else ()


def _place(label: str) -> float | None:
    """The number of a site, or the middle of a bond."""
    ends = [indices(end) for end in label.split("->")]
    if all(len(end) == 1 for end in ends):
        return sum(end[0] for end in ends) / len(ends)
    return None


def _row(label: str) -> tuple[str, ...]:
    return tuple(family(end) for end in label.split("->"))


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)
