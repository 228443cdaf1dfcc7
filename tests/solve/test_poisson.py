"""Screening by Poisson's equation, where every site answers by itself: one matrix, and a closed form."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk


def test_poisson_between_sites_that_answer_locally_is_one_matrix() -> None:
    """Sites that hardly hop answer with their own density of states, 2/(pi Gamma)."""
    N, gamma, epsilon, hop = 9, 2.0, 0.7, 1e-4
    text = f"""model chain
reference {{ mu = 0; T = 0 }}
lattice wire {{
  site c[x] for x in 1..{N}
  hop c[x] -> c[x+1] : {hop}
}}
bath L on wire.c[1] {{ self_energy = wide_band({gamma}); mu = 0 }}
bath R on wire.c[{N}] {{ self_energy = wide_band({gamma}); mu = 0 }}
probe P[x] for x in 2..{N - 1} on wire.c[x] {{ self_energy = wide_band({gamma}); solve mu such that I == 0 }}
screening on wire {{ solve U such that charge == poisson(epsilon = {epsilon}) }}
task first = transport(order = 1) {{ output characteristic_potential }}
"""
    u = mk.loads(text).run("first").characteristic_potential
    kappa = 2 / (np.pi * gamma) / epsilon  # density of states of a site at its level, over epsilon
    matrix = np.diag(np.full(N, 3.0 + kappa)) - np.eye(N, k=1) - np.eye(N, k=-1)
    matrix[0, 0] = matrix[-1, -1] = 2 + kappa
    expected = np.linalg.solve(matrix, (1 + kappa) * np.eye(N))
    assert u.sel(terminal=["L", *[f"P[{x}]" for x in range(2, N)], "R"]).values == pytest.approx(
        expected, abs=1e-6
    )
    assert u.values.sum(axis=1) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("bulk", [0.5, 0.75, 1.0])
def test_poisson_between_two_electrodes_has_a_closed_form(bulk: float) -> None:
    """Sites screen towards one floating distribution, ``bulk`` of the way to L, over ``1/q`` sites.

    With ``cosh q = 1 + kappa^2/2`` and electrodes at 0 and at N + 1.
    """
    N, gamma, epsilon, weak = 8, 2.0, 0.7, 1e-8
    text = f"""model chain
reference {{ mu = 0; T = 0 }}
lattice wire {{
  site c[x] for x in 1..{N}
  hop c[x] -> c[x+1] : 1e-5
}}
bath L on wire.c[1] {{ self_energy = wide_band({weak * bulk}); mu = 0 }}
bath R on wire.c[{N}] {{ self_energy = wide_band({weak * (1 - bulk)}); mu = 0 }}
probe D on wire.c {{ self_energy = wide_band({gamma}); solve f such that i(E) == 0 }}
screening on wire {{ solve U such that charge == poisson(epsilon = {epsilon}) }}
task first = transport(order = 1) {{ output characteristic_potential }}
"""
    u = mk.loads(text).run("first").characteristic_potential
    kappa_squared = 2 / (np.pi * gamma) / epsilon
    q, x, end = np.arccosh(1 + kappa_squared / 2), np.arange(1, N + 1), N + 1
    expected = bulk + ((1 - bulk) * np.sinh(q * (end - x)) - bulk * np.sinh(q * x)) / np.sinh(q * end)
    assert u.sel(terminal="L").values == pytest.approx(expected, abs=1e-7)
    assert u.sel(terminal="R").values == pytest.approx(1 - expected, abs=1e-7)
