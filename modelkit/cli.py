"""The command line: ``modelkit check | run | show | plot | format | new``.

Exit codes: 0 fine, 1 the model is wrong, 2 wrong usage, 3 not converged, an audit failed or a sweep
has failed points, 130 interrupted.  Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from modelkit.errors import ModelError, NotConverged
from modelkit.version import __version__

if TYPE_CHECKING:
    import xarray as xr

    from modelkit.model import Model

WRONG_MODEL, WRONG_USAGE, NOT_CONVERGED, INTERRUPTED = 1, 2, 3, 130
SYMMETRY = (
    "symmetries are not examined yet, this comes with a later version; --no-symmetry leaves this line out"
)
TEMPLATE = Path(__file__).parent / "view" / "template.model"
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what a user's text, numbers or files can provoke into a message and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        as_json = bool(kwargs.get("as_json"))
        try:
            command(*args, **kwargs)
        except ModelError as error:
            fail(WRONG_MODEL, str(error), [one.record() for one in error.errors], as_json)
        except NotConverged as error:
            from modelkit.view.records import record, told

            fail(NOT_CONVERGED, told(error), [record(error)], as_json)
        except OSError as error:
            where = f" '{error.filename}'" if error.filename else ""
            raise click.UsageError(
                f"cannot use the file{where}: {(error.strerror or str(error)).lower()}"
            ) from None
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)

    return run


def later(name: str, what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Refuse an option that belongs to a later version, by its name."""

    def refuse(context: click.Context, option: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            raise click.UsageError(f"'{name}' ({what}) comes with a later version", context)

    flag = {"is_flag": True} if name != "--jobs" else {"type": str}
    return click.option(name, expose_value=False, hidden=True, callback=refuse, default=None, **flag)


as_json = click.option("--json", "as_json", is_flag=True, help="Write records for programs.")
values = click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help="Give a parameter, or a field such as L.T."
)
method = click.option("--method", metavar="NAME", help="Solve with this method instead of the chosen one.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="modelkit")
def main() -> None:
    """Declare a quantum device in a text, check it, compute it, see it."""


@main.command()
@click.argument("file", type=FILE)
@as_json
@click.option("--no-symmetry", is_flag=True, help="Leave the symmetries out.")
@guarded
def check(file: Path, as_json: bool, no_symmetry: bool) -> None:
    """Check a model file: its words, formulas, units and graph."""
    model = load(file)
    model.check()
    if as_json:
        write_json({"errors": [], "notes": [] if no_symmetry else [SYMMETRY]})
        return
    click.echo(f"{file}: fine ({contents(model) or 'it declares nothing'})")
    if not no_symmetry:
        click.echo(SYMMETRY)


@main.command()
@click.argument("file", type=FILE)
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--all", "every", is_flag=True, help="Run all tasks of the file.")
@values
@method
@click.option("-o", "--output", type=OUTPUT, help="Dataset to write (.nc); the figure stands beside it.")
@as_json
@later("--resume", "going on with an interrupted sweep")
@later("--jobs", "several processes")
@later("--dask", "a cluster")
@guarded
def run(
    file: Path,
    tasks: tuple[str, ...],
    every: bool,
    given: tuple[str, ...],
    method: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run tasks of a model file (the first one if none is named); write datasets and figures here."""
    settings = parsed(given)
    model = load(file)
    chosen = tasks_of(model, tasks, every)
    if output is not None and len(chosen) > 1:
        raise click.UsageError("-o names one dataset, but several tasks would be run")
    places = {name: place(output or Path(f"{model.name}_{name}.nc"), ".nc") for name in chosen}
    told, failed = [], False
    for name in chosen:
        record, dataset = run_one(model, name, settings, method, places[name], quiet=as_json)
        told.append(record)
        failed = failed or bool(record["failed"])
        if not as_json:
            report(dataset, f"{model.name}: {name}", record)
    if as_json:
        write_json({"errors": [], "tasks": told})
    if failed:
        sys.exit(NOT_CONVERGED)


@main.command()
@click.argument("file", type=FILE)
@click.option("--latex", is_flag=True, help="Write the Hamiltonian as LaTeX instead.")
@values
@click.option("-o", "--output", type=OUTPUT, help="Picture to write (default: MODEL_device.pdf).")
@guarded
def show(file: Path, latex: bool, given: tuple[str, ...], output: Path | None) -> None:
    """Show the declared graph as a table and draw the device."""
    settings = parsed(given)
    model = load(file)
    if latex:
        click.echo(model.latex())
        return
    from modelkit.view.declared import graph_table
    from modelkit.view.figures import save
    from modelkit.view.tables import show as show_table

    where = place(output or Path(f"{model.name}_device.pdf"), None)
    table = graph_table(model.graph(), f"{model.name}: {model.title}" if model.title else model.name)
    show_table(table, sys.stdout)
    save(model.draw(settings), where)
    click.echo(f"wrote {where}")


@main.command()
@click.argument("file", type=FILE)
@click.argument("task")
@values
@method
@click.option("-o", "--output", type=OUTPUT, help="Figure to write (default: MODEL_TASK.pdf).")
@guarded
def plot(file: Path, task: str, given: tuple[str, ...], method: str | None, output: Path | None) -> None:
    """Run a task and draw its figure."""
    settings = parsed(given)
    model = load(file)
    (name,) = tasks_of(model, (task,), False)
    where = place(output or Path(f"{model.name}_{name}.pdf"), None)
    from modelkit.view.figures import save
    from modelkit.view.progress import progress
    from modelkit.view.tables import failures

    with progress(name) as ticked:
        dataset = model.run(name, settings, method=method, progress=ticked)
    save(model.figure(name, dataset), where)
    click.echo(f"wrote {where}")
    reasons = failures(dataset)
    if reasons:
        click.echo(f"{len(reasons)} of {dataset['failed'].size} points failed: {reasons[0]}", err=True)
        sys.exit(NOT_CONVERGED)


@main.command("format")
@click.argument("file", type=FILE)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if something would change.")
@guarded
def format_file(file: Path, only_check: bool) -> None:
    """Write a model file in its canonical form; comments and line breaks stay."""
    from modelkit.language.parser import parse
    from modelkit.language.printer import to_text

    text = read(file)
    formatted = to_text(parse(text, str(file)))
    if formatted == text:
        click.echo(f"{file}: formatted already")
    elif only_check:
        click.echo(f"{file}: would change")
        sys.exit(WRONG_MODEL)
    else:
        file.write_text(formatted, encoding="utf-8", newline="\n")
        click.echo(f"{file}: formatted")


@main.command()
@click.argument("name")
@guarded
def new(name: str) -> None:
    """Write a small commented model file NAME.model to start from."""
    path = Path(name if name.endswith(".model") else f"{name}.model")
    stem = path.stem
    if not (stem.isascii() and stem.isidentifier() and stem[0].isalpha()):
        raise click.BadParameter(
            f"'{stem}' is no name: letters, digits and '_', a letter first", param_hint="NAME"
        )
    text = TEMPLATE.read_text(encoding="utf-8").replace("NAME", stem)
    from modelkit.model import loads

    try:
        loads(text, str(path)).check()
    except ModelError:  # the template itself is right
        raise click.BadParameter(f"'{stem}' is a word of the language", param_hint="NAME") from None
    try:
        with path.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    except FileExistsError:
        raise click.UsageError(f"'{path}' exists already and is not overwritten") from None
    click.echo(f"wrote {path}; now: modelkit run {path}")


@main.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("anything", nargs=-1)
def lsp(anything: tuple[str, ...]) -> None:
    """Refuse: the language server is not there yet."""
    raise click.UsageError("'lsp' (the language server) comes with a later version")


def load(file: Path) -> Model:
    """The model of a file; imported here, since sympy comes with it."""
    import modelkit.model

    return modelkit.model.load(file)


def read(file: Path) -> str:
    """The text of a file, a byte-order mark left out.

    Raises ModelError for what is not UTF-8 text.
    """
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"'{file}' is no text in UTF-8 (byte {error.start + 1})"
        raise ModelError(message, hint="save the model file as UTF-8 text") from None


def parsed(given: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` pairs; the values stay text in the model's language."""
    settings: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise click.BadParameter(f"'{pair}' is not NAME=VALUE, for example gamma=0.3", param_hint="--set")
        if name.strip() in settings:
            raise click.BadParameter(f"'{name.strip()}' is given twice", param_hint="--set")
        settings[name.strip()] = value.strip()
    return settings


def tasks_of(model: Model, named: tuple[str, ...], every: bool) -> tuple[str, ...]:
    """Names of the tasks to run: the named ones, all, or the first."""
    from modelkit.registry import suggestion

    if every and named:
        raise click.UsageError("name tasks or give --all, not both")
    known = model.tasks
    for name in named:
        if name not in known:
            hint = suggestion(name, known, "tasks")
            raise click.UsageError(f"there is no task '{name}'" + (f"; {hint}" if hint else ""))
    if not known:
        raise ModelError(
            f"'{model.name}' has no task to run",
            hint="write: task NAME = transport(order = 1) { output current }",
        )
    return tuple(dict.fromkeys(named)) or (known if every else known[:1])


def place(path: Path, ending: str | None) -> Path:
    """Where to write: refused before a long run if nothing can be written there."""
    import os

    if ending is not None and path.suffix != ending:
        raise click.UsageError(f"-o '{path}': the name must end in {ending}")
    folder = path.parent
    if not folder.is_dir():
        raise click.UsageError(f"-o '{path}': there is no folder '{folder}'")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise click.UsageError(f"-o '{path}': not allowed to write there")
    return path


def run_one(
    model: Model, name: str, settings: dict[str, str], method: str | None, path: Path, quiet: bool
) -> tuple[dict[str, Any], xr.Dataset]:
    """Run one task, write its dataset and its figure; the record for ``--json`` and the dataset."""
    from modelkit.tasks.run import Interrupted
    from modelkit.view.figures import default_drawings, save
    from modelkit.view.progress import progress
    from modelkit.view.tables import audits, failures, results

    try:
        with progress(name, quiet) as ticked:
            dataset = model.run(name, settings, method=method, progress=ticked, store=path)
    except Interrupted as stopped:
        kept = f"finished points are in {path}" if stopped.partial is not None else "no point was finished"
        click.echo(f"interrupted: {kept}", err=True)
        sys.exit(INTERRUPTED)
    figure: Path | None = None
    if any(plot.task == name for plot in model.declarations.plots) or default_drawings(dataset):
        figure = path.with_suffix(".pdf")
        save(model.figure(name, dataset), figure)
    record = {
        "task": name,
        "dataset": str(path),
        "figure": str(figure) if figure else None,
        "method": str(dataset.attrs.get("method", "")) or None,
        "results": results(dataset),
        "audits": audits(dataset),
        "failed": failures(dataset),
    }
    return record, dataset


def report(dataset: xr.Dataset, title: str, record: dict[str, Any]) -> None:
    """Show what a run found and where it was written."""
    from modelkit.view.tables import show as show_table
    from modelkit.view.tables import summary

    show_table(summary(dataset, title), sys.stdout)
    written = [record["dataset"], record["figure"]]
    click.echo("wrote " + " and ".join(path for path in written if path))
    if record["figure"] is None:
        click.echo("no figure: the results are single numbers")


def contents(model: Model) -> str:
    """What a model declares, counted: ``8 parameters, 1 lattice, ...``."""
    from collections import Counter

    from modelkit.language.nodes import Statement

    nouns = Counter(line.noun.id for line in model.block.statements if isinstance(line, Statement))
    words = {"param": "parameter"}
    counted = [
        (words.get(noun, noun), count) for noun, count in nouns.items() if noun not in {"model", "units"}
    ]
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for word, count in counted)


def fail(code: int, message: str, records: list[dict[str, Any]], as_json: bool) -> NoReturn:
    """End with a message on stderr, or with records on stdout."""
    if as_json:
        write_json({"errors": records})
    else:
        click.echo(message, err=True)
    sys.exit(code)


def write_json(data: dict[str, Any]) -> None:
    """Write records on stdout."""
    from modelkit.view.records import json_text

    click.echo(json_text(data))
