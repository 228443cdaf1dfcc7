"""What cannot be in two cases of a device: its symmetries first, then the rules beyond them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.conditions import conditions
from modelkit.graph.device import Device
from modelkit.graph.screening import bands_of, is_flat
from modelkit.symmetry.names import name_of
from modelkit.symmetry.operations import Operation, mapping, of_sort
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.relations import Combination, Currents
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import PARTICLE_HOLE, UNITARY
from modelkit.symmetry.verdict import Verdict, Word

Floats = NDArray[np.float64]

ALIKE = 1e-12  # relative: potentials no farther apart are the same


@dataclass(frozen=True, eq=False)
class TwoCases:
    """A device in a first and in a second case."""

    first: Device
    second: Device

    def verdict(self, combination: Combination, constant: float = 0.0) -> Verdict:
        """Whether a combination of the currents of both must vanish."""
        given_up = None
        for rule in (self._by_symmetry, self._by_unitarity):
            try:
                found = rule(combination, constant)
            except Undecided as error:
                given_up = Verdict(Word.NOT_DECIDED, str(error))
                continue
            if found is not None:
                return found
        if given_up is not None:
            return given_up
        if self._exchanged and self._shift:
            return Verdict(Word.WARNING, "bias convention")
        return Verdict(Word.NOT_FORBIDDEN, "")

    def _by_symmetry(self, combination: Combination, constant: float) -> Verdict | None:
        """Operations that are unitary in Fock space hold at any bias, with screening and inelastic probes."""
        for found in self._operations():
            currents = Currents(self.first, self.second)
            currents.image(found.terminal, opposing=found.sort.opposing, to=1)
            for own in self._own:
                currents.image(own.terminal, opposing=own.sort.opposing)
            if currents.vanishes(combination, constant):
                return Verdict(Word.FORBIDDEN, self._called(found), found)
        return None

    def _called(self, operation: Operation) -> str:
        return name_of(operation, self._one) + (", gauge-invariant" if operation.shift else "")

    def _operations(self) -> Iterator[Operation]:
        """From the first case to the second, also up to a common shift of all energies."""
        for sort in (UNITARY, PARTICLE_HOLE):
            shift = self._shift_for(-1.0 if sort.opposing else 1.0)
            found = mapping(self._one, self._other(shift), sort, shift=shift)
            if found is not None:
                yield found

    def _by_unitarity(self, combination: Combination, constant: float) -> Verdict | None:
        """Two terminals that exchange mu and T, where all scattering is elastic and nothing else changes."""
        if not self._elastic or not self._exchanged or not self._same_otherwise:
            return None
        currents = Currents(self.first, self.second)
        exchange = np.arange(self.first.n_terminals)
        exchange[self._baths] = self._baths[::-1]
        currents.image(exchange.tolist(), opposing=False, to=1)
        if not currents.vanishes(combination, constant):
            return None
        probes = any(group.conditions for group in self.first.terminals)
        return Verdict(Word.FORBIDDEN, "elastic probe" if probes else "two-terminal unitarity")

    @cached_property
    def _one(self) -> Examined:
        return examined(self.first, driven=True)

    def _other(self, shift: float) -> Examined:
        return examined(self.second, driven=True, shift=shift)

    @cached_property
    def _own(self) -> list[Operation]:
        """Operations of the first case onto itself."""
        return [found for sort in (UNITARY, PARTICLE_HOLE) for found in of_sort(self._one, sort)]

    @cached_property
    def _same_otherwise(self) -> bool:
        """Whether everything but the given mu and T is the same in both cases, up to the common shift."""
        one, other = (
            examined(self.first, driven=False),
            examined(self.second, driven=False, shift=self._shift),
        )
        return mapping(one, other, UNITARY, *((site, site) for site in range(one.size))) is not None

    @property
    def _elastic(self) -> bool:
        """Whether nothing but two baths and elastic probes touch, and no level depends on an unknown."""
        device = self.first
        elastic = all(conditions[c.quantity].elastic for group in device.terminals for c in group.conditions)
        moving = [group.terminal for group in device.terminals if not is_flat(group.terminal)]
        own = any(bands_of(device, terminal) == "own" for terminal in moving)
        return len(self._baths) == 2 and elastic and not (own or device.screening or device.superconducting)

    @cached_property
    def _baths(self) -> NDArray[np.intp]:
        groups = [group for group in self.first.terminals if not group.conditions]
        return np.concatenate(
            [np.zeros(0, np.intp), *(group.first + np.arange(group.count) for group in groups)]
        )

    def _given(self, device: Device) -> Floats:
        """(mu, T) of all baths, (2, n); mu from the reference."""
        baths = [group for group in device.terminals if not group.conditions]
        rows = [
            np.concatenate([np.zeros(0), *(np.broadcast_to(bath.given[name], bath.count) for bath in baths)])
            for name in ("mu", "T")
        ]
        return np.stack(rows) - np.array([[device.reference.get("mu", 0.0)], [0.0]])

    @property
    def _shift(self) -> float:
        return self._shift_for(1.0)

    def _shift_for(self, sign: float) -> float:
        """The common shift of the second case that could make it an image of the first."""
        one, other = self._given(self.first)[0], self._given(self.second)[0]
        if not len(one) or len(one) != len(other) or self.first.superconducting:
            return 0.0
        shift = float(np.mean(other) - sign * np.mean(one))
        return shift if abs(shift) > ALIKE * float(np.abs([one, other]).max()) else 0.0

    @property
    def _exchanged(self) -> bool:
        """Whether the two baths exchange mu (up to the common shift) and T."""
        one, other = self._given(self.first), self._given(self.second) - np.array([[self._shift], [0.0]])
        if one.shape != other.shape or one.shape[1] != 2:
            return False
        scale = np.abs([one, other]).max(axis=(0, 2)) if one.size else np.zeros(2)
        return bool(np.all(np.abs(other - one[:, ::-1]) <= ALIKE * scale[:, None]))
