"""Expansion by arrays against a sum over sites, index by index, as it stands on paper."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.elements.indices import Index, Listed, Range, Ring
from modelkit.elements.lattices import Lattice, Term
from modelkit.graph.hamiltonian import hamiltonian
from modelkit.graph.labels import site_labels
from modelkit.language.spaces import Space
from tests.graph.written import (
    NAMBU,
    SPIN,
    expansion,
    hop,
    j,
    l,
    lattice,
    listed,
    m,
    onsite,
    over,
    pair,
    ref,
    ring,
    site,
    x,
    y,
)

VALUES = {"t": 0.7, "V": 1.3}
t, V = sp.symbols("t V")


def combinations(indices: tuple[Index, ...], where: sp.Basic) -> list[dict[sp.Symbol, sp.Expr]]:
    """All index values by nested Python loops."""
    found: list[dict[sp.Symbol, sp.Expr]] = [{}]
    for index in indices:
        found = [{**one, index.symbol: value} for one in found for value in run(index, one)]
    return [one for one in found if where.subs(one) == sp.true]


def run(index: Index, known: dict[sp.Symbol, sp.Expr]) -> list[sp.Expr]:
    match index.over:
        case Range(start=start, stop=stop, step=step):
            return [sp.Integer(k) for k in range(start.subs(known), stop.subs(known) + 1, step)]
        case Ring(cells=cells):
            return [sp.Integer(k) for k in range(1, cells + 1)]
        case Listed(values=values):
            return list(values)
    raise AssertionError


def on_paper(declared: Lattice) -> tuple[list[str], Any]:
    """Labels and the dense H of a lattice without pairs: every term of the sum, one by one."""
    families = {family.name: family for family in declared.sites}
    number: dict[tuple[Any, ...], int] = {}
    for family in declared.sites:
        for one in combinations(family.indices, family.where):
            number[(family.name, *one.values())] = len(number)
    d = declared.dimension
    H = np.zeros((len(number) * d, len(number) * d), dtype=complex)

    def find(end: Any, one: dict[sp.Symbol, sp.Expr]) -> int | None:
        at = [subscript.subs(one) for subscript in end.at]
        for place, index in enumerate(families[end.family].indices):
            if isinstance(index.over, Ring):
                at[place] = (at[place] - 1) % index.over.cells + 1
        return number.get((end.family, *at))

    for term in declared.terms:
        for one in combinations(term.indices, term.where):
            sites = [find(end, one) for end in term.ends]
            if None in sites:
                continue
            value = np.array(sp.sympify(term.value).subs({**one, **VALUES}).evalf(), dtype=complex)
            block = value if value.ndim else value * np.eye(d)
            source, to = (slice(k * d, k * d + d) for k in (sites[0], sites[-1]))
            H[to, source] += block
            if term.kind == "hop":
                H[source, to] += block.conj().T
    labels = [key[0] + (f"[{','.join(map(str, key[1:]))}]" if key[1:] else "") for key in number]
    return labels, H


def agree(declared: Lattice) -> None:
    labels, expected = on_paper(declared)
    if not labels:
        return
    device = expansion(declared).device(VALUES)
    assert site_labels(device) == labels
    np.testing.assert_allclose(hamiltonian(device).toarray(), expected, atol=1e-12)


shifts = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-2, 2)).filter(lambda s: s > (0, 0)), max_size=3, unique=True
)
conditions = st.sampled_from(
    [sp.true, x + y <= 5, sp.Ne(x, 2), (x > 1) & (y < 3), sp.Eq(sp.Mod(x + y, 2), 0)]
)


@st.composite
def planes(draw: Any) -> Lattice:
    """Two indices, each a range (perhaps triangular, perhaps with a step) or a ring; two families."""
    first = draw(st.sampled_from([over(x, 1, 4), over(x, 0, 3), over(x, 1, 6, 2), ring(x, 3), ring(x, 2)]))
    ranges = [over(y, 1, 3), over(y, x, 4), over(y, -1, x), ring(y, 1), ring(y, 2), ring(y, 4)]
    second = draw(st.sampled_from(ranges))
    run = (first, second)
    spaces: tuple[Space, ...] = draw(st.sampled_from([(), (SPIN,)]))
    matrix = sp.ImmutableDenseMatrix([[t * x, sp.I * V], [0, V * y]]) if spaces else V * x - sp.I * y * t
    terms: list[Term] = [
        hop(ref("d", x, y), ref("d", x + a, y + b), *run, value=matrix if k else t, where=draw(conditions))
        for k, (a, b) in enumerate(draw(shifts))
    ]
    terms.append(onsite(ref("d", x, y), *run, value=V * x + y**2, where=draw(conditions)))
    terms.append(hop(ref("dot"), ref("d", x, y), *run, value=x - sp.I * t, where=draw(conditions)))
    if spaces:
        block = sp.ImmutableDenseMatrix([[x, sp.I * y], [-sp.I * y, 2 * V]])
        terms.append(onsite(ref("d", x, y), *run, value=block))
    return lattice(site("d", *run, where=draw(conditions)), site("dot"), terms=terms, spaces=spaces)


@settings(max_examples=60, deadline=None)
@given(planes())
def test_a_plane_of_sites_is_the_sum_on_paper(declared: Lattice) -> None:
    agree(declared)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 7),
    st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True),
    st.integers(-3, 3),
    st.booleans(),
)
def test_rings_of_any_length_wrap_as_the_sum_on_paper(
    cells: int, reach: list[int], back: int, two: bool
) -> None:
    run = ring(j, cells)
    terms = [hop(ref("a", j + back), ref("a", j + back + k), run, value=t + sp.I * k * j) for k in reach]
    families = [site("a", run)]
    if two:
        families.append(site("b", run))
        terms += [
            hop(ref("a", j), ref("b", j), run, value=V),
            hop(ref("b", j), ref("a", j + 1), run, value=1j),
        ]
    agree(lattice(*families, terms=terms))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.booleans())
def test_long_range_hops_are_the_sum_on_paper(stop: int, step: int, triangular: bool) -> None:
    run = over(l, 1, stop, step)
    far = over(m, l + 1, stop) if triangular else over(m, 1, stop)
    term = hop(ref("c", l), ref("c", m), run, far, value=-1 / sp.Abs(l - m) ** 2, where=m > l)
    agree(lattice(site("c", run), terms=[term]))


def test_terms_on_one_bond_and_on_one_site_add() -> None:
    run = over(l, 1, 4)
    terms = [
        hop(ref("c", l), ref("c", l + 1), run, value=t),
        hop(ref("c", l), ref("c", l + 1), run, value=sp.I * l, where=sp.Eq(l, 2)),
        onsite(ref("c", l), run, value=V),
        onsite(ref("c", l), run, value=l, where=l > 1),
        onsite(ref("c", 3), value=10),
    ]
    declared = lattice(site("c", run), terms=terms)
    agree(declared)
    device = expansion(declared).device(VALUES)
    assert len(device.bonds.source) == 3
    assert device.hops.bond.tolist() == [0, 1, 2]


def test_sites_over_listed_real_values_are_found() -> None:
    run = listed(x, sp.Rational(1, 10), sp.Rational(3, 10), sp.Rational(1, 2))
    step = sp.Rational(1, 5)
    declared = lattice(site("c", run), terms=[hop(ref("c", x), ref("c", x + step), run, value=x)])
    device = expansion(declared).device({})
    assert site_labels(device) == ["c[0.1]", "c[0.3]", "c[0.5]"]
    assert (device.bonds.source.tolist(), device.bonds.target.tolist()) == ([0, 1], [1, 2])
    np.testing.assert_allclose(device.hops.value, [0.1, 0.3])


def test_sites_far_apart_are_found_by_sorted_keys() -> None:
    run = listed(x, 1, 10**9, 5 * 10**9)
    other = over(y, 1, 3)
    hops = [hop(ref("d", x, y), ref("d", x, y + 1), run, other, value=x)]
    device = expansion(lattice(site("d", run, other), terms=hops)).device({})
    assert device.size == 9
    np.testing.assert_allclose(device.hops.value, np.repeat([1, 1e9, 5e9], 2))
    assert (device.bonds.target - device.bonds.source == 1).all()


# --- particles and holes -------------------------------------------------------------------------


def many_body(declared: Lattice, particle: Any, delta: dict[tuple[int, int], complex]) -> Any:
    """Spectrum differences of ``sum h c†c + sum Delta c_a c_b + h.c.`` by brute force in Fock space."""
    n = len(particle)
    lower = np.array([[0, 1], [0, 0]], dtype=complex)
    parity = np.diag([1.0, -1.0])
    operators = []
    for k in range(n):
        whole = np.eye(1)
        for place in range(n):
            whole = np.kron(whole, parity if place < k else lower if place == k else np.eye(2))
        operators.append(whole)
    H = sum(particle[a, b] * operators[a].conj().T @ operators[b] for a, b in product(range(n), repeat=2))
    for (a, b), value in delta.items():
        term = value * operators[a] @ operators[b]
        H = H + term + term.conj().T
    return np.linalg.eigvalsh(H)


def single_particle_sums(bdg: Any, particle: Any) -> Any:
    """All many-body energies from the quasiparticle energies of a BdG matrix."""
    energies = np.linalg.eigvalsh(bdg)
    positive = energies[len(energies) // 2 :]
    ground = (np.trace(particle).real - positive.sum()) / 2
    return np.sort([ground + sum(chosen) for chosen in product(*((0, e) for e in positive))])


def test_pairs_give_the_many_body_spectrum_of_a_kitaev_chain() -> None:
    run = over(l, 1, 4)
    terms = [
        onsite(ref("c", l), run, value=0.3 * l),
        hop(ref("c", l), ref("c", l + 1), run, value=t * sp.exp(sp.I * l)),
        pair(ref("c", l), ref("c", l + 1), run, value=V * sp.exp(0.4 * sp.I * l)),
    ]
    declared = lattice(site("c", run), terms=terms, spaces=(NAMBU,))
    bdg = hamiltonian(expansion(declared).device(VALUES)).toarray()
    particle = on_paper(lattice(site("c", run), terms=terms[:2]))[1]
    delta = {(k, k + 1): VALUES["V"] * np.exp(0.4j * (k + 1)) for k in range(3)}
    exact = many_body(declared, particle, delta)
    np.testing.assert_allclose(single_particle_sums(bdg, particle), exact, atol=1e-10)


def test_pairs_with_spin_on_one_site_and_between_sites_give_the_many_body_spectrum() -> None:
    run = over(l, 1, 2)
    singlet = sp.ImmutableDenseMatrix([[0, V], [-V, 0]])
    mixed = sp.ImmutableDenseMatrix([[0.2, 0.1 * sp.I], [0.5, -0.3]])
    spin_orbit = sp.ImmutableDenseMatrix([[t, 0.4 * sp.I], [0.1, t]])
    hops = [hop(ref("c", l), ref("c", l + 1), run, value=spin_orbit)]
    hops.append(onsite(ref("c", l), run, value=sp.ImmutableDenseMatrix([[0.3, 0.2j], [-0.2j, -0.1]])))
    pairs = [pair(ref("c", l), ref("c", l), run, value=singlet)]
    pairs.append(pair(ref("c", l), ref("c", l + 1), run, value=mixed))
    for spaces in ((NAMBU, SPIN), (SPIN, NAMBU)):
        declared = lattice(site("c", run), terms=[*hops, *pairs], spaces=spaces)
        bdg = hamiltonian(expansion(declared).device(VALUES)).toarray()
        particle = on_paper(lattice(site("c", run), terms=hops, spaces=(SPIN,)))[1]
        delta = {}
        blocks = np.array(singlet.subs(VALUES), complex), np.array(mixed, complex)
        for place, block in (((0, 0), blocks[0]), ((2, 2), blocks[0]), ((0, 2), blocks[1])):
            for a, b in product(range(2), repeat=2):
                delta[place[0] + a, place[1] + b] = block[a, b]
        exact = many_body(declared, particle, delta)
        np.testing.assert_allclose(single_particle_sums(bdg, particle), exact, atol=1e-10)


def test_pairs_without_nambu_stay_coefficients_in_the_order_written() -> None:
    run = over(l, 1, 3)
    device = expansion(
        lattice(site("c", run), terms=[pair(ref("c", l + 1), ref("c", l), run, value=sp.I * l)])
    ).device({})
    assert device.pairs.row.tolist() == [1, 2]
    assert device.pairs.column.tolist() == [0, 1]
    np.testing.assert_allclose(device.pairs.value, [1j, 2j])
    assert len(device.hops.row) == 0
