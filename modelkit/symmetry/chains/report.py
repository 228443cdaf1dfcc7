"""What an open chain keeps, conserves and forbids, told to a person."""

from __future__ import annotations

import numpy as np

from modelkit.errors import ModelError
from modelkit.symmetry.candidates import Broken
from modelkit.symmetry.chains.bands import Bands, Rates
from modelkit.symmetry.chains.blame import spoilt
from modelkit.symmetry.chains.declared import OpenSubject, generic
from modelkit.symmetry.chains.exact import is_exact, is_exact_for_rates
from modelkit.symmetry.chains.finite import FiniteChain, FiniteOperation
from modelkit.symmetry.chains.jump_report import JumpReport, Statement
from modelkit.symmetry.chains.jumps import ChainOperation, mapped
from modelkit.symmetry.chains.open_chain import OpenChain
from modelkit.symmetry.exact import Certainty
from modelkit.symmetry.report import Kept, Report
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.subject import Subject

SIGNS = 1e-9  # of the largest rate: it depends on the sign of a momentum
NUMBERS = "by numbers, to 1e-8"
EQUATION = "Yamamoto, Ashida, Kawakami, Eq. (14)"


def found(subject: Subject) -> Report:
    """Operations, rules of the rate equation and charges of an open chain at given values.

    Raises
    ------
    Undecided
        What has not said how it transforms.
    """
    declared = OpenSubject(subject)
    if declared.cell is None:
        whole = FiniteChain(declared.lindbladian)
        kept = [_of_finite(each, whole) for each in whole.operations]
        return Report(tuple(kept), ())
    told = JumpReport(declared.chain)
    others = [chain for values in generic(subject) if (chain := _at(declared, values)) is not None]
    kept = [_of_chain(each, told.chain, others) for each in told.operations]
    broken = tuple(
        Broken(each.name, each.breakers, (), ())
        for each in spoilt(declared, half_filling=True, any_coupling=False)
    )
    rules = [_rule(each, told) for each in told.statements if each.level != "operators"]
    return Report(tuple(kept), broken, rules=(*rules, *_charges(told), *_signs(told.chain)))


def _rule(statement: Statement, told: JumpReport) -> str:
    """With how sure a permutation of modes is."""
    for each in told.permutations:
        if statement.reason.endswith(str(each)):
            sure = Certainty.GIVEN.value if is_exact_for_rates(each, told.chain) else NUMBERS
            return f"{statement}; {sure}"
    return str(statement)


def _at(declared: OpenSubject, values: dict[str, float]) -> OpenChain | None:
    try:
        other = declared.at(**values)
        return other.chain if other.cell is not None else None
    except (ModelError, Undecided):
        return None


def _of_chain(each: ChainOperation, chain: OpenChain, others: list[OpenChain]) -> Kept:
    always = all(mapped(other, other, each.motion) is not None for other in others)
    sure = Certainty.GIVEN if is_exact(each, chain) else Certainty.NUMBERS
    return Kept(str(each), "", always, sure, _note(each, each.reverses_current))


def _of_finite(each: FiniteOperation, chain: FiniteChain) -> Kept:
    return Kept(str(each), "", True, Certainty.NUMBERS, _note(each, each.reverses(chain.current)))


def _note(each: ChainOperation | FiniteOperation, reverses: bool) -> str:
    """``I = 0 at any coupling, at half filling``."""
    if not reverses:
        return "the current may flow"
    coupling = "at any coupling" if each.any_coupling else "as the coupling goes to zero"
    return f"I = 0 {coupling}, {'at half filling' if each.half_filling else 'any filling'}"


def _charges(told: JumpReport) -> list[str]:
    counts = [count for count in (told.charges, told.classes) if count is not None]
    if not counts:
        return []
    count = max(counts)
    what = "charge" if count == 1 else "charges"
    return [f"{count} conserved {what}, on a ring of {told.cells} cells"]


def _signs(chain: OpenChain) -> list[str]:
    """Whether jumps tell k from -k, which a current of even bands needs and which is not enough for one.

    K. Yamamoto, Y. Ashida, N. Kawakami, Eq. (14): ``R(k -> p)`` is not that of ``-k`` or of ``-p``.
    """
    if not chain.one_body:
        return []
    bands = Bands(chain, followed=False)
    if bands.degenerate:
        return []
    k = np.random.default_rng(8).uniform(0.1, 3.0, 5)
    band = np.tile(np.arange(chain.d), len(k))
    plus, minus = (bands.at(np.repeat(sign * k, chain.d), band) for sign in (1, -1))
    rates = Rates(chain)
    R = rates.between(plus, plus)[0]
    turned = (rates.between(minus, plus)[0], rates.between(plus, minus)[0])
    depends = any(np.abs(other - R).max() > SIGNS * R.max() for other in turned)
    if depends:
        what = "necessary for a current in bands that are even in it, not sufficient"
        return [f"rates of jumps depend on the sign of a momentum ({EQUATION}): {what}"]
    return [f"rates of jumps do not depend on the sign of a momentum ({EQUATION}): no current in even bands"]
