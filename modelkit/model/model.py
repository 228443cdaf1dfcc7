"""The class ``Model``: an immutable text of statements with everything that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelkit.errors import ModelError, raise_all
from modelkit.language import nodes
from modelkit.registry import suggestion

if TYPE_CHECKING:
    import networkx as nx
    import xarray as xr
    from matplotlib.figure import Figure

    from modelkit.elements.declarations import Declarations
    from modelkit.elements.parameters import Parameter
    from modelkit.graph.device import Device
    from modelkit.graph.expand import Expansion
    from modelkit.model.compiled import Compiled
    from modelkit.model.compiled_chain import CompiledChain
    from modelkit.symmetry.report import Report
    from modelkit.symmetry.verdict import Verdict
    from modelkit.view.tables import Table


def load(path: str | Path) -> Model:
    """The model of a ``.model`` file.

    Syntax and meaning are checked; :meth:`Model.check` also expands the device.
    Raises ModelError when the file cannot be read, is not written in the language, or has errors of
    meaning (all of them at once).
    """
    return loads(text_of(path), str(path))


def text_of(path: str | Path) -> str:
    """The text of a file as it stands there, a byte-order mark left out.

    Raises ModelError when the file cannot be read or is no text in UTF-8.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"'{path}' cannot be read: {reason}", hint="check the path") from None
    except UnicodeDecodeError as error:
        message = f"'{path}' is no text in UTF-8 (byte {error.start + 1})"
        raise ModelError(message, hint="save the model file as UTF-8 text") from None


def loads(text: str, name: str = "<text>") -> Model:
    """The model of a text; ``name`` stands in messages as the name of the file; see :func:`load`."""
    from modelkit.language.parser import parse

    if not isinstance(text, str):
        raise ModelError("a model is a text", hint="read a file with load(path), or decode bytes as UTF-8")
    model = Model._of(parse(text, name))
    _ = model.declarations
    return model


class Model:
    """A declared device and its tasks.

    ``Model("wire", "a title")`` starts a model; each method named like a noun of the language adds
    a statement and returns a new model, so that calls are chained:

    .. code-block:: python

        wire = (
            mk.Model("wire")
            .param("N", 30, doc="number of sites")
            .param("gamma", 0.5, from_=(0, 2))
            .let("I_g", "0.3*0.1/(2*pi)")
            .reference(mu=1, T=0)
            .lattice("wire", "site c[l] for l in 1..N at (l, 0)", "hop c[l] -> c[l+1] : -1")
            .bath("L", on="wire.c[1]", self_energy="chain(hopping = 1, coupling = 1)", mu=1.05)
            .probe("S[l]", for_="l in 2..N-2 step 2", on="wire.c[l]", self_energy="wide_band(gamma)",
                   solve="mu such that I == I_g")
            .case("forward", I_g_sign=1)
            .task("profile", "transport(order = 1)", cases=["forward"], output=["current", "dI = I[L]"])
        )

    How a call becomes a statement:

    - the first argument is the **head** (``"S[l] for l in 2..8"`` may hold its clauses as well); nouns
      without a head (``reference``) have none;
    - then the **value** of ``=``, if any: a number or a text that is an expression;
    - further texts are **lines** of the block, in their order; a mapping gives **fields** whose
      names are not Python's (``{"L.T": "kT + 0.1"}``);
    - by keyword: **clauses** (``on``, ``where``, ``for_``, ``in_``, ``from_``, ``at``, ...), in the order of
      the text; the **title** (``doc`` or ``title``); words of the block (``solve``, ``cases``,
      ``output``, ``sweep``), with a list where there are several; anything else is a **field**.

    Numbers of Python (complex ones, of numpy, sympy, pint) are written exactly; a text is taken as
    it is.  Syntax is checked at once, meaning when the model is first used.  ``declare(noun, ...)``
    does the same for the nouns ``plot`` and ``check``, whose names are methods of the model itself.

    Raises
    ------
    ModelError
        For anything that is wrong with the model or the values given to it.
    AttributeError
        For a noun or method that does not exist, as Python expects; it names the nearest.
    """

    def __init__(self, name: str, title: str = "") -> None:
        from modelkit.language.parser import parse
        from modelkit.model.statements import quoted

        if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
            message = f"{name!r} cannot name a model"
            raise ModelError(message, hint="a name has letters, digits and '_', a letter first")
        words = f"model {name} {quoted(title)}" if title else f"model {name}"
        self.__dict__["block"] = parse(words, "<model>")

    @classmethod
    def _of(cls, block: nodes.Block) -> Model:
        made = cls.__new__(cls)
        made.__dict__["block"] = block
        return made

    block: nodes.Block

    # --- statements ------------------------------------------------------------------------------

    def declare(self, noun: str, *parts: Any, **named: Any) -> Model:
        """A new model with one more statement; see the class."""
        from dataclasses import replace

        from modelkit.elements.declarations import nouns
        from modelkit.elements.nouns import check_form
        from modelkit.model.statements import form_of, statement

        kind = nouns.look_up(noun)
        added = statement(noun, form_of(kind), parts, named)
        raise_all(check_form(added, kind().current_form()))
        return Model._of(replace(self.block, statements=(*self.block.statements, added)))

    def __getattr__(self, name: str) -> Callable[..., Model]:
        if not name.startswith("_"):
            from modelkit.elements.declarations import nouns

            if name in nouns:
                return lambda *parts, **named: self.declare(name, *parts, **named)
            hint = suggestion(name, [word for word in dir(self) if not word.startswith("_")], "methods")
            close = f"; {hint}" if hint and hint.startswith("did you mean") else ""
            raise AttributeError(f"a model has no '{name}'{close}")
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        from modelkit.elements.declarations import nouns

        return sorted({*super().__dir__(), *nouns})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a model never changes; its methods give new models")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.block == other.block

    def __hash__(self) -> int:
        return hash(self.block)

    def __reduce__(self) -> tuple[Callable[[nodes.Block], Model], tuple[nodes.Block]]:
        """What was worked out from the statements does not travel with them."""
        return Model._of, (self.block,)

    # --- what it says ----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the model, ``""`` if the text gives none."""
        head = self._header.head if self._header is not None else None
        target = head.items[0].target if isinstance(head, nodes.Listing) else None
        return target.id if isinstance(target, nodes.Name) else ""

    @property
    def title(self) -> str:
        """The title of the model, ``""`` without one."""
        header = self._header
        return header.title.value if header is not None and header.title is not None else ""

    @property
    def _header(self) -> nodes.Statement | None:
        found = (
            one
            for one in self.block.statements
            if isinstance(one, nodes.Statement) and one.noun.id == "model"
        )
        return next(found, None)

    @cached_property
    def declarations(self) -> Declarations:
        """What the statements mean; raises ModelError with all errors of meaning."""
        import modelkit.tasks.vocabulary  # noqa: F401 (its import enters verbs and outputs)
        from modelkit.elements.declarations import declare

        return declare(self.block)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The declared parameters by name, with default, interval or choices, unit and meaning."""
        return self.declarations.parameters

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks; the first is the main one."""
        return tuple(self.declarations.tasks)

    def check(self) -> None:
        """Raise all errors of meaning, of the device and tasks at the declared values, and of the checks."""
        from modelkit.errors import raise_all
        from modelkit.model.devices import device_at
        from modelkit.tasks.run import objections

        device_at(self.declarations, self._expansion, {}, shown=True)
        raise_all(objections(self.declarations, self._expansion))
        self._hold_checks()

    def symmetries(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> Report:
        """What the device keeps and what breaks the rest, at the declared values or others."""
        from modelkit.model.symmetries import symmetries

        return symmetries(self, self._expansion, {**(values or {}), **named})

    def forbids(
        self,
        formula: str,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        task: str | None = None,
        **named: Any,
    ) -> Verdict:
        """Whether a formula over results must vanish, as behind ``check forbidden`` (``on`` a task)."""
        from modelkit.model.symmetries import forbids

        return forbids(self, self._expansion, formula, task, {**(values or {}), **named})

    def _hold_checks(self) -> None:
        """Raise what the checks of the device say, if there are any."""
        if self.declarations.checks:
            from modelkit.tasks.symmetries import failed_checks

            raise_all(failed_checks(self._expansion))

    def to_source(self) -> str:
        """The model as canonical text; ``loads`` of it is an equal model."""
        from modelkit.language.printer import to_text

        return to_text(self.block)

    def with_values(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> Model:
        """A new model with other defaults of parameters (``gamma=0.3``) or fields (``{"L.T": 0.1}``)."""
        from modelkit.elements.declarations import nouns
        from modelkit.model.values import with_defaults
        from modelkit.tasks.outside import default_expressions

        given = {**(values or {}), **named}
        owners = {noun for noun, meaning in nouns.items() if meaning.space == "device"}
        return Model._of(with_defaults(self.block, default_expressions(self.declarations, given), owners))

    # --- graphs, matrices ------------------------------------------------------------------------

    def graph(self) -> nx.MultiDiGraph:
        """The declared graph: a node for each declared thing, an edge for each relation."""
        return self._graph.copy()

    def device(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> Device:
        """The expanded device (index and value arrays) at the declared values, or others."""
        from modelkit.model.devices import device_at

        return device_at(self.declarations, self._expansion, {**(values or {}), **named})

    def compile(
        self, values: Mapping[str, Any] | None = None, /, *, method: str | None = None, **named: Any
    ) -> Compiled | CompiledChain:
        """The numeric problem: matrices, self-energies or jump operators, and the method that suits it."""
        from modelkit.model.compiled import compiled

        return compiled(self.device(values, **named), method)

    def latex(self) -> str:
        """The Hamiltonian as LaTeX."""
        from modelkit.graph.hamiltonian import latex

        return str(latex(self._graph))

    @cached_property
    def _graph(self) -> nx.MultiDiGraph:
        from modelkit.graph.link import link

        return link(self.declarations)

    @cached_property
    def _expansion(self) -> Expansion:
        from modelkit.graph.expand import Expansion

        return Expansion(self._graph)

    # --- numbers ---------------------------------------------------------------------------------

    def run(
        self,
        task: str | None = None,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        method: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        store: str | Path | None = None,
        **named: Any,
    ) -> xr.Dataset:
        """Run a task.

        Parameters
        ----------
        task : str, optional
            Its name; the first task if not given.
        values : mapping, optional
            Values by name, for names that are no keywords (``{"L.T": 0.1}``).
        method : str, optional
            The method instead of the chosen one.
        progress : callable, optional
            ``progress(finished, all)`` after each point.
        store : path, optional
            File for the Dataset; finished points of a long sweep stand in ``STORE.part`` meanwhile.
        **named
            Values of parameters: numbers, texts of the language, quantities of pint.  A list is a
            sweep over its values; either replaces the task's own sweep of that name.

        Returns
        -------
        xarray.Dataset
            Long names of the results; dimensions: sweeps, ``case``, then those of the results.

        Raises
        ------
        ModelError, NotConverged
            The model or a value is wrong; no point could be solved.
        modelkit.tasks.run.Interrupted
            The keyboard stopped the run; ``partial`` holds the finished points.
        """
        from modelkit.tasks.run import Manner, find_task, given_to, run_task

        chosen = find_task(self.declarations, task)
        given = given_to(self.declarations, chosen, {**(values or {}), **named})
        self._hold_checks()
        manner = Manner(method, progress, Path(store) if store is not None else None)
        return run_task(self.declarations, self._expansion, chosen, given, manner)

    # --- pictures --------------------------------------------------------------------------------

    def plot(
        self, task: str | None = None, values: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Figure:
        """Run a task and draw its figure (arguments as for :meth:`run`)."""
        from modelkit.tasks.run import find_task

        name = find_task(self.declarations, task).name
        return self.figure(name, self.run(name, values, **named))

    def figure(self, task: str, dataset: xr.Dataset) -> Figure:
        """The figure of results of a task, as the model's ``plot`` statements say.

        A sweep that was given a single value is no axis of it; see ``view.choice``.
        """
        from modelkit.view.choice import choose_drawings
        from modelkit.view.figures import figure

        return figure(dataset, choose_drawings(self.declarations, task, dataset).drawings)

    def draw(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> Figure:
        """A picture of the device: sites, hops, terminals; some cells of an infinite ring."""
        from modelkit.model.devices import device_at
        from modelkit.view.picture import draw

        device = device_at(self.declarations, self._expansion, {**(values or {}), **named}, shown=True)
        return draw(device, self.title or self.name)

    def table(self) -> Table:
        """What the model declares, as a small table."""
        from modelkit.model.tables import declared

        return declared(self)

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        from modelkit.model.tables import html

        return html(self)
