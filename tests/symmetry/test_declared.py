"""What says nothing about how it transforms leaves verdicts open; what numbers show is decided by them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import modelkit as mk
from modelkit.elements.binder import Binder
from modelkit.elements.conditions import conditions
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.self_energies import Argument, self_energies
from modelkit.graph.expand import Expansion
from modelkit.language import nodes
from modelkit.symmetry.builder import Builder
from modelkit.symmetry.parts import Part, parts
from modelkit.symmetry.relations import Current
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.two_cases import TwoCases

CHAIN = """\
model chain
param V = 1
reference { mu = 0; T = 0.1 }
lattice dot { site c[l] for l in 1..3 at (l, 0); onsite c[l] : 0.4; hop c[l] -> c[l+1] : -1 }
bath L on dot.c[1] { self_energy = LEAD; mu = V/2; T = 0.1 }
bath R on dot.c[3] { self_energy = wide_band(0.7); mu = -V/2; T = 0.1 }
"""
PROBE = "probe P on dot.c[2] { self_energy = wide_band(0.5); T = 0.1; solve mu such that COND == 0 }\n"


def verdict_of(text: str) -> str:
    expansion = Expansion(mk.loads(text).graph())
    cases = Subject(expansion, {"V": 1.0}), Subject(expansion, {"V": -1.0})
    both = {Current("I", 0, 0): 1.0, Current("I", 0, 1): 1.0}
    return str(TwoCases(cases[0].device(), cases[1].device(), cases).verdict(both))


class Magnet(Noun):
    """It has not said to which part of a device it belongs."""

    doc = "something with a direction"
    form = Form(pattern="magnet NAME", head=(nodes.Listing,))

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """It stands for nothing that is computed."""


class Noted(Magnet):
    """It has: it is no part."""

    part = "none"


class Arrow(Magnet):
    """It points from the first site to the others."""

    part = "arrows"


def test_a_noun_that_has_said_nothing_leaves_every_verdict_open() -> None:
    text = CHAIN.replace("LEAD", "wide_band(0.7)")
    assert verdict_of(text) == "forbidden: inversion"
    with nouns.extended("magnet", Magnet):
        assert verdict_of(text) == "forbidden: inversion"  # it is not used
        told = "not decided: the noun 'magnet' has not said how it transforms"
        assert verdict_of(f"{text}magnet B\n") == told
        cases = "case forward { V = V }; case backward { V = -V }\n"
        task = "task iv = transport { cases forward, backward; output r = rectification(I[L]) }\n"
        found = mk.loads(f"{text}magnet B\n{cases}{task}").run("iv")
        assert found.attrs["verdicts"] == f"r = rectification(I[L]): {told}"
        assert "audit_forbidden" not in found
    with nouns.extended("magnet", Noted):
        assert verdict_of(f"{text}magnet B\n") == "forbidden: inversion"


def test_a_part_that_is_registered_counts() -> None:
    """An arrow along the chain leaves no inversion, and nobody knows whether unitarity."""

    def add(builder: Builder, device: Any, sites: NDArray[np.intp], terminals: NDArray[np.intp]) -> None:
        builder.tie(sites[:-1], sites[1:], "arrow")

    text = CHAIN.replace("LEAD", "wide_band(0.7)") + PROBE.replace("COND", "I")
    assert verdict_of(text) == "forbidden: inversion"
    uneven = text.replace("0.7", "0.6", 1).replace("mu such that I", "f such that i(E)")
    uneven = uneven.replace("T = 0.1; solve f", "solve f")
    assert verdict_of(uneven) == "forbidden: elastic probe"
    with nouns.extended("magnet", Arrow), parts.extended("arrows", Part("arrows between neighbours", add)):
        assert verdict_of(f"{text}magnet B\n").startswith("not forbidden")
        assert verdict_of(f"{uneven}magnet B\n").startswith("not forbidden")


class Window:
    """A band of finite width, even in energy or not."""

    arguments: ClassVar[Mapping[str, Argument]] = {"Gamma": Argument("rate"), "centre": Argument("centre")}

    @staticmethod
    def sigma(E: ArrayLike, **arguments: ArrayLike) -> NDArray[np.complex128]:
        """Elementwise."""
        Gamma, centre = np.asarray(arguments["Gamma"]), np.asarray(arguments["centre"])
        return np.asarray(Gamma / 2 / (np.asarray(E) - centre + 1j), dtype=complex)

    @staticmethod
    def edges(**arguments: ArrayLike) -> tuple[NDArray[np.float64], ...]:
        """None."""
        return ()

    @staticmethod
    def refuses(**arguments: ArrayLike) -> str | None:
        """All values will do."""
        return None


@pytest.mark.parametrize(
    ("right", "verdict"),
    [("window(Gamma = 1, centre = 0)", "forbidden"), ("window(Gamma = 1, centre = 0.2)", "not forbidden")],
)
def test_a_self_energy_is_judged_by_its_numbers(right: str, verdict: str) -> None:
    text = CHAIN.replace("LEAD", "window(Gamma = 1, centre = 0)").replace("wide_band(0.7)", right)
    with self_energies.extended("window", Window):
        assert verdict_of(text + PROBE.replace("COND", "I")).split(":")[0] == verdict


class Odd:
    """Weighs particles above mu more than holes below."""

    unit: ClassVar[str] = "current"
    unknown: ClassVar[str] = "mu"
    meaning: ClassVar[str] = "a current that is no current of particles"
    elastic: ClassVar[bool] = False

    @staticmethod
    def weight(energy: NDArray[np.float64], T: NDArray[np.float64]) -> NDArray[np.float64]:
        """Neither even nor odd."""
        return np.asarray(np.exp(energy) + 0 * T)


def test_a_condition_that_fixes_no_current_is_not_taken_for_one() -> None:
    """Inversion maps the probe to itself, but what it takes up differs: I^F[L] = I^B[R] is all there is."""
    text = CHAIN.replace("LEAD", "wide_band(0.7)") + PROBE.replace("COND", "odd")
    with ExitStack() as stack:
        stack.enter_context(conditions.extended("odd", Odd))
        assert not verdict_of(text).startswith("forbidden")
    half_filled = CHAIN.replace("LEAD", "wide_band(0.7)").replace("0.4", "0") + PROBE
    assert verdict_of(half_filled.replace("COND", "I")) == "forbidden: inversion"
    with conditions.extended("odd", Odd):
        assert not verdict_of(half_filled.replace("COND", "odd")).startswith("forbidden")
