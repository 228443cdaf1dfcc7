"""The verb ``evolution``: how the state of an open chain changes in time."""

from __future__ import annotations

from collections.abc import Iterator

from modelkit.errors import ModelError, raise_all
from modelkit.registry import Verb, verbs
from modelkit.solve.open_chains.found import OPTIONS, OpenFound, found
from modelkit.solve.open_chains.found import check as check_chain
from modelkit.solve.request import Request

NAME = "evolution"


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``evolution`` cannot treat."""
    yield from check_chain(request, NAME)
    times = request.grids.get("time")
    if times is None:
        message, hint = "an evolution needs its times", "write: sweep time from 0 to 100 points 201"
        yield ModelError(message, request.place(""), hint=hint)
    elif times.min() < 0:
        message = "the state is given at time 0, and a time before it is asked"
        yield ModelError(message, request.place(""), hint="write: sweep time from 0 to 100 points 201")


def solve(request: Request) -> OpenFound:
    """Follow the state from the initial one, by the method that was asked for or by the one that suits.

    Raises
    ------
    ModelError
        No method can treat the chain.
    NotConverged
        A time was not reached, or an audit failed.
    """
    from modelkit.solve.open_chains.choose import Chain, choose

    raise_all(check(request))
    chain = Chain(request, NAME)
    method, problem, why = choose(chain)
    assert problem.times is not None  # checked
    assert problem.initial is not None
    return found(chain, method, method.solver.evolve(problem, problem.times, problem.initial), why)


verbs.add(
    NAME,
    Verb(
        name=NAME,
        options=OPTIONS,
        grids=("time",),
        meaning="how the state of a chain with dissipators changes in time, from an initial one",
        check=check,
        solve=solve,
        biased=False,
        momenta=True,
        initial=True,
    ),
)
