"""Where kinds are entered by name, so that they are never switched on.

A registry is a mapping from a word of the language to what it means.  The concept's own module
holds the registry (``nouns`` in ``elements``, ``functions`` in ``language``, ...); the entries that
cross several rooms are described here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from modelkit.errors import ModelError, Span

Entry = TypeVar("Entry")


def suggestion(word: str, known: Iterable[str], plural: str = "names") -> str | None:
    """The nearest of the known words, or all of them when they are few."""
    names = list(dict.fromkeys(known))
    for name in names:
        if name.lower() == word.lower():
            return f"did you mean '{name}'?"
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.7)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    if not names:
        return None
    return f"the {plural} are {', '.join(names)}"


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Entries by name, in the order in which they were registered.

    Parameters
    ----------
    kind : str
        What an entry is called in messages: ``"noun"``, ``"self-energy"``.
    plural : str, optional
        Its plural, ``kind + "s"`` if not given.
    """

    def __init__(self, kind: str, plural: str | None = None) -> None:
        self.kind = kind
        self.plural = plural or f"{kind}s"
        self._entries: dict[str, Entry] = {}

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Decorator that enters a class or function under ``name``."""

        def enter(entry: Entry) -> Entry:
            self.add(name, entry)
            return entry

        return enter

    def add(self, name: str, entry: Entry) -> Entry:
        """Enter under ``name``; a name is entered once."""
        if name in self._entries:
            raise ValueError(f"{self.kind} '{name}' is registered already")
        self._entries[name] = entry
        return entry

    @contextmanager
    def extended(self, name: str, entry: Entry) -> Iterator[None]:
        """An entry for the time of a ``with`` block."""
        self.add(name, entry)
        try:
            yield
        finally:
            del self._entries[name]

    def look_up(self, name: str, span: Span | None = None) -> Entry:
        """The entry, or a :class:`ModelError` that suggests the right names."""
        try:
            return self._entries[name]
        except KeyError:
            hint = suggestion(name, self._entries, self.plural)
            raise ModelError(f"there is no {self.kind} '{name}'", span, hint=hint) from None

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(frozen=True)
class Output:
    """A quantity that a task can give.

    Parameters
    ----------
    name : str
        Long name, the name of the variable in the Dataset.
    short : str or None
        Name in formulas (``I`` for ``current``); the long one is legal there too.
    dims : tuple of str
        Its own dimensions, in order: ``terminal``, ``site``, ``bond``, ``energy``, ...
    unit : str
        Its dimension in words: ``energy``, ``temperature``, ``current``, ``1/energy``, ``energy/time``,
        ``1``, ...; what ``evaluate`` gives, with hbar = e = k_B = 1, is converted to the model's units.
    meaning : str
        One sentence for the language page.
    verbs : tuple of str
        The verbs whose tasks can give it.
    evaluate : callable
        ``evaluate(found) -> array`` of the shape of ``dims``; ``found`` is what the verb solved.
    """

    name: str
    short: str | None
    dims: tuple[str, ...]
    unit: str
    meaning: str
    verbs: tuple[str, ...]
    evaluate: Callable[[Any], Any]


@dataclass(frozen=True)
class Verb:
    """What a task does: ``transport``, ``transmission``, ...

    Parameters
    ----------
    name : str
        The word of the language.
    options : mapping of str to str
        Names of its options (``order``, ``method``) with their meaning.
    grids : tuple of str
        Running variables (``E``) that are evaluation grids, not reruns.
    meaning : str
        One sentence for the language page.
    check : callable
        ``check(request) -> Iterator[ModelError]``: what of the request cannot be treated.
    solve : callable
        ``solve(request) -> found``: does the work for one set of values.
    """

    name: str
    options: Mapping[str, str]
    grids: tuple[str, ...]
    meaning: str
    check: Callable[[Any], Iterator[ModelError]]
    solve: Callable[[Any], Any]


@dataclass(frozen=True)
class Reduction:
    """A two-case quantity: a function of one result in the first and the second case."""

    name: str
    meaning: str
    evaluate: Callable[[Any, Any], Any]


outputs: Registry[Output] = Registry("output")
verbs: Registry[Verb] = Registry("verb")
methods: Registry[Any] = Registry("method")
reductions: Registry[Reduction] = Registry("two-case quantity", "two-case quantities")
