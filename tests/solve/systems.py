"""Open systems built by hand: gain and loss wires and random forests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from modelkit.compile.open_system import Contacts, OpenSystem, Reservoirs


def half_chain(strength):
    """Self-energies ``gamma^2 g(E)`` of half-infinite chains with hopping 1; strength = gamma^2."""
    strength = np.asarray(strength, dtype=float)

    def sigma(energies):
        energy = np.atleast_1d(np.asarray(energies, dtype=float))[:, None]
        inside = -1j * np.sqrt(np.maximum(4 - energy**2, 0))
        outside = -np.sign(energy) * np.sqrt(np.maximum(energy**2 - 4, 0))
        return strength / 2 * (energy + np.where(np.abs(energy) < 2, inside, outside))

    return sigma


def constant(values):
    """Energy-independent scalar self-energies, (n_contacts,)."""
    values = np.asarray(values, dtype=complex)
    return lambda energies: np.broadcast_to(values, (len(energies), len(values)))


def system(hamiltonian, terminal, site, sigma, *, scalar=True, n_terminals=None, offset=None, weight=1.0):
    """An open system; every hop is a bond from the lower to the higher site."""
    hamiltonian = sparse.csr_array(hamiltonian).astype(complex)
    offset = np.arange(hamiltonian.shape[0] + 1) if offset is None else np.asarray(offset)
    n_sites = len(offset) - 1
    owner = np.repeat(np.arange(n_sites), np.diff(offset))
    entries = sparse.tril(hamiltonian, k=-1).tocoo()
    row, column = entries.coords
    between = owner[row] != owner[column]
    row, column, value = row[between], column[between], entries.data[between]
    pairs, bond = np.unique(owner[column] * n_sites + owner[row], return_inverse=True)
    terminal, site = np.asarray(terminal, dtype=np.intp), np.asarray(site, dtype=np.intp)
    n_terminals = int(terminal.max(initial=-1)) + 1 if n_terminals is None else n_terminals
    return OpenSystem(
        hamiltonian,
        offset,
        np.full(n_sites, float(weight)),
        Contacts(terminal, site, scalar, sigma, np.zeros(0)),
        n_terminals,
        pairs // n_sites,
        pairs % n_sites,
        (bond, row, column, value),
        Reservoirs(np.arange(n_terminals), np.ones(n_terminals)),
    )


def chain_matrix(n, hop=-1.0):
    """Nearest-neighbour hops ``H[l+1, l] = hop``; a number or one for each bond."""
    hop = np.broadcast_to(np.asarray(hop), (n - 1,))
    return sparse.diags_array([hop, np.conj(hop)], offsets=[-1, 1], shape=(n, n), format="csr")


def wire(n, gamma, sites=None):
    """The gain and loss wire: chains at both ends, probes of coupling gamma at ``sites`` (default all)."""
    inner = list(range(1, n - 1)) if sites is None else list(sites)
    places = [0, *inner, n - 1]
    strength = [1.0, *[gamma**2] * len(inner), 1.0]
    return system(chain_matrix(n), np.arange(len(places)), places, half_chain(strength))


@dataclass(frozen=True)
class Problem:
    """A system with energies and everything that a balance needs; arrays (n_E, n_terminals)."""

    system: OpenSystem
    energies: np.ndarray
    f: np.ndarray
    unknown: np.ndarray
    constant: np.ndarray
    slope: np.ndarray


def forest_matrix(parents: Sequence[int], rng) -> sparse.csr_array:
    """Random levels and complex hops on a forest; parent -1 starts a new tree."""
    n = len(parents)
    matrix = np.diag(rng.normal(size=n)).astype(complex)
    for child, parent in enumerate(parents):
        if parent >= 0:
            matrix[child, parent] = rng.normal() + 1j * rng.normal()
            matrix[parent, child] = matrix[child, parent].conj()
    return sparse.csr_array(matrix)


@st.composite
def forests(draw, most=40):
    """Random forests, contacts (several a site, shared terminals), energies and conditions.

    Terminals 0 and 1 are given and terminal 0 touches every tree, so that every probe is determined.
    """
    n = draw(st.integers(1, most))
    reach = draw(st.sampled_from([1, 2, 40]))
    parents = [-1, *(draw(st.integers(max(-1, k - reach), k - 1)) for k in range(1, n))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    roots = [k for k, parent in enumerate(parents) if parent < 0]
    extra = draw(st.integers(0, n + 2))
    n_terminals = draw(st.integers(2, 2 + extra))
    terminal = np.concatenate([np.zeros(len(roots)), [1], rng.integers(0, n_terminals, extra)])
    site = np.concatenate([roots, rng.integers(0, n, 1 + extra)])
    sigma = rng.normal(size=len(site)) / 3 - 1j * rng.random(len(site)) * 10 ** rng.uniform(-3, 0, len(site))
    energies = rng.uniform(-2, 2, draw(st.integers(1, 5)))
    shape = (len(energies), n_terminals)
    unknown = (rng.random(n_terminals) < 0.6) & np.isin(np.arange(n_terminals), terminal.astype(int))
    unknown[:2] = False
    return Problem(
        system(forest_matrix(parents, rng), terminal, site, constant(sigma), n_terminals=n_terminals),
        energies,
        np.where(unknown, 0.0, rng.normal(size=shape)),
        unknown,
        rng.normal(size=shape) * draw(st.sampled_from([0.0, 0.1])),
        -rng.random(shape) * draw(st.sampled_from([0.0, 0.2])),
    )


def responsive(found: OpenSystem, taylor=None) -> OpenSystem:
    """The same system, whose self-energies take complex energies and tell their derivatives (default 0)."""

    def nothing(energies, n):
        values = found.contacts.sigma(energies)
        return [0 * v for v in values] if isinstance(values, list) else 0 * np.asarray(values)

    return replace(found, contacts=replace(found.contacts, taylor=taylor or nothing, analytic=True))


def resonant(levels, widths):
    """Scalar self-energies ``w/(E - level + i)`` with their derivatives; analytic above the axis."""
    levels, widths = np.asarray(levels), np.asarray(widths)

    def sigma(energies):
        return widths / (np.asarray(energies)[:, None] - levels + 1j)

    def taylor(energies, n):
        return (-1) ** n * widths / (np.asarray(energies)[:, None] - levels + 1j) ** (n + 1)

    return sigma, taylor


def resonant_matrices(levels, roots):
    """Matrix self-energies ``r r†/(E - level + i)`` with their derivatives."""

    def power(energies, n):
        away = np.asarray(energies)[:, None, None] + 1j
        return [
            (-1) ** (n - 1) * (r @ r.conj().T) / (away - level) ** n
            for r, level in zip(roots, levels, strict=True)
        ]

    return lambda energies: power(energies, 1), lambda energies, n: power(energies, n + 1)


def raised(found: OpenSystem, potential, bands) -> OpenSystem:
    """Potentials on the sites, and the bands of the terminals raised: what the responses differentiate."""
    size = np.diff(found.offset)
    hamiltonian = sparse.csr_array(found.hamiltonian + sparse.diags_array(np.repeat(potential, size) + 0j))
    contacts = found.contacts
    shifts = np.asarray(bands)[contacts.terminal]

    def sigma(energies):
        energies = np.asarray(energies)
        parts = [contacts.sigma(energies - s) for s in shifts]
        if contacts.scalar:
            return np.stack([p[:, k] for k, p in enumerate(parts)], axis=1)
        return [p[k] for k, p in enumerate(parts)]

    moved = replace(contacts, sigma=sigma)
    object.__setattr__(moved, "analytic", True)
    return replace(found, hamiltonian=hamiltonian, contacts=moved)


def with_sparse_loops(width, length, rng, orbitals=1, disorder=1.0, cut=0.0):
    """A strip of random slices and hops, some hops cut; the same slice everywhere without disorder."""
    m = width * orbitals
    sites = np.arange(width)
    near = np.abs(sites[:, None] - sites) <= 1

    def block(between):
        found = rng.normal(size=(m, m)) + 1j * rng.normal(size=(m, m))
        keep = (between & (rng.random((width, width)) >= cut)) if cut else between
        return found * np.kron(keep, np.ones((orbitals, orbitals)))

    slices, hops = block(near), block(near)
    h = np.zeros((m * length, m * length), dtype=complex)
    for k in range(length):
        if disorder and k:
            slices = block(near)
            hops = block(near)
        at = slice(k * m, (k + 1) * m)
        h[at, at] = slices + slices.conj().T
        if k:
            h[at, (k - 1) * m : k * m] = hops
            h[(k - 1) * m : k * m, at] = hops.conj().T
    return h


@st.composite
def lattices(draw):
    """Random strips with loops: orbitals, terminals on many sites and inside, scalar or matrix, hops cut.

    Terminals 0 and 1 touch the two ends.  Gives the system and energies.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, length = draw(st.integers(1, 4)), draw(st.integers(2, 14))
    orbitals = draw(st.sampled_from([1, 2, 3]))
    disorder, cut = draw(st.sampled_from([0.0, 1.0])), draw(st.sampled_from([0.0, 0.5]))
    h = with_sparse_loops(width, length, rng, orbitals, disorder, cut)
    n = width * length
    extra = draw(st.integers(0, 4))
    site = np.concatenate([np.arange(width), n - width + np.arange(width), rng.integers(0, n, extra)])
    n_terminals = draw(st.integers(2, 4))
    terminal = np.concatenate([np.zeros(width), np.ones(width), rng.integers(0, n_terminals, extra)])
    order = np.argsort(terminal, kind="stable")
    site, terminal = site[order], terminal[order].astype(int)
    energies = rng.uniform(-2, 2, draw(st.integers(1, 4)))
    levels = rng.normal(size=len(site))
    offset = np.arange(n + 1) * orbitals
    scalar = draw(st.booleans())
    if scalar:
        sigma, taylor = resonant(levels, rng.uniform(0.05, 1.0, len(site)))
    else:
        shape = (len(site), orbitals, orbitals)
        roots = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) * 0.6
        sigma, taylor = resonant_matrices(levels, roots)
    found = system(h, terminal, site, sigma, scalar=scalar, n_terminals=n_terminals, offset=offset)
    return responsive(found, taylor), energies, rng
