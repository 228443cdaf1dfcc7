"""Statements on open chains with jump operators, each beside a number of an independent small solver."""

from __future__ import annotations

import numpy as np
import pytest

from modelkit.errors import ModelError
from modelkit.symmetry.chains.conserved import conserved
from modelkit.symmetry.chains.jump_report import JumpReport, forbids_current
from modelkit.symmetry.chains.jumps import mapped, operations
from modelkit.symmetry.chains.open_chain import Bath, Motion, OneBody, OpenChain, gain, loss
from modelkit.symmetry.structure import TIME_REVERSAL, UNITARY
from tests.symmetry.chains import (
    FOUND,
    SX,
    SY,
    chain1,
    chain2,
    correlations,
    exact,
    kinetic,
    planted,
    random_matrix,
)


@pytest.mark.parametrize("name", FOUND)
def test_operations_that_reverse_the_current_are_found_with_their_names(name):
    chain, wanted = FOUND[name]
    assert {str(each) for each in operations(chain) if each.reverses_current} == wanted


@pytest.mark.parametrize("name", FOUND)
def test_a_rate_equation_has_a_current_if_and_only_if_it_is_not_forbidden(name):
    chain = FOUND[name][0]
    for filling in (0.5, 0.3):
        current = kinetic(chain, filling)
        verdict = forbids_current(chain, half_filling=filling == 0.5)
        if str(verdict).startswith("forbidden: "):
            assert abs(current) < 1e-10
        else:
            assert str(verdict).startswith("not forbidden: ")
            assert abs(current) > 1e-3


@pytest.mark.parametrize("name", FOUND)
def test_the_current_operator_goes_to_minus_itself_where_an_operation_says_so(name):
    chain = FOUND[name][0]
    j = OpenChain({x: -1j * x * h for (x,), h in chain.blocks.items()})
    for each in operations(chain):
        U = each.unitary
        for (x,), image in j.image(each.motion).blocks.items():
            sign = -1 if each.reverses_current else 1
            assert sign * (U @ image @ U.conj().T) == pytest.approx(j.blocks[x,], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "L", "N", "eps"),
    [("one", 6, 2, 0.3), ("one", 6, 3, 1.0), ("ay = 0", 3, 2, 0.3), ("h = 0, equal", 3, 2, 0.3)],
)
def test_a_unitary_operation_leaves_no_current_at_any_coupling(name, L, N, eps):
    chain = FOUND[name][0]
    assert "at any coupling, any filling" in str(forbids_current(chain, any_coupling=True))
    assert abs(sum(exact(chain, L, N, eps))) < 1e-10


@pytest.mark.parametrize(("name", "N"), [("real", 2), ("same", 3), ("inverse", 3)])
def test_other_operations_leave_a_current_of_the_order_of_the_coupling(name, N):
    chain = FOUND[name][0]
    half = N == 3
    assert str(forbids_current(chain, half_filling=half)).startswith("forbidden: ")
    assert str(forbids_current(chain, half_filling=half, any_coupling=True)).startswith("not forbidden: ")
    one, other = (sum(exact(chain, 6, N, eps)) / eps for eps in (1e-3, 2e-3))
    assert abs(one) > 1e-3
    assert other == pytest.approx(one, rel=1e-2)


def test_currents_of_hamiltonian_and_jumps_under_time_reversal_are_the_known_ones():
    found = [each / 1e-3 for each in exact(chain1(2, 0.7), 6, 3, 1e-3)]
    assert found == pytest.approx([-0.0242, 0.319], abs=1e-3)


def test_particle_hole_exchange_forbids_at_half_filling_only_and_at_any_coupling_without_traces():
    chain = chain1(1j, 1j)  # Hermitian jump operators
    (reason,) = [each for each in operations(chain) if str(each) == "particle-hole x (-1)^j"]
    assert reason.any_coupling
    assert reason.half_filling
    assert "at half filling" in str(forbids_current(chain, half_filling=True, any_coupling=True))
    assert abs(sum(exact(chain, 6, 3, 0.3))) < 1e-10
    assert str(forbids_current(chain)).startswith("not forbidden: ")
    assert abs(exact(chain, 6, 2, 1e-4)[0]) > 1e-3


def test_exact_currents_of_chains_that_forbid_nothing_are_the_known_ones():
    assert exact(chain1(1 + 1j, 1 + 0.5j), 6, 3, 0.05)[0] == pytest.approx(0.0211381, abs=1e-7)
    assert exact(chain2(), 3, 3, 1e-5)[0] == pytest.approx(0.133401, abs=2e-6)


# ---- loss and gain ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "gains", "reason"),
    [
        ({0: 1, 1: 0.4 + 0.8j}, {0: np.sqrt(0.6)}, None),
        ({0: 1, 1: 0.8}, {0: np.sqrt(0.6)}, "inversion"),
        ({0: 1, 1: 0.5j}, {0: 1, 1: -0.5j}, "particle-hole"),
        ({0: 1, 1: 0.5j}, {0: 1, 1: 0.5j}, None),
    ],
)
def test_loss_and_gain_carry_a_current_if_and_only_if_no_operation_reverses_it(losses, gains, reason):
    chain = OpenChain({1: -1}, (loss(losses), gain(gains)))
    verdict = forbids_current(chain, any_coupling=True)
    density, current = correlations(chain, 40, 0.7)
    if reason is None:
        assert str(verdict).startswith("not forbidden: ")
        assert abs(current) > 0.1
    else:
        assert str(verdict).startswith(f"forbidden: {reason}")
        assert "any filling" in str(verdict)  # there is no filling to be chosen
        assert abs(current) < 1e-10
    if 1 in losses and losses[1] == 0.4 + 0.8j:
        assert (density, current) == pytest.approx((3 / 8, 3 / 10), abs=1e-9)


# ---- from one chain to another ----------------------------------------------------------------------------


def words(one, other):
    return {str(each): each for each in operations(one, other)}


def test_reversed_rashba_terms_reverse_or_keep_the_current():
    other = words(chain2(), chain2(ay=-1.1))
    assert other["inversion x sigma_z"].reverses_current
    assert other["inversion x sigma_z"].any_coupling
    assert kinetic(chain2(ay=-1.1), 0.3) == pytest.approx(-kinetic(chain2(), 0.3), abs=1e-10)
    other = words(chain2(), chain2(az=-0.9))
    assert not other["sigma_z"].reverses_current
    assert kinetic(chain2(az=-0.9), 0.3) == pytest.approx(kinetic(chain2(), 0.3), abs=1e-10)


def test_dephasing_of_the_other_spin_reverses_the_current_of_the_holes():
    operation = words(chain2(0.7), chain2(0.3))["particle-hole x sigma_y x (-1)^j"]
    assert (operation.reverses_current, operation.half_filling) == (True, True)
    assert kinetic(chain2(0.7), 0.25) == pytest.approx(-kinetic(chain2(0.3), 0.75), abs=1e-10)
    assert abs(kinetic(chain2(0.7), 0.25) + kinetic(chain2(0.3), 0.25)) > 1e-3
    assert kinetic(chain2(0.5), 0.25) == pytest.approx(0.0209791, abs=1e-7)
    assert kinetic(chain2(), 0.5) == pytest.approx(0.09719451, abs=1e-8)


def test_a_reversed_field_keeps_the_current_at_half_filling():
    kept = [each for each in operations(chain2(), chain2(h=-1)) if not each.reverses_current]
    assert any(each.half_filling for each in kept)
    assert all(each.half_filling for each in kept if not each.motion.sort.reverses_time)
    assert kinetic(chain2(h=-1)) == pytest.approx(kinetic(chain2()), abs=1e-10)
    assert abs(kinetic(chain2(h=-1), 0.3) - kinetic(chain2(), 0.3)) > 1e-3


# ---- planted operations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(16))
def test_planted_operations_are_found_and_spoilt_ones_are_not(seed):
    rng = np.random.default_rng(seed)
    sort = (UNITARY, TIME_REVERSAL)[seed % 2]
    if seed % 4 > 1:
        sort = type(sort)(not sort.conjugating, True)
    motion = Motion(sort, bool(seed // 4 % 2), bool(seed // 8), (0, -1, 1)[: 1 + seed % 3])
    d = len(motion.shift)
    found = mapped(*planted(rng, d, motion), motion)
    assert found is not None
    assert found.residual < 1e-9
    assert mapped(*planted(rng, d, motion, spoilt=1e-6), motion) is None


def test_unitaries_that_linear_equations_leave_open_are_decided_by_the_jumps():
    # everything linear is the identity: h, W^+ W and W W^+ know nothing about the directions of the two W
    rng = np.random.default_rng(3)
    U = np.linalg.qr(random_matrix(rng, 2))[0]

    def pair(angle, turn):
        W = SX, np.cos(angle) * SX + np.sin(angle) * SY
        jumps = tuple(
            OneBody({(0, 0): turn @ M @ turn.conj().T}, r) for M, r in zip(W, (1, 0.4), strict=True)
        )
        return OpenChain({1: -np.eye(2)}, jumps)

    assert mapped(pair(0.7, np.eye(2)), pair(0.7, U), Motion()) is not None
    assert mapped(pair(0.7, np.eye(2)), pair(0.7, U), Motion(TIME_REVERSAL)) is not None
    assert mapped(pair(0.7, np.eye(2)), pair(0.9, U), Motion()) is None


def test_a_rewritten_dissipator_is_the_same_one():
    a, b = {(0, 0): 1, (1, 0): 0.3j}, {(0, 0): 0.2, (0, 1): 1 - 0.5j}
    one = OpenChain({1: -1}, (OneBody(a), OneBody(b)))
    cells = a.keys() | b.keys()
    c, s = np.cos(0.4), np.sin(0.4) * 1j
    mixed = (
        OneBody({at: c * a.get(at, 0) + s * b.get(at, 0) for at in cells}),
        OneBody({(x + 3, y + 3): s * a.get((x, y), 0) + c * b.get((x, y), 0) for x, y in cells}),
    )
    assert mapped(one, OpenChain({1: -1}, mixed), Motion()) is not None
    unequal = OpenChain({1: -1}, (mixed[0], OneBody(mixed[1].coefficient, 0.99)))
    assert mapped(one, unequal, Motion()) is None


# ---- words ------------------------------------------------------------------------------------------------


def test_a_report_says_all_reasons_and_an_odd_ring_has_no_alternating_signs():
    report = JumpReport(chain1(1, 1))
    assert str(report).splitlines()[0] == "inversion: I = 0 at any coupling, any filling (operators)"
    assert report.records()[0]["reason"] == "inversion"
    same = str(forbids_current(FOUND["same"][0], half_filling=True))
    assert same.startswith("forbidden: particle-hole x (-1)^j: I = 0 as the coupling goes to zero, at half")
    assert same.endswith("rings of even length")
    odd = OpenChain(chain1(1, 1).hopping, chain1(1, 1).jumps, cells=7)
    assert not any(each.motion.alternating for each in operations(odd))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OpenChain({1: -1, -1: 1j}), "not the adjoint"),
        (lambda: OpenChain({1: -np.eye(2)}, (OneBody({(0, 0): 1}),)), "no number of orbitals in common"),
        (lambda: OpenChain({1: -1}, (Bath(1, -1),)), "the rate -1"),
        (lambda: OpenChain({1: -1}, (Bath(np.inf),)), "beta"),
        (lambda: OpenChain({1: -1}, (SX,)), "has not said how it transforms"),
        (lambda: OpenChain({1: -1}, (loss({0: np.nan}),)), "no state of a cell"),
        (lambda: OpenChain({1: -1}, (OneBody({}),)), "no coefficients"),
        (lambda: OpenChain({2: -1}, cells=4), "around the ring"),
        (lambda: OpenChain.from_bloch(lambda k: np.cos(2 * k), 1), "beyond 1 cells"),
        (lambda: conserved(chain2(), 100), "not counted"),
        (lambda: operations(chain2(), chain1(1, 1)), "2 and 1 orbitals"),
    ],
)
def test_what_is_no_open_chain_is_refused_with_a_hint(make, message):
    with pytest.raises(ModelError, match=message) as raised:
        make()
    assert raised.value.hint
