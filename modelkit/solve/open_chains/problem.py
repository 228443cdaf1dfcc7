"""What is asked of an open chain."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.unit_cell import UnitCell
from modelkit.elements.tasks import CALL
from modelkit.errors import ModelError, Span
from modelkit.graph.device import Floats, Integers

SAME_MOMENTUM = 1e-9  # of a full turn


@dataclass(frozen=True)
class OpenProblem:
    """One open chain at given values, and what is to be found.

    Attributes
    ----------
    lindbladian : Lindbladian or None
        In real space; methods with ``translation_invariant`` do without it.
    cell : UnitCell or None
        For methods with ``translation_invariant``.
    momenta : (n_k,) or None
        At which occupations are asked; the method's own where none are.
    times : (n_t,) or None
        Ascending, for ``evolve``; the state is the initial one at time 0.
    initial : mapping of str to number or array
        One of ``lagrange``, ``occupation`` (numbers, or arrays by orbital) and ``filling`` (a number:
        every mode is filled so).
    filling : float or None
        Particles per mode of all lattices, where the chain or the cell itself has none.
    spans : mapping of str to Span
        Where options and lines of the task are written.
    asked : frozenset of str or None
        The outputs that will be read; None: any.  What is costly may be left out of the state.
    memory : dict
        Shared by the points of a run: it changes no result.
    """

    lindbladian: Lindbladian | None = None
    cell: UnitCell | None = None
    momenta: Floats | None = None
    times: Floats | None = None
    initial: Mapping[str, Any] | None = None
    filling: float | None = None
    spans: Mapping[str, Span] = field(default_factory=dict)
    asked: frozenset[str] | None = None
    memory: dict[Hashable, Any] = field(default_factory=dict)

    def place(self, word: str) -> Span | None:
        """Where an option or a line of the task is written, or the verb if it is not."""
        return self.spans.get(word, self.spans.get(CALL))

    def ring_numbers(self, cells: int, name: str) -> Integers:
        """The m of the asked momenta, called ``name``: ``2 pi m/cells``; ModelError where one is none."""
        momenta = np.zeros(0) if self.momenta is None else self.momenta
        number = momenta * cells / (2 * np.pi)
        off = np.abs(number - np.round(number)) > SAME_MOMENTUM * cells
        if off.any():
            raise ModelError(
                f"{name} = {momenta[off][0]:.6g} is no momentum of a ring of {cells} cells",
                self.place(name),
                hint=f"ask for multiples of 2*pi/{cells}, or method = gge, which gives all momenta",
            )
        return np.asarray(np.round(number), dtype=np.intp)

    @property
    def filling_of_cell(self) -> float | None:
        """Particles per mode of the cell, where they are given."""
        own = None if self.cell is None else self.cell.filling
        return self.filling if own is None else own

    def asks(self, output: str) -> bool:
        """Whether an output will be read."""
        return self.asked is None or output in self.asked
