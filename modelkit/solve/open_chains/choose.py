"""Which method answers for an open chain, and why.

``gaussian`` is exact where its equation closes, ``gge`` the limit of weak coupling of translation-invariant
chains, ``exact`` treats anything that is small.  What is asked decides too: only occupations of momenta are
known by momentum, only an infinite chain has no number of cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from modelkit.compile.cells import infinite_cell, unit_cell
from modelkit.compile.lindbladian import Lindbladian, lindbladian
from modelkit.compile.modes import ring_momenta
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError
from modelkit.registry import check_method
from modelkit.solve.open_chains.method import OpenMethod, open_methods
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.starts import no_function_of_momentum
from modelkit.solve.request import Request

ORDER = ("gaussian", "gge", "exact")  # tried in this order; the others answer when they are asked for
WEAK = 0.25  # rates up to this part of the band width are weak
MOMENTA = 64  # at which the band width is read


@dataclass(frozen=True)
class Chain:
    """A device with dissipators as methods take it, compiled when the first of them asks.

    ``verb`` is the one whose request it is.
    """

    request: Request
    verb: str

    @property
    def infinite(self) -> bool:
        """Whether some ring has no number of cells."""
        return any(group.infinite for group in self.request.device.sites)

    @cached_property
    def lindbladian(self) -> Lindbladian:
        """In real space."""
        return lindbladian(self.request.device)

    @cached_property
    def cell(self) -> UnitCell:
        """One cell of the chain; ModelError where cells differ."""
        return cell_of(self.request)

    @cached_property
    def common(self) -> OpenProblem:
        """What all methods are asked alike."""
        request = self.request
        asked = [(name, grid) for name, grid in request.grids.items() if name != "time"]
        times = request.grids.get("time")
        scale = request.device.units.scale("time")
        return OpenProblem(
            momenta=asked[0][1] if asked else None,
            times=None if times is None else times / scale,
            initial=request.initial or None,
            spans=request.spans,
            asked=request.asked,
            memory=request.memory,
        )

    @cached_property
    def ring(self) -> bool:
        """Whether any lattice of the chain closes on itself."""
        return self.infinite or any(any(group.rings) for group in self.request.device.sites)

    def problem(self, method: OpenMethod) -> OpenProblem:
        """The question to a method, as much of the chain in it as there is.

        Raises
        ------
        ModelError
            The chain has not the form that the method takes, or not the momenta that are asked for.
        """
        whole = None if self.infinite else self.lindbladian
        if method.translation_invariant or self.infinite or self.common.momenta is not None:
            return replace(self.common, lindbladian=whole, cell=self._asked_cell())
        return replace(self.common, lindbladian=whole, cell=self._cell_of_ring)

    def _asked_cell(self) -> UnitCell:
        for name in self.request.grids:
            if name not in ("time", self.cell.momentum):
                known = self.cell.momentum
                message = f"the momentum of this chain is '{known}', not '{name}'"
                raise ModelError(message, hint=f"write: sweep {known} from -pi to pi points 201")
        return self.cell

    @cached_property
    def _cell_of_ring(self) -> UnitCell | None:
        """Where there is one; methods in real space do without."""
        if not self.ring:
            return None
        try:
            return self.cell
        except ModelError:
            return None


def cell_of(request: Request) -> UnitCell:
    """One cell of the device; where it is infinite, of proxies that agree.

    Raises
    ------
    ModelError
        Cells differ.
    """
    if request.proxy is not None and any(group.infinite for group in request.device.sites):
        return infinite_cell(request.proxy)
    return unit_cell(request.device)


def choose(chain: Chain) -> tuple[OpenMethod, OpenProblem, str]:
    """Give the method, what it is asked, and why it was taken.

    Raises
    ------
    ModelError
        The method that was asked for cannot treat the chain, or none can.
    """
    name = chain.request.options.get("method")
    if name is not None:
        return _named(chain, name)
    reasons: dict[str, ModelError] = {}
    spare: tuple[OpenMethod, OpenProblem, str] | None = None
    for method in _candidates(chain):
        found = _fits(chain, method)
        if isinstance(found, ModelError):
            reasons[method.name] = found
            continue
        limited = method.translation_invariant
        if not limited or _strength(chain) <= WEAK:
            weak = f", and no rate exceeds {WEAK:g} of the band width" if limited else ""
            return method, found, "; ".join([*_told(reasons), f"{method.name} fits: {method.meaning}{weak}"])
        reasons[method.name] = ModelError(
            f"rates above {WEAK:g} of the band width are not weak",
            hint=f"ask method = {method.name} for the limit of weak coupling",
        )
        spare = spare or (method, found, _strong(method))
    if spare is not None:
        return spare
    raise _none(reasons, chain)


def _named(chain: Chain, name: str) -> tuple[OpenMethod, OpenProblem, str]:
    check_method(name, chain.verb, chain.request.spans.get("method"))
    method = open_methods[name]
    found = _fits(chain, method)
    if isinstance(found, ModelError):
        raise ModelError(found.message, found.span or chain.request.place("method"), hint=found.hint)
    return method, found, f"{name} was asked for: {method.meaning}"


def _candidates(chain: Chain) -> Iterator[OpenMethod]:
    for name in ORDER:
        if name in open_methods and chain.verb in open_methods[name].verbs:
            yield open_methods[name]


def _fits(chain: Chain, method: OpenMethod) -> OpenProblem | ModelError:
    """What the method would be asked, or why it is not."""
    missing = sorted(set(chain.request.asked or ()) - set(method.gives))
    if missing:
        others = [one for one in open_methods.values() if set(missing) <= set(one.gives)]
        treating = [one for one in others if not isinstance(_treats(chain, one), ModelError)]
        names = " or ".join(one.name for one in treating or others)
        message = f"the method '{method.name}' does not give {' and '.join(map(repr, missing))}"
        hint = f"ask method = {names}" if names else "ask for one of them at a time"
        return ModelError(message, chain.request.place("method"), hint=hint)
    return _treats(chain, method)


def _treats(chain: Chain, method: OpenMethod) -> OpenProblem | ModelError:
    """What the method would be asked, whatever it gives, or why it cannot treat the chain."""
    start = next(iter((chain.common.initial or {}).values()), None)
    if method.translation_invariant and isinstance(start, np.ndarray):
        message = f"the initial state differs from site to site, and the method '{method.name}' knows modes"
        hint = "ask method = gaussian or exact"
        return ModelError(message, chain.request.place("initial"), hint=hint)
    whole = not chain.infinite and chain.common.momenta is None
    if callable(start) and whole and not method.translation_invariant:
        return no_function_of_momentum(chain.common)
    try:
        problem = chain.problem(method)
    except ModelError as error:
        return error
    return method.solver.refuses(problem) or problem


def _strength(chain: Chain) -> float:
    """The largest rate of a dissipator, in units of the width of all bands."""
    rates = [float(np.max(np.abs(group.rate), initial=0.0)) for group in chain.request.device.dissipators]
    levels = np.linalg.eigvalsh(chain.cell.hamiltonian(ring_momenta(MOMENTA)))
    width = float(levels.max() - levels.min())
    largest = max(rates, default=0.0)
    return largest / width if width > 0 else np.inf if largest else 0.0


def _strong(method: OpenMethod) -> str:
    return (
        f"{method.name} fits: {method.meaning}, though some rate exceeds {WEAK:g} of the band width: "
        "no other method can treat the chain"
    )


def _told(reasons: Mapping[str, ModelError]) -> list[str]:
    return [f"{name} does not fit: {error.message}" for name, error in reasons.items()]


def _none(reasons: Mapping[str, ModelError], chain: Chain) -> ModelError:
    """The one reason where all agree or one method alone is there, else all of them."""
    messages = {error.message for error in reasons.values()}
    if len(messages) == 1:
        error: Any = next(iter(reasons.values()))
        return ModelError(error.message, error.span or chain.request.place("method"), hint=error.hint)
    return ModelError(
        "no method can treat this chain: " + "; ".join(_told(reasons)),
        chain.request.place("method"),
        hint="; or ".join(dict.fromkeys(str(error.hint) for error in reasons.values() if error.hint)),
    )
