"""The audit of gauge invariance: a common shift of all potentials leaves every current as it is.

All chemical potentials, gates and the ground are raised alike, the reference stays, and the unknown
potentials are solved for again, on panels of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelkit.results.audit import relative
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.deviations import least_flow
from modelkit.solve.junction.nonlinear import Grids, solve_steady

SHIFT = 0.5  # of the spread of the potentials, and of T


def gauge_shift(grids: Grids, point: Point) -> float | None:
    """The largest change of a current, relative to the largest gross flow; None where nothing follows.

    Probes are held at their solved potentials, so that loads, which know an absolute zero, do not matter.
    """
    problem = point.problem
    if problem.screened is None or problem.screened.uncovered:
        return None
    mu, T = point.distributions
    shift = SHIFT * float(np.ptp(np.append(mu, problem.mu)) + T.max(initial=0.0))
    if shift == 0:
        return None
    electrodes = problem.screened.potential + shift * (problem.screened.terminal < 0)
    raised = replace(
        problem,
        given_mu=np.where(problem.elastic, np.nan, mu + shift),
        given_temperature=np.where(problem.elastic, np.nan, T),
        blocks=(),
        screened=replace(problem.screened, potential=electrodes),
    )
    again = Grids(grids.request, raised)
    again.counted = grids.counted
    found = solve_steady(again, unique=False, start=point.x[problem.charges] + shift).point
    off = float(np.max(np.abs(found.current - point.current), initial=0.0))
    return relative(off, max(float(point.gross.max(initial=0.0)), least_flow(point)))
