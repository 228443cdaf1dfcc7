from __future__ import annotations

import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from modelkit.language.symbols import symbol
from modelkit.view.labels import axis_label, family, indices, number, value_label


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("mu", r"\mu"),
        ("mu0", r"\mu_{0}"), ("N", "N"), ("I_g", "I_{g}"), ("dI", r"\Delta I"), ("dmu", r"\Delta\mu"),
        ("lam", r"\lambda"), ("G1", "G_{1}"), ("kT", r"k_{\mathrm{B}}T"), ("gamma_alpha", r"\gamma_{\alpha}"),
        ("ratio", r"\mathrm{ratio}"), ("eps_left_end", r"\varepsilon_{\mathrm{left,end}}"),
        ("eps", r"\varepsilon"), ("deps", r"\Delta\varepsilon"), ("t_eps", r"t_{\varepsilon}"),
    ],
)  # fmt: skip
def test_names_become_the_symbols_of_a_paper(name: str, shown: str) -> None:
    assert symbol(name) == shown


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True))
def test_every_name_of_the_language_can_be_typeset(name: str) -> None:
    from matplotlib.mathtext import MathTextParser

    parsed = MathTextParser("path").parse(f"${symbol(name)}$")
    assert parsed.width > 0


def test_an_axis_has_words_symbol_and_unit() -> None:
    array = xr.DataArray(0.0, attrs={"long_name": "chemical potential", "symbol": "mu", "units": "energy"})
    assert axis_label("chemical_potential", array) == r"chemical potential $\mu$ (natural units)"
    assert axis_label("dI", xr.DataArray(0.0)) == r"$\Delta I$"
    derived = xr.DataArray(0.0, attrs={"long_name": "power", "symbol": "power", "units": "1"})
    assert axis_label("power", derived) == "power"
    assert (
        axis_label("x", xr.DataArray(0.0, attrs={"long_name": "cost in $", "units": "1"}))
        == r"cost in \$ $x$"
    )


def test_a_derived_result_has_its_formula_as_far_as_it_has_room() -> None:
    def shown(name: str, latex: str, unit: str) -> str:
        return axis_label(name, xr.DataArray(0.0, attrs={"symbol": name, "latex": latex, "units": unit}))

    assert shown("G", r"2\pi\,I_{\mathrm{L}}/V", "1") == r"$G = 2\pi\,I_{\mathrm{L}}/V$"
    assert shown("rect", r"\mathrm{rectification}(I_{\mathrm{L}})", "1") == (
        r"rect $= \mathrm{rectification}(I_{\mathrm{L}})$"
    )
    assert shown("efficiency", r"-I_{\mathrm{M}}/J_{\mathrm{H}}", "1") == "efficiency"
    assert shown("x", r"\mathrm{nonreciprocity}(I_{\mathrm{L}})", "nA") == (
        "$x = \\mathrm{nonreciprocity}(I_{\\mathrm{L}})$ (nA)"
    )
    assert shown("x", r"\mathrm{nonreciprocity}(I_{\mathrm{L}})/I_{0}", "energy") == (
        "$x = \\mathrm{nonreciprocity}(I_{\\mathrm{L}})/I_{0}$\n(natural units)"
    )
    assert shown("x", "+".join(40 * "y"), "nA") == "$x$ (nA)"


def test_of_long_words_those_before_the_comma_and_the_unit_stand_on_the_axis() -> None:
    def shown(words: str) -> str:
        return axis_label("mu0", xr.DataArray(0.0, attrs={"long_name": words}))

    assert shown("chemical potential, zero at the Dirac point") == r"chemical potential $\mu_{0}$"
    assert shown("flux, in flux quanta") == r"flux $\mu_{0}$ (flux quanta)"
    assert shown("width, in cells (of three bonds)") == r"width $\mu_{0}$ (cells)"


def test_a_unit_is_set_with_its_powers() -> None:
    array = xr.DataArray(0.0, attrs={"long_name": "density", "units": "1/nm^2"})
    assert axis_label("density", array) == "density (1/nm$^{2}$)"
    array.attrs["units"] = "meV/hbar"
    assert axis_label("density", array) == r"density (meV/$\hbar$)"


def test_what_is_known_to_be_in_natural_units_says_so() -> None:
    array = xr.DataArray(0.0, attrs={"units": "natural", "symbol": "G", "long_name": "G"})
    assert axis_label("G", array) == "$G$ (natural units)"
    assert value_label("T0", 2.0, "K") == "$T_{0} = 2$ K"
    assert value_label("T0", 2.0, "energy") == "$T_{0} = 2$"


def test_curves_are_labelled_by_symbol_and_value_or_by_their_name() -> None:
    assert value_label("gamma", 0.1) == r"$\gamma = 0.1$"
    assert value_label("N", 1e-7) == r"$N = 1\times 10^{-7}$"
    assert value_label("case", "forward") == "forward"
    assert number(0.30000000000000004) == "0.3"


def test_labels_are_taken_apart() -> None:
    assert (family("S[2]"), family("L")) == ("S", "L")
    assert (indices("d[3,4]"), indices("dot"), indices("c[up]")) == ((3.0, 4.0), (), ())
