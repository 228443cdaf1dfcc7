"""Exact steady states in sectors of number and momentum against QuTiP on all states.

A ring with a thermal bath, a nonreciprocal pump, losses and gains: its steady state is unique, so that both
can find it.  QuTiP's direct method factorises the Liouvillian on 4^L elements; at seven cells it has not
ended after minutes.  One thread: ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import time

import numpy as np
import pytest

from modelkit.compile.unit_cell import CellJump
from modelkit.solve.open_chains.exact.exact import Exact
from modelkit.solve.open_chains.exact.qobj import qutip_chain
from modelkit.solve.open_chains.problem import OpenProblem
from tests.solve.open_chains.exact_chains import cell, nonreciprocal, real_space

FASTER = 15


def lossy_ring(cells):
    plain = nonreciprocal(cells, filling=None)
    more = [
        CellJump("loss", 0.02, {}, {0: np.ones(1), 1: 0.4j * np.ones(1)}, {}),
        CellJump("gain", 0.03, {}, {}, {0: np.ones(1)}),
    ]
    return cell(plain.hopping, cells, [*plain.jumps, *more], plain.baths)


def timed(function):
    """CPU seconds of one run, and what it gives."""
    begin = time.process_time()
    found = function()
    return time.process_time() - begin, found


@pytest.mark.parametrize("cells", [4, 6])
def test_sectors_against_all_states(cells, smoke):
    if smoke and cells > 4:
        pytest.skip("small sizes only")
    qutip = pytest.importorskip("qutip")
    unit = lossy_ring(cells)
    lindbladian = real_space(unit)
    problem = OpenProblem(lindbladian, unit)
    seconds, found = min((timed(lambda: Exact().steady(problem)) for _ in range(3)), key=lambda one: one[0])
    chain = qutip_chain(lindbladian, cells=cells)
    slow, rho = timed(lambda: qutip.steadystate(chain.hamiltonian, chain.collapse))
    n = [qutip.expect(number, rho) for number in chain.numbers.values()]
    np.testing.assert_allclose(found.occupation.values, n, atol=1e-8)
    print(f"\n{cells} cells: {slow:.3g} s against {seconds:.3g} s, {slow / seconds:.3g} times faster")
    assert smoke or cells < 6 or slow > FASTER * seconds
