"""The methods for open chains; what they are made of is imported when they are asked."""

from __future__ import annotations

from modelkit.solve.open_chains.method import OpenMethod, Solver, enter

BOTH = ("steady_state", "evolution")
FLOWS = ("current", "current_by_spin", "energy_current", "occupation", "lagrange_multiplier", "loss_rate")
OF_CELLS = (*FLOWS, "current_by_orbital")
IN_REAL_SPACE = (*FLOWS, "jump_current", "bond_current")


def _gaussian() -> Solver:
    from modelkit.solve.open_chains.gaussian.gaussian import Gaussian

    return Gaussian()


def _gge() -> Solver:
    from modelkit.solve.open_chains.rates.gge import Gge

    return Gge()


def _populations() -> Solver:
    from modelkit.solve.open_chains.rates.populations import PopulationsOfModes

    return PopulationsOfModes()


def _exact() -> Solver:
    from modelkit.solve.open_chains.exact.exact import Exact

    return Exact()


def _projected() -> Solver:
    from modelkit.solve.open_chains.exact.exact import Projected

    return Projected()


enter(
    OpenMethod(
        "gaussian",
        "covariance equation of loss, gain and Hermitian products of two operators; exact, any lattice",
        BOTH,
        (*IN_REAL_SPACE, "current_by_orbital"),
        _gaussian,
    )
)
enter(
    OpenMethod(
        "gge",
        "rate equations of the modes of a translation-invariant chain, for weak coupling and many cells",
        BOTH,
        (*OF_CELLS, "jump_current", "order_1_over_L"),
        _gge,
        translation_invariant=True,
        limits=("weak coupling", "rate equation"),
    )
)
enter(
    OpenMethod(
        "populations",
        "the classical exclusion process of the modes of a ring with a fixed number of particles",
        ("steady_state",),
        OF_CELLS,
        _populations,
        translation_invariant=True,
        limits=("weak coupling", "rate equation"),
    )
)
enter(
    OpenMethod(
        "exact",
        "the density matrix of all particles, in the sectors that the dynamics keeps; small chains",
        BOTH,
        IN_REAL_SPACE,
        _exact,
    )
)
enter(
    OpenMethod(
        "projected",
        "exact in the limit of weak jumps: the density matrix commutes with H; small chains",
        ("steady_state",),
        IN_REAL_SPACE,
        _projected,
        limits=("weak coupling",),
    )
)
