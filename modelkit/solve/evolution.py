"""The verb ``evolution``: how the state of an open chain changes in time."""

from __future__ import annotations

import math
from collections.abc import Iterator

from modelkit.errors import ModelError, raise_all
from modelkit.registry import Verb, verbs
from modelkit.solve.open_chains.found import OPTIONS, OpenFound, found
from modelkit.solve.open_chains.found import check as check_chain
from modelkit.solve.request import Request

NAME = "evolution"
SAME = 1e-9  # difference of fillings that is rounding


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
    yield from _initial(request)


def _initial(request: Request) -> Iterator[ModelError]:
    """The initial state is one, and has the declared filling."""
    span = request.place("initial")
    for word, value in request.initial.items():
        if not isinstance(value, float):
            continue  # methods know of which modes it is the state
        filling = 1 / (1 + math.exp(min(value, 700.0))) if word == "lagrange" else value
        if not 0 <= filling <= 1:
            message = f"the initial {word} is {value:.6g}: a mode holds 0 to 1 particles"
            yield ModelError(message, span, hint="write: initial { filling = 1/2 }")
            continue
        for lattice, declared in request.device.filling.items():
            if abs(declared - filling) > SAME:
                message = (
                    f"the initial state has the filling {filling:.6g}, and '{lattice}' is declared with "
                    f"{declared:.6g}"
                )
                hint = "the initial state fixes the filling: make them equal, or leave out the line 'filling'"
                yield ModelError(message, span, hint=hint)


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
