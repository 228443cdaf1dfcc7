"""The covariance in time, exact to rounding: the equation is linear with constant coefficients.

Without bilinear operators every element decays on its own in the basis of eigenvectors of X.  Otherwise,
and where these are badly conditioned, the exponential of the whole map acts on G as a vector: as a matrix
where it is small, else by Taylor polynomials of sparse products (A. H. Al-Mohy and N. J. Higham, SIAM J. Sci.
Comput. 33, 488 (2011)).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from modelkit.graph.device import Complexes, Floats
from modelkit.numerics.lyapunov import Lyapunov
from modelkit.solve.open_chains.real_space.covariance import Covariance

SMALL = 400
"""Elements of G up to which the exponential is a matrix."""


def evolved_covariances(equation: Covariance, start: Complexes, times: Floats) -> Iterator[Complexes]:
    """G at each of ascending times, from ``start`` at time 0."""
    if equation.sandwich is None:
        factorised = Lyapunov(equation.drift.toarray())
        if factorised.vectors is not None:
            return _by_modes(equation, factorised, start, times)
    return _by_exponentials(equation, start, times)


def _by_modes(
    equation: Covariance, factorised: Lyapunov, start: Complexes, times: Floats
) -> Iterator[Complexes]:
    vectors, inverse = factorised.vectors, factorised.inverse
    assert vectors is not None
    assert inverse is not None
    first = inverse @ start @ inverse.conj().T
    source = inverse @ equation.source.toarray() @ inverse.conj().T
    rate = factorised.values[:, None] + factorised.values.conj()
    resting = np.abs(rate) * max(times.max(initial=0.0), 1.0) < 1e-12  # (exp(x) - 1)/x is 1 there
    for time in times:
        gained = np.where(resting, time, np.expm1(rate * time) / np.where(resting, 1.0, rate))
        found = vectors @ (first * np.exp(rate * time) + source * gained) @ vectors.conj().T
        yield (found + found.conj().T) / 2


def _by_exponentials(equation: Covariance, start: Complexes, times: Floats) -> Iterator[Complexes]:
    from scipy.linalg import expm

    generator = superoperator(equation)
    state = np.append(start.ravel(), 1.0)
    before, step, propagator = 0.0, np.nan, np.zeros((0, 0))
    small = equation.size**2 <= SMALL
    for time in times:
        if time != before:
            if small and not np.isclose(time - before, step, rtol=1e-14, atol=0.0):
                step = time - before
                propagator = expm(generator.toarray() * step)
            state = propagator @ state if small else _applied(generator, time - before, state)
            before = time
        found = state[:-1].reshape(start.shape)
        yield (found + found.conj().T) / 2


def _applied(generator: sparse.csr_array, time: float, state: Complexes) -> Complexes:
    from scipy.sparse.linalg import expm_multiply

    return np.asarray(expm_multiply(generator * time, state))


def superoperator(equation: Covariance) -> sparse.csr_array:
    """The map on (G row by row, 1), the source in its last column: (n^2 + 1, n^2 + 1)."""
    size = equation.size
    one = sparse.eye_array(size, format="csr")
    found = sparse.kron(equation.drift, one) + sparse.kron(one, equation.drift.conj())
    if (sandwich := equation.sandwich) is not None:
        entries = sandwich.matrix.tocoo()
        out, read = (pairs[:, 0] * size + pairs[:, 1] for pairs in (sandwich.out, sandwich.read))
        places = out[entries.coords[0]], read[entries.coords[1]]
        found = found + sparse.coo_array((entries.data, places), shape=found.shape)
    source = equation.source.reshape((size * size, 1))
    blocks = [[sparse.csr_array(found), source], [None, sparse.csr_array((1, 1))]]
    return sparse.csr_array(sparse.block_array(blocks, format="csr"))
