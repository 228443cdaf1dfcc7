"""Relations of a lattice: terms of its Hamiltonian, by the word in front.

A kind of relation is one class, entered with ``@terms.register("hop")``: its :class:`Form`, what it
joins, and ``checks(term, grounds)`` for what only this kind forbids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import sympy as sp

from modelkit.elements.binder import Binder, free_names
from modelkit.elements.calls import arguments_of, called_name
from modelkit.elements.disorder import distributions
from modelkit.elements.indices import Index
from modelkit.elements.nouns import Form
from modelkit.elements.quantities import check_quantity
from modelkit.elements.relations import (
    Places,
    SiteRef,
    Written,
    bind_places,
    component_matrix,
    density_matrix,
    written_site,
)
from modelkit.elements.sites import Grounds
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Scope
from modelkit.language.spaces import matrices, without_nambu
from modelkit.registry import Registry, suggestion

Formula: TypeAlias = sp.Expr | sp.ImmutableDenseMatrix


@dataclass(frozen=True)
class Term:
    """A relation of the Hamiltonian.

    Parameters
    ----------
    kind : str
        ``onsite``, ``hop``, ``pair``, ``interaction`` (as registered in ``terms``).
    ends : tuple of SiteRef
        One site for onsite; (from, to) for ``hop a -> b``; in the order written for the others.
    indices : tuple of Index
        Free indices (range of the site they index) and those of a ``for``; each range uses only
        indices before it.
    where : Boolean
        Condition on the indices.
    value : Formula
        Scalar (times the identity of the internal space) or matrix of the full internal dimension.
        On a lattice with ``nambu`` a scalar, or a matrix on the other spaces alone, is the block of
        the particles, that of the holes is implied (:mod:`modelkit.graph.internal`); a ``pair`` is always on
        the other spaces.  A hop's value is the coefficient of ``c†_to c_from``; the Hermitian
        partner is implied.
    distribution : str or None
        For ``disorder kind``: registered distribution; ``value`` is then its call's arguments as a
        Tuple in the order of the distribution's arguments, the seed last.
    """

    kind: str
    ends: tuple[SiteRef, ...]
    indices: tuple[Index, ...]
    where: sp.Basic
    value: Formula | sp.Tuple
    distribution: str | None = None
    span: Span | None = None

    @property
    def part(self) -> HamiltonianPart | None:
        """What it adds to, as its kind says."""
        return terms[self.kind].part


HamiltonianPart: TypeAlias = Literal["onsite", "hops", "pairs"]
PARTS: tuple[HamiltonianPart, ...] = get_args(HamiltonianPart)


class TermKind:
    """What a kind of relation supplies.

    ``part`` says how its value enters H: ``onsite`` as ``c†_a c_a``, Hermitian by itself; ``hops`` as
    ``c†_to c_from`` and ``pairs`` as ``c_a c_b``, on the bond between two sites, plus h.c.
    """

    form: ClassVar[Form]
    part: ClassVar[HamiltonianPart | None] = None  # what it adds to; None: it is in no matrix
    joint: ClassVar[str | None] = None  # operator between the two ends, None for a single site
    called: ClassVar[str | None] = None  # in front of its sites in messages, where its word does not do
    disordered: ClassVar[bool] = False  # may stand behind `disorder`
    densities: ClassVar[bool] = False  # a number that multiplies the particles on both of its sites

    @staticmethod
    def checks(term: Term, line: nodes.Statement, grounds: Grounds) -> Iterator[ModelError]:
        """What only this kind forbids."""
        yield from ()


terms: Registry[type[TermKind]] = Registry("relation")


@terms.register("onsite")
class Onsite(TermKind):
    """An energy of a site."""

    form = Form(
        pattern="onsite c[l] for ... where ... : FORMULA",
        head=(nodes.Listing,),
        clauses=("for", "where"),
        value=True,
        doc="energy of a site; in line with others it adds",
    )
    part = "onsite"
    called = "on-site energy of"
    disordered = True

    @staticmethod
    def checks(term: Term, line: nodes.Statement, grounds: Grounds) -> Iterator[ModelError]:
        """An energy is real, a matrix Hermitian."""
        value, span = term.value, line.value.span if line.value else line.span
        if isinstance(value, sp.MatrixBase):
            if value.is_hermitian is False:
                hint = "entries across the diagonal are conjugate: [a, b | conj(b), d]"
                yield ModelError("the matrix of an onsite energy is Hermitian", span, hint=hint)
        elif isinstance(value, sp.Expr) and value.is_extended_real is False:
            hint = "losses are a terminal with a self-energy"
            yield ModelError("an onsite energy is real", span, hint=hint)


@terms.register("hop")
class Hop(TermKind):
    """An amplitude from one site to another."""

    form = Form(
        pattern="hop c[l] -> c[l+1] for ... where ... : FORMULA",
        head=(nodes.Path,),
        clauses=("for", "where"),
        value=True,
        doc="amplitude of c†_to c_from; the Hermitian partner is implied",
    )
    part = "hops"
    joint = "->"

    @staticmethod
    def checks(term: Term, line: nodes.Statement, grounds: Grounds) -> Iterator[ModelError]:
        """A hop leads to another site."""
        source, target = term.ends
        if (source.family, source.at) == (target.family, target.at):
            hint = "an energy of a site is 'onsite'"
            yield ModelError("this hop leads to the site it comes from", line.noun.span, hint=hint)


@terms.register("pair")
class Pair(TermKind):
    """A pairing amplitude."""

    form = Form(
        pattern="pair c[l] - c[l+1] for ... where ... : FORMULA",
        head=(nodes.Path,),
        clauses=("for", "where"),
        value=True,
        doc="Delta c_a c_b + h.c.; each pair once, the order gives the sign",
    )
    part = "pairs"
    joint = "-"


@terms.register("interaction")
class Interaction(TermKind):
    """A density-density interaction."""

    form = Form(
        pattern="interaction c[l] - c[l+1] for ... where ... : FORMULA",
        head=(nodes.Path,),
        clauses=("for", "where"),
        value=True,
        doc="V n_a n_b over all components of both sites, each pair on one site once; treated by exact "
        "methods of open chains, refused by name elsewhere",
    )
    joint = "-"
    densities = True


DISORDER = Form(
    pattern="disorder onsite c[l] : uniform(-W/2, W/2, seed = 7)",
    head=(nodes.Kind,),
    clauses=("for", "where"),
    value=True,
    doc="random values that depend on the indices of the site and on the seed only",
)


def bind_term(line: nodes.Statement, grounds: Grounds, binder: Binder) -> Term:
    """The term of a relation line."""
    kind = terms.look_up(line.noun.id, line.noun.span)
    ends = [written_site(node, grounds, binder) for node in _ends(line, kind)]
    places = bind_places(line, ends, binder)
    assert line.value is not None  # the form has been checked
    value = _value(line.value, kind, ends, places.scope, grounds, binder)
    check_quantity(line.value, "energy", f"'{line.noun.id}'", binder, places.scope)
    term = Term(line.noun.id, places.refs, places.indices, places.where, value, None, line.span)
    for error in kind.checks(term, line, grounds):
        raise error
    return term


def bind_disorder(line: nodes.Statement, grounds: Grounds, binder: Binder) -> Term:
    """The term of ``disorder onsite c[l] : uniform(low, high, seed = 7)``."""
    assert isinstance(line.head, nodes.Kind)  # the form has been checked
    word = line.head.kind
    random = [name for name, one in terms.items() if one.disordered]
    if word.id not in random:
        hint = suggestion(word.id, random, "relations with disorder")
        raise ModelError(f"there is no disorder of '{word.id}'", word.span, hint=hint)
    site = written_site(line.head.target, grounds, binder)
    if site.labels:
        hint = f"write {site.family.pattern}"
        raise ModelError("disorder acts on all components of a site alike", site.span, hint=hint)
    places = bind_places(line, [site], binder)
    assert line.value is not None  # the form has been checked
    name, value = _distribution(line.value, places, binder)
    return Term(word.id, places.refs, places.indices, places.where, value, name, line.span)


def _ends(line: nodes.Statement, kind: type[TermKind]) -> Sequence[nodes.Expr]:
    usage = f"write: {kind.form.pattern}"
    match line.head:
        case nodes.Path(joint=joint, ends=ends) as path:
            if joint != kind.joint or len(ends) != 2:
                raise ModelError(f"'{line.noun.id}' joins two sites", path.span, hint=usage)
            return ends
        case nodes.Listing(items=(nodes.Item(target=target, value=None),)):
            return [target]
    raise ModelError(f"'{line.noun.id}' is not written like this", line.noun.span, hint=usage)


def _value(
    node: nodes.Expr,
    kind: type[TermKind],
    ends: Sequence[Written],
    scope: Scope,
    grounds: Grounds,
    binder: Binder,
) -> Formula:
    """The value; on a lattice with nambu it is the particle block unless it names a matrix of nambu."""
    spaces, pairs = grounds.spaces, kind.joint == "-"
    inner = without_nambu(spaces)
    if kind.densities:
        value = binder.formula(node, scope)
        return density_matrix(value, ends, inner) if any(end.labels for end in ends) else value
    if any(end.labels for end in ends):
        # for `a - b` the first site is the row, as in c_a M c_b
        ordered = ends[::-1] if pairs else ends
        return component_matrix(binder.formula(node, scope), ordered, inner)
    of_nambu = [name for name in free_names(node) if _acts_on_nambu(name)]
    if pairs and of_nambu:
        spins = any(space.name == "spin" for space in inner)
        shown = "1i*sigma_y*Delta is Delta (c_up c_down - c_down c_up)" if spins else "Delta is Delta c_a c_b"
        message = f"a pair joins two particles, so '{of_nambu[0].id}' of nambu has no place in it"
        raise ModelError(message, of_nambu[0].span, hint=f"leave it out: {shown}, and h.c. is implied")
    full = bool(of_nambu)
    return binder.formula_or_matrix(node, scope.with_spaces(spaces if full else inner))


def _acts_on_nambu(name: nodes.Name) -> bool:
    return name.id in matrices and matrices[name.id].space == "nambu"


def _distribution(node: nodes.Expr, places: Places, binder: Binder) -> tuple[str, sp.Tuple]:
    called = called_name(node)
    if called is None:
        hint = suggestion("", distributions, distributions.plural)
        raise ModelError("the value of a disorder is a distribution", node.span, hint=hint)
    kind = distributions.look_up(called.id, called.span)
    names = (*kind.arguments, "seed")
    arguments = arguments_of(node, names)
    found = {name: binder.formula(value, places.scope) for name, value in arguments.items()}
    if found["seed"].is_integer is False:
        raise ModelError("a seed is an integer", arguments["seed"].span, hint="write seed = 7")
    for name, value in arguments.items():
        check_quantity(value, "1" if name == "seed" else "energy", f"'{name}'", binder, places.scope)
    return called.id, sp.Tuple(*(found[name] for name in names))
