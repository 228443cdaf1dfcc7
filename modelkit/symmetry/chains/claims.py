"""Whether a flow of a declared open chain must vanish: ``I``, ``I_s[up] + I_s[down]``, ``energy_current``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import sympy as sp

from modelkit.compile.unit_cell import UnitCell
from modelkit.elements.result_formulas import OutputRequest, Quantity
from modelkit.symmetry.chains.blame import restoring, spoilt
from modelkit.symmetry.chains.declared import OpenSubject
from modelkit.symmetry.chains.finite import FiniteChain, FiniteOperation
from modelkit.symmetry.chains.jump_report import CURRENT, Flow, JumpReport
from modelkit.symmetry.chains.observables import combined, energy_current, orbital_current, particle_current
from modelkit.symmetry.chains.observables import size as largest
from modelkit.symmetry.chains.open_chain import Blocks, OpenChain
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict, Word

UNDECIDED = "only linear formulas of the currents of a chain are decided"
CASES = "currents of an open chain are decided case by case"
WEAK, RATES, ALIKE = "weak coupling", "rate equation", "conserved charges"
HALF = 1e-12  # off one half: another filling

Of = Callable[[OpenChain, UnitCell, tuple[str, ...]], Blocks | None]


def _spin(chain: OpenChain, cell: UnitCell, labels: tuple[str, ...]) -> Blocks | None:
    if len(labels) != 1 or labels[0] not in ("up", "down"):
        return None
    return orbital_current(chain, np.asarray(cell.spin == ("up", "down").index(labels[0])))


def _orbital(chain: OpenChain, cell: UnitCell, labels: tuple[str, ...]) -> Blocks | None:
    if len(labels) != 1 or labels[0] not in cell.orbitals:
        return None
    return orbital_current(chain, np.array([name == labels[0] for name in cell.orbitals]))


FLOWS: Mapping[str, Of] = {
    "current": lambda chain, cell, labels: particle_current(chain),
    "jump_current": lambda chain, cell, labels: particle_current(chain),
    "energy_current": lambda chain, cell, labels: energy_current(chain),
    "current_by_spin": _spin,
    "current_by_orbital": _orbital,
}
"""Outputs that are flows, as operators; that of jumps goes where that of the Hamiltonian does."""


def asked_of(name: str, labels: tuple[str, ...] = ()) -> bool:
    """Whether an output, by its long name, is a single flow that may be forbidden."""
    return name in FLOWS and (bool(labels) or name not in ("current_by_spin", "current_by_orbital"))


def verdict_on_flow(
    subject: Subject, claim: OutputRequest, *, any_coupling: bool | None = None, lines: bool = True
) -> Verdict:
    """Whether a formula over the flows of an open chain must vanish.

    Parameters
    ----------
    any_coupling
        Whether it is asked about at finite coupling, not in the limit in which the coupling goes to zero;
        None: where nothing but loss and gain is there, or cells differ, whose methods need no such limit.
    lines
        Whether lines that break what would forbid it are told.
    """
    declared = OpenSubject(subject)
    try:
        if declared.cell is None:
            return _finite(declared, claim, any_coupling is not False)
        chain = declared.chain
        if any_coupling is None:
            any_coupling = not (chain.one_body or chain.baths)
        flow = _flow(chain, declared.cell, claim)
        if flow is None:
            return Verdict(Word.NOT_DECIDED, UNDECIDED)
        return _translation_invariant(declared, claim, flow, any_coupling, lines)
    except Undecided as error:
        return Verdict(Word.NOT_DECIDED, str(error))


def _translation_invariant(
    declared: OpenSubject, claim: OutputRequest, flow: Flow, any_coupling: bool, lines: bool
) -> Verdict:
    half = half_filled(declared)
    coupled = any_coupling or flow.by_jumps
    told = JumpReport(declared.chain, flow)
    found = told.verdict(half_filling=half, any_coupling=coupled)
    if declared.chain.cells is not None and not coupled:
        found = _with_many_cells(found, declared.chain, flow, half)
    decisive = told.decisive(half_filling=half, any_coupling=coupled)
    if decisive is not None:
        limit = "" if decisive.any_coupling else WEAK if decisive.level == "operators" else RATES
        return replace(found, limit=limit if told.unique else ALIKE)
    if found.word is not Word.NOT_FORBIDDEN or not lines:
        return found

    def forbidden(other: OpenSubject) -> bool:
        its = _flow(other.chain, other.cell, claim) if other.cell is not None else None
        if its is None or not largest(particle_current(other.chain)):
            return False
        report = JumpReport(other.chain, its)
        return report.decisive(half_filling=half_filled(other), any_coupling=coupled) is not None

    why = [str(each) for each in spoilt(declared, half_filling=half, any_coupling=coupled)]
    ways = restoring(declared, forbidden)
    why += [f"forbidden with {' or '.join(ways)}"] if ways else []
    return replace(found, reason="; ".join([found.reason, *why]))


def _with_many_cells(found: Verdict, chain: OpenChain, flow: Flow, half: bool) -> Verdict:
    """What is left of it on a ring may be due to its length alone."""
    if found.word is Word.FORBIDDEN:
        return found
    many = JumpReport(replace(chain, cells=None), flow).decisive(half_filling=half)
    return found if many is None else replace(found, reason=f"{found.reason}; with many cells: {many}")


def half_filled(declared: OpenSubject) -> bool:
    """Whether the declared filling is one half."""
    cell = declared.cell
    return cell is not None and cell.filling is not None and abs(cell.filling - 0.5) <= HALF


def _flow(chain: OpenChain, cell: UnitCell, claim: OutputRequest) -> Flow | None:
    """The formula as a flow, None for one that is none."""
    terms = _terms(claim, cell.device.values if cell.device is not None else {})
    if terms is None:
        return None
    names = {quantity.output for _, quantity, _ in terms}
    found = []
    for factor, quantity, labels in terms:
        blocks = FLOWS[quantity.output](chain, cell, labels)
        if blocks is None:
            return None
        found.append((factor, blocks))
    if names == {"current"}:
        return CURRENT
    by_jumps = "jump_current" in names
    of_energy = names <= {"current", "energy_current"}
    return Flow(_text(claim), combined(found), of_energy, by_jumps)


def _terms(
    claim: OutputRequest, values: Mapping[str, float | complex | int]
) -> list[tuple[float, Quantity, tuple[str, ...]]] | None:
    """Factors, quantities and labels of a linear formula."""
    if claim.formula is None:
        return [(1.0, Quantity(claim.name), ())] if asked_of(claim.name) else None
    rest = sp.expand(
        claim.formula.subs({s: values[str(s)] for s in claim.formula.free_symbols if str(s) in values})
    )
    found = []
    for symbol, quantity in claim.quantities.items():
        factor = rest.coeff(symbol, 1)
        labels = tuple(label.text(values) for label in quantity.labels)
        if not factor.is_number or not asked_of(quantity.output, labels):
            return None
        found.append((float(factor), quantity, labels))
        rest = sp.expand(rest - factor * symbol)
    if rest != 0 or not found:
        return None
    if len({quantity.case for _, quantity, _ in found}) > 1:
        raise Undecided(CASES)
    return found


def _text(claim: OutputRequest) -> str:
    return " ".join(claim.span.text.split()) if claim.span is not None else claim.name


def _finite(declared: OpenSubject, claim: OutputRequest, any_coupling: bool) -> Verdict:
    """A chain with ends, or cells that differ: operations of all of it, and the sum of its currents."""
    terms = _terms(claim, declared.device().values)
    names = {quantity.output for _, quantity, _ in terms or ()}
    if not names or names - {"current", "jump_current"}:
        what = "of a chain that is not translation invariant only its current is decided"
        return Verdict(Word.NOT_DECIDED, what)
    chain = FiniteChain(declared.lindbladian)
    symbol = CURRENT.symbol if names == {"current"} else _text(claim)
    known = declared.lindbladian.filling.values()
    half = bool(known) and all(abs(each - 0.5) <= HALF for each in known)
    by_jumps = "jump_current" in names
    coupled = any_coupling or by_jumps
    kept = [each for each in chain.operations if _reverses(each, chain, names)]
    kept.sort(key=lambda each: (each.half_filling, not each.any_coupling))
    for each in kept:
        if each.half_filling <= half and each.any_coupling >= coupled:
            return Verdict(Word.FORBIDDEN, _reason(each, symbol), limit="" if each.any_coupling else WEAK)
    asked = "at half filling, " * half + ("at any coupling" if coupled else "as the coupling goes to zero")
    what = symbol if by_jumps else "its current"
    reason = f"no operation that was found of the whole chain reverses {what} {asked}"
    return Verdict(Word.NOT_FORBIDDEN, "; but ".join([reason, *(_reason(each, symbol) for each in kept[:1])]))


def _reverses(each: FiniteOperation, chain: FiniteChain, names: set[str]) -> bool:
    """Whether an operation reverses all of these flows; what jumps carry at any coupling only."""
    if "jump_current" in names and not (each.any_coupling and each.reverses_carried(chain)):
        return False
    return "current" not in names or each.reverses(chain.current)


def _reason(each: FiniteOperation, symbol: str) -> str:
    coupling = "at any coupling" if each.any_coupling else "as the coupling goes to zero"
    filling = "at half filling" if each.half_filling else "any filling"
    return f"{each}: {symbol} = 0 {coupling}, {filling}"
