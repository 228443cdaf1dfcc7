"""What an open chain's jump operators forbid: statements of all levels, and verdicts on its flows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from modelkit.symmetry.chains.conserved import MOST, conserved
from modelkit.symmetry.chains.jumps import ChainOperation, keeps_everything_alike, operations
from modelkit.symmetry.chains.kinetic import (
    MOST_MODES,
    ModePermutation,
    classes,
    determined,
    energy_only,
    permutations,
    unital,
)
from modelkit.symmetry.chains.observables import particle_current, reversed_by
from modelkit.symmetry.chains.open_chain import Blocks, OpenChain
from modelkit.symmetry.verdict import Verdict, Word


@dataclass(frozen=True, eq=False)
class Flow:
    """What may vanish: a flow of the Hamiltonian, or one that jump operators have a part in.

    Attributes
    ----------
    symbol
        How it is written.
    blocks
        As a one-body operator; None for the particle current.
    of_energy
        Whether each mode contributes its velocity times a function of its energy.
    by_jumps
        Whether jumps carry it themselves: then only what keeps all of the master equation forbids it.
    """

    symbol: str = "I"
    blocks: Blocks | None = None
    of_energy: bool = True
    by_jumps: bool = False

    def reversed_by(self, each: ChainOperation) -> bool:
        """Whether an operation takes it to minus itself, in states that commute with H at least.

        Those suffice for the current alone; what jumps carry goes as the cells do that they cross.
        """
        if self.by_jumps and not (each.reverses_current and each.moves_cells_whole):
            return False
        if self.blocks is None:
            return each.reverses_current
        return reversed_by(each.motion, each.unitary, self.blocks)

    def reversed_in_all_states(self, each: ChainOperation, chain: OpenChain) -> bool:
        """Whether it is reversed as an operator.

        Where orbitals of a cell end in several cells, ``dh/dk`` changes by a commutator with H besides,
        which has no part in states that commute with H only.
        """
        if self.blocks is not None or each.moves_cells_whole:
            return True
        return reversed_by(each.motion, each.unitary, particle_current(chain))


CURRENT = Flow()


@dataclass(frozen=True)
class Statement:
    """One reason why a flow, such as the particle current of the Hamiltonian, vanishes.

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
    symbol
        The flow.
    """

    reason: str
    level: str
    any_coupling: bool = False
    half_filling: bool = False
    even_length: bool = False
    symbol: str = "I"

    def __str__(self) -> str:
        """``inversion x sigma_z: I = 0 at any coupling, any filling``."""
        coupling = "at any coupling" if self.any_coupling else "as the coupling goes to zero"
        if self.level != "operators":
            coupling += ", in the rate equation"
        filling = "at half filling" if self.half_filling else "any filling"
        rings = ", rings of even length" if self.even_length else ""
        return f"{self.reason}: {self.symbol} = 0 {coupling}, {filling}{rings}"


@dataclass(frozen=True, eq=False)
class JumpReport:
    """Operations, mode permutations, rules and charges of an open chain, each found when first asked for.

    Parameters
    ----------
    chain
        The chain.  Charges are counted on its ring or, without a length, on the shortest of even length
        (at least 12 cells) that holds its operators.
    flow
        What the statements are about.

    Examples
    --------
    ::

        jump = OneBody({(0, 0): 1, (0, 1): -0.7, (1, 0): 2, (1, 1): -1.4}, rate=0.5)
        report = JumpReport(OpenChain({1: -1}, (jump, Bath(beta=2, rate=0.5))))
        str(report.verdict())  # forbidden: time reversal: I = 0 as the coupling goes to zero, any filling
    """

    chain: OpenChain
    flow: Flow = field(default=CURRENT)

    @cached_property
    def operations(self) -> tuple[ChainOperation, ...]:
        """Operations kept, those too that do not reverse the current."""
        return operations(self.chain)

    @cached_property
    def permutations(self) -> tuple[ModePermutation, ...]:
        """Mode permutations P and PH."""
        return permutations(self.chain, self.flow.blocks)

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
        """Why the flow vanishes, the strongest reason first."""
        found = [
            Statement(
                reason=str(each),
                level="operators",
                any_coupling=each.any_coupling and self.flow.reversed_in_all_states(each, self.chain),
                half_filling=each.half_filling,
                even_length=each.motion.alternating and self.chain.cells is None,
                symbol=self.flow.symbol,
            )
            for each in self.operations
            if self.flow.reversed_by(each) and (each.any_coupling or not self.flow.by_jumps)
        ]
        if not self.flow.by_jumps:
            if keeps_everything_alike(self.chain):
                rule = "all states are filled alike: unital, without thermal bath"
                found.append(Statement(rule, "operators", any_coupling=True, symbol=self.flow.symbol))
            found += self._of_rates
        return tuple(sorted(found, key=lambda each: (each.half_filling, not each.any_coupling)))

    @property
    def _of_rates(self) -> list[Statement]:
        """Those of the rate equation."""
        symbol, conserved = self.flow.symbol, self.chain.conserves_number
        found = [
            Statement(f"modes {each}", "kinetic", half_filling=each.holes and conserved, symbol=symbol)
            for each in self.permutations
        ]
        if self.flow.of_energy and energy_only(self.chain):
            found.append(Statement("the occupation is a function of energy only", "rule", symbol=symbol))
        if unital(self.chain):
            found.append(Statement("unital without thermal bath", "rule", symbol=symbol))
        return found

    def decisive(self, *, half_filling: bool = False, any_coupling: bool = False) -> Statement | None:
        """The strongest statement that answers a question, as in :meth:`verdict`."""
        return next(
            (
                each
                for each in self.statements
                if each.half_filling <= half_filling and each.any_coupling >= any_coupling
            ),
            None,
        )

    def verdict(self, *, half_filling: bool = False, any_coupling: bool = False) -> Verdict:
        """Whether the flow is forbidden.

        Parameters
        ----------
        half_filling
            Whether the question is about filling 1/2, not any filling.
        any_coupling
            Whether it is about finite coupling, not the limit in which the coupling goes to zero.
        """
        forbidden = self.decisive(half_filling=half_filling, any_coupling=any_coupling)
        if forbidden is not None:
            return Verdict(Word.FORBIDDEN, f"{forbidden}{self._provided}")
        asked = "at half filling" if half_filling else "at any filling"
        if not self.chain.conserves_number:
            asked = ""
        asked += ", at any coupling" if any_coupling else ", as the coupling goes to zero"
        asked = asked.removeprefix(", ")
        what = "the current" if self.flow is CURRENT else self.flow.symbol
        if not any_coupling and not determined(self.chain):
            where = "at all k" if self.chain.cells is None else "at a momentum of the ring"
            reason = f"bands are one {where}, the rates between their modes are not determined"
            return Verdict(Word.NOT_DECIDED, f"{reason}; no operation forbids {what} {asked}")
        kinds = "operation" if any_coupling else "operation, permutation of modes or rule"
        reason = f"no {kinds} forbids {what} {asked}"
        return Verdict(Word.NOT_FORBIDDEN, "; but ".join([reason, *map(str, self.statements[:1])]))

    @property
    def unique(self) -> bool:
        """Whether nothing has to be conserved besides the number of particles."""
        return not self._provided

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
        lines += [f"kept too: {each}" for each in self.operations if not self.flow.reversed_by(each)]
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
