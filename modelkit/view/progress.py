"""The progress bar of a long sweep: rate and time left, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(name: str, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A bar with the rate and the time left, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    with bar:
        line = bar.add_task(name, total=None, rate="")

        def ticked(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(line, completed=done, total=total, rate=f"{speed:.1f}/s" if speed else "")

        yield ticked
