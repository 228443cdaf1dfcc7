"""Messages of many points that differ in numbers only."""

from __future__ import annotations

import re
from collections.abc import Iterable


def kinds_of(messages: Iterable[str]) -> list[list[str]]:
    """The messages, those of one kind together, in the order in which each kind came first.

    >>> kinds_of(["off by 1e-3", "no solution", "off by -0.2"])
    [['off by 1e-3', 'off by -0.2'], ['no solution']]
    """
    found: dict[str, list[str]] = {}
    for message in messages:
        found.setdefault(re.sub(r"[-+]?\d[\d.e+-]*", "#", message), []).append(message)
    return list(found.values())
