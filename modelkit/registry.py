"""Where kinds are entered by name, so that they are never switched on.

A registry is a mapping from a word of the language to what it means.  The concept's own module
holds the registry (``nouns`` in ``elements``, ``functions`` in ``language``, ...); the entries that
cross several rooms are described here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from modelkit.errors import ModelError, Span

Entry = TypeVar("Entry")


def suggestion(word: str, known: Iterable[str], plural: str = "names") -> str | None:
    """The nearest of the known words, or all of them when they are few."""
    names = list(dict.fromkeys(known))
    for name in names:
        if name.lower() == word.lower():
            return f"did you mean '{name}'?"
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.7)
    close = close or difflib.get_close_matches(word, names, n=1, cutoff=0.65)
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

    def replace(self, name: str, entry: Entry) -> Entry:
        """Enter something else under a name that is registered."""
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
class ResultDim:
    """A dimension of results, as in ``Output.dims``.

    One with labels takes a subscript in formulas, ``I[L]``; along any other the values are numbers,
    which ``found.grids[name]`` of the verb gives, shape (n,).

    Parameters
    ----------
    labels : str or None
        Which things of the file its labels are names of: ``terminal``, ``site``, ``bond``, as registered
        in ``label_readers`` (elements: how a text names one) and ``label_makers`` (graph: all of a device).
    words : tuple of str
        Its labels where they are the same for every device: ``("I", "J")``.
    variables : tuple of str
        Running variables that give it: ``E``.
    prefix : str
        What stands before the name of a ring's index in running variables that give it, numbers without a
        unit: ``k_`` of ``k_j``; empty where there are none.
    unit : str
        Physical dimension of its numbers, in words as for outputs.
    symbol : str
        What stands on an axis, ``""`` where its name says all.
    rank : int
        Order in which an undeclared figure takes dimensions for its running axis; sweeps of numbers have
        1, everything else 3.
    """

    labels: str | None = None
    words: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    prefix: str = ""
    unit: str = "1"
    symbol: str = ""
    rank: int = 3

    @property
    def labelled(self) -> bool:
        """Whether a subscript selects along it."""
        return self.labels is not None or bool(self.words)


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
        Its own dimensions, in order, as registered in ``result_dims``: ``terminal``, ``energy``, ...  Where
        they depend on what was found these are all that there may be, and ``evaluate`` tells.
    unit : str
        Its dimension in words: ``energy``, ``temperature``, ``current``, ``1/energy``, ``energy/time``,
        ``1``, ...; what ``evaluate`` gives, with hbar = e = k_B = 1, is converted to the model's units.
    meaning : str
        One sentence for the language page.
    verbs : tuple of str
        The verbs whose tasks can give it.
    evaluate : callable
        ``evaluate(found) -> array`` of the shape of ``dims``, or a ``results.dataset.Labelled`` with some of
        them; ``found`` is what the verb solved.  It changes nothing that can be seen: in whatever order
        outputs are read, they are the same.
    audit : callable
        ``audit(found) -> {name: relative residual}``: what this output must obey besides the solution, none
        if not given.  It is demanded whenever the output is read (``results.outputs.read``).
    units : mapping of tuple of str to str
        Where the unit hangs on the words along the first dimensions, the unit of each choice of words,
        ``("I", "V")``; ``unit`` is not used then.
    scale : callable or None
        ``scale(found)``: the gross flow that its rounding is counted against where symmetry forbids it, a
        number or one for each choice of the words that its first dimensions are; not audited so if None.
    variants : mapping of str to Output
        By verb, where it gives the quantity over other dimensions; see :meth:`of`.
    """

    name: str
    short: str | None
    dims: tuple[str, ...]
    unit: str
    meaning: str
    verbs: tuple[str, ...]
    evaluate: Callable[[Any], Any]
    audit: Callable[[Any], Mapping[str, float]] = lambda found: {}
    units: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    scale: Callable[[Any], Any] | None = None
    variants: Mapping[str, Output] = field(default_factory=dict)

    def of(self, verb: str) -> Output:
        """The quantity as a verb gives it: ``current`` of each terminal, or of a ring."""
        return self.variants.get(verb, self)

    @property
    def all_dims(self) -> frozenset[str]:
        """Over which it may run, whatever the verb."""
        return frozenset(self.dims).union(*(variant.dims for variant in self.variants.values()))


ONE_SIDED, DIRECTION = "one_sided", "direction"


class Found(Protocol):
    """What a verb found for one device; its outputs read their arrays from it.

    Audits are of two kinds: those of the solution are ``audits``, complete when the verb returns and demanded
    by the verb itself; those of an output are ``Output.audit(found)``.  A verb with dimensions that are
    numbers also has ``grids``, their values by name of the dimension, and one with labels that are not those
    of the device has ``labels``.
    """

    @property
    def method(self) -> str:
        """Name of the method that solved it."""

    @property
    def why(self) -> str:
        """Why this method."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How often what was done: ``energies``, ``linear_solves``, ...; those of all points are added."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Conventions that belong to the numbers, and warnings; attributes of the Dataset.

        The words under ``ONE_SIDED`` warn of a comparison of two directions of the bias.  They are told,
        among the ``warnings``, when a run has points in both; ``DIRECTION`` is a sign for each terminal.
        """

    @property
    def audits(self) -> Mapping[str, float]:
        """Relative residuals of the solution by name, as it was found."""


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
        ``solve(request) -> found``: does the work for one set of values; see :class:`Found`.
    biased : bool
        ``mu`` and ``T`` of terminals enter; where they do not, lines of a task that set them are refused.
    momenta : bool
        It treats chains without terminals: rings may be infinite, and the momentum along each, ``k_j`` of
        ``for j in ring(cells)``, is a running variable.
    initial : bool
        It begins with the state that the line ``initial`` of a task gives.
    """

    name: str
    options: Mapping[str, str]
    grids: tuple[str, ...]
    meaning: str
    check: Callable[[Any], Iterator[ModelError]]
    solve: Callable[[Any], Found]
    biased: bool = True
    momenta: bool = False
    initial: bool = False


@dataclass(frozen=True)
class Reduction:
    """A two-case quantity: a function of one result in the first and the second case."""

    name: str
    meaning: str
    evaluate: Callable[[Any, Any], Any]


result_dims: Registry[ResultDim] = Registry("dimension")
outputs: Registry[Output] = Registry("output")
verbs: Registry[Verb] = Registry("verb")
methods: Registry[Any] = Registry("method")
reductions: Registry[Reduction] = Registry("two-case quantity", "two-case quantities")

result_dims.add("energy", ResultDim(variables=("E",), unit="energy", symbol="E", rank=0))
result_dims.add("time", ResultDim(variables=("time",), unit="time", symbol="t", rank=0))
result_dims.add(
    "momentum", ResultDim(variables=("kx", "ky"), prefix="k_", unit="1/length", symbol="k", rank=0)
)
result_dims.add("momentum_x", ResultDim(variables=("kx",), unit="1/length", symbol="k_x", rank=0))
result_dims.add("momentum_y", ResultDim(variables=("ky",), unit="1/length", symbol="k_y", rank=1))
result_dims.add("band", ResultDim(rank=2))
result_dims.add("branch", ResultDim())
result_dims.add("terminal", ResultDim(labels="terminal", rank=2))
result_dims.add("of", ResultDim(words=("I", "J")))
result_dims.add("by", ResultDim(words=("V", "T")))
result_dims.add("by_2", ResultDim(words=("V", "T")))
result_dims.add("terminal_from", ResultDim(labels="terminal"))
result_dims.add("terminal_from_2", ResultDim(labels="terminal"))
result_dims.add("site", ResultDim(labels="site", rank=2))
result_dims.add("bond", ResultDim(labels="bond", rank=2))
result_dims.add("region", ResultDim(labels="region", rank=2))
result_dims.add("spin", ResultDim(words=("up", "down"), rank=2))
result_dims.add("orbital", ResultDim(labels="orbital", rank=2))
result_dims.add("dissipator", ResultDim(labels="dissipator", rank=2))


def enter_output(entry: Output) -> Output:
    """Enter an output; one of a name that is known is what further verbs give under it.

    Raises
    ------
    ValueError
        A verb has an output of this name already, or it has another short name.
    """
    known = outputs.get(entry.name)
    if known is None:
        return outputs.add(entry.name, entry)
    if known.short != entry.short or set(known.verbs) & set(entry.verbs):
        raise ValueError(f"output '{entry.name}' is registered already")
    variants = {**known.variants, **dict.fromkeys(entry.verbs, entry)}
    return outputs.replace(entry.name, replace(known, verbs=(*known.verbs, *entry.verbs), variants=variants))


def methods_of(verb: str) -> tuple[str, ...]:
    """The names of the methods that can do what a verb asks."""
    return tuple(name for name, method in methods.items() if verb in method.verbs)


def check_method(name: str, verb: str, span: Span | None = None) -> None:
    """Raise a ModelError unless there is such a method and it can do what the verb asks."""
    known = methods_of(verb)
    if not known:
        message = f"'{verb}' has one method only, which needs no name"
        raise ModelError(message, span, hint="leave out 'method'")
    if name not in methods:
        hint = suggestion(name, known, f"methods of '{verb}'")
        raise ModelError(f"there is no method '{name}'", span, hint=hint)
    if name not in known:
        hint = f"the methods of '{verb}' are {', '.join(known)}"
        raise ModelError(f"'{name}' is no method of '{verb}'", span, hint=hint)


def running_unit(variable: str) -> str:
    """The physical dimension of a running variable."""
    known = result_dims[running_dim(variable) or ""]
    return known.unit if variable in known.variables else "1"


def running_dim(variable: str) -> str | None:
    """The dimension that a running variable gives by itself: ``E`` gives ``energy``, ``k_j`` ``momentum``."""
    for name, dim in result_dims.items():
        if variable in dim.variables or (dim.prefix and variable.startswith(dim.prefix)):
            return name
    return None
