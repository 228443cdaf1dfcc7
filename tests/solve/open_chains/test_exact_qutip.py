"""Objects for QuTiP: their own steady states and evolutions agree with ours."""

import ast
from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.errors import ModelError
from modelkit.model.compiled_chain import CompiledChain
from modelkit.solve.open_chains.exact.exact import Exact
from modelkit.solve.open_chains.exact.qobj import qutip_chain
from modelkit.solve.open_chains.problem import OpenProblem
from tests.solve.open_chains import brute_force
from tests.solve.open_chains.exact_chains import bath, chain, family

ROOT = Path(__file__).parents[3]
LOSSY = """
model lossy
param V = 0.7
lattice chain {
  internal spin
  site c[j] for j in 1..2
  hop c[j] -> c[j+1] : -1 - 0.3i*sigma_y
  onsite c[j] : 0.4*sigma_z
  interaction c[j, up] - c[j, down] : V
}
dissipator loss on chain { jump = c[1, up] + 1i*c[2, down]; rate = 0.3 }
dissipator gain[j] on chain { jump = c[j, up]'; rate = 0.2 }
dissipator flip[j] on chain { jump = c[j, up]'*c[j, down]; rate = 0.5 }
task end = steady_state(method = exact) { output occupation, loss_rate }
task turn = evolution(method = exact) {
  initial { occupation = 0.25 }
  sweep time from 0 to 2 points 3
  output occupation
}
"""


@pytest.fixture(scope="module")
def lossy():
    return mk.loads(LOSSY)


@pytest.fixture(scope="module")
def objects(lossy):
    return lossy.compile().qutip()


def test_operators_are_fermions(objects):
    assert list(objects.numbers) == ["c[1] up", "c[1] down", "c[2] up", "c[2] down"]
    c = list(objects.annihilators.values())
    for one, matrix in zip(c, brute_force.annihilators(4), strict=True):
        np.testing.assert_array_equal(one.full(), matrix)
    for label, one in objects.annihilators.items():
        assert (one.dag() * one - objects.numbers[label]).norm() < 1e-14
    assert objects.hamiltonian.isherm
    assert len(objects.collapse) == 5


def test_the_steady_state_of_qutip_is_ours(lossy, objects):
    import qutip

    rho = qutip.steadystate(objects.hamiltonian, objects.collapse)
    n = np.array([qutip.expect(number, rho) for number in objects.numbers.values()])
    found = lossy.run("end")
    np.testing.assert_allclose(found["occupation"].values, n.reshape(2, 2).sum(axis=1), atol=1e-9)
    total = sum(objects.numbers.values())
    lost = [
        -qutip.expect(L.dag() * total * L - (L.dag() * L * total + total * L.dag() * L) / 2, rho)
        for L in objects.collapse
    ]
    expected = [lost[0], sum(lost[1:3]), sum(lost[3:])]
    np.testing.assert_allclose(found["loss_rate"].values, expected, atol=1e-9)


def test_the_evolution_of_qutip_is_ours(lossy, objects):
    import qutip

    start = qutip.tensor([qutip.Qobj(np.diag([0.75, 0.25]))] * 4)
    numbers = list(objects.numbers.values())
    options = {"rtol": 1e-10, "atol": 1e-12}
    moved = qutip.mesolve(
        objects.hamiltonian, start, [0.0, 1.0, 2.0], objects.collapse, e_ops=numbers, options=options
    )
    n = np.array(moved.expect).T.reshape(3, 2, 2).sum(axis=2)
    np.testing.assert_allclose(lossy.run("turn")["occupation"].values, n, atol=1e-7)


def test_baths_of_modes_have_an_operator_for_each_pair():
    random = np.random.default_rng(3)
    h = random.normal(size=(3, 3)) + 1j * random.normal(size=(3, 3))
    one = chain(h + h.conj().T, [family("out", 3, [0.2], loss=[[1, 1j, 0]])], [bath(0.8, 0.3)])
    H, jumps, _c = brute_force.matrices(one)
    objects = qutip_chain(one)
    np.testing.assert_allclose(objects.hamiltonian.full(), H, atol=1e-12)
    ours = brute_force.superoperator(objects.hamiltonian.full(), [L.full() for L in objects.collapse])
    np.testing.assert_allclose(ours, brute_force.superoperator(H, jumps), atol=1e-12)
    assert len(objects.collapse) == 10
    found = Exact().steady(OpenProblem(one))
    G = brute_force.covariance(brute_force.steady(H, jumps, _c), _c)
    np.testing.assert_allclose(found.occupation.values, np.diag(G).real, atol=1e-9)


def test_a_compiled_chain_tells_what_it_is(lossy):
    compiled = lossy.compile()
    assert isinstance(compiled, CompiledChain)
    assert compiled.hamiltonian().shape == (4, 4)
    assert repr(compiled).startswith("4 orbitals, 5 jump operators; method exact")


def test_too_many_orbitals_are_refused():
    with pytest.raises(ModelError, match="40 orbitals have 2\\^40 states"):
        qutip_chain(chain(np.eye(40)))


def test_qutip_is_imported_in_one_module():
    importing = []
    for path in sorted((ROOT / "modelkit").rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "qutip" in text else ():
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] == "qutip" for name in names):
                importing.append(path.relative_to(ROOT).as_posix())
    assert set(importing) == {"modelkit/solve/open_chains/exact/qobj.py"}


def test_losses_stand_under_their_dissipators():
    """Baths and jumps in the order of their declaration."""
    text = """
    model mixed
    lattice chain { site c[j] for j in 1..2; hop c[j] -> c[j+1] : -1 }
    dissipator gain on chain { jump = c[1]'; rate = 0.2 }
    dissipator thermal on chain { jump = detailed_balance(beta = 1); rate = 0.3 }
    dissipator none on chain { jump = detailed_balance(beta = 1); rate = 0 }
    dissipator loss on chain { jump = c[2]; rate = 0.5 }
    task end = steady_state(method = exact) { output loss_rate }
    """
    found = mk.loads(text.replace("\n    ", "\n")).run("end")["loss_rate"]
    assert found["dissipator"].values.tolist() == ["gain", "thermal", "none", "loss"]
    gain, thermal, none, loss = found.values
    assert gain == pytest.approx(-loss)
    assert loss > 0.01
    np.testing.assert_allclose([thermal, none], 0, atol=1e-12)
