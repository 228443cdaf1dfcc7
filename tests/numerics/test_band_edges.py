"""Band edges against the number of open modes, which knows nothing of bands."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from modelkit.numerics import band_edges as module
from modelkit.numerics.band_edges import band_edges
from modelkit.numerics.surface import surface

Complexes = NDArray[np.complex128]

ASIDE = 1e-8  # no mode opens or closes but within so much of an edge


def rashba(width: int, coupling: float, zeeman: float, field: float = 0.0) -> tuple[Complexes, Complexes]:
    """Onsite and hop of the cells of a strip with hard walls, in a magnetic field along y and across."""
    x, y = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    across = np.kron(np.eye(width, k=-1), -np.eye(2) / 2 - 0.5j * coupling * x)
    along = np.diag(np.exp(1j * field * np.arange(width)))
    onsite = across + across.conj().T + np.kron(np.eye(width), 2 * np.eye(2) - zeeman * y)
    return onsite, np.kron(along, -np.eye(2) / 2 - 0.5j * coupling * y)


def random_cell(seed: int) -> tuple[Complexes, Complexes]:
    draw = np.random.default_rng(seed)
    m = int(draw.integers(2, 9))
    onsite, hop = draw.normal(size=(2, m, m)) + 1j * draw.normal(size=(2, m, m))
    return onsite + onsite.conj().T, 0.3 * hop


@pytest.mark.parametrize(
    "cell",
    [
        *(rashba(width, 0.5, 0.1) for width in (1, 4, 10, 13)),
        rashba(10, 0.3, 0.0),  # bands cross at rest, next to extrema
        rashba(6, 0.1, 0.02),
        rashba(5, 0.3, 0.1, field=0.4),
        rashba(6, 0.0, 0.0, field=0.3),  # every band twice
        *map(random_cell, range(6)),
    ],
)
def test_modes_open_and_close_at_band_edges_alone(cell: tuple[Complexes, Complexes]) -> None:
    edges = band_edges(*cell)
    wide = np.diff(edges) > 4 * ASIDE
    low, high = edges[:-1][wide], edges[1:][wide]
    places = np.concatenate([low + ASIDE, low + 0.3 * (high - low), (low + high) / 2, high - ASIDE])
    count = surface(places, *cell).open.reshape(4, -1)
    assert np.array_equal(count, np.broadcast_to(count[0], count.shape))
    outside = np.array([edges[0] - ASIDE, edges[-1] + ASIDE])
    assert surface(outside, *cell).open.tolist() == [0, 0]
    steps = np.diff(count[0])[~(np.diff(np.flatnonzero(wide)) > 1)]
    assert np.count_nonzero(steps) > 0.6 * len(steps)  # few of them are no edges


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 1.9])
@pytest.mark.parametrize("gap", [0.3, 0.05, 0.001, 1e-6])
def test_the_edges_of_a_narrow_gap_are_found(gap: float, level: float) -> None:
    """A chain of electrons and holes that pair on each site: the gap is where electrons meet holes."""
    onsite = np.array([[-level, gap], [gap, level]], dtype=complex)
    hop = np.diag([-1.0, 1.0]).astype(complex)
    outer = [np.hypot(gap, 2 + level), np.hypot(gap, 2 - level)]
    expected = sorted(s * e for e in (gap, *({*outer} if level else outer[:1])) for s in (1, -1))
    edges = band_edges(onsite, hop)
    assert edges == pytest.approx(expected, abs=1e-12)
    count = surface(np.array([0.99, 1.01]) * gap, onsite, hop).open
    assert count.tolist() == [0, 2]


def test_chains_that_do_not_mix_have_their_levels_and_hops() -> None:
    assert band_edges(np.full((1, 1), 0.3 + 0j), np.full((1, 1), 1j)) == pytest.approx([-1.7, 2.3], abs=1e-14)
    level, hop = np.diag([0.5, -1.0, 0.0]) + 0j, np.diag([0.0, 0.2, -1.0]) + 0j
    assert band_edges(level, hop) == pytest.approx([-2, -1.4, -0.6, 0.5, 2], abs=1e-14)


def test_a_flat_band_is_an_edge_and_takes_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    at = module._Lattice.at
    monkeypatch.setattr(module._Lattice, "at", lambda self, k: (asked.append(len(k)), at(self, k))[1])
    # one of three sites in a cell couples to nothing that moves: a level at sqrt(2) stays where it is
    onsite = np.zeros((3, 3), dtype=complex)
    onsite[0, 1] = onsite[1, 0] = 1.0
    hop = np.zeros((3, 3), dtype=complex)
    hop[0, 0], hop[1, 1], hop[0, 1] = -1.0, -0.5, 0.3
    onsite[2, 2] = np.sqrt(2)
    edges = band_edges(onsite, hop)
    assert np.min(np.abs(edges - np.sqrt(2))) < 1e-14
    assert sum(asked) < 300


def test_of_wide_cells_the_grid_gives_them_roughly(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = rashba(6, 0.3, 0.1)
    exact = band_edges(*cell)
    monkeypatch.setattr(module, "CHEAP", 0.0)
    rough = band_edges(*cell)
    assert np.abs(rough[[0, -1]] - exact[[0, -1]]).max() < 1e-4
