"""Dissipators on the sites of a device: products of operators for all members at once, their rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import sympy as sp

from modelkit.elements.dissipators import Dissipator
from modelkit.elements.jump_operators import Monomial
from modelkit.elements.lattices import SiteRef
from modelkit.elements.mode_baths import ModeBath
from modelkit.errors import ModelError, Span
from modelkit.graph.device import DissipatorGroup, Floats, Integers, Products
from modelkit.graph.domains import Bounds, Domain, domain, filtered, taken
from modelkit.graph.formulas import Values, evaluated, key_of, names_in, real_number, shown
from modelkit.graph.lookup import lookup
from modelkit.graph.sites import domain_names, located, own_indices, relation_domain
from modelkit.graph.terms import Families, existing, refuse_missing
from modelkit.numerics.evaluate import first_fault, mending

SAMPLES = np.array([0.0, 0.07, 0.3, 1.0, 2.6])  # energies times beta at which a kernel is examined
TOLERANCE = 1e-9  # of the kernel there

Ref: TypeAlias = tuple[str, str, tuple[sp.Expr, ...]]  # lattice, family, subscripts


@dataclass(frozen=True, eq=False)
class Members:
    """The members of a dissipator whose sites all exist, with the numbers of these sites."""

    dissipator: Dissipator
    domain: Domain
    site: Mapping[Ref, Integers]
    labels: tuple[str, ...]
    left_out: int


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel of energies ``e_to - e_from`` in a model's unit, elementwise."""

    formula: sp.Expr
    values: Values
    span: Span | None = None

    def __call__(self, energies: Floats) -> Floats:
        """Real and not negative, in the shape of the energies."""
        energies = np.asarray(energies, dtype=np.float64)
        found = np.broadcast_to(evaluated(self.formula, self.values, {"E": energies}), energies.shape)
        fault = first_fault(found, real=True)
        if fault is not None:
            message = f"the kernel is {fault.reason} at E = {shown(float(energies[fault.index]))}"
            raise ModelError(message, self.span, hint=mending(fault.reason))
        if (found.real < 0).any():
            worst = float(energies[np.unravel_index(np.argmin(found.real), energies.shape)])
            message = f"the kernel is negative at E = {shown(worst)}"
            raise ModelError(message, self.span, hint="it multiplies a rate")
        return np.array(found.real, dtype=np.float64)


def members_key(dissipator: Dissipator, families: Families, values: Values) -> tuple[object, ...]:
    """What the members and their sites hang on."""
    refs = _refs(dissipator)
    names = names_in(formula for ref in refs for formula in ref[2])
    names |= domain_names(dissipator.indices) | names_in([dissipator.where])
    return (key_of(names, values), *(families[lattice, family].key for lattice, family, _ in refs))


def coefficient_key(dissipator: Dissipator, values: Values) -> tuple[object, ...]:
    """What the coefficients of the products hang on, besides the members."""
    return key_of(names_in(monomial.coefficient for monomial in dissipator.jump), values)


def members_of(dissipator: Dissipator, families: Families, values: Values, limit: int) -> Members:
    """All members whose sites exist; one that would reach over an open end is left out whole.

    Raises
    ------
    ModelError
        A site named by numbers that does not exist, a member declared twice, an explicit range no member
        of which fits, too many members.
    """
    bounds = Bounds(limit, f"the dissipator '{dissipator.name}'", dissipator.span)
    whole = filtered(_domain(dissipator, families, values, bounds), dissipator.where, values, dissipator.span)
    twice = lookup([whole.index[name] for name in dissipator.carried], whole.count).repeated
    if twice is not None:
        label = dissipator.label(whole.index, twice)
        raise ModelError(f"'{label}' is declared twice", dissipator.span, hint="list each index once")
    found: dict[Ref, Integers] = {}
    kept = np.ones(whole.count, dtype=bool)
    for ref, span in _refs(dissipator).items():
        lattice, family, at = ref
        sites = families[lattice, family]
        place = located(sites, at, whole, values, span)
        one = SiteRef(lattice, family, at, span)
        refuse_missing(one, sites, dissipator.indices, whole, place, values, dissipator.span)
        found[ref] = place.site
        kept &= place.site >= 0
    rows = np.flatnonzero(kept)
    if whole.count and not len(rows) and not dissipator.free:
        lattice, family, _ = next(iter(found))
        message = f"no member of '{dissipator.name}' has all its sites"
        raise ModelError(message, dissipator.span, hint=existing(families[lattice, family]))
    inside = whole if kept.all() else taken(whole, rows)
    labels = tuple(dissipator.label(inside.index, member) for member in range(inside.count))
    site = {ref: column[rows] for ref, column in found.items()}
    return Members(dissipator, inside, site, labels, whole.count - len(rows))


def products_of(members: Members, offset: Integers, values: Values) -> tuple[Products, ...]:
    """The products of all members, one entry for each pattern of daggers; zeros are left out.

    Parameters
    ----------
    offset : (n_sites + 1,)
        First orbital of each site of the device.

    Raises
    ------
    ModelError
        A coefficient that is no finite number; the member is named.
    """
    patterns: dict[tuple[bool, ...], list[Monomial]] = {}
    for monomial in members.dissipator.jump:
        patterns.setdefault(tuple(one.dagger for one in monomial.operators), []).append(monomial)
    return tuple(
        _products(pattern, monomials, members, offset, values) for pattern, monomials in patterns.items()
    )


def dissipator_group(members: Members, products: tuple[Products, ...], values: Values) -> DissipatorGroup:
    """The operators with their rates.

    Raises
    ------
    ModelError
        A rate that is complex, negative, or no finite number; the member is named.
    """
    one = members.dissipator
    rate = _rates(one, members.domain, values)
    return DissipatorGroup(one.name, members.labels, rate, products, left_out=members.left_out, span=one.span)


def bath_group(dissipator: Dissipator, bath: ModeBath, values: Values) -> DissipatorGroup:
    """A bath of modes.

    Raises
    ------
    ModelError
        A temperature or rate without a meaning, a kernel without detailed balance.
    """
    span = dissipator.spans.get("jump", dissipator.span)
    beta = real_number(bath.beta, values, f"the beta of '{dissipator.name}'", span)
    kernel = None
    if bath.kernel is not None:
        kernel = Kernel(bath.kernel, dict(values), bath.kernel_span or span)
        _refuse_unbalanced(kernel, beta, dissipator.name)
    rate = _rates(dissipator, Domain(1, {}), values)
    return DissipatorGroup(dissipator.name, (dissipator.name,), rate, (), beta, kernel, span=dissipator.span)


def _refs(dissipator: Dissipator) -> dict[Ref, Span | None]:
    """The sites that the operators act on, each once, with where they are written first."""
    found: dict[Ref, Span | None] = {}
    for monomial in dissipator.jump:
        for one in monomial.operators:
            found.setdefault((one.lattice, one.family, one.at), one.span)
    return found


def _domain(dissipator: Dissipator, families: Families, values: Values, bounds: Bounds) -> Domain:
    """Combinations of the indices: the sites themselves where these are what the indices run over."""
    for lattice, family, at in _refs(dissipator):
        sites = families[lattice, family]
        if own_indices(sites, at, dissipator.indices):
            return relation_domain(sites, at, dissipator.indices, values, bounds)[0]
    return domain(dissipator.indices, values, bounds)


def _products(
    pattern: tuple[bool, ...],
    monomials: Sequence[Monomial],
    members: Members,
    offset: Integers,
    values: Values,
) -> Products:
    count, one = members.domain.count, members.dissipator
    span = one.spans.get("jump", one.span)
    value = np.zeros((count, len(monomials)), dtype=np.complex128)
    orbital = np.zeros((count, len(monomials), len(pattern)), dtype=np.intp)
    for number, monomial in enumerate(monomials):
        raw = evaluated(monomial.coefficient, values, members.domain.index, span)
        fault = first_fault(raw) if count else None
        if fault is not None:
            label = members.labels[fault.index[0] if fault.index else 0]
            message = f"a coefficient in the jump operator of '{label}' is {fault.reason}"
            raise ModelError(message, span, hint=mending(fault.reason))
        value[:, number] = raw if count else 0.0
        for place, fermion in enumerate(monomial.operators):
            site = members.site[fermion.lattice, fermion.family, fermion.at]
            orbital[:, number, place] = offset[site] + fermion.component
    member, which = np.nonzero(value)
    return Products(member, orbital[member, which], pattern, value[member, which], span)


def _rates(dissipator: Dissipator, members: Domain, values: Values) -> Floats:
    span = dissipator.spans.get("rate", dissipator.span)
    raw = evaluated(dissipator.rate, values, members.index, span)
    fault = first_fault(raw, real=True) if members.count else None
    if fault is not None:
        label = dissipator.label(members.index, fault.index[0] if fault.index else 0)
        raise ModelError(f"the rate of '{label}' is {fault.reason}", span, hint=mending(fault.reason))
    rate = np.array(np.broadcast_to(np.real(raw), (members.count,)), dtype=np.float64)
    negative = np.flatnonzero(rate < 0)
    if len(negative):
        label = dissipator.label(members.index, int(negative[0]))
        message = f"the rate of '{label}' is {shown(float(rate[negative[0]]))}, negative"
        hint = "what is gained instead of lost has the adjoint as its jump, such as c[j]'"
        raise ModelError(message, span, hint=hint)
    return rate


def _refuse_unbalanced(kernel: Kernel, beta: float, name: str) -> None:
    """``kernel(E) = kernel(-E) exp(-beta E)``, told at some energies."""
    energies = SAMPLES / (abs(beta) or 1.0)
    forth, back = kernel(energies), kernel(-energies) * np.exp(-beta * energies)
    wrong = np.abs(forth - back) > TOLERANCE * np.maximum(forth, back)
    if wrong.any():
        k = int(np.argmax(wrong))
        message = (
            f"the kernel of '{name}' has no detailed balance: at E = {shown(energies[k])} it is "
            f"{shown(forth[k])}, but kernel(-E)*exp(-beta*E) is {shown(back[k])}"
        )
        hint = "exp(-beta*E/2) times any even function of E has it"
        raise ModelError(message, kernel.span, hint=hint)
