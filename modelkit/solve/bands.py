"""The verb ``bands``: energies and velocities of the modes of a ring along its momentum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError, raise_all
from modelkit.registry import Verb, verbs
from modelkit.solve.request import Request

if TYPE_CHECKING:
    from modelkit.compile.modes import Modes

Floats = NDArray[np.float64]

NAME = "bands"
POINTS = 201
OPTIONS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Bands:
    """What ``bands`` found: energies and velocities (n_k, n_bands), bands by ascending energy."""

    modes: Modes
    method: str = "bloch"
    why: str = "the Hamiltonian of a cell is diagonalised at each momentum"
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many matrices were diagonalised."""
        return {"momenta": len(self.modes.k)}

    @property
    def audits(self) -> Mapping[str, float]:
        """None."""
        return {}

    @property
    def grids(self) -> Mapping[str, NDArray[np.generic]]:
        """Momenta, and the bands by their numbers."""
        return {"momentum": self.modes.k, "band": np.arange(self.modes.energy.shape[1])}


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``bands`` cannot treat."""
    yield from request.unknown_options(OPTIONS)
    for group in request.device.terminals[:1]:
        message = f"'bands' are of rings, and '{group.terminal.name}' is a terminal"
        yield ModelError(message, request.place(""), hint="leave out the terminals, or ask transmission")


def solve(request: Request) -> Bands:
    """Diagonalise at the momenta that are asked, at 201 from -pi to pi where none are.

    Raises
    ------
    ModelError
        The lattice is no ring of equal cells; another momentum is asked than that of its ring.
    """
    from modelkit.compile.modes import modes
    from modelkit.solve.open_chains.choose import cell_of

    raise_all(check(request))
    try:
        cell = cell_of(request)
    except ModelError as error:
        hint = "bands are of rings with equal cells: site c[j] for j in ring(cells)"
        raise ModelError(error.message, error.span, hint=hint) from None
    for name in request.grids:
        if name != cell.momentum:
            message = f"the momentum of this lattice is '{cell.momentum}', not '{name}'"
            raise ModelError(message, hint=f"write: sweep {cell.momentum} from -pi to pi points 201")
    k = request.grids.get(cell.momentum, np.linspace(-np.pi, np.pi, POINTS))
    return Bands(modes(cell, k, np.full(len(k), 1 / len(k))))


verbs.add(
    NAME,
    Verb(
        name=NAME,
        options=OPTIONS,
        grids=(),
        meaning="energies and velocities of the modes of a ring, finite or infinite, against its momentum",
        check=check,
        solve=solve,
        biased=False,
        momenta=True,
    ),
)
