"""Formulas of a model with physical units: which are taken, and at what cost."""

from __future__ import annotations

import pytest

from tests.elements.reading import errors, messages, read

HEAD = """model m
units { energy = eV; length = nm; temperature = K; current = nA }
param N = 6
param a = 3 [nm]
param t = 0.1 [eV]
param kT = 300 [K]
param r = 0.5
"""
BODY = """lattice wire {
  site c[l] for l in 1..N at (l*a, 0)
  hop c[l] -> c[l+1] : -t
%s
}
bath L on wire.c[1] { self_energy = %s; mu = t; T = kT }
"""


def text(line: str = "", self_energy: str = "wide_band(t)", more: str = "") -> str:
    return HEAD + more + BODY % (line, self_energy)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "1",
            "l",
            "r + t",
            "r*t",
            "t*exp(-l)",
            "t*cos(2*pi*l/N)",
            "t*exp(-l*a/(5 [nm]))",
            "t^2/(t + 1 [meV])",
        ),
        *(
            "k_B*kT*log(2)",
            "hbar^2/(2*m_e*a^2)",
            "t*(l*a > 5 [nm])",
            "if(l*a > 5 [nm], t, 0)",
            "N*t",
            "t*(a/a)^r",
        ),
        *(
            "sqrt(t^2 + (3 [meV])^2)",
            "abs(-t)",
            "e*1 [mV]",
            "mu_B*2 [T]",
            "t*atan2(l*a, 5 [nm])",
            "mod(t, 1 [meV])",
        ),
    ],
)
def test_right_formulas_are_taken(value: str) -> None:
    assert messages(text(f"onsite c[l] : {value}")) == []


@pytest.mark.parametrize(
    "value", ["t^2/(E + 1i*t)", "-1i*t*(E > 1 [meV])", "chain(hopping = t, coupling = 1)", "r"]
)
def test_right_self_energies_are_taken(value: str) -> None:
    assert messages(text(self_energy=value)) == []


def test_an_index_hides_the_quantity_of_the_same_name() -> None:
    assert messages(text("onsite c[a] : t*cos(a)")) == []
    assert "cos needs a pure number" in messages(text("onsite c[l] : t*cos(a)"))[0]


def test_listed_values_of_an_index_may_be_quantities() -> None:
    assert messages(text("hop c[1] -> c[2] for x in {0.1, 0.3} : x*t")) == []


def test_arguments_of_functions_have_the_dimension_they_are_given() -> None:
    functions = "function f(x) = x^2\nfunction g(x, y) = f(x) + y\n"
    assert (
        messages(text(more=functions + "let b = g(a, 2 [nm^2]) + 1 [nm^2]\nlet d = g(t, 1 [eV^2])\n")) == []
    )
    (message,) = messages(text(more=functions + "let b = g(a, t)\n"))
    assert message == "in 'g' for these arguments: 'f(x)' is of length^2, 'y' an energy: they cannot be added"


def test_an_error_in_a_let_or_a_function_is_told_once() -> None:
    assert len(messages(text(more="let b = a + t\nlet d = b + t\nlet f = exp(b) + d\n"))) == 1
    assert len(messages(text(more="function f(x) = x*(a + t)\nlet d = f(a) + f(t)\n"))) == 1


def test_lets_may_stand_in_any_order() -> None:
    (error,) = errors(text(more="let d = b + t\nlet b = 2*a\n"))
    assert error.message == "'b' is a length, 't' an energy: they cannot be added"


def test_lets_that_follow_one_another_are_read_once() -> None:
    names = [f"x{k}" for k in range(300)]
    chain = "".join(f"let {one} = {other} + {other}\n" for one, other in zip(names[1:], names, strict=False))
    for lines in (chain, "\n".join(reversed(chain.splitlines())) + "\n"):
        read(text(more="let x0 = t\n" + lines))
        assert "cannot be added" in messages(text(more="let x0 = t\n" + chain + "let y = x9 + a\n"))[0]


def test_lets_in_a_circle_have_no_dimension() -> None:
    (message,) = messages(text(more="let x = y + t\nlet y = x + t\n"))
    assert "follows from itself" in message


def test_functions_that_double_at_each_step_are_refused() -> None:
    lines = "function f0(x) = x\n"
    lines += "".join(f"function f{k + 1}(x) = f{k}(x) + f{k}(x)\n" for k in range(40))
    assert messages(text(more=lines + "let y = f40(t)\nlet z = y + t\n"))


def test_a_wrong_line_of_units_says_nothing_about_the_quantities_behind_it() -> None:
    for wrong in ("energy = nm", "energy = quark", "energie = eV", "energy = 2*eV"):
        found = errors(text().replace("energy = eV", wrong))
        assert [error.span.line for error in found if error.span] == [2]


def test_a_matrix_rate_must_be_hermitian() -> None:
    spin = "internal spin\n"
    assert messages(text(spin, "wide_band([t, 1i*t/2 | -1i*t/2, t])")) == []
    assert messages(text(spin, "wide_band([1, 0.5 | 0.5, 1])")) == []
    (message,) = messages(text(spin, "wide_band([1, 0.5 | 0, 1])"))
    assert "Hermitian" in message
