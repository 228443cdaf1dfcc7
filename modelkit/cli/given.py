"""What the words of a command mean: values, tasks, places to write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelkit.errors import ModelError

if TYPE_CHECKING:
    from modelkit.model import Model

Settings = dict[str, str | list[str]]


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


def parsed(given: tuple[str, ...]) -> Settings:
    """``NAME=VALUE`` pairs; the values stay text in the model's language, a set becomes a list.

    Raises ModelError for several values in another form.
    """
    from modelkit.tasks.settings import setting_of

    settings: Settings = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise click.BadParameter(f"'{pair}' is not NAME=VALUE, for example gamma=0.3", param_hint="--set")
        if name.strip() in settings:
            raise click.BadParameter(f"'{name.strip()}' is given twice", param_hint="--set")
        settings[name.strip()] = setting_of(name.strip(), value.strip())
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
