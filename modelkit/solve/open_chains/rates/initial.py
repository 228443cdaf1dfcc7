"""Occupations of modes at time 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from modelkit.errors import ModelError, Span
from modelkit.solve.open_chains.rates.kinetics import Floats
from modelkit.solve.open_chains.rates.sampling import Sample

SAME = 1e-9  # difference of fillings that is rounding


def initial_occupations(
    taken: Sample, initial: Mapping[str, Any], filling: float | None, span: Span | None = None
) -> Floats:
    """Occupations, (M,).

    Parameters
    ----------
    taken : Sample
    initial : mapping
        One of ``lagrange``, ``occupation``: a number, an array by band (d,), or a callable that gives an
        array (n_k, d) at momenta (n_k,); or ``filling``, a number.
    filling : float or None
        Declared particles per mode.

    Raises
    ------
    ModelError
        None or several of them, a wrong shape, occupations outside 0 to 1, not the declared filling.
    """
    if len(initial) != 1:
        raise ModelError(
            "an evolution begins with one of 'lagrange', 'occupation' and 'filling'",
            span,
            hint="write: initial { lagrange = 0 }",
        )
    (word, value), *_ = initial.items()
    given = np.asarray(value(taken.modes.k) if callable(value) else value, dtype=float)
    n_k, d = taken.modes.energy.shape
    if given.shape not in ((), (d,), (n_k, 1), (n_k, d)):
        raise ModelError(
            f"the initial {word} has the shape {given.shape}, and the chain has {d} bands",
            span,
            hint="give a number, one number for each band, or a function of the momentum",
        )
    n = np.broadcast_to(expit(-given) if word == "lagrange" else given, (n_k, d)).ravel()
    if not ((n >= 0) & (n <= 1)).all():
        raise ModelError(
            f"the initial {word} goes from {n.min():.6g} to {n.max():.6g}: a mode holds 0 to 1 particles",
            span,
            hint="write: initial { filling = 1/2 }",
        )
    mean = float(taken.rates.weight @ n / taken.rates.weight.sum())
    if filling is not None and abs(mean - filling) > SAME:
        raise ModelError(
            f"the initial state has the filling {mean:.6g}, and {filling:.6g} is declared",
            span,
            hint="the initial state fixes the filling: make them equal, or leave out the line 'filling'",
        )
    return np.array(n)
