"""Open chains made by hand: rings from the blocks of a cell, and matrices of random ones."""

import numpy as np
from scipy import sparse

from modelkit.compile.lindbladian import JumpFamily, Lindbladian, ModeBath
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.graph.device import Products


def products(terms, dagger):
    """``terms``: (member, orbitals, value)."""
    member, orbital, value = zip(*terms, strict=True) if terms else ((), (), ())
    return Products(
        np.array(member, dtype=np.intp),
        np.array(orbital, dtype=np.intp).reshape(-1, len(dagger)),
        dagger,
        np.array(value, dtype=complex),
    )


def family(name, size, rate, loss=None, gain=None, bilinear=(), higher=()):
    """``loss``, ``gain`` dense (count, size); ``bilinear`` (member, (i, j), value)."""
    rate = np.atleast_1d(np.asarray(rate, dtype=float))
    none = np.zeros((len(rate), size))
    return JumpFamily(
        name,
        tuple(f"{name}[{m}]" for m in range(len(rate))),
        rate,
        sparse.csr_array(none if loss is None else loss, dtype=complex),
        sparse.csr_array(none if gain is None else gain, dtype=complex),
        products(list(bilinear), (True, False)),
        np.zeros(len(rate), dtype=complex),
        tuple(higher),
    )


def chain(h, jumps=(), baths=(), interaction=(), filling=None, lattice=None, lattices=("chain",)):
    """``interaction``: ((i, j), value) of n_i n_j."""
    number = products([(0, (i, i, j, j), v) for (i, j), v in interaction], (True, False, True, False))
    lattice = np.zeros(len(h), dtype=np.intp) if lattice is None else np.asarray(lattice)
    declared = {} if filling is None else filling if isinstance(filling, dict) else {"chain": filling}
    return Lindbladian(
        sparse.csr_array(h, dtype=complex), tuple(jumps), tuple(baths), number, declared, lattices, lattice
    )


def bath(beta, rate):
    return ModeBath("thermal", beta, rate, lambda energy: np.exp(-beta * energy / 2))


def cell(hopping, cells, jumps=(), baths=(), filling=None, spin=None):
    d = len(next(iter(hopping.values())))
    spin = -np.ones(d, dtype=np.intp) if spin is None else np.array(spin)
    labels = tuple(f"c {o}" for o in range(d))
    return UnitCell(hopping, tuple(jumps), tuple(baths), cells, "k_j", labels, spin, filling)


def real_space(unit, interaction=()):
    """The ring of a cell, orbital ``j d + o``; ``interaction``: ((x, s, t), value) of n_{j,s} n_{j+x,t}."""
    L, d = unit.cells, unit.dimension
    h = np.zeros((L, d, L, d), dtype=complex)
    for x, block in unit.hopping.items():
        for j in range(L):
            h[(j + x) % L, :, j, :] += block
    families = [_all_cells(jump, L, d) for jump in unit.jumps]
    pairs = [((j * d + s, (j + x) % L * d + t), value) for (x, s, t), value in interaction for j in range(L)]
    return chain(h.reshape(L * d, L * d), families, unit.baths, pairs, unit.filling)


def _all_cells(jump, L, d):
    loss, gain = np.zeros((2, L, L * d), dtype=complex)
    terms = []
    for j in range(L):
        for x, v in jump.loss.items():
            loss[j, (j + x) % L * d : (j + x) % L * d + d] += v
        for x, v in jump.gain.items():
            gain[j, (j + x) % L * d : (j + x) % L * d + d] += v
        for (x, y), W in jump.bilinear.items():
            rows, columns = (j + x) % L * d, (j + y) % L * d
            terms += [
                (j, (rows + s, columns + t), W[s, t]) for s in range(d) for t in range(d) if W[s, t] != 0
            ]
    return family(jump.name, L * d, np.full(L, jump.rate), loss, gain, terms)


def nonreciprocal(cells, g_neq=0.5, eps=0.05, beta=2.0, delta=1 + 1j, deltap=1 + 0.5j, filling=0.5):
    """``L_j = (c_j† + delta c_{j+1}†)(c_j - delta' c_{j+1})`` beside a thermal bath."""
    one = np.ones((1, 1))
    W = {(0, 0): one, (0, 1): -deltap * one, (1, 0): delta * one, (1, 1): -delta * deltap * one}
    jumps = [CellJump("pump", eps * g_neq, W, {}, {})] if g_neq else []
    baths = [bath(beta, eps * (1 - g_neq))] if g_neq < 1 else []
    return cell({1: -one, -1: -one}, cells, jumps, baths, filling)


def rashba(cells, g_neq=0.9, eps=0.05, beta=2.0, share=(1.0, 0.0), h=1.0, ay=1.1, az=0.9, filling=0.5):
    """h(k) of (C1), dephasing of (19)."""
    sy, sz, one = np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0]), np.eye(2)
    hop = -one - az * 1j * sy + ay * 1j * sz
    jumps = [
        CellJump(name, eps * g_neq * weight, {(0, 0): np.diag(on).astype(complex)}, {}, {})
        for name, weight, on in zip(("up", "down"), share, ([1, 0], [0, 1]), strict=True)
        if weight * g_neq
    ]
    baths = [bath(beta, eps * (1 - g_neq))] if g_neq < 1 else []
    return cell({0: h * sz, 1: hop, -1: hop.conj().T}, cells, jumps, baths, filling, spin=(0, 1))
