"""What a state says, under the names of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from modelkit.errors import ModelError, NotConverged
from modelkit.graph.device import Complexes, Floats
from modelkit.results.dataset import Labelled
from modelkit.solve.open_chains.exact.chain import Chain
from modelkit.solve.open_chains.exact.expectations import Expectations
from modelkit.solve.open_chains.exact.ring_currents import RingCurrents
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.covariance import covariance_equation
from modelkit.solve.open_chains.real_space.flows import Flows
from modelkit.solve.open_chains.real_space.places import places
from modelkit.solve.open_chains.real_space.treatable import notes as left_out
from modelkit.solve.open_chains.state import OpenState, lagrange

POSITIVE = 1e-8  # by how much an eigenvalue may lie below zero


def outputs(
    problem: OpenProblem,
    chain: Chain,
    means: Expectations,
    audits: Mapping[str, float],
    times: Floats | None,
    notes: Mapping[str, str] | None = None,
) -> OpenState:
    """Of means over times, or of the first of them without times."""
    audits = {
        **audits,
        "trace": float(np.abs(means.trace - 1).max()),
        "positivity": max(0.0, -float(means.lowest.min())),
    }
    for name in ("trace", "positivity"):
        if audits[name] > POSITIVE:
            message = f"the density matrix misses its {name} by {audits[name]:.0e}"
            raise NotConverged(message, residual=audits[name])
    turn = chain.basis.vectors
    covariance = means.covariance if turn is None else turn @ means.covariance @ turn.conj().T

    def labelled(dims: tuple[str, ...], values: Complexes | Floats) -> Labelled:
        real = np.real(values)
        return Labelled(dims, real[0]) if times is None else Labelled(("time", *dims), real)

    per_cell = chain.cells if chain.ring is not None or _closed(chain) else 1
    state = OpenState(
        jump_current=labelled((), means.carried.sum(axis=1) / chain.cells),
        loss_rate=labelled(("dissipator",), means.loss / per_cell),
        audits=audits,
        attributes={**left_out(chain.lindbladian), **(notes or {})},
        labels={"dissipator": tuple(jumps.name for jumps in chain.jumps)},
    )
    state = replace(state, **_currents(chain, covariance, labelled))
    state = _occupations(problem, chain, means, covariance, labelled, state)
    return state if times is None else replace(state, grids={**state.grids, "time": times})


def _closed(chain: Chain) -> bool:
    return bool(places(chain.lindbladian).ring)


def _currents(chain: Chain, covariance: Complexes, labelled: Callable[..., Labelled]) -> dict[str, Any]:
    """Currents of the Hamiltonian: of the cell on rings, of every hop in real space."""
    where = places(chain.lindbladian)
    bare = replace(chain.lindbladian, jumps=(), baths=())
    flows = Flows(covariance_equation(bare), where)

    def each(of: Callable[[Complexes], Floats | float]) -> Floats:
        return np.array([of(G) for G in covariance])

    found: dict[str, Any] = {}
    if where.n_bonds:
        found["bond_current"] = labelled(("bond",), each(flows.bond_current))
    along: RingCurrents | Flows = flows
    if chain.ring is not None and chain.cell is not None:
        along = RingCurrents(chain.cell, chain.ring)
    elif where.cell is None:
        return found
    found["current"] = labelled((), each(along.current))
    spin = where.spin if chain.cell is None else chain.cell.spin
    if np.all(spin >= 0):
        found["current_by_spin"] = labelled(("spin",), each(along.current_by_spin))
    if not len(chain.lindbladian.interaction.value):
        found["energy_current"] = labelled((), each(along.energy_current))
    return found


def _occupations(
    problem: OpenProblem,
    chain: Chain,
    means: Expectations,
    covariance: Complexes,
    labelled: Callable[..., Labelled],
    state: OpenState,
) -> OpenState:
    """By momentum and band on rings, by site elsewhere."""
    if problem.momenta is None:
        n = np.real(np.einsum("tii->ti", covariance))
        where = places(chain.lindbladian)
        by_site = np.add.reduceat(n, where.offset[:-1], axis=1)
        orbitals = np.diff(where.offset)
        dims: tuple[str, ...] = ("site",)
        filled, shown, grids = by_site, by_site / orbitals, dict(state.grids)
    else:
        k, modes = _asked(problem, chain, np.asarray(problem.momenta))
        filled = shown = np.real(np.einsum("tii->ti", means.covariance))[:, modes]
        dims, grids = ("momentum", "band"), {**state.grids, "momentum": k, "band": np.arange(modes.shape[1])}
    return replace(
        state,
        occupation=labelled(dims, filled),
        lagrange_multiplier=labelled(dims, lagrange(shown)),
        grids=grids,
    )


def _asked(problem: OpenProblem, chain: Chain, momenta: Floats) -> tuple[Floats, np.ndarray]:
    """Asked momenta and the modes there, (n_k, n_bands)."""
    basis, name = chain.basis, chain.cell.momentum if chain.cell is not None else "momentum"
    if chain.ring is None:
        message = (
            f"the chain has no momenta, but {name} is asked: its cells, or its initial state, are not equal"
        )
        raise ModelError(message, problem.place(name), hint="leave out the sweep: occupations are by site")
    modes = np.lexsort((basis.band, basis.momentum)).reshape(chain.cells, -1)
    first = int(basis.momentum.min())
    return momenta, modes[(problem.ring_numbers(chain.cells, name) - first) % chain.cells]
