"""Random structures with a planted operation: made in a frame where it is simple, then hidden.

The operation is written down a second time here, block by block, so that what is found can be checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from modelkit.symmetry.builder import Builder, word
from modelkit.symmetry.structure import Sort, Structure

PAULI = [
    np.eye(2),
    np.array([[0, 1], [1, 0]]),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1, -1]),
]
SAMPLES = (0, 1)  # kinds of self-energies: at an energy and at its opposite
NOTHING = 1e-13  # what is left of sums that cancel
STRENGTHS = (1.0, 1.0, 1e-3, 1e-8)


@dataclass
class Planted:
    """A structure and the operation in it; ``permutation`` and ``unitary`` of all vertices."""

    structure: Structure
    sort: Sort
    permutation: np.ndarray
    unitary: np.ndarray


@dataclass
class Recipe:
    """Blocks ``{(kind, row, column): matrix}`` and what else is on the sites, before anything is hidden."""

    random: np.random.Generator
    sort: Sort
    image: np.ndarray
    size: np.ndarray
    inner: list[np.ndarray]
    blocks: dict = field(default_factory=dict)
    contacts: dict = field(default_factory=dict)  # (terminal, site) -> (even, odd)
    ties: dict = field(default_factory=dict)
    leads: dict = field(default_factory=dict)  # (terminal, sample, row, column) -> matrix
    terminal_image: np.ndarray = field(default_factory=lambda: np.zeros(0, int))


def acted(sort, image, inner, kind, row, column, matrix):
    """What an operation makes of a block: the kind's opposite where H changes its sign."""
    if sort.opposing and kind != "H":
        kind = 1 - kind
    sign = -1 if sort.opposing else 1
    if sort.reverses_time:
        row, column, matrix = column, row, matrix.T
    if sort.opposing:
        matrix = matrix.conj()
    return kind, image[row], image[column], sign * inner[row] @ matrix @ inner[column].conj().T


def planted(seed: int, sort: Sort, *, most: int = 8, hiding: int = 0) -> Planted:
    """A random structure with an operation; ``hiding`` chooses numbers and bases of the sites."""
    recipe = _recipe(np.random.default_rng(seed), sort, most)
    recipe.random = np.random.default_rng([seed, hiding])
    return _hidden(recipe)


def _recipe(random, sort, most):
    n = int(random.integers(1, most + 1))
    image = random.permutation(n) if random.random() < 0.7 else np.arange(n)
    largest = int(random.choice([1, 2, 3, 4]))
    size, inner = np.zeros(n, int), [np.zeros((0, 0))] * n
    for cycle in _cycles(image):
        d = int(random.integers(1, largest + 1))
        for site in cycle:
            size[site] = d
            inner[site] = _simple(random, d)
    recipe = Recipe(random, sort, image, size, inner)
    density = random.choice([0.2, 0.5, 1.0])
    for site in range(n):
        if random.random() < 0.8:
            _orbit(recipe, site, site, _hermitian(random, size[site]) * random.choice(STRENGTHS))
    for row, column in zip(*np.triu_indices(n, 1), strict=True):
        if random.random() < density:
            _orbit(recipe, row, column, _hop(random, size[row], size[column]) * random.choice(STRENGTHS))
    _environment(recipe)
    return recipe


def _cycles(image):
    left, found = set(range(len(image))), []
    while left:
        cycle = [min(left)]
        while (following := int(image[cycle[-1]])) != cycle[0]:
            cycle.append(following)
        left -= set(cycle)
        found.append(cycle)
    return found


def _simple(random, d):
    if d == 2 and random.random() < 0.7:
        return PAULI[random.integers(4)].astype(complex)
    signs = np.diag(random.choice([1, -1, 1j, -1j], d)).astype(complex)
    return signs[random.permutation(d)] if random.random() < 0.5 else signs


def _hermitian(random, d):
    m = random.normal(size=(2, d, d))
    m = m[0] + 1j * m[1]
    return m + m.conj().T if random.random() < 0.7 else np.eye(d) * random.normal()


def _hop(random, d, e):
    m = random.normal(size=(2, d, e))
    m = m[0] + 1j * m[1]
    if random.random() < 0.4:  # singular
        return np.outer(m[:, 0], m[0])
    if d == e and random.random() < 0.4:
        return np.eye(d) * m[0, 0]
    return m


def _orbit(recipe, row, column, matrix):
    """A block, its adjoint and all images; those that meet are added."""
    here, matrix = ("H", int(row), int(column)), np.asarray(matrix, complex)
    seen = []
    for _ in range(4000):
        kind, r, c = here
        if any(one[0] == here and np.abs(one[1] - matrix).max(initial=0) < 1e-13 for one in seen):
            break
        seen.append((here, matrix))
        *key, matrix = acted(recipe.sort, recipe.image, recipe.inner, kind, r, c, matrix)
        here = tuple(key)
    for (kind, r, c), each in seen:
        for key, value in (((kind, r, c), each), ((kind, c, r), each.conj().T)):
            recipe.blocks[key] = recipe.blocks.get(key, 0) + value
    recipe.blocks = {key: each for key, each in recipe.blocks.items() if np.abs(each).max() > NOTHING}


def _environment(recipe):
    random, n = recipe.random, len(recipe.size)
    count = int(random.integers(0, 4))
    recipe.terminal_image = random.permutation(count)
    for terminal in range(count):
        _contact_orbit(recipe, terminal, int(random.integers(n)))
    if count and random.random() < 0.5:
        _lead_orbit(recipe, int(random.integers(count)), int(random.integers(n)), int(random.integers(n)))
    for _ in range(int(random.integers(0, 3))):
        pair, value = (int(random.integers(n)), int(random.integers(n))), float(random.choice([0.5, 1.5]))
        for _ in range(200):
            recipe.ties[pair] = value
            pair = int(recipe.image[pair[0]]), int(recipe.image[pair[1]])
            if recipe.ties.get(pair) == value:
                break


def _contact_orbit(recipe, terminal, site):
    """Values of a contact: the odd one changes its sign from image to image."""
    even, odd = float(recipe.random.choice([0.5, 0.8])), float(recipe.random.choice([0.0, 0.3]))
    sign, seen = 1.0, {}
    while (terminal, site) not in seen:
        seen[terminal, site] = sign
        terminal, site = int(recipe.terminal_image[terminal]), int(recipe.image[site])
        sign *= -1.0 if recipe.sort.opposing else 1.0
    if sign != seen[terminal, site]:
        odd = 0.0
    for key, each in seen.items():
        recipe.contacts[key] = (even, odd * each)


def _lead_orbit(recipe, terminal, row, column):
    """Self-energies at an energy and at its opposite over two sites; an operation maps them all."""
    sample = int(recipe.random.choice(SAMPLES))
    matrix, seen = _hop(recipe.random, recipe.size[row], recipe.size[column]), []
    here = terminal, sample, row, column
    for _ in range(4000):
        if any(one[0] == here and np.abs(one[1] - matrix).max(initial=0) < 1e-13 for one in seen):
            break
        seen.append((here, matrix))
        terminal, sample, row, column = here
        kind, r, c, matrix = acted(recipe.sort, recipe.image, recipe.inner, sample, row, column, matrix)
        here = int(recipe.terminal_image[terminal]), kind, int(r), int(c)
    for key, each in seen:
        recipe.leads[key] = recipe.leads.get(key, 0) + each
    recipe.leads = {key: each for key, each in recipe.leads.items() if np.abs(each).max() > NOTHING}


def _hidden(recipe):
    """Sites renumbered, a random unitary on each."""
    n, random = len(recipe.size), recipe.random
    turn = [haar(random, d) for d in recipe.size]
    number = random.permutation(n)  # of the old sites
    place = np.argsort(number)
    builder = Builder()
    sites = builder.vertices(n, "site", size=recipe.size[place])
    terminals = builder.vertices(len(recipe.terminal_image), "terminal")
    permutation = {int(number[old]): int(number[recipe.image[old]]) for old in range(n)}
    permutation |= {int(terminals[t]): int(terminals[i]) for t, i in enumerate(recipe.terminal_image)}
    builder.kind("H")
    for (_, row, column), matrix in recipe.blocks.items():
        _add(
            builder,
            "H",
            sites[[number[row]]],
            sites[[number[column]]],
            turn[row] @ matrix @ turn[column].conj().T,
        )
    vertex = {}
    for (terminal, site), (even, odd) in recipe.contacts.items():
        (vertex[terminal, site],) = builder.vertices(1, "contact", even=[[even]], odd=[[odd]]).tolist()
        builder.tie(np.array([vertex[terminal, site]]), sites[[number[site]]], "at")
        builder.tie(np.array([vertex[terminal, site]]), terminals[[terminal]], "of")
    for terminal, site in recipe.contacts:
        image = int(recipe.terminal_image[terminal]), int(recipe.image[site])
        permutation[vertex[terminal, site]] = vertex[image]
    permutation |= _leads(builder, recipe, sites[number], terminals, turn)
    for (a, b), value in recipe.ties.items():
        builder.tie(sites[[number[a]]], sites[[number[b]]], "tied", value=value)
    structure = builder.structure()
    image = np.array([permutation[v] for v in range(structure.n)], dtype=np.intp)
    unitary = np.zeros((structure.n, *structure.block.shape[1:]), complex)
    on_site = {
        int(number[s]): turn[recipe.image[s]]
        @ recipe.inner[s]
        @ (turn[s].T if recipe.sort.conjugating else turn[s].conj().T)
        for s in range(n)
    }
    at = {v: v for v in range(n)} | dict(zip(*_of_leads(structure), strict=True))
    for v, site in at.items():
        d = structure.size[v]
        unitary[v, :d, :d] = on_site[site]
    return Planted(structure, recipe.sort, image, unitary)


def _of_leads(structure):
    """Contacts with internal spaces, and their sites."""
    own = (structure.tie_kind == word("at")) & (structure.size[structure.tie_row] > 0)
    return structure.tie_row[own].tolist(), structure.tie_column[own].tolist()


def _leads(builder, recipe, site, terminals, turn):
    """Contacts with internal spaces; gives their images."""
    for k in SAMPLES:
        builder.kind(f"self-energy {k}", f"self-energy {1 - k}")
        builder.kind(f"adjoint {k}", f"adjoint {1 - k}")
    builder.kind("the same space", energy=False)
    vertex = {}
    for place in sorted({(t, s) for t, _, r, c in recipe.leads for s in (r, c)}):
        terminal, s = place
        d = int(recipe.size[s])
        (vertex[place],) = builder.vertices(1, "matrix contact", size=d).tolist()
        one, other = np.array([vertex[place]]), np.array([site[s]])
        builder.tie(one, other, "at")
        builder.tie(one, terminals[[terminal]], "of")
        _add(builder, "the same space", one, other, np.eye(d), energy=False)
        _add(builder, "the same space", other, one, np.eye(d), energy=False)
    for (terminal, k, row, column), matrix in recipe.leads.items():
        matrix = turn[row] @ matrix @ turn[column].conj().T
        ends = np.array([vertex[terminal, row]]), np.array([vertex[terminal, column]])
        _add(builder, f"self-energy {k}", *ends, matrix, opposite=f"self-energy {1 - k}")
        _add(builder, f"adjoint {k}", *ends[::-1], matrix.conj().T, opposite=f"adjoint {1 - k}")
    return {v: vertex[int(recipe.terminal_image[t]), int(recipe.image[s])] for (t, s), v in vertex.items()}


def _add(builder, name, row, column, matrix, opposite=None, *, energy=True):
    builder.add(row, column, builder.kind(name, opposite, energy=energy), np.asarray(matrix, complex)[None])


def haar(random, d):
    """A random unitary."""
    m = random.normal(size=(2, d, d))
    q, r = np.linalg.qr(m[0] + 1j * m[1])
    return q * (np.diag(r) / np.abs(np.diag(r)))


def worst(structure: Structure, sort: Sort, permutation, unitary) -> float:
    """By how much an operation fails, block by block; infinite where blocks, ties or colours do not fit."""
    known = {
        (int(k), int(r), int(c)): b
        for k, r, c, b in zip(structure.kind, structure.row, structure.column, structure.block, strict=True)
    }
    size, off = structure.size, 0.0
    for v in range(structure.n):
        U = unitary[v, : size[v], : size[v]]
        off = max(off, np.abs(U @ U.conj().T - np.eye(size[v])).max(initial=0))
        w = permutation[v]
        signs = np.where(structure.odd[v], -1 if sort.opposing else 1, 1)
        same = structure.colour[v] == structure.colour[w] and size[v] == size[w]
        if not same or np.abs(structure.value[v] * signs - structure.value[w]).max(initial=0) > 1e-9:
            return np.inf
    for (kind, row, column), block in known.items():
        if sort.opposing:
            kind = int(structure.opposite[kind])
        if sort.reverses_time:
            row, column, block = column, row, block.T
        if sort.opposing:
            block = (-1 if structure.energy[kind] else 1) * block.conj()
        image = known.get((kind, int(permutation[row]), int(permutation[column])))
        if image is None:
            return np.inf
        scale = max(np.abs(block).max(), 1e-4 * np.abs(structure.block[structure.kind == kind]).max())
        off = max(off, np.abs(unitary[row] @ block - image @ unitary[column]).max() / scale)
    ties = _ties(structure, np.arange(structure.n))
    return off if ties == _ties(structure, permutation) else np.inf


def _ties(structure, image):
    ends = zip(image[structure.tie_row], image[structure.tie_column], strict=True)
    return sorted(
        (*map(int, pair), int(kind), float(value))
        for pair, kind, value in zip(ends, structure.tie_kind, structure.tie_value, strict=True)
    )
