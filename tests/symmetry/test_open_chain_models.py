"""Verdicts on declared open chains, each beside the number of a solver.

The numbers of ``gge`` are compared with the dense rate equation of ``tests/symmetry/chains.py``, which shares
nothing with the package.
"""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.cli import main
from modelkit.compile.lindbladian import ModeBath, lindbladian
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.graph.expand import Expansion
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.gge import Gge
from modelkit.symmetry.chains.cells import open_chain
from modelkit.symmetry.chains.declared import OpenSubject
from modelkit.symmetry.chains.finite import FiniteChain
from modelkit.symmetry.chains.jump_report import JumpReport
from modelkit.symmetry.chains.open_chain import Motion, OpenChain
from modelkit.symmetry.structure import CHIRAL, PARTICLE_HOLE, TIME_REVERSAL, UNITARY
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict
from modelkit.tasks import symmetries
from tests.symmetry.chains import kinetic, random_matrix
from tests.symmetry.open_chain_texts import BOUNDED, LOSS_AND_GAIN, PUMPED, RASHBA

VANISHING = 1e-12
EQUAL = {"share_up": 0.5, "share_down": 0.5}

CASES = {  # text, values, filling, how the verdict begins
    "pump": (
        PUMPED,
        {},
        0.5,
        "not forbidden: no operation, permutation of modes or rule forbids the current",
    ),
    "pump, real": (PUMPED, {"delta": 2, "deltap": 0.7}, 0.3, "forbidden: time reversal: I = 0 as the coup"),
    "pump, one": (PUMPED, {"delta": 1, "deltap": 1}, 0.3, "forbidden: inversion: I = 0 at any coupling"),
    "pump, d' = d": (PUMPED, {"deltap": 1 + 1j}, 0.5, "forbidden: particle-hole x (-1)^j: I = 0"),
    "pump, d' = d, off": (PUMPED, {"deltap": 1 + 1j}, 0.3, "not forbidden: "),
    "pump, d' = 1/d*": (PUMPED, {"deltap": 0.5 + 0.5j}, 0.5, "forbidden: inversion x chiral x (-1)^j: I = 0"),
    "pump, d' = 1/d*, off": (PUMPED, {"deltap": 0.5 + 0.5j}, 0.3, "not forbidden: "),
    "bath alone": (PUMPED, {"g": 0}, 0.3, "forbidden: inversion: I = 0 at any coupling"),
    "up": (RASHBA, {}, 0.5, "not forbidden: "),
    "down": (RASHBA, {"share_up": 0, "share_down": 1}, 0.5, "not forbidden: "),
    "equal": (RASHBA, EQUAL, 0.5, "forbidden: particle-hole x sigma_y x (-1)^j: I = 0 at any coupling"),
    "equal, off": (RASHBA, EQUAL, 0.25, "not forbidden: "),
    "no a_y": (RASHBA, {"a_y": 0}, 0.3, "forbidden: inversion x sigma_z: I = 0 at any coupling, any filling"),
    "no a_z": (RASHBA, {"a_z": 0}, 0.3, "forbidden: modes k -> -k "),
    "no h": (RASHBA, {"h": 0}, 0.3, "forbidden: modes k -> -k "),
    "no h, equal": (RASHBA, {"h": 0, **EQUAL}, 0.3, "forbidden: inversion x sigma_x: I = 0 at any coupling"),
}


def chain_of(model: mk.Model, **values: object) -> OpenChain:
    return OpenSubject(Subject(Expansion(model.graph()), values)).chain


@pytest.mark.parametrize("name", CASES)
def test_a_current_vanishes_if_and_only_if_it_is_forbidden(name):
    text, values, filling, begins = CASES[name]
    model = mk.loads(text)
    found = model.run("ness", method="gge", **values, filling=filling)
    verdict = found.attrs["verdicts"].splitlines()[0]
    assert verdict.startswith(f"current: {begins}")
    assert str(model.forbids("I", **values, filling=filling)).startswith(begins)
    current = float(found.current)
    assert current == pytest.approx(
        kinetic(chain_of(model, **values, filling=filling), filling, 128), abs=1e-9
    )
    if begins.startswith("forbidden"):
        assert abs(current) < VANISHING
        assert float(found.audit_forbidden) < VANISHING
    else:
        assert abs(current) > 1e-3
        assert "audit_forbidden" not in found


def test_lines_that_break_what_would_forbid_a_current_are_told():
    verdict = str(mk.loads(RASHBA).forbids("I"))
    hop = "hop c[j] -> c[j+1] : -1 - 1i*a_z*sigma_y + 1i*a_y*sigma_z (line 9)"
    assert f"inversion is broken by {hop}; time reversal is broken by {hop}" in verdict
    assert "particle-hole is broken by dissipator dephase_up (line 12)" in verdict
    assert "forbidden with h = 0 or a_y = 0 or a_z = 0" in verdict
    verdict = str(mk.loads(PUMPED).forbids("I"))
    assert "inversion is broken by dissipator pump (line 9); time reversal is broken by" in verdict
    off = str(mk.loads(RASHBA).forbids("I", **EQUAL, filling=0.25))
    assert "but particle-hole x sigma_y x (-1)^j: I = 0 at any coupling, at half filling" in off
    assert "particle-hole is broken" not in off


def test_the_report_says_what_is_kept_what_is_broken_and_what_is_conserved():
    lines = str(mk.loads(PUMPED).symmetries(delta=2, deltap=0.7)).splitlines()
    assert lines[0] == (
        "time reversal, exactly, at these values; I = 0 as the coupling goes to zero, any filling"
    )
    assert "no inversion: broken by dissipator pump (line 9)" in lines
    assert "1 conserved charge, on a ring of 12 cells" in lines
    modes = next(line for line in lines if line.startswith("modes k -> -k: "))
    assert modes.endswith("in the rate equation, any filling; exactly, at these values")
    exchanged = str(mk.loads(PUMPED).symmetries(deltap=1 + 1j))
    assert (
        "modes particles to holes with k -> -k + pi: I = 0 as the coupling goes to zero, in the" in exchanged
    )
    assert "half filling; exactly, at these values" in exchanged
    assert "; by numbers, to 1e-8" in str(mk.loads(RASHBA).symmetries(a_z=0))
    report = mk.loads(RASHBA).symmetries(g=1)
    assert "3 conserved charges, on a ring of 12 cells" in str(report)
    assert report.records()["rules"]
    assert "dissipator dephase_up" in report._repr_html_()


def test_the_condition_on_signs_of_momenta_is_necessary_and_not_sufficient():
    """n_j + n_{j+1}/2 fulfils Eq. (14), and its rates are those of -k and -p together: no current."""
    told = "rates of jumps depend on the sign of a momentum (Yamamoto, Ashida, Kawakami, Eq. (14)): necessary"
    text = PUMPED.replace("(c[j]' + delta*c[j+1]')*(c[j] - deltap*c[j+1])", "c[j]'*c[j] + c[j+1]'*c[j+1]/2")
    text = text.replace("param delta = 1 + 1i; param deltap = 1 + 0.5i\n", "")
    model = mk.loads(text)
    assert told in str(model.symmetries())
    assert str(model.forbids("I", filling=0.3)).startswith("forbidden: inversion: I = 0 at any coupling")
    assert abs(float(model.run("ness", method="gge", filling=0.3).current)) < VANISHING
    assert "rates of jumps do not depend on the sign" in str(mk.loads(PUMPED).symmetries(delta=2, deltap=0.7))


@pytest.mark.parametrize(
    ("formula", "values", "begins"),
    [
        ("current_by_spin[up] + current_by_spin[down]", EQUAL, "forbidden: particle-hole x sigma_y"),
        ("current_by_spin[up]", EQUAL, "not forbidden: "),
        ("current_by_spin[up] + current_by_spin[down]", {"a_y": 0}, "forbidden: inversion x sigma_z"),
        ("current_by_spin[up]", {"a_y": 0}, "forbidden: time reversal"),
        ("current_by_spin[up] - 2*current_by_spin[down]", {"a_y": 0}, "forbidden: time reversal"),
        ("current_by_spin[up] - current_by_spin[down]", {"h": 0}, "forbidden: modes k -> -k "),
        ("energy_current", EQUAL, "not forbidden: "),
        ("energy_current", {"a_y": 0}, "forbidden: inversion x sigma_z"),
        ("current_by_spin[up]*I", EQUAL, "not decided: only linear formulas"),
    ],
)
def test_sums_of_currents_of_spins_and_of_energy_have_verdicts(formula, values, begins):
    model = mk.loads(RASHBA + f"task x = steady_state(method = gge) {{ output x = {formula} }}\n")
    found = model.run("x", **values)
    assert found.attrs["verdicts"].split("x = ", 1)[1].split(": ", 1)[1].startswith(begins)
    if begins.startswith("forbidden"):
        assert abs(float(found.x)) < VANISHING
        assert float(found.audit_forbidden) < VANISHING
    elif begins.startswith("not forbidden"):
        assert abs(float(found.x)) > 1e-3


@pytest.mark.parametrize("method", ["exact", "projected"])
def test_what_time_reversal_forbids_is_there_at_finite_coupling(method):
    """Reversed time: the exact current is of the order of the coupling, and none in its limit."""
    model = mk.loads(PUMPED)
    found = model.run("ness", method=method, delta=2, deltap=0.7, cells=6, eps=0.2)
    verdict = found.attrs["verdicts"]
    if method == "exact":
        assert verdict.startswith("current: not forbidden: no operation forbids the current at half filling")
        assert "but time reversal: I = 0 as the coupling goes to zero, any filling" in verdict
        assert abs(float(found.current)) > 1e-3
        assert "audit_forbidden" not in found
    else:
        assert verdict.startswith("current: forbidden: time reversal: I = 0 as the coupling goes to zero")
        assert float(found.audit_forbidden) < VANISHING


def test_a_unitary_operation_forbids_at_any_coupling():
    found = mk.loads(RASHBA).run("ness", method="exact", a_y=0, cells=3, filling=1 / 3, eps=0.7)
    assert found.attrs["verdicts"].startswith(
        "current: forbidden: inversion x sigma_z: I = 0 at any coupling"
    )
    assert abs(float(found.current)) < VANISHING
    assert float(found.audit_forbidden) < VANISHING


def test_what_rates_forbid_on_long_chains_is_not_forbidden_on_short_rings():
    """No momentum of four cells is the shifted image of another: the current is that of the ring's length."""
    found = mk.loads(RASHBA).run("ness", method="gge", a_z=0, cells=5)
    verdict = found.attrs["verdicts"]
    assert verdict.startswith("current: not forbidden: ")
    assert "; with many cells: modes k -> -k" in verdict
    assert abs(float(found.current)) > 1e-4


@pytest.mark.parametrize(
    ("a", "gained", "begins"),
    [
        ("0.4 + 0.8i", "c[j]'", "not forbidden: no operation forbids the current at any coupling"),
        ("0.8", "c[j]'", "forbidden: inversion: I = 0 at any coupling, any filling"),
        ("0.5i", "c[j]' - 0.5i*c[j+1]'", "forbidden: particle-hole"),
    ],
)
def test_loss_and_gain_at_any_strength(a, gained, begins):
    model = mk.loads(LOSS_AND_GAIN.replace("AMPLITUDE", a).replace("GAINED", gained))
    found = model.run("ness")
    assert found.attrs["method"] == "gaussian"
    verdict = found.attrs["verdicts"]
    if begins.startswith("forbidden: particle-hole"):
        rate = model.run("ness", gain=1)
        assert rate.attrs["verdicts"].startswith(f"current: {begins}")
        assert float(rate.audit_forbidden) < VANISHING
    else:
        assert verdict.startswith(f"current: {begins}")
        assert ("audit_forbidden" in found) == begins.startswith("forbidden")
    if a == "0.4 + 0.8i":
        assert float(found.current) == pytest.approx(0.3, abs=1e-9)


@pytest.mark.parametrize(
    ("level", "right", "begins"),
    [
        ("0", "c[N]'", "forbidden: inversion: I = 0 at any coupling, any filling"),
        ("0.3*abs(j - 4)", "c[N]'", "forbidden: inversion: I = 0 at any coupling, any filling"),
        ("0.3*j", "c[N]'", "forbidden: inversion x time reversal x (+-) x (H -> -H): I = 0 at any coupling"),
        ("0.3*j^2", "c[N]'", "not forbidden: no operation that was found of the whole chain reverses"),
        ("0", "c[N]", "not forbidden: no operation that was found of the whole chain reverses"),
    ],
)
def test_chains_with_ends_are_examined_as_a_whole(level, right, begins):
    model = mk.loads(BOUNDED.replace("LEVEL", level).replace("RIGHT", right))
    found = model.run("ness")
    assert found.attrs["method"] == "gaussian"
    assert found.attrs["verdicts"].startswith(f"current: {begins}")
    if begins.startswith("forbidden"):
        assert float(found.audit_forbidden) < VANISHING
        assert begins.split(": ")[1] in str(model.symmetries())
    else:
        assert abs(float(found.current)) > 1e-4


def test_time_reversal_of_a_driven_chain_speaks_of_weak_coupling_alone():
    text = BOUNDED.replace("LEVEL", "0").replace("RIGHT", "c[N]")
    assert "but time reversal: I = 0 as the coupling goes to zero" in str(mk.loads(text).forbids("I"))


def test_interactions_are_not_decided():
    text = PUMPED.replace("  hop", "  interaction c[j] - c[j+1] : 0.4\n  hop")
    assert str(mk.loads(text).forbids("I")).startswith("not decided: ")


CHECKS = [
    ("check symmetry : inversion on chain when a_y == 0", None),
    ("check broken : inversion", None),
    ("check symmetry : inversion with a_y -> -a_y", None),
    ("check symmetry : inversion * time_reversal", None),
    ("check symmetry : particle_hole when share_up == 0.5 and share_down == 0.5", None),
    ("check forbidden : I when h == 0", None),
    ("check not forbidden : I", None),
    ("check symmetry : inversion", "it is broken by hop c[j] -> c[j+1]"),
    ("check symmetry : C3", "a chain has no C3"),
    ("check broken : inversion when a_y == 0", "'inversion' is not broken: the device is mapped to itself"),
    ("check forbidden : I", "'I' must be forbidden, and the verdict is 'not forbidden"),
    ("check not forbidden : I when a_z == 0", "the verdict is 'forbidden: modes k -> -k"),
]


@pytest.mark.parametrize(("line", "message"), CHECKS)
def test_checks_of_open_chains(line, message):
    model = mk.loads(f"{RASHBA}{line}\n")
    if message is None:
        model.check()
    else:
        with pytest.raises(mk.ModelError) as caught:
            model.check()
        assert message in str(caught.value)


def test_the_command_line_tells_it_all(tmp_path):
    path = tmp_path / "rashba.model"
    path.write_text(RASHBA)
    shown = CliRunner().invoke(main, ["check", str(path)]).output
    assert "inversion x time reversal x sigma_z, exactly, at these values; the current may flow" in shown
    assert "no particle-hole: broken by dissipator dephase_up (line 12)" in shown
    assert "ness: current: not forbidden: " in shown


def test_a_forbidden_current_that_does_not_vanish_is_an_error(monkeypatch):
    model = mk.loads(PUMPED)
    lie = Verdict(symmetries.Word.FORBIDDEN, "so it is said")
    monkeypatch.setattr(symmetries, "verdict_on", lambda *_, **__: lie)
    with pytest.raises(mk.NotConverged, match="'forbidden' failed: what the symmetry"):
        model.run("ness", method="gge")


# ---- random cells with a planted operation

MOTIONS = [
    Motion(UNITARY, inverted=True),
    Motion(TIME_REVERSAL),
    Motion(PARTICLE_HOLE),
    Motion(PARTICLE_HOLE, alternating=True),
    Motion(CHIRAL, inverted=True, alternating=True),
]


def planted(seed: int, spoilt: float = 0.0) -> tuple[UnitCell, Motion]:
    """A random cell of one or two orbitals together with its image under a motion and a unitary."""
    rng = np.random.default_rng(seed)
    d, motion = int(rng.integers(1, 3)), MOTIONS[rng.integers(len(MOTIONS))]
    level, hop = random_matrix(rng, d), random_matrix(rng, d)
    W = {(0, 0): random_matrix(rng, d), (0, 1): random_matrix(rng, d), (1, 0): random_matrix(rng, d)}
    # the square of the operation must be trivial: a real symmetric unitary does for each sort
    U = np.eye(d) if d == 1 or rng.random() < 0.5 else np.array([[0, 1], [1, 0]])
    blocks = {0: level + level.conj().T, 1: hop, -1: hop.conj().T}
    chain = OpenChain(blocks)
    image = chain.image(motion).blocks
    hopping = {x: (h + U @ image[x,] @ U.conj().T) / 2 for x, h in blocks.items()}
    moved = {cells: U @ w @ U.conj().T for cells, w in motion.of_matrices(W).items()}
    jumps = (
        CellJump("one", 0.4, W, {}, {}),
        CellJump("other", 0.4 * (1 + spoilt), moved, {}, {}),
    )
    bath = ModeBath("bath", 0.7, 0.3, lambda energy: np.exp(-0.7 * energy / 2))
    names = tuple(f"c {k}" for k in range(d))
    cell = UnitCell(hopping, jumps, (bath,), None, "k_j", names, np.full(d, -1), filling=0.5)
    return cell, motion


def steady_current(cell: UnitCell) -> float:
    found = Gge().steady(OpenProblem(cell=cell, filling=0.5))
    assert found.current is not None
    return float(found.current.values)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_planted_operations_are_found_and_confirmed_by_numbers(seed):
    cell, motion = planted(seed)
    told = JumpReport(open_chain(cell))
    assert motion.reverses_current
    assert str(told.verdict(half_filling=True)).startswith("forbidden: ")
    assert abs(steady_current(cell)) < VANISHING


@settings(max_examples=3, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_spoilt_operations_forbid_nothing_and_currents_are_those_of_the_dense_equation(seed):
    cell, _ = planted(seed, spoilt=0.7)
    told = JumpReport(open_chain(cell))
    current = steady_current(cell)
    assert current == pytest.approx(kinetic(open_chain(cell), 0.5, 80), abs=1e-7)
    if str(told.verdict(half_filling=True)).startswith("forbidden: "):
        assert abs(current) < VANISHING
    else:
        assert abs(current) > 1e-7


def palindrome(seed: int, spoilt: bool) -> str:
    """A chain with ends, the same from both: levels, sizes of hops, losses and gains; phases are random."""
    rng = np.random.default_rng(seed)
    N = int(rng.integers(4, 8))
    level, size, loss, gain = (rng.uniform(0.1, 1.0, N) for _ in range(4))
    level, loss, gain = (each + each[::-1] for each in (level, loss, gain))
    size = size[:-1] + size[:-1][::-1]
    loss[0] += 0.5 * spoilt
    phase = rng.uniform(0, 6, N - 1)
    lines = ["model palindrome", "lattice chain {", f"  site c[j] for j in 1..{N} at (j, 0)"]
    lines += [f"  onsite c[{j + 1}] : {level[j]}" for j in range(N)]
    lines += [f"  hop c[{j + 1}] -> c[{j + 2}] : {size[j]}*exp(1i*{phase[j]})" for j in range(N - 1)]
    lines.append("}")
    for j in range(N):
        lines.append(f"dissipator loss{j} on chain {{ jump = c[{j + 1}]; rate = {loss[j]} }}")
        lines.append(f"dissipator gain{j} on chain {{ jump = c[{j + 1}]'; rate = {gain[j]} }}")
        lines.append(f"dissipator turns{j} on chain {{ jump = c[{j + 1}]'*c[{j + 1}]; rate = {loss[-1]} }}")
    return "\n".join([*lines, "task ness = steady_state(method = gaussian) { output current }", ""])


@settings(max_examples=3, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.booleans())
def test_chains_that_are_the_same_from_both_ends_carry_no_current(seed, spoilt):
    found = mk.loads(palindrome(seed, spoilt)).run("ness")
    verdict, current = found.attrs["verdicts"], abs(float(found.current))
    if spoilt:
        assert verdict.startswith("current: not forbidden: ")
        assert current > 1e-6
    else:
        assert verdict.startswith("current: forbidden: inversion x gauge: I = 0 at any coupling, any filling")
        assert current < VANISHING
        assert float(found.audit_forbidden) < VANISHING


def test_hops_half_way_round_a_ring_carry_no_current():
    """Either way is as long: the operator of the current is Hermitian, and they are not in it."""
    text = "model m\nlattice chain {\n  site c[j] for j in ring(4)\n  onsite c[1] : 0.3\nHOP\n}\n"
    text += "dissipator loss[j] on chain { jump = c[j]; rate = 1 }\n"
    near, far = "  hop c[j] -> c[j+1] : -1", "  hop c[1] -> c[3] : 0.4i"
    one, both = (
        FiniteChain(lindbladian(mk.loads(text.replace("HOP", hops)).device())).current.toarray()
        for hops in (near, f"{near}\n{far}")
    )
    np.testing.assert_array_equal(both, one)
    np.testing.assert_array_equal(one, one.conj().T)
    assert np.abs(one).max() == 1
