"""The commands; everything heavy is imported by the one that needs it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from modelkit.cli.given import parsed, place, single, tasks_of
from modelkit.cli.running import INTERRUPTED, draw_one, report, run_one
from modelkit.cli.usage import Commands, WrongUsage, file_problem
from modelkit.errors import ModelError, NotConverged
from modelkit.version import __version__

if TYPE_CHECKING:
    from modelkit.model import Model

WRONG_MODEL, NOT_CONVERGED = 1, 3
TEMPLATE = Path(__file__).parents[1] / "view" / "template.model"
FILE = OUTPUT = click.Path(path_type=Path)


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
            message = f"cannot use the file{where}: {(error.strerror or str(error)).lower()}"
            raise WrongUsage(message, "look at its path and permissions") from None
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)

    return run


def later(name: str, what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Refuse an option that belongs to a later version, by its name."""

    def refuse(context: click.Context, option: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            raise WrongUsage(f"'{name}' ({what}) comes with a later version", "leave it out")

    flag = {"is_flag": True} if name != "--jobs" else {"type": str}
    return click.option(name, expose_value=False, hidden=True, callback=refuse, default=None, **flag)


as_json = click.option("--json", "as_json", is_flag=True, help="Write records for programs.")
values = click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE",
    help="Give a parameter, or a field such as L.T; several values as a set: 'g={0.1, 0.2}', 'N=4..20'.",
)  # fmt: skip
method = click.option("--method", metavar="NAME", help="Solve with this method instead of the chosen one.")


@click.group(cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="modelkit")
def main() -> None:
    """Declare a quantum device in a text, check it, compute it, see it."""


@main.command()
@click.argument("file", type=FILE)
@values
@as_json
@click.option("--no-symmetry", is_flag=True, help="Leave the symmetries out.")
@guarded
def check(file: Path, given: tuple[str, ...], as_json: bool, no_symmetry: bool) -> None:
    """Check a model file: its words, formulas, units, graph and checks; tell what its symmetries forbid."""
    model = load(file)
    if given:
        model = model.with_values(single(parsed(given)))
    model.check()
    found = None
    if not no_symmetry:
        from modelkit.model.symmetries import findings

        found = findings(model)
    if as_json:
        write_json({"errors": [], **({"symmetry": found.record()} if found is not None else {})})
        return
    click.echo(f"{file}: fine ({contents(model) or 'it declares nothing'})")
    if found is not None:
        click.echo(found)


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
        raise WrongUsage(
            "-o names one dataset, but there are several tasks", "name one task, or leave -o out"
        )
    places = {name: place(output or Path(f"{model.name}_{name}.nc"), ".nc") for name in chosen}
    told: list[dict[str, Any]] = []
    failed: list[ModelError | NotConverged] = []  # of a task, or of a figure whose numbers are there
    for name in chosen:
        try:
            record, dataset = run_one(model, name, settings, method, places[name], quiet=as_json)
            told.append(record)
            if not as_json:
                report(dataset, f"{model.name}: {name}", record)
            record["figure"] = draw_one(model, name, dataset, places[name], quiet=as_json)
        except (ModelError, NotConverged) as error:
            failed.append(error)  # the other tasks may do
    end(told, failed, as_json)


def end(told: list[dict[str, Any]], failed: list[ModelError | NotConverged], as_json: bool) -> None:
    """What the tasks came to: their records, every error once, the exit code."""
    from modelkit.view.records import record
    from modelkit.view.records import told as words

    wrong = [one for error in failed if isinstance(error, ModelError) for one in error.errors]
    lost = [error for error in failed if isinstance(error, NotConverged)]
    if as_json:
        write_json({"errors": [*(one.record() for one in wrong), *map(record, lost)], "tasks": told})
    else:
        for line in dict.fromkeys([*map(str, wrong), *map(words, lost)]):
            click.echo(line, err=True)
    if wrong or lost or any(one["failed"] for one in told):
        sys.exit(WRONG_MODEL if wrong else NOT_CONVERGED)


@main.command()
@click.argument("file", type=FILE)
@click.option("--latex", is_flag=True, help="Write the Hamiltonian as LaTeX instead.")
@values
@click.option("-o", "--output", type=OUTPUT, help="Picture to write (default: MODEL_device.pdf).")
@guarded
def show(file: Path, latex: bool, given: tuple[str, ...], output: Path | None) -> None:
    """Show the declared graph as a table and draw the device."""
    settings = parsed(given)
    for name, value in settings.items():
        if isinstance(value, list):
            raise WrongUsage(
                f"one device is drawn, '{name}' has several values", f"give '{name}' a single value"
            )
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
    from modelkit.view.choice import choose_drawings
    from modelkit.view.failures import failure_notes
    from modelkit.view.figures import figure, save
    from modelkit.view.progress import progress

    with progress(name) as ticked:
        dataset = model.run(name, settings, method=method, progress=ticked)
    choice = choose_drawings(model.declarations, name, dataset)
    save(figure(dataset, choice.drawings), where)
    click.echo(f"wrote {where}" + (f" ({choice.undeclared})" if choice.undeclared else ""))
    failed = failure_notes(dataset)
    if failed:
        click.echo("\n".join(failed), err=True)
        sys.exit(NOT_CONVERGED)


@main.command("format")
@click.argument("file", type=FILE)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if something would change.")
@guarded
def format_file(file: Path, only_check: bool) -> None:
    """Write a model file in its canonical form; comments and line breaks stay."""
    from modelkit.language.parser import parse
    from modelkit.language.printer import to_text
    from modelkit.model.model import text_of

    if problem := file_problem(file):
        raise problem
    text = text_of(file)
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
        raise WrongUsage(f"'{stem}' is no name", "a name has letters, digits and '_', a letter first")
    text = TEMPLATE.read_text(encoding="utf-8").replace("NAME", stem)
    from modelkit.model import loads

    try:
        loads(text, str(path)).check()
    except ModelError:  # the template itself is right
        hint = f"choose another name, '{stem}_1' for example"
        raise WrongUsage(f"'{stem}' is a word of the language", hint) from None
    try:
        with path.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    except FileExistsError:
        raise WrongUsage(f"'{path}' exists already and is not overwritten", "choose another name") from None
    click.echo(f"wrote {path}; now: modelkit run {path}")


@main.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("anything", nargs=-1)
def lsp(anything: tuple[str, ...]) -> None:
    """Refuse: the language server is not there yet."""
    raise WrongUsage("'lsp' (the language server) comes with a later version", "take check --json")


def load(file: Path) -> Model:
    """The model of a file; imported here, since sympy comes with it."""
    if problem := file_problem(file):
        raise problem
    import modelkit.model

    return modelkit.model.load(file)


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
