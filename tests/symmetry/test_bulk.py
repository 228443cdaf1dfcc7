"""Symmetries of bulk Hamiltonians: against qsymm, and by numbers at random momenta and parameters."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import expm

from modelkit.errors import ModelError
from modelkit.symmetry.bulk import bulk_symmetries
from tests.symmetry.bulk_models import KX, KY, KZ, MODELS, ONE, PLANE, SX, SY, SZ, kron
from tests.symmetry.bulk_oracle import by_qsymm, operations_of

NO_TURNS = {"altermagnet", "spinful_gas"}
"""qsymm fails to look for rotations where every band stands alone."""
LONG = {
    *("haldane", "kane_mele", "kane_mele_rashba", "hopf_insulator", "luttinger", "topological_insulator"),
    *("weyl_lattice", "dirac_space", "altermagnet_lattice", "bhz", "graphene", "kagome", "biased_bilayer"),
    *("nanowire", "lieb", "weyl", "tilted_weyl", "spin_one", "rashba_dresselhaus", "warped_surface"),
    *("chern_insulator", "chiral_superconductor", "dresselhaus", "altermagnet"),
}
SIGMA = [np.array(sp.matrix2numpy(s, dtype=complex)) for s in (SX, SY, SZ)]
a, b, c, m = sp.symbols("a b c m", real=True)


def numeric(H, k):
    """H as a function of momenta and a dict of parameters, from sympy's own numbers."""
    others = sorted(H.free_symbols - set(k), key=str)
    function = sp.lambdify([*k, *others], H, "numpy")
    return lambda momenta, parameters: np.array(function(*momenta, *parameters), dtype=complex), len(others)


def off(function, operation, momenta, parameters):
    """How far ``U H(+-R^-1 k)^(*) U^+`` is from ``+-H(k)``."""
    U = np.array(operation.U.evalf(), dtype=complex)
    R = np.array(operation.R.evalf(), dtype=float).reshape(len(momenta), len(momenta))
    sign = -1 if operation.sort.conjugating else 1
    moved = function(sign * R.T @ momenta, parameters)
    moved = moved.conj() if operation.sort.conjugating else moved
    image = U @ moved @ U.conj().T * (-1 if operation.sort.opposing else 1)
    unitary = np.abs(U @ U.conj().T - np.eye(len(U))).max()
    return max(unitary, np.abs(image - function(momenta, parameters)).max())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in MODELS]
)
def test_the_group_and_its_dimension_are_those_of_qsymm(name):
    H, k = MODELS[name]()
    found = bulk_symmetries(H, k)
    operations, dimension = by_qsymm(H, k, turns=name not in NO_TURNS)
    assert operations_of(found) == operations
    assert (len(found.conserved) if name in NO_TURNS else found.dimension) == dimension


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_random_hamiltonians_have_the_group_that_qsymm_finds(seed):
    random = np.random.default_rng(seed)
    k = (KX, KY, KZ)[: int(random.integers(1, 4))]
    H = sp.zeros(4)
    for parameter in (1, a, b, c)[: int(random.integers(2, 5))]:
        p, q = (k[int(place)] for place in random.integers(0, len(k), 2))
        function = [p, p * q, sp.cos(p) + sp.cos(q), sp.sin(p) * sp.cos(q)][int(random.integers(0, 4))]
        left, right = ([ONE, SX, SY, SZ][int(place)] for place in random.integers(0, 4, 2))
        H += parameter * function * kron(left, right)
    found = bulk_symmetries(H, k)
    operations, dimension = by_qsymm(H, k, turns=False)
    assert operations_of(found) == operations
    assert len(found.conserved) == dimension


@pytest.mark.parametrize("name", MODELS)
def test_each_operator_maps_h_to_itself_at_random_momenta_and_parameters(name):
    H, k = MODELS[name]()
    found = bulk_symmetries(H, k)
    function, count = numeric(H, k)
    random = np.random.default_rng(3)
    parameters, momenta = random.normal(size=count), random.normal(size=len(k))
    operations = found.operations if len(found.operations) < 40 else random.permutation(found.operations)[:40]
    assert all(each.exact for each in found.operations)
    assert max(off(function, each, momenta, parameters) for each in operations) < 1e-10


@pytest.mark.parametrize(
    "name", ["rashba", "dirac_space", "bilayer_graphene", "spin_one", "bhz", "spinful_gas"]
)
def test_continuous_symmetries_move_h_along_at_any_angle(name):
    H, k = MODELS[name]()
    found = bulk_symmetries(H, k)
    function, count = numeric(H, k)
    random = np.random.default_rng(4)
    parameters, momenta = random.normal(size=count), random.normal(size=len(k))
    here = function(momenta, parameters)
    for charge in found.conserved:
        Q = np.array(charge.evalf(), dtype=complex)
        assert np.abs(Q @ here - here @ Q).max() < 1e-12
    for turn in found.turns:
        A = np.zeros((len(k), len(k)))
        planes = [(0, 1)] if len(k) == 2 else [(1, 2), (2, 0), (0, 1)]
        for weight, (i, j) in zip(turn.weights, planes, strict=True):
            A[j, i] += complex(weight).real
            A[i, j] -= complex(weight).real
        spin = np.zeros((found.family.n,) * 2, dtype=complex)
        for place, value in turn.spin.items():
            spin[place] = complex(value)
        U = expm(-0.7j * spin)
        moved = U @ function(expm(-0.7 * A) @ momenta, parameters) @ U.conj().T
        assert np.abs(moved - here).max() < 1e-10
    assert len(found.turns) == {"dirac_space": 3, "spin_one": 3}.get(name, 1)


@pytest.mark.parametrize(
    ("name", "operation", "operator", "square"),
    [
        ("rashba", "time reversal", "sigma_y K", -1),
        ("ssh", "chiral", "sigma_z", 1),
        ("ssh", "inversion", "sigma_x", 1),
        ("ssh", "time reversal", "K", 1),
        ("kitaev", "particle-hole", "sigma_x K", 1),
        ("chiral_superconductor", "particle-hole", "sigma_x K", 1),
        ("topological_insulator", "inversion", "tau_z", 1),
        ("topological_insulator", "time reversal", "sigma_y K", -1),
        ("kane_mele", "time reversal", "sigma_y K", -1),
        ("bhz", "time reversal", "tau_y K", -1),
        ("graphene", "C2", "sigma_x", 1),
        ("haldane", "C3", "1", 1),
        ("altermagnet", "C4", "sigma_x", 1),
        ("rashba", "C4", "exp(-I*pi*sigma_z/4)", None),
        ("dirac_plane", "C3", "exp(-I*pi*sigma_z/3)", None),
    ],
)
def test_operators_are_those_of_the_textbooks(name, operation, operator, square):
    found = bulk_symmetries(*MODELS[name]()).operator(operation)
    assert (found.operator, found.square) == (operator, square)


@pytest.mark.parametrize(
    "name",
    [
        *("rashba_zeeman", "dirac_plane", "spinful_gas", "kitaev"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("luttinger", "bhz", "spin_one")),
    ],
)
def test_a_change_of_basis_changes_no_group(name):
    H, k = MODELS[name]()
    n = H.rows
    random = np.random.default_rng(n)
    X = sp.Matrix(n, n, lambda i, j: sp.Integer(int(random.integers(-2, 3))))
    skew = X - X.T + sp.I * (X + X.T)
    W = (sp.eye(n) - skew) * (sp.eye(n) + skew).inv()  # unitary, and rational
    turned = (W * H * W.H).applyfunc(sp.expand)
    plain, other = bulk_symmetries(H, k), bulk_symmetries(turned, k)
    assert operations_of(other) == operations_of(plain)
    assert other.dimension == plain.dimension
    function, count = numeric(turned, k)
    parameters, momenta = random.normal(size=count), random.normal(size=len(k))
    assert max(off(function, each, momenta, parameters) for each in other.generators) < 1e-9


def test_a_broken_operation_names_its_term_and_what_restores_it():
    found = bulk_symmetries(*MODELS["rashba_zeeman"]())
    broken = found.broken("time reversal")
    assert broken.terms == ("B*sigma_x",)
    assert set(broken.zero) == {"B", "alpha"}
    assert set(broken.flip) == {"B", "alpha"}
    assert "no C2: broken by B*sigma_x; restored by B = 0" in str(found)
    flux = bulk_symmetries(*MODELS["haldane"]()).broken("time reversal")
    assert (set(flux.zero), set(flux.flip)) == ({"phi", "t_2"}, {"phi"})
    assert all("sin(phi)" in term for term in flux.terms)
    assert bulk_symmetries(*MODELS["rice_mele"]()).broken("inversion").terms == ("m*sigma_z",)


def test_what_restores_an_operation_does_restore_it():
    H, k = MODELS["rashba_dresselhaus"]()
    broken = bulk_symmetries(H, k).broken("C4")
    assert set(broken.zero) == {"alpha", "beta"}
    for each in broken.zero:
        assert bulk_symmetries(H, k, {each: 0}).holds("C4")


def test_values_of_parameters_are_exact():
    H = KX * SX + (m - sp.Rational(3, 10)) * SZ + b * SY
    assert [*bulk_symmetries(H, (KX,), {"m": 0.3, b: 0}).conserved] == [SX]
    near = sp.Rational(3, 10) + sp.Rational(1, 10**25)
    assert not bulk_symmetries(H, (KX,), {"m": near, "b": 0}).conserved


def test_a_warping_far_below_rounding_still_breaks_a_rotation():
    H = (KX**2 + KY**2) * ONE + sp.Rational(1, 10**20) * KX * KY * ONE
    assert not bulk_symmetries(H, PLANE).holds("C4")
    assert bulk_symmetries(H, PLANE).holds("C2")


def test_a_unitary_of_three_bands_without_pauli_matrices_is_exact():
    H = (KX**2 + KY**2) * sp.eye(3) + a * KX * KY * sp.Matrix([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    found = bulk_symmetries(H, PLANE)
    assert all(each.exact for each in found.operations)
    assert not found.operator("mirror x").U.atoms(sp.Float)
    assert len(found.conserved) == 2


def test_numbers_with_roots_are_taken_exactly():
    rest = (sp.sqrt(3) - 1) * sp.sqrt(2) / (1 + sp.sqrt(3)) - (2 - sp.sqrt(3)) * sp.sqrt(2)  # zero
    assert bulk_symmetries(KX * SX + rest * SZ, (KX,)).conserved
    phase = sp.exp(sp.I * sp.pi / 6)
    H = sp.Matrix([[KX**2, phase * KX], [phase.conjugate() * KX, 0]])
    assert bulk_symmetries(H, (KX,)).operator("time reversal").operator == "exp(-I*pi*sigma_z/3) K"


def test_no_hamiltonian_and_no_momentum_have_their_groups():
    assert len(bulk_symmetries(sp.zeros(2), (KX,)).operations) == 8
    level = bulk_symmetries(sp.Matrix([[a]]), ())
    assert [each.name for each in level.operations] == ["identity", "time reversal"]
    assert level.broken("chiral").terms == ("a",)


def test_complex_parameters_have_two_real_parts():
    w = sp.Symbol("w", complex=True)
    H = sp.Matrix([[a * KX, w * KX**2], [sp.conjugate(w) * KX**2, -a * KX]]) + c * SX
    found = bulk_symmetries(H, (KX,))
    assert not found.holds("inversion x time reversal")
    broken = found.broken("inversion x time reversal")
    assert (set(broken.zero), set(broken.flip)) == ({"Im_w", "a"}, {"Im_w", "a"})
    real = sp.Symbol("w", real=True)
    assert bulk_symmetries(H.subs(w, real), (KX,)).holds("inversion x time reversal")


def test_given_rotations_are_the_only_candidates():
    found = bulk_symmetries(*MODELS["graphene"](), rotations=[-sp.eye(2)])
    assert {each.name for each in found.operations if not each.sort.opposing} == {
        *("identity", "C2", "time reversal", "C2 x time reversal"),
    }


def test_names_of_spaces_are_the_authors():
    H, k = MODELS["topological_insulator"]()
    assert bulk_symmetries(H, k, spaces=("p", "s")).operator("inversion").operator == "p_z"


def test_latex_has_a_line_for_each_generator():
    found = bulk_symmetries(*MODELS["rashba"]())
    text = found.latex()
    assert r"\text{time reversal} &= \sigma_{y}\,\mathcal{K}" in text
    assert text.count("&=") == len(found.generators)


@pytest.mark.parametrize(
    ("H", "k", "message"),
    [
        (sp.Matrix([[0, KX], [0, 0]]), (KX,), "not hermitian"),
        (sp.Matrix([[sp.tan(KX)]]), (KX,), "no polynomial"),
        (sp.Matrix([[1 / KX]]), (KX,), "no polynomial"),
        (sp.Matrix([[sp.sqrt(a)]]), (KX,), "no polynomial"),
        (sp.Matrix([[sp.pi * KX]]), (KX,), "no combination of square roots"),
        (sp.Matrix([[1, 2, 3]]), (KX,), "1 by 3"),
        (SX, sp.symbols("k_x k_y k_z k_w"), "4 momenta"),
    ],
)
def test_what_cannot_be_split_is_refused_with_a_hint(H, k, message):
    with pytest.raises(ModelError, match=message) as caught:
        bulk_symmetries(H, k)
    assert caught.value.hint


def test_wrong_names_and_values_are_refused():
    H, k = MODELS["rashba"]()
    with pytest.raises(ModelError, match="no parameter"):
        bulk_symmetries(H, k, {"beta": 1})
    with pytest.raises(ModelError, match="the value of 'alpha' is no number"):
        bulk_symmetries(H, k, {"alpha": [1]})
    with pytest.raises(ModelError, match="no candidate"):
        bulk_symmetries(H, k).operator("time reversals")
    with pytest.raises(ModelError, match="no particle-hole"):
        bulk_symmetries(H, k).operator("particle-hole")
    with pytest.raises(ModelError, match="is kept"):
        bulk_symmetries(H, k).broken("time reversal")
    with pytest.raises(ModelError, match="2 bands are a product of 1"):
        bulk_symmetries(H, k, spaces=("tau", "sigma"))
    with pytest.raises(ModelError, match="not orthogonal"):
        bulk_symmetries(H, k, rotations=[sp.Matrix([[1, 1], [0, 1]])])


def test_a_massless_dirac_cone_keeps_all_candidates_each_by_a_name():
    H = KX * kron(SX, SX) + KY * kron(SX, SY) + KZ * kron(SX, SZ)
    assert {each.name for each in bulk_symmetries(H, (KX, KY, KZ)).operations} >= {
        "C4^-1 about x",
        "S6 about z",
    }
