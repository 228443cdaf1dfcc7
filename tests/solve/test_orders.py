"""Expansions of any order in which levels follow: against full transport, gauge shifts, responses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import modelkit as mk
from modelkit.solve.junction import newton
from tests.solve.test_screening import LAWS, ring

ORDERS = (1, 2, 3, 4)
PROBES = {
    "bath": "mu = MU - V/2; T = kT",
    "voltage": "T = kT; solve mu such that I == 0",
    "thermal": "solve mu, T such that I == 0, J == 0",
    "load": "T = kT; solve mu such that I == -0.05*(mu - MU) - (mu - MU)^2",
    "dephasing": "solve f such that i(E) == 0",
}


def device(law: str, bands: str, probe: str = "bath", more: str = "", **changed: str) -> mk.Model:
    """A ring with a flux and three chains: terminal b may be a probe, terminal c is warmed; five tasks."""
    text = ring(LAWS.get(law, ""), bands, **changed)
    text = text[: text.index("task full")] + "param rise = 0\n"
    text = text.replace("mu = MU + V/7; T = kT", "mu = MU - V/2 + rise; T = kT*(1 + 2*V)")
    text = text.replace("mu = MU + V/2;", "mu = MU + V/2 + rise;")
    if probe != "bath":
        text = text.replace("bath b", "probe b")
    words = PROBES[probe].replace("- V/2", "- V/2 + rise")
    text = text.replace("mu = MU - V/2; T = kT;", f"{words};")
    if probe == "dephasing":
        text = text.replace(f"i(E) == 0; bands = {bands}", "i(E) == 0; bands = local" if law else "i(E) == 0")
    outputs = "current, heat_current, density" + (", potential" if law else "") + more
    for name, option in (("full", ""), *((f"order_{n}", f"(order = {n})") for n in ORDERS)):
        text += f"task {name} = transport{option} {{ output {outputs} }}\n"
    return mk.loads(text)


def errors(
    model: mk.Model, orders: tuple[int, ...], *quantities: str, bias: float = 0.05, **values: float
) -> dict[tuple[int, str], tuple[float, float]]:
    """By how many powers of two the error falls where the bias is halved, beyond the order, and the error."""
    off: dict[tuple[int, str], list[float]] = {(n, name): [] for n in orders for name in quantities}
    for V in (bias, bias / 2):
        whole = model.run("full", V=V, **values)
        for n in orders:
            cut = model.run(f"order_{n}", V=V, **values)
            for name in quantities:
                off[n, name].append(float(np.nanmax(np.abs(whole[name].values - cut[name].values))))
    return {key: (float(np.log2(one / other)) - key[0], other) for key, (one, other) in off.items()}


def assert_falls(found: dict[tuple[int, str], tuple[float, float]]) -> None:
    """Each by the next power of the bias; the error is no rounding."""
    for key, (beyond, off) in found.items():
        assert beyond > 0.7, key
        assert off > 1e-14, key


QUICK = [("uniform", "local", "thermal"), ("", "own", "voltage")]
SLOW = [
    (law, bands, probe)
    for law in ("", *LAWS)
    for bands in (("own", "local") if law else ("own",))
    for probe in PROBES
    if (law, bands, probe) not in QUICK
    # a dephasing probe has no mu: no bands that follow it, and no capacitor on it
    and not (probe == "dephasing" and law and (bands == "own" or law == "capacitance"))
]


@pytest.mark.parametrize(
    ("law", "bands", "probe"),
    [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)],
)
def test_an_order_is_off_by_the_next_power_of_the_bias(law: str, bands: str, probe: str) -> None:
    assert_falls(errors(device(law, bands, probe), ORDERS, "current", "heat_current"))


@pytest.mark.parametrize(
    ("law", "bands"), [("uniform", "local"), pytest.param("capacitance", "own", marks=pytest.mark.slow)]
)
def test_potentials_and_electrons_are_of_the_same_order(law: str, bands: str) -> None:
    assert_falls(errors(device(law, bands, "voltage"), (2, 3), "potential", "density"))


def test_electrons_without_screening_follow_the_bands_at_every_order() -> None:
    assert_falls(errors(device("", "own"), (1, 2, 3), "density"))


@pytest.mark.parametrize(
    ("law", "bands"), [("", "own"), pytest.param("neutral", "local", marks=pytest.mark.slow)]
)
def test_a_cold_device_too(law: str, bands: str) -> None:
    assert_falls(errors(device(law, bands, "voltage"), (2, 3), "current", kT=0.0))


@pytest.mark.parametrize(
    ("law", "probe"), [("neutral", "bath"), pytest.param("poisson", "voltage", marks=pytest.mark.slow)]
)
def test_a_common_shift_of_all_voltages_is_not_seen_at_any_order(law: str, probe: str) -> None:
    """The polynomials hold differences only: of each degree by itself, so however far all is raised."""
    model = device(law, "local", probe)
    for order in (2, 3):
        still, moved = (model.run(f"order_{order}", V=0.1, rise=rise) for rise in (0.0, 0.3))
        scale = np.abs(still.current.values).max()
        assert np.abs(moved.current.values - still.current.values).max() < 1e-9 * scale
        assert np.abs(moved.heat_current.values - still.heat_current.values).max() < 1e-9 * scale
        assert moved.potential.values == pytest.approx(still.potential.values + 0.3, abs=1e-9)
        assert abs(float(still.current.sum())) < 1e-12 * scale
        assert float(still.audit_gauge_shift) < 1e-9
    rigid = device("", "rigid")
    still, moved = (rigid.run("order_3", V=0.1, rise=rise) for rise in (0.0, 0.3))
    assert np.abs(moved.current.values - still.current.values).max() > 1e-3 * scale


@pytest.mark.parametrize(
    ("law", "bands"),
    [("uniform", "local"), ("", "own"), pytest.param("poisson", "own", marks=pytest.mark.slow)],
)
def test_responses_of_thermal_probes_are_the_second_order_of_transport(law: str, bands: str) -> None:
    text = ring(LAWS.get(law, ""), bands)
    text = text[: text.index("task full")].replace("bath b", "probe b")
    text = text.replace("mu = MU - V/2; T = kT", PROBES["thermal"]).replace(
        "+ V/7; T = kT", "; T = kT*(1 + V)"
    )
    for name, option in (("full", ""), ("second", "(order = 2)")):
        text += f"task {name} = transport{option} {{ output current, heat_current }}\n"
    model = mk.loads(text + "task coefficients = response(order = 2) { output response_2 }\n")
    two = model.run("coefficients").response_2
    z = {"V": np.array([-0.5, 0.0, 0.0]), "T": np.array([0.0, 0.0, 0.04])}  # of a, b, c for V = 1
    expected = {}
    for of, name, sign in (("I", "current", -1.0), ("J", "heat_current", 1.0)):
        total = np.zeros(3)
        for one, by in z.items():
            for other, by_2 in z.items():
                part = two.sel(of=of, by=one, by_2=other).values
                total += np.einsum("abc,b,c->a", np.nan_to_num(part), by, by_2)
        expected[name] = sign * total
    for task, tolerance in (("second", 1e-5), ("full", 1e-3)):

        def curvature(step: float, task: str = task) -> dict[str, Any]:
            ways = [model.run(task, V=sign * step) for sign in (1, -1)]
            return {name: sum(way[name].values for way in ways) / 2 / step**2 for name in expected}

        coarse, fine = curvature(0.04), curvature(0.02)
        for name, values in expected.items():
            found = (4 * fine[name] - coarse[name]) / 3
            assert np.abs(found - values).max() < tolerance * np.abs(values).max(), (task, name)
            assert np.abs(values).max() > 1e-3


def test_thin_layers_and_krylov_steps_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkit.solve.methods.lattice import sparse

    model = device("neutral", "local", "voltage")
    found = [model.run("order_3", V=0.1)]
    monkeypatch.setattr(newton, "DENSE_UP_TO", 3)
    monkeypatch.setattr(sparse, "DENSE_UP_TO", 3)
    found += [model.run("order_3", V=0.1, method=method) for method in ("sparse", "blocks")]
    for other in found[1:]:
        assert other.current.values == pytest.approx(found[0].current.values, abs=1e-11)
        assert other.potential.values == pytest.approx(found[0].potential.values, abs=1e-10)


SUPERCONDUCTOR = """model wire
param V = 0.1; param kT = 0.02
reference { mu = 0; T = kT }
lattice w {
  site c[l] for l in 1..3
  onsite c[l] : 0.3
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] : 0.25
}
bath L on w.c[1] { self_energy = chain(hopping = 1.3, coupling = 0.6); mu = V; T = kT; bands = own }
probe R on w.c[3] {
  self_energy = chain(hopping = 1.5, coupling = 0.5); bands = own; solve mu, T such that I == 0, J == 0
}
task full = transport { output current, heat_current }
"""


def test_bands_of_a_superconductor_follow_at_every_order() -> None:
    """Holes follow the opposite way, and a common shift is not free: energies count from the condensate."""
    text = SUPERCONDUCTOR
    for n in ORDERS:
        text += f"task order_{n} = transport(order = {n}) {{ output current, heat_current }}\n"
    assert_falls(errors(mk.loads(text), (2, 3), "current", "heat_current", bias=0.02))


STRIP = """model strip
param V = 0.1
reference { mu = -1.1; T = 0 }
lattice bar {
  internal spin
  site s[x, y] for x in 1..2, y in 1..2
  hop s[x, y] -> s[x+1, y] : exp(0.2i*y)*(-1 - 0.2i*sigma_y)
  hop s[x, y] -> s[x, y+1] : -1 + 0.2i*sigma_x
}
bath L on bar.left { self_energy = lead; mu = -1.1 + V; bands = own }
bath B on bar.s[1, 2] { self_energy = wide_band(0.3); mu = -1.1 }
bath R on bar.right { self_energy = lead; mu = -1.1 - V/2; bands = own }
"""


def test_leads_follow_at_every_order() -> None:
    text = STRIP
    for name, option in (("full", ""), *((f"order_{n}", f"(order = {n})") for n in ORDERS)):
        text += f"task {name} = transport{option} {{ output current }}\n"
    assert_falls(errors(mk.loads(text), (2, 3), "current"))


@pytest.mark.parametrize(
    ("order", "kind", "smooth"),
    [
        (2, "-0.3i*exp(-E^2)", True),
        (2, "-0.2i*(1 + abs(E + 0.37))", True),
        (2, "-1i*if(E > -0.35, 1, 0.5)", False),
        (3, "-0.2i*(1 + abs(E + 0.37))", False),
        (2, "-0.2i*(1 + 0.1*floor(E))", False),
        (2, "-0.2i*(1 + abs(E^3 + 0.05))", False),
        (3, "chain(1.05, 0.7)", True),
        (3, "chain(0.6, 0.7)", False),
    ],
)
def test_what_is_not_smooth_is_not_expanded(order: int, kind: str, smooth: bool) -> None:
    model = mk.loads(device("", "own", kind=kind).to_source().replace(", density", ""))
    if smooth:
        assert_falls(errors(model, (order,), "current"))
        return
    with pytest.raises(mk.ModelError, match="a self-energy is not smooth near E = ") as caught:
        model.run(f"order_{order}", V=0.1)
    assert caught.value.errors[0].hint
    if order == 2:
        with pytest.raises(mk.ModelError, match="a self-energy is not smooth near E = "):
            mk.loads(model.to_source() + "task two = response(order = 2) { output G2 }\n").run("two")


def test_currents_of_bonds_are_refused_where_levels_move() -> None:
    model = device("uniform", "local", more=", bond_current")
    with pytest.raises(mk.ModelError, match="bonds are not expanded to order 2 while levels") as caught:
        model.run("order_2")
    assert caught.value.errors[0].hint
    assert model.run("order_1").bond_current.shape == (6,)


def test_a_local_response_has_no_third_order() -> None:
    local = LAWS["neutral"].replace("charge == 0", "charge == 0; response = thomas_fermi")
    text = ring(local).replace("order = 2", "order = 3")
    with pytest.raises(mk.ModelError, match="has no expansion of order 3") as caught:
        mk.loads(text).run("second")
    assert caught.value.errors[0].hint
    assert mk.loads(ring(local)).run("second", V=0.02).current.shape == (3,)
