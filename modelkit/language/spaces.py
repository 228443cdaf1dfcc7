"""Internal spaces of a site: spin, nambu, orbital(n), and the matrices that act on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import sympy as sp

from modelkit.errors import ModelError, Span
from modelkit.language.printer import expression_text, from_sympy
from modelkit.registry import Registry, suggestion

LONGEST_HINT = 120  # characters of a matrix
MAX_DIMENSION = 64  # of the product of the internal spaces


@dataclass(frozen=True)
class Space:
    """An internal space: ``spin``, ``nambu``, ``orbital(n)``; ``labels`` name its components."""

    name: str
    labels: tuple[str, ...]

    @property
    def dimension(self) -> int:
        return len(self.labels)


SpaceMaker = Callable[[int | None, Span | None], Space]
spaces: Registry[SpaceMaker] = Registry("internal space")


def make_space(name: str, size: int | None = None, span: Span | None = None) -> Space:
    """The space of ``internal NAME`` or ``internal NAME(size)``.

    Raises
    ------
    ModelError
        Unknown name, a size where none belongs, or no size where one does.
    """
    return spaces.look_up(name, span)(size, span)


@spaces.register("spin")
def _spin(size: int | None, span: Span | None) -> Space:
    return _two_components("spin", ("up", "down"), size, span)


@spaces.register("nambu")
def _nambu(size: int | None, span: Span | None) -> Space:
    return _two_components("nambu", ("particle", "hole"), size, span)


@spaces.register("orbital")
def _orbital(size: int | None, span: Span | None) -> Space:
    if size is None:
        raise ModelError("'orbital' has a size", span, hint="write orbital(2) for two orbitals")
    if not 1 <= size <= MAX_DIMENSION:
        raise ModelError(f"orbital({size}) is out of range", span, hint=f"1 to {MAX_DIMENSION} orbitals")
    return Space("orbital", tuple(str(number) for number in range(1, size + 1)))


def _two_components(name: str, labels: tuple[str, str], size: int | None, span: Span | None) -> Space:
    if size is not None:
        raise ModelError(
            f"'{name}' takes no size", span, hint=f"it has the components {labels[0]}, {labels[1]}"
        )
    return Space(name, labels)


def dimension(declared: tuple[Space, ...], span: Span | None = None) -> int:
    """Dimension of the product of the spaces, 1 for none; bounded."""
    size = prod(space.dimension for space in declared)
    if size > MAX_DIMENSION:
        raise ModelError(
            f"the internal spaces have {size} components together", span, hint=f"at most {MAX_DIMENSION}"
        )
    return size


@dataclass(frozen=True)
class NamedMatrix:
    """``sigma_x``: a matrix with a name and the space on which it acts."""

    space: str
    matrix: sp.ImmutableDenseMatrix
    meaning: str


matrices: Registry[NamedMatrix] = Registry("matrix", "matrices")

_PAULI: Mapping[str, tuple[list[list[sp.Expr]], str]] = {
    "0": ([[1, 0], [0, 1]], "identity"),
    "x": ([[0, 1], [1, 0]], "Pauli matrix x"),
    "y": ([[0, -sp.I], [sp.I, 0]], "Pauli matrix y"),
    "z": ([[1, 0], [0, -1]], "Pauli matrix z"),
}
for _prefix, _space in (("sigma", "spin"), ("tau", "nambu")):
    for _axis, (_rows, _meaning) in _PAULI.items():
        _matrix = sp.ImmutableDenseMatrix(_rows)
        matrices.add(f"{_prefix}_{_axis}", NamedMatrix(_space, _matrix, f"{_meaning} on {_space}"))


def named_matrix(name: str, declared: tuple[Space, ...], span: Span | None) -> sp.ImmutableDenseMatrix:
    """``sigma_x`` on the whole internal space: times the identity on the other spaces.

    Raises
    ------
    ModelError
        Its space is not among the declared ones.
    """
    entry = matrices.look_up(name, span)
    for position, space in enumerate(declared):
        if space.name == entry.space:
            return _lifted(entry.matrix, position, declared)
    message = f"'{name}' acts on {entry.space}, which is not an internal space here"
    hint = f"add 'internal {entry.space}' to the lattice"
    if declared:
        hint = f"the internal spaces here are {_shown(declared)}"
    raise ModelError(message, span, hint=hint)


def explicit_matrix(
    matrix: sp.ImmutableDenseMatrix, declared: tuple[Space, ...], span: Span | None
) -> sp.ImmutableDenseMatrix:
    """A matrix ``[a, b | c, d]`` on the whole internal space.

    As it is when it has the full size; on one space, times the identity on the others, when its size
    is that of exactly one.  Without internal spaces every matrix stays as it is.

    Raises
    ------
    ModelError
        Its size fits no space, or several.
    """
    if not declared:
        return matrix
    rows, columns = matrix.shape
    full = dimension(declared, span)
    if rows == columns == full:
        return matrix
    fitting = [k for k, space in enumerate(declared) if rows == columns == space.dimension]
    if len(fitting) == 1:
        return _lifted(matrix, fitting[0], declared)
    if fitting:
        both = " and ".join(_shown((declared[k],)) for k in fitting)
        hint = "; ".join(_way_to_say(matrix, k, declared) for k in fitting)
        raise ModelError(f"this {rows} x {rows} matrix fits {both}", span, hint=hint)
    raise ModelError(
        f"this is a {rows} x {columns} matrix, "
        f"but the internal space ({_shown(declared)}) has dimension {full}",
        span,
        hint=f"write a {full} x {full} matrix",
    )


def component(label: str, declared: tuple[Space, ...], span: Span | None = None) -> tuple[int, int]:
    """(position of the space, component in it) of a label such as ``up``, ``hole`` or ``2``.

    Raises
    ------
    ModelError
        No declared space has it.
    """
    for position, space in enumerate(declared):
        if label in space.labels:
            return position, space.labels.index(label)
    labels = [known for space in declared for known in space.labels]
    raise ModelError(
        f"there is no component '{label}' here",
        span,
        hint=suggestion(label, labels, "components") or "declare 'internal spin'",
    )


def acts_on_holes(declared: tuple[Space, ...]) -> bool:
    """Whether nambu is among the spaces."""
    return any(space.name == "nambu" for space in declared)


def without_nambu(declared: tuple[Space, ...]) -> tuple[Space, ...]:
    """The spaces of the particle block."""
    return tuple(space for space in declared if space.name != "nambu")


def _lifted(
    matrix: sp.ImmutableDenseMatrix, position: int, declared: tuple[Space, ...]
) -> sp.ImmutableDenseMatrix:
    """The matrix on one space, the identity on the others: a Kronecker product in declared order."""
    before = prod(space.dimension for space in declared[:position])
    after = prod(space.dimension for space in declared[position + 1 :])
    size = declared[position].dimension

    def element(row: int, column: int) -> sp.Expr:
        if row // (size * after) != column // (size * after) or row % after != column % after:
            return sp.Integer(0)
        return matrix[(row // after) % size, (column // after) % size]

    return sp.ImmutableDenseMatrix(before * size * after, before * size * after, element)


def _way_to_say(matrix: sp.ImmutableDenseMatrix, position: int, declared: tuple[Space, ...]) -> str:
    """How a matrix is written that acts on this space and on no other of its size."""
    space = declared[position]
    prefixes = [name for name, entry in matrices.items() if entry.space == space.name]
    if prefixes:
        return f"on {space.name} write it with {', '.join(prefixes)}"
    whole = _lifted(matrix, position, declared)
    try:
        written = expression_text(from_sympy(whole))
    except ModelError:  # results and operators have no text of their own
        written = ""
    if not 0 < len(written) <= LONGEST_HINT:
        written = f"the {whole.shape[0]} x {whole.shape[0]} matrix"
    return f"on {_shown((space,))} write {written}"


def _shown(declared: tuple[Space, ...]) -> str:
    return " * ".join(
        f"orbital({space.dimension})" if space.name == "orbital" else space.name for space in declared
    )
