"""The covariance of one cell of a ring, or of an infinite chain, as an :class:`OpenState`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes, Floats
from modelkit.results.dataset import Labelled
from modelkit.solve.open_chains.cell_flows import CellFlows
from modelkit.solve.open_chains.covariance import covariance_equation, mixes
from modelkit.solve.open_chains.covariance_cells import CellEquation, momenta_of, settled
from modelkit.solve.open_chains.kept import kept_particles
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rings import ring_of
from modelkit.solve.open_chains.state import OpenState
from modelkit.solve.open_chains.treatable import untreatable

SHOWN = 128
"""Momenta at which occupations of an infinite chain are told where none are asked."""
TWIST = 0.7236
"""Shift of momenta, per cell, that none is special on the ring that stands for an infinite chain."""
WHOLE = 400
"""Modes up to which a ring is examined as it is; longer ones stand for the infinite chain."""

OUTPUTS: Mapping[str, tuple[tuple[str, ...], Callable[[CellFlows], Any]]] = {
    "current": ((), CellFlows.current),
    "current_by_spin": (("spin",), CellFlows.current_by_spin),
    "current_by_orbital": (("orbital",), CellFlows.current_by_orbital),
    "jump_current": ((), CellFlows.jump_current),
    "energy_current": ((), CellFlows.energy_current),
    "loss_rate": (("dissipator",), CellFlows.loss_rate),
}


def untreatable_cell(cell: UnitCell) -> ModelError | None:
    """Why the covariance has no equation of its own, or none for each momentum."""
    ring = _ring(cell)
    if (refusal := untreatable(ring)) is not None:
        return refusal
    for family in ring.jumps:
        if mixes(family).any():
            return ModelError(
                f"the jumps of '{family.name}' are sums of creation and annihilation operators, which join k "
                "and -k",
                family.span,
                hint="give the ring a number of cells and ask for occupations by site",
            )
    return None


def steady_cell(problem: OpenProblem, cell: UnitCell) -> OpenState:
    """The steady state of a cell, with occupations of its modes.

    Raises
    ------
    ModelError
        The steady state is not determined by what is given.
    NotConverged
        Correlations do not settle as momenta are doubled, or the equation is not solved.
    """
    d = cell.dimension
    ring = _ring(cell)
    kept = kept_particles(problem, ring, covariance_equation(ring))
    equation = CellEquation(cell, kept.dark[:d])
    resting = np.diag(kept.filling[:d]).astype(np.complex128)
    k, correlations, change = settled(equation)
    blocks = equation.solved(k, correlations) + resting
    shown = problem.momenta if problem.momenta is not None else momenta_of(cell.cells or SHOWN)
    occupation = occupations(cell, shown, equation.solved(shown, correlations) + resting)
    with_resting = correlations.copy()
    with_resting[equation.distances.index(0)] += resting
    flows = CellFlows(equation, k, blocks, with_resting)
    names = [name for name in OUTPUTS if name != "current_by_spin" or np.any(cell.spin >= 0)]
    found: dict[str, Any] = {
        name: Labelled(OUTPUTS[name][0], np.asarray(OUTPUTS[name][1](flows))) for name in names
    }
    found["occupation"] = Labelled(("momentum", "band"), occupation)
    found["lagrange_multiplier"] = Labelled(("momentum", "band"), lagrange(occupation))
    audits = {
        "correlations": change,
        "positivity": float(max(0.0, -occupation.min(), occupation.max() - 1)),
        "particle_balance": _balance(flows.loss_rate()),
    }
    noted = (
        {"conserved": ", ".join(f"particles of {name}" for name in kept.lattices)} if kept.lattices else {}
    )
    return OpenState(
        **found,
        audits=audits,
        counts={"momenta": len(k)},
        attributes=noted,
        grids={"momentum": np.asarray(shown), "band": np.arange(1, d + 1)},
        labels={"orbital": cell.orbitals, "dissipator": tuple(jump.name for jump in cell.jumps)},
    )


def occupations(cell: UnitCell, k: Floats, blocks: Complexes) -> Floats:
    """``<u_b| G(k) |u_b>`` of the bands, ascending, (n_k, d)."""
    _, vectors = np.linalg.eigh(cell.hamiltonian(k))
    return np.asarray(np.einsum("kab,kac,kcb->kb", vectors.conj(), blocks, vectors).real)


def lagrange(occupation: Floats) -> Floats:
    """``ln((1-n)/n)``; infinite for empty and full modes."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-np.clip(occupation, 0, 1)) - np.log(np.clip(occupation, 0, 1)))


def _balance(lost: Floats) -> float:
    """What enters minus what leaves, relative to all that does."""
    gross = float(np.abs(lost).sum())
    return float(abs(lost.sum()) / gross) if gross else 0.0


def _ring(cell: UnitCell) -> Lindbladian:
    """The ring itself, or a short one that stands for it: no operator reaches around it."""
    if cell.cells is not None and cell.cells * cell.dimension <= WHOLE:
        return ring_of(cell, cell.cells)
    steps = [abs(x) for x in cell.hopping]
    for jump in cell.jumps:
        places = {0, *jump.loss, *jump.gain, *(place for pair in jump.bilinear for place in pair)}
        steps.append(max(places) - min(places))
    return ring_of(cell, 4 * max(steps, default=0) + 5, TWIST)
