"""Small tables: the summary of a run, the ``repr`` of objects; rich on a terminal, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import xarray as xr

LISTED = 4  # this many values are shown one by one


@dataclass(frozen=True)
class Table:
    """Words in rows and columns.

    Parameters
    ----------
    title : str
        One line above; may be empty.
    columns : tuple of str
        Headings; all empty for a table without a heading.
    rows : tuple of tuple of str
        As many cells as columns each.
    notes : tuple of str
        Lines below.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return text(self)


def text(table: Table) -> str:
    """A table as aligned plain text without an end of line."""
    lines = [line for line in (table.columns, *table.rows) if any(line)]
    widths = [max((len(line[k]) for line in lines), default=0) for k in range(len(table.columns))]
    body = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    indented = [f"  {line}" for line in body] if table.title else body
    return "\n".join(
        [*([table.title] if table.title else []), *indented, *(f"  {note}" for note in table.notes)]
    )


def show(table: Table, stream: TextIO) -> None:
    """Write a table: with rich where people read, as plain text into files and pipes."""
    if not stream.isatty():
        stream.write(text(table) + "\n")
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as RichTable

    headed = any(table.columns)
    drawn = RichTable(
        box=box.SIMPLE_HEAD if headed else None, show_header=headed, title_justify="left", pad_edge=False
    )
    drawn.title = escape(table.title) if table.title else None
    for k, column in enumerate(table.columns):
        drawn.add_column(escape(column), style="bold" if k == 0 else None, overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(escape, row))
    console = Console(file=stream, highlight=False)
    console.print(drawn)
    for note in table.notes:
        console.print(note, markup=False)


def summary(dataset: xr.Dataset, title: str = "") -> Table:
    """What a run found: each result with its dimensions and range, method, audits and failures below."""
    from modelkit.view.axes import is_result

    names = [str(name) for name in dataset.data_vars if is_result(str(name))]
    rows = tuple(
        (name, _extent(dataset[name]), _range(dataset[name]), _unit(dataset[name])) for name in names
    )
    return Table(title, ("result", "runs over", "values", "unit"), rows, tuple(_notes(dataset)))


def results(dataset: xr.Dataset) -> dict[str, Any]:
    """The summary as data for ``--json``: dimensions, smallest and largest value, unit of each result."""
    import numpy as np

    from modelkit.view.axes import is_result

    found: dict[str, Any] = {}
    for name, array in dataset.data_vars.items():
        if not is_result(str(name)):
            continue
        values = np.asarray(array.values)
        finite = values[np.isfinite(values)] if values.dtype.kind in "iuf" else values[:0]
        found[str(name)] = {
            "dimensions": {str(key): int(dataset.sizes[key]) for key in array.dims},
            "smallest": float(finite.min()) if finite.size else None,
            "largest": float(finite.max()) if finite.size else None,
            "unit": _unit(array) or None,
        }
    return found


def audits(dataset: xr.Dataset) -> dict[str, float]:
    """The largest residual of each audit."""
    import numpy as np

    found = {}
    for name, array in dataset.data_vars.items():
        if str(name).startswith("audit_"):
            values = np.abs(np.asarray(array.values, dtype=float))
            finite = values[np.isfinite(values)]
            found[str(name)] = float(finite.max()) if finite.size else float("nan")
    return found


def _notes(dataset: xr.Dataset) -> Iterator[str]:
    from modelkit.view.axes import is_result
    from modelkit.view.failures import failure_notes

    method, why = (str(dataset.attrs.get(key, "")) for key in ("method", "why"))
    if method:
        yield f"method: {method}" + (f" ({reason})" if (reason := _reason(method, why)) else "")
    checked = audits(dataset)
    if checked:
        worst = max(checked, key=lambda name: (checked[name] == checked[name], checked[name]))
        many = f"{len(checked)} audits" if len(checked) > 1 else "1 audit"
        yield f"{many} passed: largest residual {checked[worst]:.1e} ({worst.removeprefix('audit_')})"
    for name, array in dataset.data_vars.items():
        if is_result(str(name)) and _range(array) == "none":
            formula = f": {name} = {array.attrs['formula']}" if "formula" in array.attrs else ""
            yield f"no finite number at any point in '{name}'{formula}"
    yield from (f"symmetry: {line}" for line in str(dataset.attrs.get("verdicts", "")).splitlines())
    yield from (f"warning: {line}" for line in str(dataset.attrs.get("warnings", "")).splitlines())
    yield from (f"note: {line}" for line in str(dataset.attrs.get("notes", "")).splitlines())
    yield from failure_notes(dataset)


def _reason(method: str, why: str) -> str:
    """Why this method, without what the others were refused for."""
    begins = (f"{method} fits: ", f"{method}: ", f"{method} ")
    parts = [part for part in why.split("; ") if part.startswith(begins)]
    if not parts:
        return why
    return parts[-1].removeprefix(next(each for each in begins if parts[-1].startswith(each)))


def _extent(array: xr.DataArray) -> str:
    return " x ".join(f"{name} {size}" for name, size in zip(array.dims, array.shape, strict=True)) or "-"


def _range(array: xr.DataArray) -> str:
    import numpy as np

    values = np.asarray(array.values)
    if values.dtype.kind not in "iufc":
        return "-"
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "none"
    if values.size <= LISTED:
        return ", ".join(
            f"{_place(array, place)}{_number(values[place])}" for place in np.ndindex(values.shape)
        )
    missing = values.size - finite.size
    lost = f" ({missing} of {values.size} missing)" if missing else ""
    if values.dtype.kind == "c":
        return f"|.| up to {_number(np.abs(finite).max())}{lost}"
    low, high = _number(finite.min()), _number(finite.max())
    return (low if low == high else f"{low} to {high}") + lost


def _place(array: xr.DataArray, place: tuple[int, ...]) -> str:
    """The names at a place: ``forward L ``; nothing for numbers, which stand in their order."""
    known = [
        str(array[name].values[k])
        for name, k in zip(array.dims, place, strict=True)
        if name in array.coords and array[name].dtype.kind in "OUS"
    ]
    return " ".join([*known, ""])


def one_line(text: str, width: int) -> str:
    """A text on one line, cut where it is longer than ``width``."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 3].rstrip() + "..."


def _number(value: Any) -> str:
    return f"{value:.6g}"


def _unit(array: xr.DataArray) -> str:
    unit = str(array.attrs.get("units", ""))
    return "" if unit == "1" else unit
