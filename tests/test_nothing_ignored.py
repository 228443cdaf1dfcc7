"""Every field, line, argument and option that can be written changes a result or is refused."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import modelkit as mk
import modelkit.tasks.vocabulary
from modelkit.elements import mode_baths
from modelkit.elements.declarations import nouns
from modelkit.elements.disorder import distributions
from modelkit.elements.lattice_kinds import lattice_kinds
from modelkit.elements.screening_laws import laws
from modelkit.elements.self_energies import self_energies
from modelkit.registry import verbs
from modelkit.view.choice import choose_drawings

PLAIN = """model m
param V = 0.3
reference { mu = 0.1; T = 0.2 }
lattice wire {
  degeneracy = 1
  site c[l] for l in 1..4
  onsite c[l] : 0.1*l
  hop c[l] -> c[l+1] : -1
  disorder onsite c[l] : uniform(-0.2, 0.3, seed = 3)
}
potential on wire.c[2] { U = 0.1 }
bath L on wire.left {
  self_energy = chain(hopping = 1.2, coupling = 0.8); mu = 0.1 + V; T = 0.2; bands = rigid
}
bath R on wire.right { self_energy = wide_band(0.7); mu = 0.1; T = 0.2 }
probe P on wire.c[2] { self_energy = wide_band(0.4); T = 0.2; solve mu such that I == 0 }
case more { L.T = 0.25 }
task go = transport(order = 2) { output current }
"""
NATURAL = PLAIN.replace("disorder onsite c[l] : uniform(-0.2, 0.3, seed = 3)", "")
PHYSICAL = NATURAL.replace(
    "param V", "units { energy = meV; length = nm; temperature = K; current = nA }\nparam V"
)
PLACED = PHYSICAL.replace("l in 1..4", "l in 1..4 at (l, 0)").replace("output current", "output density")
SWEPT = NATURAL.replace("{ output current", "{ cases more; sweep V in {0.1, 0.2}; output current, T")
PLOTTED = SWEPT + "plot go { draw current against V by terminal }\n"
SCREENED = (
    NATURAL.replace("potential on wire.c[2] { U = 0.1 }", "").replace("bands = rigid", "bands = local")
    + """
region left on wire where l < 3
region right on wire where l >= 3
gate G { U = 0.2 }
screening on wire {
  capacitance left - G : 0.5; capacitance right - ground : 0.4
  solve U[left, right] such that charge == capacitance
  response = exact
}
"""
)
CHAIN, LAW = "lattice wire = chain(sites = 4)", "charge == capacitance"
KIND = NATURAL.replace(NATURAL[NATURAL.index("lattice") : NATURAL.index("potential")], CHAIN + "\n")
SQUARE = KIND.replace(CHAIN, "lattice wire = square(columns = 3, rows = 2)").replace("c[2]", "c[2, 1]")
HONEYCOMB = KIND.replace(CHAIN, "lattice wire = honeycomb(cells_x = 2, cells_y = 2)").replace(
    "c[2]", "a[2, 1]"
)
POISSON = SCREENED.replace("  capacitance left - G : 0.5; capacitance right - ground : 0.4\n", "").replace(
    "solve U[left, right] such that charge == capacitance", "solve U such that charge == poisson(epsilon = 1)"
)
POISSON = POISSON.replace("gate G { U = 0.2 }", "")
SPECTRUM = NATURAL.replace("transport(order = 2) { output current", "transmission { output transmission")
RESPONSE = NATURAL.replace("transport(order = 2) { output current", "response(order = 2) { output G1, G2")

OPEN = """model m
lattice chain { site c[j] for j in ring(4); hop c[j] -> c[j+1] : -1 }
dissipator loss[j] on chain { jump = c[j] + 0.5i*c[j+1]; rate = 0.1 }
dissipator gain[j] on chain { jump = c[j]'; rate = 0.1 }
task go = steady_state(method = gaussian) { output current, loss_rate }
"""
EVOLVING = OPEN.replace(
    "steady_state(method = gaussian) { output", "evolution(method = gaussian) { output"
).replace("{ output", "{ initial { filling = 0 }; sweep time in {1, 2}; output")

BATH = """model m
lattice chain { site c[j] for j in ring(6); hop c[j] -> c[j+1] : -1 }
dissipator thermal on chain { jump = detailed_balance(beta = 2, kernel = exp(-E)); rate = 0.1 }
dissipator jump[j] on chain { jump = c[j]'*(c[j] - 1i*c[j+1]); rate = 0.1 }
filling chain = 1/2
task go = steady_state(method = gge) { output current }
"""

CHANGES = {
    ("bath of modes", "beta"): (BATH, "beta = 2, kernel = exp(-E)", "beta = 3"),
    ("bath of modes", "kernel"): (BATH, "kernel = exp(-E)", "kernel = exp(-E)/cosh(E)"),
    ("dissipator", "jump"): (OPEN, "0.5i", "0.7i"),
    ("dissipator", "rate"): (OPEN, "c[j]'; rate = 0.1", "c[j]'; rate = 0.2"),
    ("steady_state", "method"): (OPEN, "gaussian", "exact"),
    ("evolution", "method"): (EVOLVING, "gaussian", "exact"),
    ("task", "initial"): (EVOLVING, "filling = 0", "filling = 1"),
    ("units", "energy"): (PHYSICAL, "energy = meV", "energy = eV"),
    ("units", "length"): (
        PLACED,
        "length = nm",
        "length = angstrom",
    ),
    ("units", "temperature"): (PHYSICAL, "temperature = K", "temperature = mK"),
    ("units", "current"): (PHYSICAL, "current = nA", "current = uA"),
    ("units", "time"): (PHYSICAL, "current = nA", "time = ps"),
    ("reference", "mu"): (NATURAL, "reference { mu = 0.1", "reference { mu = 0.2"),
    ("reference", "T"): (NATURAL, "mu = 0.1; T = 0.2 }\nl", "mu = 0.1; T = 0.3 }\nl"),
    ("gate", "U"): (SCREENED, "U = 0.2", "U = 0.3"),
    ("potential", "U"): (NATURAL, "U = 0.1", "U = 0.2"),
    ("bath", "self_energy"): (NATURAL, "wide_band(0.7)", "wide_band(0.8)"),
    ("bath", "mu"): (NATURAL, "mu = 0.1 + V", "mu = 0.1 + 2*V"),
    ("bath", "T"): (NATURAL, "mu = 0.1; T = 0.2 }\np", "mu = 0.1; T = 0.25 }\np"),
    ("bath", "bands"): (NATURAL, "bands = rigid", "bands = own"),
    ("bath", "solve"): (NATURAL, "wide_band(0.7); mu = 0.1", "wide_band(0.7); solve mu such that I == 0"),
    ("probe", "self_energy"): (NATURAL, "wide_band(0.4)", "wide_band(0.5)"),
    ("probe", "mu"): (NATURAL, "solve mu", "mu = 0.3; solve mu"),
    ("probe", "T"): (NATURAL, "T = 0.2; solve", "T = 0.3; solve"),
    ("probe", "bands"): (
        NATURAL.replace("wide_band(0.4)", "1/(E + 3i)"),
        "T = 0.2; solve",
        "T = 0.2; bands = local; solve",
    ),
    ("probe", "solve"): (NATURAL, "I == 0", "I == 0.01"),
    ("screening", "solve"): (SCREENED, "charge == capacitance", "charge == 0"),
    ("screening", "capacitance"): (SCREENED, "ground : 0.4", "ground : 0.5"),
    ("screening", "response"): (SCREENED, "exact", "thomas_fermi"),
    ("lattice", "degeneracy"): (NATURAL, "degeneracy = 1", "degeneracy = 2"),
    ("lattice", "internal"): (NATURAL, "degeneracy = 1", "internal spin"),
    ("lattice", "site"): (NATURAL, "1..4", "1..5"),
    ("lattice", "onsite"): (NATURAL, "0.1*l", "0.2*l"),
    ("lattice", "hop"): (NATURAL, ": -1", ": -1.1"),
    ("lattice", "pair"): (NATURAL, "degeneracy = 1", "internal nambu; pair c[l] - c[l+1] : 0.1"),
    ("lattice", "interaction"): (NATURAL, "degeneracy = 1", "interaction c[l] - c[l+1] : 0.1"),
    ("lattice", "disorder"): (PLAIN, "disorder onsite", "# disorder onsite"),
    ("task", "cases"): (SWEPT, "cases more; ", ""),
    ("task", "sweep"): (SWEPT, "{0.1, 0.2}", "{0.1, 0.3}"),
    ("task", "output"): (SWEPT, "current, T", "current"),
    ("plot", "draw"): (PLOTTED, "against V by terminal", "against terminal by V"),
    ("plot", "map"): (PLOTTED, "draw current", "map current"),
    ("kind chain", "sites"): (KIND, "sites = 4", "sites = 5"),
    ("kind chain", "hopping"): (KIND, "sites = 4", "sites = 4, hopping = 2"),
    ("kind square", "columns"): (SQUARE, "columns = 3", "columns = 4"),
    ("kind square", "rows"): (SQUARE, "rows = 2", "rows = 3"),
    ("kind square", "hopping"): (SQUARE, "rows = 2", "rows = 2, hopping = 2"),
    ("kind honeycomb", "cells_x"): (HONEYCOMB, "cells_x = 2", "cells_x = 3"),
    ("kind honeycomb", "cells_y"): (HONEYCOMB, "cells_y = 2", "cells_y = 3"),
    ("kind honeycomb", "hopping"): (HONEYCOMB, "cells_y = 2", "cells_y = 2, hopping = 2"),
    ("self-energy chain", "hopping"): (NATURAL, "hopping = 1.2", "hopping = 1.3"),
    ("self-energy chain", "coupling"): (NATURAL, "coupling = 0.8", "coupling = 0.9"),
    ("self-energy wide_band", "Gamma"): (NATURAL, "wide_band(0.7)", "wide_band(Gamma = 0.8)"),
    ("disorder uniform", "low"): (PLAIN, "-0.2, 0.3", "-0.1, 0.3"),
    ("disorder uniform", "high"): (PLAIN, "-0.2, 0.3", "-0.2, 0.4"),
    ("disorder uniform", "seed"): (PLAIN, "seed = 3", "seed = 4"),
    ("disorder normal", "mean"): (PLAIN.replace("uniform(-0.2", "normal(0"), "normal(0", "normal(1"),
    ("disorder normal", "deviation"): (PLAIN.replace("uniform(-0.2", "normal(0"), "0.3, seed", "0.2, seed"),
    ("disorder normal", "seed"): (PLAIN.replace("uniform(-0.2", "normal(0"), "seed = 3", "seed = 4"),
    ("law poisson", "epsilon"): (POISSON, "epsilon = 1", "epsilon = 2"),
    ("transport", "order"): (NATURAL, "order = 2", "order = 1"),
    ("transport", "method"): (NATURAL, "order = 2", "order = 2, method = sparse"),
    ("transmission", "method"): (SPECTRUM, "transmission {", "transmission(method = sparse) {"),
    ("response", "order"): (RESPONSE, "order = 2", "order = 1"),
    ("response", "method"): (RESPONSE, "order = 2", "order = 2, method = sparse"),
}


def written() -> Iterator[tuple[str, str]]:
    """All that can be written, from the registries."""
    for word in nouns:
        form = nouns[word]().current_form()
        yield from ((word, name) for name in (*(form.fields or {}), *form.lines))
    for name, kind in lattice_kinds.items():
        yield from ((f"kind {name}", argument) for argument in inspect.signature(kind).parameters)
    for name, self_energy in self_energies.items():
        yield from ((f"self-energy {name}", argument) for argument in self_energy.arguments)
    for name, distribution in distributions.items():
        yield from ((f"disorder {name}", argument) for argument in (*distribution.arguments, "seed"))
    yield from (("bath of modes", argument) for argument in mode_baths.ARGUMENTS)
    for name, law in laws.items():
        yield from ((f"law {name}", argument) for argument in law.arguments)
    for name, verb in verbs.items():
        yield from ((name, option) for option in verb.options)


def outcome(text: str) -> Any:
    """All that a reader gets: numbers, units, coordinates, the method, what is drawn; or the refusal."""
    try:
        model = mk.loads(text)
        found = model.run()
    except mk.ModelError as error:
        return str(error)
    numbers = {
        name: (array.dims, array.values.tolist(), array.attrs.get("units")) for name, array in found.items()
    }
    coordinates = {
        name: (array.values.tolist(), array.attrs.get("units")) for name, array in found.coords.items()
    }
    drawn = choose_drawings(model.declarations, found.attrs["task"], found).drawings if "plot" in text else ()
    return repr((numbers, coordinates, found.attrs["method"], [(d.kind, d.against, d.by) for d in drawn]))


def test_everything_that_can_be_written_is_in_the_table() -> None:
    assert set(written()) == set(CHANGES)


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_what_is_written_is_felt(change: tuple[str, str]) -> None:
    text, old, new = CHANGES[change]
    assert text.count(old) == 1
    before, after = outcome(text), outcome(text.replace(old, new))
    assert before.startswith("("), before
    assert before != after
