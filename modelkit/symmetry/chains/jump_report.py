"""What an open chain's jump operators forbid: statements of all levels, and verdicts on its current."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from modelkit.symmetry.chains.conserved import MOST, conserved
from modelkit.symmetry.chains.jumps import ChainOperation, operations
from modelkit.symmetry.chains.kinetic import (
    MOST_MODES,
    ModePermutation,
    classes,
    determined,
    energy_only,
    permutations,
    unital,
)
from modelkit.symmetry.chains.open_chain import OpenChain
from modelkit.symmetry.verdict import Verdict, Word


@dataclass(frozen=True)
class Statement:
    """One reason why the particle current (of Hamiltonian and jumps together) vanishes.

    Attributes
    ----------
    reason
        The operation, permutation or rule.
    level
        "operators" (exact), "kinetic" or "rule" (both of the rate equation).
    any_coupling
        Whether to all orders in the coupling, otherwise as the coupling goes to zero only.
    half_filling
        Whether at half filling only.
    even_length
        Whether on rings of even length only, the chain having no length of its own.
    """

    reason: str
    level: str
    any_coupling: bool = False
    half_filling: bool = False
    even_length: bool = False

    def __str__(self) -> str:
        """``inversion x sigma_z: I = 0 at any coupling, any filling``."""
        coupling = "at any coupling" if self.any_coupling else "as the coupling goes to zero"
        if self.level != "operators":
            coupling += ", in the rate equation"
        filling = "at half filling" if self.half_filling else "any filling"
        rings = ", rings of even length" if self.even_length else ""
        return f"{self.reason}: I = 0 {coupling}, {filling}{rings}"


@dataclass(frozen=True, eq=False)
class JumpReport:
    """Operations, mode permutations, rules and charges of an open chain, each found when first asked for.

    Parameters
    ----------
    chain
        The chain.  Charges are counted on its ring or, without a length, on the shortest of even length
        (at least 12 cells) that holds its operators.

    Examples
    --------
    ::

        jump = OneBody({(0, 0): 1, (0, 1): -0.7, (1, 0): 2, (1, 1): -1.4}, rate=0.5)
        report = JumpReport(OpenChain({1: -1}, (jump, Bath(beta=2, rate=0.5))))
        str(report.verdict())  # forbidden: time reversal: I = 0 as the coupling goes to zero, any filling
    """

    chain: OpenChain

    @cached_property
    def operations(self) -> tuple[ChainOperation, ...]:
        """Operations kept, those too that do not reverse the current."""
        return operations(self.chain)

    @cached_property
    def permutations(self) -> tuple[ModePermutation, ...]:
        """Mode permutations P and PH."""
        return permutations(self.chain)

    @cached_property
    def cells(self) -> int:
        """Length of the ring on which charges are counted."""
        if self.chain.cells is not None:
            return self.chain.cells
        return max(12, 2 * self.chain.reach + 2)

    @cached_property
    def charges(self) -> int | None:
        """One-body operators that commute with H and all jump operators; None on rings too long to count."""
        if self.cells > MOST // self.chain.d:
            return None
        return conserved(self.chain, self.cells)

    @cached_property
    def classes(self) -> int | None:
        """Charges that the rate equation conserves; None where it does not apply or the ring is too long."""
        countable = self.cells <= MOST_MODES // self.chain.d and determined(self.chain)
        return classes(self.chain, self.cells) if countable else None

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Why the current vanishes, the strongest reason first."""
        found = [
            Statement(
                reason=str(each),
                level="operators",
                any_coupling=each.any_coupling,
                half_filling=each.half_filling,
                even_length=each.motion.alternating and self.chain.cells is None,
            )
            for each in self.operations
            if each.reverses_current
        ]
        found += [
            Statement(f"modes {each}", "kinetic", half_filling=each.holes and self.chain.conserves_number)
            for each in self.permutations
        ]
        if energy_only(self.chain):
            found.append(Statement("the occupation is a function of energy only", "rule"))
        if unital(self.chain):
            found.append(Statement("unital without thermal bath", "rule"))
        return tuple(sorted(found, key=lambda each: (each.half_filling, not each.any_coupling)))

    def verdict(self, *, half_filling: bool = False, any_coupling: bool = False) -> Verdict:
        """Whether the particle current is forbidden.

        Parameters
        ----------
        half_filling
            Whether the question is about filling 1/2, not any filling.
        any_coupling
            Whether it is about finite coupling, not the limit in which the coupling goes to zero.
        """
        asked = "at half filling" if half_filling else "at any filling"
        asked += ", at any coupling" if any_coupling else ", as the coupling goes to zero"
        weaker = []
        for each in self.statements:
            if each.half_filling <= half_filling and each.any_coupling >= any_coupling:
                return Verdict(Word.FORBIDDEN, f"{each}{self._provided}")
            weaker.append(str(each))
        if not any_coupling and not determined(self.chain):
            reason = "bands are one at all k, the rates between their modes are not determined"
            return Verdict(Word.NOT_DECIDED, f"{reason}; no operation forbids the current {asked}")
        kinds = "operation" if any_coupling else "operation, permutation of modes or rule"
        reason = f"no {kinds} forbids the current {asked}"
        return Verdict(Word.NOT_FORBIDDEN, "; but ".join([reason, *weaker[:1]]))

    @cached_property
    def _provided(self) -> str:
        """What has to be added where the steady state is not unique."""
        counts = [count for count in (self.charges, self.classes) if count is not None]
        if not counts:
            return f", provided that the steady state is unique (not counted on {self.cells} cells)"
        count = max(counts)
        if count <= int(self.chain.conserves_number):
            return ""
        return f", provided that the {count} conserved charges ({self.cells} cells) start alike under it"

    def __str__(self) -> str:
        """All statements, line by line."""
        lines = [f"{each} ({each.level})" for each in self.statements] or ["nothing forbids the current"]
        lines += [f"kept too: {each}" for each in self.operations if not each.reverses_current]
        for name, count in (("operators", self.charges), ("rate equation", self.classes)):
            if count is not None:
                lines.append(f"conserved charges, {name}, {self.cells} cells: {count}")
        return "\n".join(lines)

    def records(self) -> list[dict[str, str | bool]]:
        """The statements as plain records."""
        return [
            {
                "reason": each.reason,
                "level": each.level,
                "any_coupling": each.any_coupling,
                "half_filling": each.half_filling,
                "even_length": each.even_length,
            }
            for each in self.statements
        ]


def forbids_current(chain: OpenChain, *, half_filling: bool = False, any_coupling: bool = False) -> Verdict:
    """Whether the steady particle current of an open chain is forbidden; see ``JumpReport.verdict``."""
    return JumpReport(chain).verdict(half_filling=half_filling, any_coupling=any_coupling)
