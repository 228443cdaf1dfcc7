"""What the words of a command mean: values, tasks, places to write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelkit.cli.usage import WrongUsage

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
            raise WrongUsage(f"'{pair}' behind --set is not NAME=VALUE", "write: --set gamma=0.3")
        if name.strip() in settings:
            raise WrongUsage(f"--set gives '{name.strip()}' twice", "several values are a set: 'g={1, 2}'")
        settings[name.strip()] = setting_of(name.strip(), value.strip())
    return settings


def single(settings: Settings) -> dict[str, str]:
    """One value for each name; what is not swept takes no set of them."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, list):
            raise WrongUsage(f"--set gives several values of '{name}'", f"check one: --set {name}={value[0]}")
        found[name] = value
    return found


def tasks_of(model: Model, named: tuple[str, ...], every: bool) -> tuple[str, ...]:
    """Names of the tasks to run: the named ones, all, or the first.

    Raises ModelError where there is none; the name of one that does not exist is a wrong command.
    """
    from modelkit.errors import ModelError
    from modelkit.tasks.run import find_task

    if every and named:
        raise WrongUsage("tasks are named, and --all is given", "leave one of them out")
    first = find_task(model.declarations, None).name
    for name in named:
        try:
            find_task(model.declarations, name)
        except ModelError as error:
            raise WrongUsage(error.message, error.hint or "name a task of the file") from None
    return tuple(dict.fromkeys(named)) or (model.tasks if every else (first,))


def place(path: Path, ending: str | None) -> Path:
    """Where to write: refused before a long run if nothing can be written there."""
    import os

    if path.is_dir():
        raise WrongUsage(f"'{path}' is a directory", "name a file behind -o")
    if ending is not None and path.suffix != ending:
        raise WrongUsage(
            f"the dataset '{path}' must end in {ending}", f"write: -o {path.with_suffix(ending)}"
        )
    folder = path.parent
    if not folder.is_dir():
        raise WrongUsage(f"there is no directory '{folder}' to write to", "make it, or choose another one")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise WrongUsage(f"it is not allowed to write '{path}'", "choose another place: -o PATH")
    return path
