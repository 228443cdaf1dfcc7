"""Devices as people write them: each verdict beside the number of the solver, which decides who is right."""

from __future__ import annotations

import pytest

import modelkit as mk

CHAIN = """\
model chain
param V = 0.6
reference { mu = 0; T = 0.1 }
lattice dot { site c[l] for l in 1..3 at (l, 0); hop c[l] -> c[l+1] : -1 }
bath L on dot.c[1] { self_energy = wide_band(0.8); mu = V/2; T = 0.1 }
bath R on dot.c[3] { self_energy = wide_band(0.8); mu = -V/2; T = 0.1 }
case forward { V = V }; case backward { V = -V }
"""
ABOVE = (
    CHAIN.replace("{ mu = 0;", "{ mu = 0.5;").replace("mu = V", "mu = 0.5 + V").replace("-V/2", "0.5 - V/2")
)
PAIR = """\
model pair
param V = 0.6
reference { mu = 0; T = 0.1 }
lattice dot { site c[l] for l in 1..2 at (l, 0); onsite c[l] : 0.3; hop c[1] -> c[2] : -0.6 }
gate G { U = 0 }
bath L on dot.c[1] { self_energy = wide_band(0.8); mu = V/2; T = 0.1 }
bath R on dot.c[2] { self_energy = wide_band(0.8); mu = -V/2; T = 0.1 }
screening on dot { capacitance dot - G : 0.5; capacitance dot - L : 0.2; capacitance dot - R : 0.2
  solve U[dot] such that charge == capacitance }
case forward { V = V }; case backward { V = -V }
"""
FLOATING = PAIR.replace("gate G { U = 0 }\n", "").replace("capacitance dot - G : 0.5; ", "")
OWN = PAIR[: PAIR.index("screening")].replace("gate G { U = 0 }\n", "").replace("0.8);", "0.8); bands = own;")
OWN = OWN.replace("wide_band(0.8)", "chain(hopping = 1, coupling = 0.7)", 1)
RING = ABOVE.replace("; hop c", "; hop c[3] -> c[1] : -0.7*exp(0.9i); hop c", 1)
ANDREEV = """\
model andreev
param V = 0.6
reference { mu = 0; T = 0.1 }
lattice dot {
  site c[l] for l in 1..4 at (l, 0)
  onsite c[l] where l <= 2 : 0.3
  hop c[l] -> c[l+1] : -1
  pair c[3] - c[4] : 0.4
}
bath N on dot.c[1] { self_energy = wide_band(0.8); mu = V; T = 0.1 }
case forward { V = V }; case backward { V = -V }
"""
CASES = {
    "levels at mu": (CHAIN, "G2[L, L, L]", "forbidden: particle-hole about mu"),
    "no level is written, and mu is above them": (ABOVE, "G2[L, L, L]", "warning: bias convention"),
    "heat does not see the sign of charges": (CHAIN, "response_1[J, V, L, L]", "forbidden: particle-hole"),
    "it does above the levels": (ABOVE, "response_1[J, V, L, L]", "not forbidden: particle-hole about mu is"),
    "both ends are raised, and no level is written": (
        ABOVE.replace("V/2", "V").replace("0.5 - V", "0.5"),
        "rectification(I[L])",
        "warning: bias convention",
    ),
    "a gate stays where it is": (PAIR, "G2[L, L, L]", "not forbidden"),
    "no gate": (FLOATING, "G2[L, L, L]", "forbidden: inversion, gauge-invariant"),
    "equal potentials, at any order": (
        OWN,
        "G2[L, L, L] + 2*G2[L, L, R] + G2[L, R, R]",
        "forbidden: conservation",
    ),
    "one end of them": (OWN, "G2[L, L, L]", "not forbidden"),
    "equal temperatures, with flux": (
        RING,
        "response_1[I, T, L, R] - response_1[I, T, R, L]",
        "forbidden: conservation",
    ),
    "pairs alone take charge": (ANDREEV, "G2[N, N, N]", "forbidden: Andreev reflection alone"),
    "and give no heat": (ANDREEV, "response_2[J, V, V, N, N, N]", "not forbidden"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_forbidden_vanishes_and_what_is_not_does_not(name: str) -> None:
    text, formula, told = CASES[name]
    verb = "transport { cases forward, backward;" if "(I" in formula else "response {"
    model = mk.loads(f"{text}task go = {verb} output x = {formula} }}\n")
    assert str(model.forbids(formula, task="go")).startswith(told)
    found = model.run("go")
    assert (abs(float(found.x)) < 1e-10) == told.startswith("forbidden")


def test_levels_are_counted_from_the_reference_which_is_told_where_no_level_is_written() -> None:
    (broken,) = [line for line in str(mk.loads(ABOVE).symmetries()).splitlines() if "particle-hole" in line]
    assert broken == "no particle-hole about mu: broken by reference { mu = 0.5; T = 0.1 } (line 3)"
    levels = ABOVE.replace("; hop c", "; onsite c[l] : 0.1*l; hop c")
    (broken,) = [
        line for line in str(mk.loads(levels).symmetries()).splitlines() if "no particle-hole" in line
    ]
    assert broken == "no particle-hole about mu: broken by onsite c[l] : 0.1*l (line 4)"


def test_labels_are_no_results() -> None:
    """A terminal may have the name of a result, and words of ``response_1`` are not currents."""
    cross = (
        ABOVE.replace("bath L", "bath U").replace("bath R", "bath T") + "task go = response { output G1 }\n"
    )
    for claim in ("G1[U, T] - G1[T, U]", "response_1[J, V, U, T] - 0.1*response_1[I, T, T, U]"):
        assert str(mk.loads(cross).forbids(claim)).startswith("forbidden")
        mk.loads(f"{cross}check forbidden : {claim} on go\n").check()


def test_what_probes_solve_for_leaves_the_audit_of_conductances_alive() -> None:
    """The columns of a probe are NaN; the gross flow is that of all others."""
    probe = "probe P on dot.c[2] { self_energy = wide_band(0.5); T = 0.1; solve mu such that I == 0 }\n"
    go = "task go = response { output G1, x = G1[L, R] - G1[R, L] }\n"
    found = mk.loads(ABOVE + probe + go).run("go")
    assert found.attrs["verdicts"] == "x = G1[L, R] - G1[R, L]: forbidden: conservation"
    assert 0 <= float(found.audit_forbidden) < 1e-9


HEAT = ABOVE.replace("mu = 0.5 + V/2; T = 0.1", "mu = 0.5; T = 0.1 + V/10").replace(
    "mu = 0.5 - V/2; T = 0.1", "mu = 0.5; T = 0.1 - V/10"
)
FLUX = ABOVE.replace("param V = 0.6", "param V = 0.6; param phi = 0.9").replace(
    "; hop c", "; hop c[3] -> c[1] : -0.7*exp(1i*phi); hop c", 1
)
FLUX = FLUX.replace("c[3] { self_energy = wide_band(0.8)", "c[3] { self_energy = wide_band(0.3)")
FLUX += "case plus { phi = phi }; case minus { phi = -phi }\n"
VOLTAGE = "probe P on dot.c[2] { self_energy = wide_band(0.5); T = 0.1; solve mu such that I == 0 }\n"
HOT = VOLTAGE.replace("T = 0.1; solve mu such that I == 0", "solve mu, T such that I == 0, J == 0")
DEPHASING = "probe P on dot.c[2] { self_energy = wide_band(0.5); solve f such that i(E) == 0 }\n"
BUTTIKER = "I[L]@plus - I[L]@minus"
TILTED = HEAT.replace("; hop c", "; onsite c[l] : 0.5 + 0.4*(l - 2); hop c", 1)
TWO_CASES = {
    "reciprocity of two terminals": (
        FLUX,
        "",
        BUTTIKER,
        "forbidden: two-terminal unitarity and time reversal",
    ),
    "with dephasing": (FLUX + DEPHASING, "", BUTTIKER, "forbidden: elastic probe and time reversal"),
    "not with a voltage probe": (FLUX + VOLTAGE, "", BUTTIKER, "not forbidden"),
    "but to first order": (
        FLUX + VOLTAGE,
        "(order = 1)",
        BUTTIKER,
        "forbidden: linear response, time reversal",
    ),
    "linear response is odd": (
        FLUX + VOLTAGE,
        "(order = 1)",
        "rectification(I[L])",
        "forbidden: linear response",
    ),
    "with thermalisation, too": (
        FLUX + HOT,
        "(order = 1)",
        "rectification(J[L])",
        "forbidden: linear response",
    ),
    "the second order is not": (FLUX + VOLTAGE, "(order = 2)", "rectification(I[L])", "not forbidden"),
    "nor are single currents": (
        FLUX + VOLTAGE,
        "(order = 1)",
        "I[L]@forward - I[L]@backward",
        "not forbidden",
    ),
    "heat of two terminals": (HEAT, "", "rectification(J[L])", "forbidden: inversion"),
    "heat is not given twice": (HEAT, "", "J[L]@forward + J[R]@forward", "forbidden: conservation"),
    "but for what a bias heats": (ABOVE, "", "J[L]@forward + J[R]@forward", "not forbidden"),
    "opposite levels": (
        TILTED,
        "",
        "I[L]@forward",
        "forbidden: two-terminal unitarity and inversion x particle",
    ),
    "other opposite levels": (TILTED.replace("0.5 +", "0.6 +"), "", "I[L]@forward", "not forbidden"),
    "electrons and holes": (ANDREEV, "", "rectification(I[N])", "forbidden: Andreev reflection alone"),
    "as many of both": (ANDREEV, "", "I[N]@forward - I[N]@backward", "not forbidden"),
    "two of three": (
        ANDREEV + "bath M on dot.c[2] { self_energy = wide_band(0.8); mu = -V/3; T = 0.1 }\n",
        "",
        "rectification(I[N])",
        "not forbidden",
    ),
}


@pytest.mark.parametrize("name", TWO_CASES)
def test_rules_beyond_the_symmetries_of_a_biased_device(name: str) -> None:
    text, order, formula, told = TWO_CASES[name]
    cases = "plus, minus" if "plus" in formula else "forward, backward"
    task = f"task go = transport{order} {{ cases {cases}; output current, heat_current, x = {formula} }}\n"
    model = mk.loads(text + task)
    verdict = model.forbids(formula, task="go")
    assert str(verdict).startswith(told)
    found = model.run("go")
    assert float(found.get("audit_forbidden", 0.0)) < 1e-9
    size = (
        1.0
        if "rect" in formula
        else float(abs(found.current if "I" in formula else found.heat_current).max())
    )
    off = abs(float(found.x))
    assert off < 1e-9 * max(size, 1e-3) if told.startswith("forbidden") else off > 1e-5 * size


def test_a_superconducting_lead_takes_a_supercurrent_that_warmth_changes() -> None:
    """Two phases: I[S] is counted from equilibrium at T of the reference, and is odd in nothing."""
    text = """\
model josephson
param T = 0.2
reference { mu = 0; T = 0.1 }
lattice dot {
  site c[l] for l in 1..4 at (l, 0)
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] where l > 1 : 0.4
  pair c[1] - c[2] : 0.4*exp(1.1i)
}
bath S on dot.right { self_energy = lead; mu = 0; T = T }
case warm { T = 0.2 }; case cold { T = 0.1 }
task go = transport { cases warm, cold; output x = I[S]@warm - I[S]@cold }
"""
    model = mk.loads(text)
    assert str(model.forbids("I[S]@warm", task="go")).startswith("not forbidden")
    assert abs(float(model.run("go").x)) > 1e-6


def test_what_verdicts_and_checks_say_of_gates_of_positions_and_of_what_is_no_current() -> None:
    one_sided = mk.loads(PAIR.replace("mu = V/2", "mu = V").replace("mu = -V/2", "mu = 0"))
    told = str(one_sided.forbids("rectification(I[L])"))
    assert told.startswith("not forbidden: inversion is broken by gate G { U = 0 } (line 5)")
    ring = ABOVE.replace(" at (l, 0)", "").replace("l in 1..3", "l in ring(3)")
    with pytest.raises(mk.ModelError, match="no plane that 'C3' could turn") as caught:
        mk.loads(f"{ring}check symmetry : C3 on dot\n").check()
    assert "give the sites positions" in str(caught.value)
    placed = ABOVE.replace("at (l, 0)", "at (cos(2*pi*l/3), sin(2*pi*l/3))").replace(
        "l in 1..3", "l in ring(3)"
    )
    mk.loads(f"{placed}check symmetry : C3 on dot\n").check()
    with pytest.raises(mk.ModelError, match="only linear formulas of currents and of response") as caught:
        mk.loads(f"{ABOVE}check forbidden : mu[L]\n").check()
    assert "check value : mu[L] == 0 within 1e-10" in str(caught.value)
