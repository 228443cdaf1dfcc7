"""Panels with a Gauss-Kronrod rule: exact for polynomials, and bisected without forgetting anything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelkit.numerics.quadrature import NODES, Panels, errors, panels_between


def plain(*ends: float) -> Panels:
    return panels_between(np.array(ends), np.zeros(len(ends), dtype=bool))


@given(st.integers(0, 31))
def test_polynomials_up_to_degree_31_are_integrated_exactly(degree: int) -> None:
    panels = plain(-1.0, 0.5, 1.0)
    weights, difference = panels.weights
    assert (weights * panels.nodes**degree).sum() == pytest.approx(
        (1 - (-1) ** (degree + 1)) / (degree + 1), abs=1e-14
    )
    if degree < 20:  # the embedded rule takes them too
        assert np.abs((difference * panels.nodes**degree).sum(axis=1)).max() < 1e-15


def test_the_square_takes_a_root_at_either_end_exactly() -> None:
    for ends, squared in (([0.0, 1.0], [True, False]), ([-1.0, 0.0], [False, True])):
        panels = panels_between(np.array(ends), np.array(squared))
        weights, _ = panels.weights
        assert (weights * np.sqrt(np.abs(panels.nodes))).sum() == pytest.approx(2 / 3, abs=1e-15)


def test_a_panel_between_two_marked_ends_is_halved() -> None:
    panels = panels_between(np.array([-1.0, 1.0]), np.array([True, True]))
    assert panels.lower.tolist() == [-1, 0]
    assert panels.edge.tolist() == [-1, 1]
    weights, _ = panels.weights
    assert (weights * np.sqrt(1 - panels.nodes**2)).sum() == pytest.approx(np.pi / 2, abs=1e-12)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_bisection_keeps_the_interval_and_the_places_of_all_nodes(choices: list[int]) -> None:
    panels = plain(0.0, 1.0, 3.0)
    for choice in choices:
        before = panels
        chosen = np.zeros(len(panels.lower), dtype=bool)
        free = np.flatnonzero(panels.divisible)
        chosen[free[choice % len(free)]] = True
        panels = panels.bisected(chosen)
        assert np.array_equal(panels.nodes[: len(before.lower)], before.nodes)
        assert panels.begins == (*before.begins, len(before.lower))
        assert not panels.divisible[: len(before.lower)][chosen].any()
    weights, _ = panels.weights
    assert weights.shape == (len(panels.lower), NODES)
    assert weights.sum() == pytest.approx(3.0, rel=1e-14)
    assert (weights * panels.nodes**2).sum() == pytest.approx(9.0, rel=1e-14)
    assert np.all(weights[panels.split] == 0)


def test_a_sharp_peak_is_found_by_bisection_and_the_estimate_is_honest() -> None:
    width = 1e-3

    def peak(x: np.ndarray) -> np.ndarray:
        return width / (x**2 + width**2)

    panels, exact = plain(-0.7, 1.0), float(np.arctan(1 / width) + np.arctan(0.7 / width))
    for _ in range(40):
        weights, difference = panels.weights
        values = peak(panels.nodes)
        found = (weights * values).sum()
        error = errors(np.abs((difference * values).sum(axis=1)), (weights * values).sum(axis=1))
        if error.sum() < 1e-12:
            break
        panels = panels.bisected((error > 1e-12 / len(error)) & panels.divisible)
    assert abs(found - exact) < 1e-12 + error.sum()
    assert panels.nodes.size < 2000


def test_what_is_too_narrow_is_not_divided() -> None:
    panels = plain(1.0, 1.0 + 1e-14, 2.0)
    assert panels.divisible.tolist() == [False, True]
    assert plain(0.0, 1e-14, 1.0).divisible.all(), "doubles are dense about zero"
    assert not plain(0.0, 1e-25, 1.0).divisible.all()
