"""Electrons of each site at a solution: the filled sea, and what the bias fills."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.results.audit import resolved_flow
from modelkit.solve.conductor import Conductance
from modelkit.solve.energies.windows import covering
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.charge_balance import density
from modelkit.solve.junction.nonlinear import Grids, solve_steady
from modelkit.solve.junction.precision import INTEGRATION, refined
from modelkit.solve.junction.steady import steady
from modelkit.solve.request import Request, prepare

Floats = NDArray[np.float64]


def electrons(grids: Grids, point: Point) -> Floats:
    """(n_sites,), absolute; to the order of an expansion.

    Raises
    ------
    ModelError
        A superconductor, or a self-energy that is not known above the real axis.
    """
    problem = point.problem
    if problem.device.superconducting:
        hint = "leave out 'density'"
        raise ModelError(
            "the electrons of a superconductor are not counted: its condensate holds some", hint=hint
        )
    sea = grids.counted
    prepared = point.grid.prepared
    if not prepared.responds:
        prepared = prepare(grids.request, point.system.levels, responding=True)

    def measure(conductance: Conductance, f: Floats) -> Floats:
        return conductance.density(f)

    if problem.order is None:
        mu, T = (np.append(a, c) for a, c in zip(point.distributions, (problem.mu, problem.T), strict=True))
        panels = covering(point.grid.panels, point.system, mu, T)
        point = replace(point, grid=replace(point.grid, panels=panels))
    point = refined(point, INTEGRATION, measure, resolved_flow(1.0, bonds=True), centre=True)
    if problem.screened is not None or point.levels_move:
        return density(replace(point, sea=sea))
    filled_sea = sea.at(prepared)
    found = filled_sea.density() + point.grid.density(point.fill(centre=True).value)
    return found + filled_sea.change(point.change) if problem.order == 1 and problem.own.any() else found


def electrons_of_order_one(request: Request) -> Floats:
    """(n_sites,): in linear response."""
    grids = Grids(request, steady(request.device, 1))
    return electrons(grids, solve_steady(grids, unique=False).point)
