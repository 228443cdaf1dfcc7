"""The quantities that tasks give: one function each, entered under its long name.

An output takes what a verb found and returns an array of the shape of its dimensions, in natural units, or
an array with its dimensions where these depend on what was found.
It may come with audits of its own, a second function; ``read`` gives both and is how outputs are read.
A new one is one function here (or anywhere that is imported): messages, the language page and the
Dataset know it by its registration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.registry import Output, enter_output, outputs
from modelkit.results.audit import demand
from modelkit.results.dataset import Labelled

Floats = NDArray[np.float64]
Evaluate = Callable[[Any], Any]
Audit = Callable[[Any], Mapping[str, float]]


def output(
    name: str,
    short: str | None,
    dims: tuple[str, ...],
    unit: str,
    meaning: str,
    verbs: tuple[str, ...],
    audit: Audit = lambda found: {},
    scale: Callable[[Any], float] | None = None,
) -> Callable[[Evaluate], Evaluate]:
    """Enter the decorated function ``evaluate(found)`` as an output; see :class:`Output`."""

    def enter(evaluate: Evaluate) -> Evaluate:
        enter_output(Output(name, short, dims, unit, meaning, verbs, evaluate, audit, scale=scale))
        return evaluate

    return enter


def read(name: str, found: Any) -> tuple[Floats, Mapping[str, float]]:
    """The array of an output in natural units, and its own audits; raises as ``read_labelled``."""
    array, audits = read_labelled(name, found)
    return np.asarray(array.values), audits


def read_labelled(name: str, found: Any, verb: str = "") -> tuple[Labelled, Mapping[str, float]]:
    """The same with its dimensions, as a verb gives it.

    Raises
    ------
    ModelError
        What was solved has no such output.
    NotConverged
        One of its audits is exceeded: the array is not to be used.
    """
    entry = outputs[name].of(verb)
    array, audits = entry.evaluate(found), entry.audit(found)
    demand(audits)
    return array if isinstance(array, Labelled) else Labelled(entry.dims, np.asarray(array)), audits


# --- transport: found is a LinearTransport --------------------------------------------------------


@output(
    "current", "I", ("terminal",), "current",
    "particle (charge/e) current of each terminal, positive into the conductor", ("transport",),
    scale=lambda found: float(found.gross),
)  # fmt: skip
def current(found: Any) -> Floats:
    """Shape (n_terminals,)."""
    return np.asarray(found.current)


@output(
    "chemical_potential", "mu", ("terminal",), "energy",
    "chemical potential of each terminal, given or solved; NaN for dephasing probes", ("transport",),
)  # fmt: skip
def chemical_potential(found: Any) -> Floats:
    """Shape (n_terminals,); absolute, not counted from the reference."""
    return np.asarray(found.chemical_potential)


@output(
    "temperature", "T", ("terminal",), "temperature",
    "temperature of each terminal, given or solved; NaN for dephasing probes", ("transport",),
)  # fmt: skip
def temperature(found: Any) -> Floats:
    """Shape (n_terminals,)."""
    return np.asarray(found.temperature)


@output(
    "heat_current", "J", ("terminal",), "energy/time",
    "energy current less mu times particle current, positive into the conductor", ("transport",),
    scale=lambda found: float(found.work),
)  # fmt: skip
def heat_current(found: Any) -> Floats:
    """Shape (n_terminals,); to the order of the expansion, at T = 0 zero to first order."""
    return np.asarray(found.heat_current)


@output(
    "dissipated_heat", "heat", ("terminal",), "energy/time",
    "heat that each terminal takes up, in an expansion to the lowest (quadratic) order; positive",
    ("transport",), lambda found: found.heat_audits,
)  # fmt: skip
def dissipated_heat(found: Any) -> Floats:
    """``(1/4pi) sum_b T_ab (x_a - x_b)^2``, thermally averaged; shape (n_terminals,).

    Its sum is the power ``sum_a I_a x_a`` that the terminals put in.
    """
    _refuse_condensate(found, "dissipated_heat", "electrons that return as holes heat no single terminal")
    return np.asarray(found.heat)


@output(
    "bond_current", None, ("bond",), "current",
    "particle current of each declared hop, positive along its arrow", ("transport",),
    lambda found: found.bond_audits,
)  # fmt: skip
def bond_current(found: Any) -> Floats:
    """Shape (n_bonds,)."""
    _refuse_condensate(found, "bond_current", "pairs enter and leave the condensate along the bonds")
    return np.asarray(found.bond_current)


@output(
    "density_change", None, ("site",), "1",
    "change of the occupation of each site from equilibrium with its terminal; NaN on sites without one",
    ("transport",),
)  # fmt: skip
def density_change(found: Any) -> Floats:
    """``sum_b Gamma_b |G_lb|^2 (mu_b - mu_l)/(2 pi)`` with mu_l of the site's one terminal; shape (n_sites,).

    (B50) of R. Bag and D. Roy, arXiv:2409.12510; on a single-orbital site of its own the terminal's
    current gives it too, ``-I_l/Gamma_l``.  Filled by all terminals alike, a site holds its density of
    states.
    """
    _refuse_condensate(found, "density_change", "particles are exchanged with the condensate on every site")
    terminal, site = found.system.contacts.touched
    touched = np.bincount(site, minlength=len(found.system.weight))
    own = np.zeros(len(touched), dtype=np.intp)
    own[site] = terminal

    def measure(conductance: Any, f: Floats) -> Floats:
        return np.asarray(conductance.density(f) - f[:, own] * conductance.density_of_states())

    return np.where(touched == 1, found.average(measure), np.nan)


@output(
    "potential", "U", ("region",), "energy",
    "potential energy of an electron that a screening solves for; without screening the mean prescribed one "
    "of each region", ("transport",),
)  # fmt: skip
def potential(found: Any) -> Floats:
    """Shape (number of unknown potentials,), without screening (n_regions,)."""
    _refuse_condensate(found, "potential", "the potentials of a superconductor are not solved for")
    return np.asarray(found.potential)


@output(
    "characteristic_potential", "u", ("region", "terminal"), "1",
    "derivative of each unknown potential by the chemical potential of a terminal at the reference, the "
    "others held; NaN for dephasing probes", ("transport", "response"),
    lambda found: found.characteristic_audits,
)  # fmt: skip
def characteristic_potential(found: Any) -> Floats:
    """``dU_r/dmu_a``, shape (number of unknown potentials, n_terminals)."""
    _refuse_condensate(found, "characteristic_potential", "its potentials are not solved for")
    return np.asarray(found.characteristic_potential)


@output(
    "density", None, ("site",), "1",
    "electrons on each site: the filled states below the reference and what the bias fills", ("transport",),
)  # fmt: skip
def density(found: Any) -> Floats:
    """``int dE/(2 pi) sum_b [G Gamma_b G†]_ss f_b`` over all energies, shape (n_sites,)."""
    _refuse_condensate(found, "density", "its condensate holds some of the electrons")
    return np.asarray(found.density)


# --- transmission: found is a Spectrum ------------------------------------------------------------


@output(
    "transmission", None, ("energy", "terminal", "terminal_from"), "1",
    "transmission from one terminal to another, probes included", ("transmission",),
    lambda found: found.transmission_audits,
)  # fmt: skip
def transmission(found: Any) -> Floats:
    """``T[E, to, from]``, shape (n_E, n_terminals, n_terminals).

    Of superconducting devices from electrons to electrons, of superconducting leads from and to their
    quasi-particles; NaN for the condensate, which takes pairs alone.
    """
    return np.asarray(found.transmission)


@output(
    "andreev_transmission", None, ("energy", "terminal", "terminal_from"), "1",
    "transmission of electrons of one terminal into holes of another (Andreev reflection on the diagonal)",
    ("transmission",), lambda found: found.transmission_audits,
)  # fmt: skip
def andreev_transmission(found: Any) -> Floats:
    """``T[E, to, from]`` from electrons to holes, shape as ``transmission``; zero without a condensate."""
    return np.asarray(found.andreev_transmission)


@output(
    "effective_transmission", None, ("energy", "terminal", "terminal_from"), "1",
    "transmission with the dephasing probes eliminated; their rows and columns are NaN", ("transmission",),
    lambda found: found.transmission_audits,
)  # fmt: skip
def effective_transmission(found: Any) -> Floats:
    """Add what goes by way of elastic probes to what goes directly.

    ``T_ab + T_ap (D - T)^-1_pq T_qb`` with ``D_p`` all that leaves probe p; shape as ``transmission``.
    M. Buettiker, IBM J. Res. Dev. 32, 63 (1988).
    """
    _refuse_condensate(found, "effective_transmission", "a probe there turns electrons into holes too")
    return np.asarray(found.effective_transmission)


@output(
    "dos", None, ("energy", "site"), "1/energy",
    "local density of states (of electrons), of all orbitals of a site", ("transmission",),
    lambda found: found.local_audits,
)  # fmt: skip
def dos(found: Any) -> Floats:
    """``-Im Tr G_ss/pi``, shape (n_E, n_sites)."""
    return np.asarray(found.dos)


@output(
    "injectivity", None, ("energy", "site", "terminal"), "1/energy",
    "local density of states that one terminal fills", ("transmission",), lambda found: found.local_audits,
)  # fmt: skip
def injectivity(found: Any) -> Floats:
    """``[G Gamma_a G†]_ss/(2 pi)``, shape (n_E, n_sites, n_terminals), probes as terminals.

    The sum over the terminals is ``dos``; the sum over the sites of a region is that of the region.
    M. Buettiker, J. Phys.: Condens. Matter 5, 9361 (1993).
    """
    _refuse_condensate(found, "injectivity", "a terminal fills it with electrons and with holes")
    return np.asarray(found.injectivity)


@output(
    "spectral_current", None, ("energy", "terminal"), "current/energy",
    "particle current of each terminal per energy in the steady state, probes solved first",
    ("transmission",), lambda found: found.spectral_audits,
)  # fmt: skip
def spectral_current(found: Any) -> Floats:
    """``i_a(E) = sum_b T_ab (f_a - f_b)/(2 pi)``, shape (n_E, n_terminals); zero for dephasing probes.

    With the distributions and the levels of full ``transport``: its integral over E is ``current``.
    """
    return np.asarray(found.spectral_current)


def _refuse_condensate(found: Any, name: str, reason: str) -> None:
    """What is not defined, or not simple, where a condensate exchanges particles with the device."""
    if found.system.reservoirs.superconducting:
        raise ModelError(
            f"a superconducting device has no '{name}': {reason}",
            hint=f"leave out '{name}'; currents hold the terminal 'condensate'",
        )
