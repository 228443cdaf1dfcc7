"""Several steady states: what is conserved besides the number of particles."""

from __future__ import annotations

from collections import Counter

import numpy as np

from modelkit.errors import ModelError
from modelkit.solve.open_chains.exact.chain import Chain
from modelkit.solve.open_chains.exact.null_space import Steady
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.charges import Dark, dark_subspaces
from modelkit.solve.open_chains.real_space.covariance import covariance_equation
from modelkit.solve.open_chains.real_space.places import orbital_names

WHOLE = 1 - 1e-6  # share of an orbital in a subspace, from which on it lies in it
MOST_NAMED = 4


def several_steady_states(problem: OpenProblem, chain: Chain, steady: Steady) -> ModelError:
    """The error that says how many there are and which numbers of particles are kept."""
    many = f"{steady.count}" if steady.all_found else f"at least {steady.count}"
    given = any(charge.kept for charge in chain.charges)
    message = f"there are {many} steady states" + " with these numbers of particles" * given
    kept = conserved_numbers(chain)
    if kept:
        message += f"; conserved by H and all jumps: {', '.join(kept)}"
    return ModelError(
        message,
        problem.place("method"),
        hint="ask for an evolution, which ends in the one of its initial state, or add what mixes them",
    )


def conserved_numbers(chain: Chain) -> list[str]:
    """Conserved quantities of one particle and parities in words, equal words counted.

    Numbers of particles that are given are left out: they do not tell steady states apart.
    """
    lindbladian = chain.lindbladian
    parities = [f"{one.told} modulo {one.step}" for one in chain.charges if one.step > 1]
    higher = any(len(part.value) for family in lindbladian.jumps for part in family.higher)
    if len(lindbladian.interaction.value) or higher or any(bath.rate for bath in lindbladian.baths):
        return parities
    found = dark_subspaces(covariance_equation(lindbladian))
    told = Counter(_told(chain, dark) for dark in found if not _is_given(chain, dark))
    return parities + [words if count == 1 else f"{words} ({count} such)" for words, count in told.items()]


def _is_given(chain: Chain, dark: Dark) -> bool:
    """Whether the particles in it are those of a lattice, or of several."""
    inside = np.flatnonzero(dark.share[: chain.modes] > WHOLE)
    whole = dark.modes == len(inside) and dark.multiplicity == 1
    return whole and any(each.kept and np.array_equal(inside, each.orbitals) for each in chain.charges)


def _told(chain: Chain, dark: Dark) -> str:
    labels = orbital_names(chain.lindbladian)
    share = dark.share[: chain.modes]
    inside = [label for label, part in zip(labels, share.tolist(), strict=True) if part > WHOLE]
    modes = dark.modes // dark.multiplicity
    many = f"{modes} mode" + ("s" if modes != 1 else "")
    copies = f", {dark.multiplicity} of them alike" if dark.multiplicity > 1 else ""
    where = "on " + ", ".join(inside[:MOST_NAMED]) + (", ..." if len(inside) > MOST_NAMED else "")
    if len(inside) != dark.modes:  # not these orbitals themselves
        where = "spread over the chain"
    return f"the number of particles in {many} {where}{copies}"
