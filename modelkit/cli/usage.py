"""Wrong usage of the command line, told as errors of a model are: one sentence, one suggestion."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from modelkit.registry import suggestion

CODE = 2


class WrongUsage(click.UsageError):
    """A command that cannot be done as it was written.

    Parameters
    ----------
    message, hint : str
        What is wrong, and what to do.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Commands(click.Group):
    """Commands whose wrong usage is told in the words of this package."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run; by itself it ends the process with an exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
        except click.UsageError as error:
            message, hint = told(error)
            click.echo(f"{message}\nhelp: {hint}", err=True)
            sys.exit(CODE)
        except click.Abort:
            sys.exit(130)
        sys.exit(code if isinstance(code, int) else 0)


def told(error: click.UsageError) -> tuple[str, str]:
    """The sentence and the suggestion for any wrong usage."""
    context = error.ctx
    path = context.command_path if context is not None else "modelkit"
    name = path.split()[-1] if " " in path else "modelkit"
    usage = f"write: {_usage(context)}; modelkit{f' {name}' if name != 'modelkit' else ''} -h tells more"
    if isinstance(error, WrongUsage):
        return error.message, error.hint
    if isinstance(error, click.NoSuchOption):
        known = [word for one in _parameters(context) for word in one.opts if isinstance(one, click.Option)]
        hint = suggestion(error.option_name, known, "options") or usage
        return f"'{name}' has no option '{error.option_name}'", hint
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"'{name}' needs {error.param.human_readable_name.upper()}", usage
    if isinstance(error, click.BadOptionUsage):
        return _lowered(error.message), f"write: {error.option_name} VALUE"
    if context is not None and isinstance(context.command, click.Group):
        shown = [name for name, one in context.command.commands.items() if not one.hidden]
        quoted = error.message.split("'")[1:2]
        message = f"there is no command '{quoted[0]}'" if quoted else "a command is missing"
        return message, suggestion("".join(quoted), shown, "commands") or usage
    return _lowered(error.format_message()), usage


def file_problem(path: Path) -> WrongUsage | None:
    """Why a path cannot be a model file, or None."""
    if path.is_dir():
        inside = sorted(one.name for one in path.glob("*.model"))
        hint = f"its model files: {', '.join(inside[:5])}" if inside else "name a file, such as wire.model"
        return WrongUsage(f"'{path}' is a directory, not a model file", hint)
    if path.exists():
        return None
    if not path.parent.is_dir():
        hint = "look at the path; it counts from the current directory"
        return WrongUsage(f"there is no directory '{path.parent}'", hint)
    beside = sorted(one.name for one in path.parent.glob("*.model"))
    near = suggestion(path.name, beside, "model files here")
    if near and len(beside) > 5 and not near.startswith("did"):
        near = f"there are {len(beside)} model files in '{path.parent}'"
    return WrongUsage(f"there is no file '{path}'", near or "modelkit new NAME writes one to start from")


def _parameters(context: click.Context | None) -> list[click.Parameter]:
    found = context.command.get_params(context) if context is not None else []
    return [one for one in found if not getattr(one, "hidden", False)]


def _usage(context: click.Context | None) -> str:
    if context is None:
        return "modelkit COMMAND FILE"
    pieces = " ".join(context.command.collect_usage_pieces(context))
    path = context.command_path.split()[1:]
    return " ".join(["modelkit", *path, pieces])


def _lowered(message: str) -> str:
    sentence = " ".join(message.split()).rstrip(".")
    return sentence[:1].lower() + sentence[1:]
