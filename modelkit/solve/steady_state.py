"""The verb ``steady_state``: where an open chain ends."""

from __future__ import annotations

from collections.abc import Iterator

from modelkit.errors import ModelError, raise_all
from modelkit.registry import Verb, verbs
from modelkit.solve.open_chains.found import OPTIONS, OpenFound, found
from modelkit.solve.open_chains.found import check as check_chain
from modelkit.solve.request import Request

NAME = "steady_state"


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``steady_state`` cannot treat."""
    yield from check_chain(request, NAME)


def solve(request: Request) -> OpenFound:
    """Find the steady state by the method that was asked for, or by the one that suits.

    Raises
    ------
    ModelError
        No method can treat the chain, or the state is not determined by what is given.
    NotConverged
        It was not found, or an audit failed.
    """
    from modelkit.solve.open_chains.choose import Chain, choose

    raise_all(check(request))
    chain = Chain(request, NAME)
    method, problem, why = choose(chain)
    return found(chain, method, method.solver.steady(problem), why)


verbs.add(
    NAME,
    Verb(
        name=NAME,
        options=OPTIONS,
        grids=(),
        meaning="the steady state of a chain with dissipators; momenta of rings are running variables",
        check=check,
        solve=solve,
        biased=False,
        momenta=True,
    ),
)
