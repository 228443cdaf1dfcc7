"""What the words of a command mean: values, tasks, places to write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from modelkit.model import Model

Settings = dict[str, str | list[str]]


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
    """Names of the tasks to run: the named ones, all, or the first.

    Raises ModelError where there is none; the name of one that does not exist is a wrong command.
    """
    from modelkit.errors import ModelError
    from modelkit.tasks.run import find_task

    if every and named:
        raise click.UsageError("name tasks or give --all, not both")
    first = find_task(model.declarations, None).name
    for name in named:
        try:
            find_task(model.declarations, name)
        except ModelError as error:
            raise click.UsageError("; ".join(filter(None, (error.message, error.hint)))) from None
    return tuple(dict.fromkeys(named)) or (model.tasks if every else (first,))


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
