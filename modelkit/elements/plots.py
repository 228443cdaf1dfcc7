"""The noun ``plot``: which results of a task are drawn against what."""

from __future__ import annotations

from dataclasses import dataclass

from modelkit.elements.binder import Binder
from modelkit.elements.lattices import Lattice
from modelkit.elements.loops import clauses_of
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.result_formulas import OutputRequest, by_word
from modelkit.elements.sites import AXES
from modelkit.elements.tasks import Task
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import running_dim, suggestion

DRAW = Form(
    pattern="draw QUANTITY against DIMENSION by DIMENSION",
    head=(nodes.Listing,),
    clauses=("against", "by"),
    needs=("against",),
    doc="a curve; one for each value behind 'by'",
)
MAP = Form(
    pattern="map QUANTITY against DIMENSION by DIMENSION",
    head=(nodes.Listing,),
    clauses=("against", "by"),
    needs=("against", "by"),
    doc="a colour for each pair of values; against x by y over the positions of sites, arrows for bonds",
)
POSITIONS = AXES
PLACED = frozenset(("site", "bond", "region"))  # dimensions of things that have positions


@dataclass(frozen=True)
class Drawing:
    """``draw`` or ``map`` of a quantity (long or derived name) against a dimension, by another.

    ``most``: of more curves than that only the largest are drawn; all, if not given.
    """

    kind: str
    quantity: str
    against: str
    by: str | None = None
    span: Span | None = None
    most: int | None = None


@dataclass(frozen=True)
class Plot:
    """The drawings of a task's results."""

    task: str
    drawings: tuple[Drawing, ...]
    span: Span | None = None


@nouns.register("plot")
class PlotNoun(Noun):
    """The figure of a task."""

    doc = "the figure of a task"
    form = Form(
        pattern="plot TASK { draw QUANTITY against DIMENSION by DIMENSION }",
        head=(nodes.Listing,),
        block="must",
        lines={"draw": DRAW, "map": MAP},
    )
    stage = 80
    part = "none"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Drawings of outputs that the task has."""
        assert isinstance(statement.head, nodes.Listing)  # the form has been checked
        name = statement.head.items[0].target
        if len(statement.head.items) > 1 or not isinstance(name, nodes.Name):
            raise ModelError("a plot names its task", statement.head.span, hint=f"write: {self.form.pattern}")
        task = binder.find(name, "task", "tasks", Task)
        if name.id in binder.section("plots"):
            raise ModelError(
                f"the task '{name.id}' has a plot already", name.span, hint="put the lines together"
            )
        drawings: list[Drawing] = []
        for line in statement.block.statements if statement.block else ():
            if isinstance(line, nodes.Statement) and isinstance(line.head, nodes.Listing):
                for item in line.head.items:
                    with binder.catching():
                        drawings.append(_drawing(line, item, task, binder))
        binder.store("plots", name.id, Plot(name.id, tuple(drawings), statement.span))


def _drawing(line: nodes.Statement, item: nodes.Item, task: Task, binder: Binder) -> Drawing:
    form = DRAW if line.noun.id == "draw" else MAP
    if item.value is not None or not isinstance(item.target, nodes.Name):
        shown = expression_text(item.target)
        raise ModelError(
            f"'{shown}' is no name of an output", item.span or item.target.span, hint=f"write: {form.pattern}"
        )
    request = _requested(item.target, task)
    against = _dimension(line, "against", request, task, binder)
    by = _dimension(line, "by", request, task, binder)
    if against == by:
        raise ModelError(f"against '{against}' and by '{by}'", line.noun.span, hint="name two dimensions")
    assert against is not None  # the form has been checked
    return Drawing(line.noun.id, request.name, against, by, line.span)


def _requested(name: nodes.Name, task: Task) -> OutputRequest:
    known = by_word(name.id)
    requests = {request.name: request for request in task.outputs}
    word = known.name if known is not None and name.id not in requests else name.id
    if word not in requests:
        hint = suggestion(word, requests, "outputs of the task") or "the task has no outputs"
        raise ModelError(f"'{name.id}' is no output of the task '{task.name}'", name.span, hint=hint)
    return requests[word]


def _dimension(
    line: nodes.Statement, word: str, request: OutputRequest, task: Task, binder: Binder
) -> str | None:
    for clause in clauses_of(line, word):
        node = clause.items[0]
        shown = expression_text(node).replace(" ", "")  # type: ignore[arg-type]
        known = _dimensions(request, task)
        called = running_dim(shown)
        if shown not in known and called in known:
            raise ModelError(f"the dimension is called '{called}'", node.span, hint=f"write '{called}'")
        if shown == "site" and "terminal" in known:
            return shown  # a terminal's value stands at its site
        if shown in POSITIONS and shown not in known and PLACED & set(known) and line.noun.id == "map":
            return _position(shown, node, binder)  # type: ignore[arg-type]
        if shown not in known:
            hint = suggestion(shown, known, f"dimensions of '{request.name}'") or "it is a single number"
            raise ModelError(f"'{request.name}' has no dimension '{shown}'", node.span, hint=hint)
        return shown
    return None


def _position(name: str, node: nodes.Expr, binder: Binder) -> str:
    """An axis of the positions, which some sites must have."""
    lattices = [one for one in binder.section("elements").values() if isinstance(one, Lattice)]
    given = [family.position for lattice in lattices for family in lattice.sites if family.position]
    if name not in POSITIONS[: max(map(len, given), default=0)]:
        message = f"the sites have no position '{name}'"
        raise ModelError(message, node.span, hint="write: site c[l, m] ... at (l, m)")
    return name


def _dimensions(request: OutputRequest, task: Task) -> list[str]:
    own = sorted(dim for dim in request.dims if dim != "case" or task.cases)
    return [*own, *(sweep.name for sweep in task.sweeps if not sweep.running)]
