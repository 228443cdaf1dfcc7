"""Devices with dissipators in real space."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk
from modelkit.compile.lindbladian import lindbladian
from modelkit.errors import ModelError

TWO = """\
model m
param U = 0.5
lattice a {
  internal spin
  site c[j] for j in 1..3
  hop c[j] -> c[j+1] : -1 + 0.2i*sigma_x
}
lattice b { site dot; onsite dot : 0.7 }
dissipator move[j] on a { jump = c[j+1, up]'*c[j, up] + 0.1; rate = 0.2*j }
dissipator out on b { jump = dot; rate = 0.3 }
dissipator pair[j] on a { jump = c[j, up]*c[j, down]; rate = 0.4 }
filling a = 1/4
"""


def test_a_device_in_real_space():
    found = lindbladian(mk.loads(TWO).device())
    assert found.size == 7
    assert found.lattices == ("a", "b")
    assert found.lattice.tolist() == [0] * 6 + [1]
    assert found.filling == {"a": 0.25}
    h = found.hamiltonian.toarray()
    assert h == pytest.approx(h.conj().T)
    assert h[2:4, 0:2] == pytest.approx(np.array([[-1, 0.2j], [0.2j, -1]]))
    assert h[6, 6] == 0.7
    move, out, pair = found.jumps
    assert move.rate == pytest.approx([0.2, 0.4])
    assert move.bilinear.orbital.tolist() == [[2, 0], [4, 2]]
    assert move.constant == pytest.approx([0.1, 0.1])
    assert out.loss.toarray()[0].tolist() == [0] * 6 + [1]
    (higher,) = pair.higher
    assert higher.dagger == (False, False)
    assert higher.orbital.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert len(found.interaction.value) == 0


def test_interactions_are_products_of_two_numbers():
    text = TWO.replace("hop c[j]", "interaction c[j] - c[j+1] : 0.8\n  hop c[j]", 1)
    found = lindbladian(mk.loads(text).device()).interaction
    assert found.dagger == (True, False, True, False)
    assert (found.orbital[:, 0] == found.orbital[:, 1]).all()
    assert (found.orbital[:, 2] == found.orbital[:, 3]).all()
    assert found.value == pytest.approx(np.full(8, 0.8))


def test_pairs_are_refused():
    device = mk.loads("model m\nlattice a { site c[j] for j in 1..3; pair c[j] - c[j+1] : 1 }").device()
    with pytest.raises(ModelError, match="a lattice with pairs"):
        lindbladian(device)
