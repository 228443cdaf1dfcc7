"""One task: run, written, told, drawn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelkit.cli.given import Settings

if TYPE_CHECKING:
    import xarray as xr

    from modelkit.model import Model

INTERRUPTED = 130


def run_one(
    model: Model, name: str, settings: Settings, method: str | None, path: Path, quiet: bool
) -> tuple[dict[str, Any], xr.Dataset]:
    """Run one task and write its dataset; the record for ``--json`` and the dataset."""
    from modelkit.tasks.run import Interrupted
    from modelkit.view.choice import choose_drawings
    from modelkit.view.failures import failures
    from modelkit.view.progress import progress
    from modelkit.view.tables import audits, results

    try:
        with progress(name, quiet) as ticked:
            dataset = model.run(name, settings, method=method, progress=ticked, store=path)
    except Interrupted as stopped:
        kept = f"finished points are in {path}" if stopped.partial is not None else "no point was finished"
        click.echo(f"interrupted: {kept}", err=True)
        sys.exit(INTERRUPTED)
    record = {
        "task": name,
        "dataset": str(path),
        "figure": None,
        "notes": list(choose_drawings(model.declarations, name, dataset).notes),
        "method": str(dataset.attrs.get("method", "")) or None,
        "results": results(dataset),
        "audits": audits(dataset),
        "failed": failures(dataset),
        "verdicts": str(dataset.attrs.get("verdicts", "")).splitlines(),
    }
    return record, dataset


def report(dataset: xr.Dataset, title: str, record: dict[str, Any]) -> None:
    """Show what a run found and where it was written."""
    from modelkit.view.tables import show as show_table
    from modelkit.view.tables import summary

    show_table(summary(dataset, title), sys.stdout)
    for note in record["notes"]:
        click.echo(f"note: {note}")


def draw_one(model: Model, name: str, dataset: xr.Dataset, path: Path, quiet: bool) -> str | None:
    """Write the figure of a task beside its dataset; its name, None for single numbers.

    Raises ModelError when the plot does not suit the results.
    """
    from modelkit.view.choice import choose_drawings
    from modelkit.view.figures import figure, save

    choice, written = choose_drawings(model.declarations, name, dataset), str(path)
    beside = path.with_suffix(".pdf") if choice.drawings else None
    try:
        if beside is not None:
            save(figure(dataset, choice.drawings), beside)
            written = f"{path} and {beside}" + (f" ({choice.undeclared})" if choice.undeclared else "")
    finally:  # the dataset is there in any case
        if not quiet:
            click.echo(f"wrote {written}")
    if beside is None and not quiet:
        click.echo("no figure: the results are single numbers")
    return str(beside) if beside is not None else None
