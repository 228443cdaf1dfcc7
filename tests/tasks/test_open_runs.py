"""Runs of open chains: dimensions that hang on what is asked and on the method, initial states, methods."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import modelkit as mk
import modelkit.tasks.vocabulary
from modelkit.registry import enter_output, outputs
from modelkit.view import tables

RING = """model m
param cells = 6; param g = 0.5; param turn = 1
lattice chain { site c[j] for j in ring(cells); hop c[j] -> c[j+1] : -1 }
dissipator bath on chain { jump = detailed_balance(beta = 2); rate = 0.05*(1 - g) }
dissipator pump[j] on chain {
  jump = (c[j]' + (1 + 1i*turn)*c[j+1]')*(c[j] - (1 + 0.5i*turn)*c[j+1]); rate = 0.05*g
}
filling chain = 1/2
case one { turn = 1 }; case other { turn = -1 }
"""
ENDS = """model m
lattice chain { site c[l] for l in 1..4; hop c[l] -> c[l+1] : -1 }
dissipator feed on chain { jump = c[1]'; rate = 0.5 }
dissipator drain on chain { jump = c[4]; rate = 0.3 }
"""


def run(text: str, task: str, /, **given: object) -> object:
    return mk.loads(text + task).run(**given)


def test_a_current_is_one_number_in_formulas_and_has_no_terminal() -> None:
    found = run(
        RING, "task a = steady_state { cases one, other; output r = rectification(I), I, half = I/2 }"
    )
    assert found.current.dims == ("case",)
    assert found.current.values[0] == pytest.approx(-found.current.values[1], abs=1e-12)
    assert float(found.r) == pytest.approx(0, abs=1e-10)
    assert found.half.values == pytest.approx(found.current.values / 2)


def test_a_momentum_that_is_given_once_has_no_dimension() -> None:
    task = "task a = steady_state { sweep k_j from -pi to pi points 3; output occupation }"
    assert run(RING, task).occupation.dims == ("momentum", "band")
    assert run(RING, task, k_j=0.3).occupation.dims == ("band",)
    assert run(RING, task, k_j=[0.3, 0.5]).sizes["momentum"] == 2


def test_the_momentum_is_called_by_the_index_of_its_ring() -> None:
    text = RING.replace("[j", "[m").replace("for j", "for m")
    found = run(text, "task a = steady_state { sweep k_m in {0, 1}; output occupation }")
    assert found.momentum.attrs["symbol"] == "k_m"
    assert found.momentum.attrs["units"] == "1"


def test_occupations_are_of_modes_or_of_sites_as_the_method_has_them() -> None:
    task = "task a = steady_state { output occupation }"
    assert run(RING, task).occupation.dims == ("momentum", "band")
    sites = run(ENDS, task).occupation
    assert sites.dims == ("site",)
    assert sites.site.values.tolist() == ["c[1]", "c[2]", "c[3]", "c[4]"]
    found = run(
        ENDS,
        "task a = steady_state { output x = n[c[1]], y = bond_current[c[1] -> c[2]], z = loss_rate[drain] }",
    )
    assert float(found.x) == pytest.approx(float(sites[0]))
    assert float(found.y) == pytest.approx(float(found.z))


def test_dissipators_without_strength_lose_nothing() -> None:
    task = "task a = steady_state { output loss_rate }"
    found = run(RING, task, g=0).loss_rate
    assert found.dissipator.values.tolist() == ["bath", "pump"]
    assert found.values == pytest.approx([0, 0], abs=1e-12)


def test_time_is_the_first_own_dimension_of_an_evolution() -> None:
    sweeps = "sweep time in {0, 5}; sweep g in {0, 1}"
    task = f"task a = evolution {{ initial {{ lagrange = 0 }}; {sweeps}; output I, n, s = 2*I }}"
    found = run(RING, task)
    assert found.current.dims == ("g", "time")
    assert found.occupation.dims == ("g", "time", "momentum", "band")
    assert found.s.values == pytest.approx(2 * found.current.values)
    assert run(RING, task, time=5.0).current.dims == ("g",)
    assert run(RING, task, time=5.0).current.values == pytest.approx(found.current.values[:, 1], abs=1e-9)


def test_initial_states_are_numbers_or_formulas_of_sites_or_of_a_momentum() -> None:
    sweep = "sweep time in {0}; output occupation"
    by_site = run(ENDS, f"task a = evolution {{ initial {{ occupation = (l <= 2) }}; {sweep} }}").occupation
    assert by_site.values[0] == pytest.approx([1, 1, 0, 0], abs=1e-12)
    free = RING.replace("filling chain = 1/2\n", "")
    task = f"task a = evolution {{ initial {{ lagrange = 2*sin(k_j) }}; sweep k_j in {{0, 1}}; {sweep} }}"
    by_momentum = run(free, task).occupation.values[0, :, 0]
    assert by_momentum == pytest.approx(1 / (1 + np.exp(2 * np.sin([0, 1]))), abs=1e-12)


def test_a_method_from_outside_wins_and_must_fit_the_verb() -> None:
    model = mk.loads(RING + "task a = steady_state(method = exact) { output current }")
    assert model.run().attrs["method"] == "exact"
    assert model.run(method="projected").attrs["method"] == "projected"
    with pytest.raises(mk.ModelError, match="'blocks' is no method of 'steady_state'"):
        model.run(method="blocks")
    with pytest.raises(mk.ModelError, match="there is no method 'exakt'"):
        model.run(method="exakt")


def test_bands_of_a_ring_of_any_length() -> None:
    task = "task a = bands { sweep k_j in {0, 1}; output energy, velocity }"
    for cells in (6, "infinite"):
        found = run(RING, task, cells=cells)
        assert found.energy.values[:, 0] == pytest.approx(-2 * np.cos([0, 1]))
        assert found.velocity.values[:, 0] == pytest.approx(2 * np.sin([0, 1]))


def test_times_and_rates_are_in_the_units_of_the_model() -> None:
    """A rate of 0.05 meV/hbar empties a site as exp(-t 0.05 meV/hbar)."""
    text = """model m
units { energy = meV; length = nm; time = ps }
lattice chain { site c[j] for j in ring(4); hop c[j] -> c[j+1] : -1 [meV] }
dissipator loss[j] on chain { jump = c[j]; rate = 0.05 [meV] }
task a = evolution { initial { filling = 1 }; sweep time in {0, 10} ; output loss_rate, occupation }
"""
    found = mk.loads(text).run()
    rate = 0.05 / 0.6582119569  # meV over hbar, per ps
    assert found.time.attrs["units"] == "ps"
    assert found.loss_rate.attrs["units"] == "1/ps"
    assert found.loss_rate.values[:, 0] == pytest.approx([rate, rate * np.exp(-10 * rate)], rel=1e-8)


def test_one_name_is_one_entry_with_a_way_for_each_verb() -> None:
    current = outputs["current"]
    assert current.of("transport").dims == ("terminal",)
    assert current.of("steady_state").dims == ()
    assert current.of("evolution").dims == ("time",)
    assert {"transport", "steady_state", "evolution"} <= set(current.verbs)
    again = replace(current, verbs=("steady_state",), variants={})
    with pytest.raises(ValueError, match="output 'current' is registered already"):
        enter_output(again)


def test_results_of_open_chains_hide_no_names_where_terminals_are() -> None:
    text = """model m
param n = 2; param energy = 3
reference { mu = 0; T = 0 }
lattice chain { site c[j] for j in 1..4; hop c[j] -> c[j+1] : -1 }
bath L on chain.left { self_energy = wide_band(1); mu = 0.1; T = 0 }
bath R on chain.right { self_energy = wide_band(1); mu = 0; T = 0 }
probe P on chain.c[2] { self_energy = wide_band(1); T = 0; solve mu such that I == 0.001*n }
task a = transport(order = 1) { output x = I[P]/n, velocity = x*energy }
task b = transport(order = 1) { output n = 2*I[P] }
"""
    found = mk.loads(text).run("a")
    assert float(found.x) == pytest.approx(0.001)
    assert float(found.velocity) == pytest.approx(0.003)
    assert float(mk.loads(text).run("b").n) == pytest.approx(0.004)


def test_what_is_left_out_stands_on_the_screen() -> None:
    text = """model ends
lattice chain { site c[j] for j in 1..4; hop c[j] -> c[j+1] : -1 }
dissipator pump[j] on chain { jump = c[j+1]'*c[j] + 0.2; rate = 0.3 }
filling chain = 1/2
task s = steady_state { output occupation }
"""
    found = mk.loads(text).run("s")
    shown = tables.text(tables.summary(found))
    assert "note: left out: 1 of pump: they would reach over an open end" in shown
    assert "note: dropped constants: constants in the jumps of pump; they mean a Hamiltonian of the" in shown
    assert "note: conserved: 2 particles of chain" in shown


@pytest.mark.parametrize("method", ["gge", "populations", "exact"])
def test_lattices_that_exchange_particles_share_their_fillings(method: str) -> None:
    """Of unequal fillings the particles are added up, whichever lattice is declared first."""
    text = """model m
lattice one { site a[j] for j in ring(3); hop a[j] -> a[j+1] : -1 }
lattice two { site b[j] for j in ring(3); onsite b[j] : 0.7; hop b[j] -> b[j+1] : -1 }
dissipator bath on one, two { jump = detailed_balance(beta = 2); rate = 0.02 }
filling one = 1/3
filling two = 2/3
task t = steady_state { sweep k_j in {-2*pi/3, 0, 2*pi/3}; output occupation }
"""
    found = mk.loads(text).run("t", method=method)
    assert float(found.occupation.mean()) == pytest.approx(1 / 2, abs=1e-10)


@pytest.mark.parametrize("method", ["gge", "populations", "exact"])
def test_constants_that_jumps_lose_are_told(method: str) -> None:
    text = RING.split("dissipator pump")[0] + (
        "dissipator odd[j] on chain { jump = c[j+1]'*c[j] + 0.3i*c[j]*c[j]'; rate = 0.02 }\n"
        "filling chain = 1/2\ntask a = steady_state { output current }"
    )
    found = mk.loads(text).run(method=method, cells=4)
    assert "constants in the jumps of odd" in found.attrs["dropped_constants"]


def test_what_jumps_carry_is_audited_where_it_is_forbidden() -> None:
    text = """model exclusion
param N = 4; param right = 0.2; param left = 0.2
lattice chain { site c[j] for j in ring(N); hop c[j] -> c[j+1] : -1 }
dissipator ahead[j] on chain { jump = c[j+1]'*c[j]; rate = right }
dissipator back[j] on chain { jump = c[j]'*c[j+1]; rate = left }
filling chain = 1/2
task s = steady_state(method = exact) { output jump_current }
"""
    model = mk.loads(text)
    even = model.run("s")
    assert "jump_current: forbidden: inversion" in even.attrs["verdicts"]
    assert float(even.audit_forbidden) < 1e-13
    odd = model.run(
        "s", left=0.4
    )  # (right - left) N_particles N_holes/(N (N - 1)), by all configurations alike
    assert float(odd.jump_current) == pytest.approx(-0.2 * 2 * 2 / (4 * 3), abs=1e-12)
    assert "audit_forbidden" not in odd
