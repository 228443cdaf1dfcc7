"""Currents of the Hamiltonian and of the jumps, which operations and rules reverse in different ways."""

import pytest

import modelkit as mk

VANISHING = 1e-12

INVERTED = """\
model inverted "inversion about the sites a, jumps from b to both of its neighbours"
lattice chain {
  site a[j] for j in ring(3)
  site b[j] for j in ring(3)
  onsite a[j] : 0.5
  hop a[j] -> b[j] : -1
  hop b[j] -> a[j+1] : -1
}
JUMPS
task t = steady_state { output current, jump_current, loss_rate }
"""
MOVED = """\
dissipator p[j] on chain { jump = a[j]'*b[j]; rate = 0.3 }
dissipator q[j] on chain { jump = a[j+1]'*b[j]; rate = 0.3 }
filling chain = 1/2"""
FED = """\
dissipator p[j] on chain { jump = a[j]; rate = 0.3 }
dissipator q[j] on chain { jump = b[j]'; rate = 0.6 }"""


@pytest.mark.parametrize(("jumps", "method"), [(MOVED, "exact"), (FED, "gaussian")])
def test_an_inversion_that_takes_cells_apart_forbids_at_weak_coupling_alone(jumps, method):
    found = mk.loads(INVERTED.replace("JUMPS", jumps)).run("t", method=method)
    # the bonds bring to each site a, from both sides alike, what leaves it; one of its bonds crosses cells
    wanted = -found.jump_current if jumps is MOVED else found.loss_rate.sel(dissipator="p") / 2
    assert abs(wanted) > 0.05
    assert float(found.current) == pytest.approx(float(wanted), abs=1e-12)
    verdict = found.attrs["verdicts"].splitlines()[0]
    assert verdict.startswith("current: not forbidden: ")
    assert "but inversion x orbitals moved by 0, -1 cells: I = 0 as the coupling goes to zero" in verdict


STILL = """\
model still "no Hamiltonian, particles that jump to the right"
lattice chain {
  site c[j] for j in RANGE
}
dissipator ahead[j] on chain { jump = c[j+1]'*c[j]; rate = 1 }
MORE
task t = steady_state(method = exact) { output current, jump_current }
"""
ENDS = """\
dissipator feed on chain { jump = c[1]'; rate = 0.5 }
dissipator drain on chain { jump = c[5]; rate = 0.5 }"""


@pytest.mark.parametrize(
    ("cells", "more", "carried"),
    [
        ("ring(6)", "filling chain = 1/2", 3 * 3 / (6 * 5)),  # all states are alike: <n_j (1 - n_{j+1})>
        ("1..5", ENDS, 4 / 4 / 5),  # no correlations at this feed and drain: a quarter on each of four bonds
    ],
)
def test_what_jumps_carry_is_not_forbidden_where_the_hamiltonian_carries_nothing(cells, more, carried):
    found = mk.loads(STILL.replace("RANGE", cells).replace("MORE", more)).run("t")
    assert float(found.jump_current) == pytest.approx(carried, abs=1e-9)
    first, second = found.attrs["verdicts"].splitlines()
    assert first.startswith("current: forbidden: ")
    assert second.startswith("jump_current: not forbidden: ")
    assert "I = 0" not in second


def test_what_jumps_carry_on_an_open_chain_is_forbidden_by_a_reflection():
    text = STILL.replace("RANGE", "1..5").replace("MORE", "filling chain = 2/5\nBACK")
    text = text.replace("1..5", "1..5\n  hop c[j] -> c[j+1] : -1")
    both = text.replace("BACK", "dissipator back[j] on chain { jump = c[j]'*c[j+1]; rate = 1 }")
    found = mk.loads(both).run("t")
    assert abs(found.jump_current) < VANISHING
    verdict = found.attrs["verdicts"].splitlines()[1]
    assert verdict.startswith("jump_current: forbidden: ")
    assert "jump_current = 0 at any coupling, any filling" in verdict
