"""A new kind is one thing in one place: it works, is suggested in messages, stands on the language page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import modelkit as mk
from modelkit.elements.conditions import conditions
from modelkit.elements.lattice_kinds import lattice_kinds
from modelkit.elements.self_energies import Argument, self_energies
from modelkit.registry import Output, ResultDim, outputs, result_dims
from modelkit.view.manual import manual

WIRE = """\
model wire
reference { mu = 0.2; T = 0.1 }
lattice wire = KIND
bath L on wire.c[1] { self_energy = LEFT; mu = 0.3; T = 0.1 }
bath R on wire.c[4] { self_energy = wide_band(1); mu = 0.1; T = 0.1 }
probe P on wire.c[2] { self_energy = wide_band(0.5); T = 0.1; solve mu such that CONDITION == 0 }
task go = transport(order = 1) { output current, chemical_potential, OUTPUT }
"""


def wire(
    kind: str = "chain(sites = 4)",
    left: str = "wide_band(1)",
    condition: str = "I",
    output: str = "temperature",
) -> str:
    text = WIRE.replace("KIND", kind).replace("LEFT", left)
    return text.replace("CONDITION", condition).replace("OUTPUT", output)


def refusal(text: str) -> str:
    with pytest.raises(mk.ModelError) as caught:
        mk.loads(text)
    return str(caught.value)


def zigzag(*, sites: str, hopping: str = "1", second: str = "0") -> str:
    """A chain with hops to the second neighbour."""
    return (
        f"site c[l] for l in 1..({sites}) at (l, 0)\n"
        f"hop c[l] -> c[l+1] : -({hopping})\nhop c[l] -> c[l+2] : -({second})"
    )


def test_a_lattice_kind() -> None:
    assert "'zigzag'" in refusal(wire("zigzag(sites = 4, second = 0.3)"))
    with lattice_kinds.extended("zigzag", zigzag):
        assert "did you mean 'zigzag'?" in refusal(wire("zigzga(sites = 4)"))
        assert "zigzag" in manual()
        H = mk.loads(wire("zigzag(sites = 4, second = 0.3)")).compile().hamiltonian().toarray()
        assert np.diag(H, 2) == pytest.approx([-0.3, -0.3])
        plain = mk.loads(wire("zigzag(sites = 4)")).run()
        assert plain.current.values == pytest.approx(mk.loads(wire()).run().current.values, abs=1e-14)


class Lorentzian:
    """A band of finite width: ``Sigma = Gamma/2 width/(E - centre + i width)``."""

    arguments: ClassVar[Mapping[str, Argument]] = {
        "Gamma": Argument("rate of escape at the centre"),
        "width": Argument("half width of the band"),
        "centre": Argument("centre of the band", default=0.0),
    }

    @staticmethod
    def sigma(E: ArrayLike, **arguments: ArrayLike) -> NDArray[np.complex128]:
        """Elementwise."""
        Gamma, width, centre = (np.asarray(arguments[name]) for name in ("Gamma", "width", "centre"))
        return np.asarray(Gamma / 2 * width / (np.asarray(E) - centre + 1j * width), dtype=complex)

    @staticmethod
    def edges(**arguments: ArrayLike) -> tuple[NDArray[np.float64], ...]:
        """None: it is smooth."""
        return ()

    @staticmethod
    def refuses(**arguments: ArrayLike) -> str | None:
        """A width must be positive."""
        return None if np.all(np.asarray(arguments["width"]) > 0) else "the width of a lorentzian is positive"


def test_a_self_energy_kind() -> None:
    text = wire(left="lorentzian(Gamma = 1, width = 0.4)")
    assert "lorentzian" in refusal(text)
    with self_energies.extended("lorentzian", Lorentzian):
        assert "did you mean 'lorentzian'?" in refusal(wire(left="lorenzian(Gamma = 1, width = 2)"))
        assert "lorentzian" in manual()
        written = wire(left="1/2*0.4/(E + 0.4i)")
        expected = mk.loads(written).run().current.values
        assert mk.loads(text).run().current.values == pytest.approx(expected, rel=1e-8)


class EnergyCurrent:
    """``solve mu such that K == ...``: the energy current counted from the probe's potential."""

    unit: ClassVar[str] = "energy/time"
    unknown: ClassVar[str] = "mu"
    meaning: ClassVar[str] = "the energy current of the terminal, counted from one below its mu"
    elastic: ClassVar[bool] = False

    @staticmethod
    def weight(energy: NDArray[np.float64], T: NDArray[np.float64]) -> NDArray[np.float64]:
        """Energy plus one: it does not vanish at the chemical potential."""
        return energy + 1.0 + 0 * T


def test_a_probe_condition() -> None:
    assert "'K'" in refusal(wire(condition="K"))
    with conditions.extended("K", EnergyCurrent):
        assert "K" in refusal(wire(condition="KK"))
        assert EnergyCurrent.meaning in manual()
        found = mk.loads(wire(condition="K")).run()
        plain = mk.loads(wire()).run()
        assert abs(float(found.current.sum())) < 1e-12
        assert abs(float(plain.current.sel(terminal="P"))) < 1e-12
        assert abs(float(found.current.sel(terminal="P"))) > 1e-5


def conductance(found: Any) -> NDArray[np.float64]:
    """Current over deviation from the mean potential, by terminal."""
    potential = found.chemical_potential
    return np.asarray(found.current / (potential - potential.mean()))


def test_an_output() -> None:
    meaning = "current over the deviation from the mean potential"
    new = Output("stray_conductance", "Gs", ("terminal",), "1", meaning, ("transport",), conductance)
    assert "'stray_conductance'" in refusal(wire(output="stray_conductance"))
    with outputs.extended("stray_conductance", new):
        assert "did you mean 'stray_conductance'?" in refusal(wire(output="stray_conductence"))
        assert meaning in manual()
        found = mk.loads(wire(output="stray_conductance, twice = 2*Gs[L]")).run()
        mean = found.chemical_potential.mean()
        expected = found.current / (found.chemical_potential - mean)
        assert found.stray_conductance.values == pytest.approx(expected.values, rel=1e-12)
        assert float(found.twice) == pytest.approx(2 * float(expected.sel(terminal="L")), rel=1e-12)


def shares(found: Any) -> NDArray[np.float64]:
    """Products of the currents of two terminals, once as they are and once doubled."""
    pairs = np.outer(found.current, found.current)
    return np.stack([pairs, 2 * pairs], axis=-1)


def test_a_dimension() -> None:
    meaning = "products of the currents of two terminals"
    dims = ("terminal", "terminal_also", "per")
    with (
        outputs.extended("product", Output("product", "II", dims, "1", meaning, ("transport",), shares)),
        result_dims.extended("terminal_also", ResultDim(labels="terminal")),
        result_dims.extended("per", ResultDim(words=("V", "T"))),
    ):
        assert "did you mean 'V'?" in refusal(wire(output="x = II[L, R, v]"))
        assert "(terminal, terminal_also, per), 2 given" in refusal(wire(output="x = II[L, R]"))
        assert "is a terminal_also, not a bond" in refusal(wire(output="x = II[L, c[1] -> c[2], V]"))
        plot = "plot go { draw product against terminal_also by terminal }"
        model = mk.loads(wire(output="product, x = II[L, R, T], II_R = II[P, R, V]") + plot)
        found = model.run()
        assert found["product"].dims == dims
        assert found.per.values.tolist() == ["V", "T"]
        assert found.terminal_also.values.tolist() == found.terminal.values.tolist()
        current = found.current.sel
        assert float(found.x) == pytest.approx(2 * float(current(terminal="L") * current(terminal="R")))
        assert float(found["product"].sel(terminal="L", terminal_also="R", per="T")) == float(found.x)
        assert model.figure("go", found).axes[0].get_xlabel() == "terminal_also"
