"""Whether a device can rectify: what its symmetries, and rules beyond them, say of two cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modelkit.elements.conditions import conditions
from modelkit.graph.device import Device
from modelkit.graph.screening import bands_of, is_flat
from modelkit.symmetry.names import name_of
from modelkit.symmetry.operations import Operation, mapping, of_sort
from modelkit.symmetry.parts import examined
from modelkit.symmetry.relations import Currents
from modelkit.symmetry.structure import PARTICLE_HOLE, UNITARY
from modelkit.symmetry.verdict import Verdict, Word

ALIKE = 1e-12  # relative: potentials no farther apart are the same


@dataclass(frozen=True, eq=False)
class TwoCases:
    """A device in a first and in a second case, and one of its terminals."""

    first: Device
    second: Device
    terminal: int

    def verdict(self, sign: int = -1) -> Verdict:
        """Whether the second current must be ``sign`` times the first: -1 for no rectification."""
        for rule in (self._symmetry, self._unitarity, self._convention):
            found = rule(sign)
            if found is not None:
                return found
        return Verdict(Word.NOT_FORBIDDEN, "")

    def _symmetry(self, sign: int) -> Verdict | None:
        """Operations that are unitary in Fock space hold at any bias, with screening and inelastic probes."""
        for sort in (UNITARY, PARTICLE_HOLE):
            for shift in self._shifts(-1 if sort.opposing else 1):
                one = examined(self.first, driven=True)
                other = examined(self.second, driven=True, shift=shift)
                found = mapping(one, other, sort, shift=shift)
                if found is None:
                    continue
                currents = Currents(self.first, self.second)
                currents.between([found])
                currents.within(0, of_sort(one, UNITARY))
                if currents.follows(self.terminal, sign):
                    kept = ", gauge-invariant" if shift else ""
                    return Verdict(Word.FORBIDDEN, name_of(found, one) + kept, found)
        return None

    def _unitarity(self, sign: int) -> Verdict | None:
        """Two terminals of equal temperature without inelastic scattering exchange their potentials."""
        if sign != -1 or not self._elastic or not self._exchanged(self._shift):
            return None
        same = self._same(self._shift)
        if same is None:
            return None
        return Verdict(Word.FORBIDDEN, "elastic probe" if self._probes else "two-terminal unitarity", same)

    def _convention(self, sign: int) -> Verdict | None:
        """A bias that is not symmetric about what does not follow it."""
        if not self._shift or not self._exchanged(self._shift):
            return None
        return Verdict(Word.WARNING, "bias convention")

    def _same(self, shift: float) -> Operation | None:
        """The identity, where everything but the given mu and T is the same in both cases."""
        one, other = examined(self.first, driven=False), examined(self.second, driven=False, shift=shift)
        sites = [(site, site) for site in range(one.size)]
        return mapping(one, other, UNITARY, *sites, shift=shift)

    @property
    def _elastic(self) -> bool:
        """Whether nothing but two baths and elastic probes touch, and no level depends on an unknown."""
        device = self.first
        free = sum(group.count for group in device.terminals if not group.conditions)
        elastic = all(conditions[c.quantity].elastic for group in device.terminals for c in group.conditions)
        moving = [group.terminal for group in device.terminals if not is_flat(group.terminal)]
        own = any(bands_of(device, terminal) == "own" for terminal in moving)
        return free == 2 and elastic and not (own or device.screening or device.superconducting)

    @property
    def _probes(self) -> bool:
        return any(group.conditions for group in self.first.terminals)

    def _given(self, device: Device) -> tuple[np.ndarray, np.ndarray]:
        """(mu, T) of all baths."""
        baths = [group for group in device.terminals if not group.conditions]
        mu, T = (
            np.concatenate(
                [np.zeros(0), *(np.broadcast_to(group.given[name], group.count) for group in baths)]
            )
            for name in ("mu", "T")
        )
        return mu, T

    @property
    def _shift(self) -> float:
        return next(iter(self._shifts(1)))

    def _shifts(self, sign: int) -> Iterator[float]:
        """Common shifts of the second case that could make it an image of the first."""
        reference = float(self.first.reference.get("mu", 0.0))
        one, other = self._given(self.first)[0] - reference, self._given(self.second)[0] - reference
        shift = float(np.mean(other) - sign * np.mean(one)) if len(one) and len(one) == len(other) else 0.0
        scale = float(np.abs(np.concatenate([one, other])).max(initial=0.0))
        yield shift if abs(shift) > ALIKE * scale else 0.0

    def _exchanged(self, shift: float) -> bool:
        """Whether the two baths exchange their potentials, at one temperature."""
        (one, hot), (other, hotter) = self._given(self.first), self._given(self.second)
        if len(one) != 2 or len({*hot.tolist(), *hotter.tolist()}) > 1:
            return False
        scale = float(np.abs(np.concatenate([one, other])).max(initial=0.0))
        return bool(np.all(np.abs(other - shift - one[::-1]) <= ALIKE * scale))
