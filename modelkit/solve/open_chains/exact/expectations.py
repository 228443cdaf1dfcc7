"""What is read off a density matrix; everything is linear in it, so that mixtures add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Complexes, Floats, Products
from modelkit.solve.open_chains.exact.chain import Sector
from modelkit.solve.open_chains.exact.operators import Jumps

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Expectations:
    """Of one or several density matrices, along the first axis.

    Attributes
    ----------
    covariance : (n, M, M)
        ``<eta_b† eta_a>`` of the modes of the basis, index order (a, b).
    loss : (n, n_dissipators)
        Particles that leave through each per unit time.
    carried : (n, n_dissipators)
        Particles times cells that the jumps of each carry per unit time.
    trace : (n,)
    lowest : (n,)
        Smallest eigenvalue.
    """

    covariance: Complexes
    loss: Floats
    carried: Floats
    trace: Floats
    lowest: Floats


def expectations(sector: Sector, rho: Complexes) -> Expectations:
    """Of density matrices ``rho`` (n, unknowns) on the cells of a sector."""
    cells, modes = sector.cells, sector.chain.modes
    covariance = np.zeros((len(rho), modes, modes), dtype=complex)
    create, destroy = (index.ravel() for index in np.indices((modes, modes)))
    pairs = np.stack([create, destroy], axis=1)
    all_pairs = Products(np.arange(modes**2), pairs, (True, False), np.ones(modes**2, dtype=complex))
    action = sector.fock.act(all_pairs)
    inside = cells.cell[action.to] == cells.cell[action.source]
    member, to, source = action.member[inside], action.to[inside], action.source[inside]
    elements = rho[:, cells.number(source, to)] * action.value[inside]
    flat = covariance.reshape(len(rho), -1)
    for which in range(len(rho)):
        np.add.at(flat[which], destroy[member] * modes + create[member], elements[which])
    diagonal = np.real(rho[:, cells.diagonal()])
    lowest = [min(float(np.linalg.eigvalsh(block)[0]) for block in cells.blocks(one)) for one in rho]
    jumps = sector.chain.jumps
    loss = [_mean(sector, one, _lost(one), rho) for one in jumps]
    carried = [_mean(sector, one, one.moved, rho) for one in jumps]
    return Expectations(
        covariance,
        np.array(loss).reshape(len(jumps), len(rho)).T,
        np.array(carried).reshape(len(jumps), len(rho)).T,
        diagonal.sum(axis=1),
        np.array(lowest),
    )


def mixed(parts: Sequence[Expectations]) -> Expectations:
    """Of the sum of density matrices in different sectors."""
    return Expectations(
        np.sum([part.covariance for part in parts], axis=0),
        np.sum([part.loss for part in parts], axis=0),
        np.sum([part.carried for part in parts], axis=0),
        np.sum([part.trace for part in parts], axis=0),
        np.min([part.lowest for part in parts], axis=0),
    )


def _lost(jumps: Jumps) -> tuple[Products, ...]:
    """Every product times the number of particles that it removes."""
    lost = [(part, len(part.dagger) - 2 * sum(part.dagger)) for part in jumps.products]
    return tuple(
        Products(part.member, part.orbital, part.dagger, number * part.value)
        for part, number in lost
        if number
    )


def _mean(sector: Sector, jumps: Jumps, weighed: Sequence[Products], rho: Complexes) -> Floats:
    """``Re sum_m Tr(L'_m rho L_m†)`` with L' the weighed operators."""
    if not weighed:
        return np.zeros(len(rho))
    both = (*jumps.products, *weighed)
    count = max(int(part.member.max()) for part in both) + 1
    left, right = sector.stacked(jumps.products, count), sector.stacked(weighed, count)
    return _trace(sector, left.conj().T @ right, rho)


def _trace(sector: Sector, operator: csr_array, rho: Complexes) -> Floats:
    """``Re Tr(O rho)``."""
    cells = sector.cells
    entries = operator.tocoo()
    row, column = (np.asarray(index, dtype=np.intp) for index in entries.coords)
    inside = cells.cell[row] == cells.cell[column]
    numbers = cells.number(column[inside], row[inside])
    return np.real(rho[:, numbers] @ entries.data[inside])
