"""The covariance of one cell of a ring, or of an infinite chain, as an :class:`OpenState`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from modelkit.compile.lindbladian import Lindbladian, lindbladian
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes, Floats
from modelkit.results.dataset import Labelled
from modelkit.solve.open_chains.cell_evolution import evolved_cell
from modelkit.solve.open_chains.cell_flows import CellFlows
from modelkit.solve.open_chains.covariance import covariance_equation, mixes
from modelkit.solve.open_chains.covariance_cells import CellEquation, momenta_of, settled
from modelkit.solve.open_chains.kept import kept_particles
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rings import ring_of
from modelkit.solve.open_chains.starts import initial_blocks
from modelkit.solve.open_chains.state import OpenState
from modelkit.solve.open_chains.treatable import notes, untreatable

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


def treatable_cell(cell: UnitCell) -> UnitCell:
    """The cell, or why it cannot be treated."""
    if (refusal := untreatable_cell(cell)) is not None:
        raise refusal
    return cell


def steady_cell(problem: OpenProblem, cell: UnitCell) -> OpenState:
    """The steady state of a cell, with occupations of its modes.

    Raises
    ------
    ModelError
        The steady state is not determined by what is given.
    NotConverged
        Correlations do not settle as momenta are doubled.
    """
    d = cell.dimension
    ring = _ring(cell)
    kept = kept_particles(problem, ring, covariance_equation(ring))
    equation = CellEquation(cell, kept.dark[:d])
    resting = np.diag(kept.filling[:d]).astype(np.complex128)
    k, correlations, change = settled(equation)
    shown = _shown(problem, cell)
    occupation = occupations(cell, shown, equation.solved(shown, correlations) + resting)
    blocks = equation.solved(k, correlations) + resting
    correlations[equation.distances.index(0)] += resting
    flows = CellFlows(equation, k, blocks, correlations)
    noted = {"conserved": ", ".join(f"particles of {name}" for name in kept.lattices)}
    return _state(
        cell,
        {name: Labelled(dims, np.asarray(output(flows))) for name, (dims, output) in _outputs(cell)}
        | _of_modes((), occupation),
        audits={
            "correlations": change,
            "positivity": _outside(occupation),
            "particle_balance": _balance(flows.loss_rate()),
        },
        counts={"momenta": len(k)},
        attributes=_notes(cell) | (noted if kept.lattices else {}),
        grids={"momentum": shown},
    )


def evolve_cell(problem: OpenProblem, cell: UnitCell, times: Floats, initial: Mapping[str, Any]) -> OpenState:
    """The state of a cell at ``times``, ascending from 0.

    Raises
    ------
    ModelError
        The initial state is none.
    NotConverged
        Correlations do not settle as momenta are doubled.
    """
    equation = CellEquation(cell, np.zeros(cell.dimension))
    shown = _shown(problem, cell)
    found = evolved_cell(equation, initial_blocks(problem, cell, initial), times, shown)
    occupation = np.array([occupations(cell, shown, blocks) for blocks in found.shown])
    flows = [
        CellFlows(equation, found.k, blocks, correlations)
        for blocks, correlations in zip(found.blocks, found.correlations, strict=True)
    ]
    return _state(
        cell,
        {
            name: Labelled(("time", *dims), np.array([output(one) for one in flows]))
            for name, (dims, output) in _outputs(cell)
        }
        | _of_modes(("time",), occupation),
        audits={"correlations": found.change, "positivity": _outside(occupation)},
        counts={"momenta": len(found.k)},
        attributes=_notes(cell),
        grids={"momentum": shown, "time": times},
    )


def _notes(cell: UnitCell) -> dict[str, str]:
    """What of the declared jumps is not in those of the cell."""
    return notes(lindbladian(cell.device)) if cell.device is not None else {}


def _shown(problem: OpenProblem, cell: UnitCell) -> Floats:
    """Momenta at which occupations are told."""
    return np.asarray(problem.momenta if problem.momenta is not None else momenta_of(cell.cells or SHOWN))


def _outputs(cell: UnitCell) -> Iterator[tuple[str, tuple[tuple[str, ...], Callable[[CellFlows], Any]]]]:
    """Currents that the chain has."""
    for name, output in OUTPUTS.items():
        if name != "current_by_spin" or np.any(cell.spin >= 0):
            yield name, output


def _of_modes(before: tuple[str, ...], occupation: Floats) -> dict[str, Labelled]:
    dims = (*before, "momentum", "band")
    return {
        "occupation": Labelled(dims, occupation),
        "lagrange_multiplier": Labelled(dims, lagrange(occupation)),
    }


def _state(cell: UnitCell, outputs: Mapping[str, Any], grids: Mapping[str, Floats], **told: Any) -> OpenState:
    labels = {"orbital": cell.orbitals, "dissipator": tuple(jump.name for jump in cell.jumps)}
    bands = {"band": np.arange(cell.dimension)}
    return OpenState(**outputs, grids={**grids, **bands}, labels=labels, **told)


def occupations(cell: UnitCell, k: Floats, blocks: Complexes) -> Floats:
    """``<u_b| G(k) |u_b>`` of the bands, ascending, (n_k, d)."""
    _, vectors = np.linalg.eigh(cell.hamiltonian(k))
    return np.asarray(np.einsum("kab,kac,kcb->kb", vectors.conj(), blocks, vectors).real)


def lagrange(occupation: Floats) -> Floats:
    """``ln((1-n)/n)``; infinite for empty and full modes."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-np.clip(occupation, 0, 1)) - np.log(np.clip(occupation, 0, 1)))


def _outside(occupation: Floats) -> float:
    """By how much an occupation leaves 0..1."""
    return float(max(0.0, -occupation.min(), occupation.max() - 1))


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
