"""A noun, a kind of relation and the rest are added in one place and are then known everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

import modelkit as mk
from modelkit.elements.baths import BathNoun
from modelkit.elements.binder import Binder
from modelkit.elements.conditions import Current, conditions
from modelkit.elements.lattice_kinds import lattice_kinds
from modelkit.elements.lattices import Lattice
from modelkit.elements.nouns import Form, Noun, fields_of, nouns
from modelkit.elements.self_energies import WideBand, self_energies
from modelkit.elements.terms import Hop, TermKind, terms
from modelkit.errors import ModelError
from modelkit.language import nodes
from tests.elements.reading import errors, messages, read, read_wire


@dataclass(frozen=True)
class Magnet:
    """What the noun below makes."""

    name: str
    field: object
    lattice: Lattice


class MagnetNoun(Noun):
    """A field on a lattice."""

    doc = "a magnetic field on a lattice"
    form = Form(
        pattern="magnet NAME on LATTICE { field = FORMULA }",
        head=(nodes.Listing,),
        clauses=("on",),
        needs=("on",),
        block="must",
        fields={"field": "Zeeman energy"},
    )
    space = "device"
    stage = 46

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Formula and lattice."""
        (name,) = self.names(statement)
        (target,) = statement.clauses[0].items
        assert isinstance(target, nodes.Name)
        lattice = binder.find(target, "lattice", "elements", Lattice)
        field = binder.formula(fields_of(statement.block)["field"].value)
        binder.store("elements", name.id, Magnet(name.id, field, lattice))


MAGNET = "magnet B on wire { field = 2*V }\n"


def test_a_noun_is_one_class() -> None:
    assert messages("model m\nmagnt B on wire { field = 1 }\n") == ["there is no noun 'magnt'"]
    with nouns.extended("magnet", MagnetNoun):
        made = read_wire(MAGNET).elements["B"]
        assert isinstance(made, Magnet)
        assert made.lattice.name == "wire"
        assert list(read_wire(MAGNET).elements) == ["wire", "L", "R", "B"]
        (misspelt,) = errors("model m\nmagnt B on wire { field = 1 }\n")
        assert misspelt.hint == "did you mean 'magnet'?"
        assert "magnet, case" in (errors("model m\nquux\n")[0].hint or "")
        with pytest.raises(ModelError) as caught:
            read_wire("magnet B on wire { feild = 1 }\nmagnet C on wirr { field = 1 }\nparam B = 1\n")
        assert [(error.message, error.hint) for error in caught.value.errors] == [
            ("'magnet' has no field 'feild'", "did you mean 'field'?"),
            ("there is no lattice 'wirr'", "did you mean 'wire'?"),
            (
                "the name 'B' of this parameter is that of a magnet in line 10 already",
                caught.value.errors[2].hint,
            ),
        ]


class Spring(TermKind):
    """A relation that needs two sites."""

    form = Form(
        pattern="spring c[l] - c[l+1] : STIFFNESS", head=(nodes.Path,), clauses=("for", "where"), value=True
    )
    joint = "-"


def test_a_relation_is_one_class() -> None:
    text = "model m\nlattice a {\nsite c[l] for l in 1..4\nspring c[l] - c[l+1] : 2\n}"
    assert messages(text) == ["'lattice' has no line 'spring'"]
    with terms.extended("spring", Spring):
        lattice = read(text).elements["a"]
        assert isinstance(lattice, Lattice)
        assert [(term.kind, term.value) for term in lattice.terms] == [("spring", 2)]
        with pytest.raises(ModelError, match="'spring' is treated by no method"):
            mk.loads(text).device()
        (error,) = errors(text.replace("spring", "sprint"))
        assert error.hint == "did you mean 'spring'?"


class Link(Hop):
    """Another word for a hop."""

    form = replace(Hop.form, pattern="link c[l] => c[l+1] : FORMULA")


def test_a_relation_says_how_it_enters_the_matrices() -> None:
    text = "model m\nlattice a {\nsite c[l] for l in 1..4\nlink c[l] -> c[l+1] : 2i\nhop c[1] -> c[3] : 1\n}"
    with terms.extended("link", Link):
        model = mk.loads(text)
        plain = mk.loads(text.replace("link", "hop"))
        assert (model.compile().hamiltonian() != plain.compile().hamiltonian()).nnz == 0
        assert model.device().bonds.source.tolist() == plain.device().bonds.source.tolist()
        assert model.latex() == plain.latex()
        with pytest.raises(ModelError, match=r"the link 'c\[1\] -> c\[2\]' is infinite"):
            mk.loads(text.replace("2i", "1/(l-1)")).device()


def test_a_kind_of_lattice_is_one_function() -> None:
    def ladder(*, rungs: str, leg: str = "1") -> str:
        return f"site a[l] for l in 1..({rungs})\nsite b[l] for l in 1..({rungs})\nhop a[l] -> b[l] : {leg}"

    with lattice_kinds.extended("two_legs", ladder):
        lattice = read("model m\nparam n = 3\nlattice a = two_legs(rungs = n)").elements["a"]
        assert isinstance(lattice, Lattice)
        assert [family.name for family in lattice.sites] == ["a", "b"]
        (error,) = errors("model m\nlattice a = two_leg(rungs = 3)")
        assert error.hint == "did you mean 'two_legs'?"
        assert messages("model m\nlattice a = two_legs(rungs = 3, length = 2)") == [
            "'two_legs' has no argument 'length'"
        ]


def test_a_self_energy_is_one_class() -> None:
    class Narrow(WideBand):
        """Refuses widths above one."""

        @staticmethod
        def refuses(**arguments: object) -> str | None:
            """Only small ones."""
            return (
                "a narrow band has Gamma < 1" if np.any(np.abs(np.asarray(arguments["Gamma"])) > 1) else None
            )

    line = "bath M on wire.c[2] { self_energy = narrow_band(%s); mu = 0 }"
    with self_energies.extended("narrow_band", Narrow):
        made = read_wire(line % "Gamma = V").elements["M"]
        assert made.self_energy.kind == "narrow_band"  # type: ignore[attr-defined]
        with pytest.raises(ModelError, match="a narrow band has Gamma < 1"):
            read_wire(line % "3")
        with pytest.raises(ModelError, match="did you mean 'narrow_band'"):
            read_wire((line % "0.1").replace("narrow_band", "narow_band"))


def test_a_probe_condition_is_one_class() -> None:
    class Drift(Current):
        """Another quantity for another unknown."""

        unknown = "drift"

    line = "probe P on wire.c[2] { self_energy = wide_band(1); mu = 0; solve %s such that %s == 0 }"
    with conditions.extended("K", Drift):
        assert read_wire(line % ("drift", "K")).elements["P"].unknowns == ("drift",)  # type: ignore[attr-defined]
        with pytest.raises(ModelError, match="'K' determines 'drift', not 'mu'"):
            read_wire((line % ("mu", "K")).replace("mu = 0; ", ""))
        with pytest.raises(ModelError, match="the conditions are I, J, i\\(E\\), K"):
            read_wire(line % ("drift", "Q"))


def test_what_is_registered_wins_over_what_is_announced_for_later() -> None:
    text = "model m\nremove B on wire { field = 1 }\n"
    assert messages(text) == ["'remove' on a model that is extended comes with a later version"]
    with nouns.extended("remove", MagnetNoun):
        assert messages(text) == ["there is no lattice 'wire'"]


def test_a_terminal_is_one_class() -> None:
    class Electrode(BathNoun):
        """Another word for a bath."""

        form = replace(BathNoun.form, pattern=BathNoun.form.pattern.replace("bath", "electrode"))

    text = "electrode M on wire.c[2] { self_energy = wide_band(%s); mu = 0 }\n"
    task = "reference { mu = 0; T = 0 }\ntask t = transport(order = 1) { output x = I[%s] }"
    with nouns.extended("electrode", Electrode):
        assert read_wire(text % "1" + task % "M").tasks["t"].outputs[0].quantities
        with pytest.raises(ModelError) as caught:
            read_wire(text % "nothing" + task % "M")
        assert [error.message for error in caught.value.errors] == ["there is no 'nothing' here"]


@pytest.mark.parametrize("word", nouns)
def test_every_noun_says_what_it_is(word: str) -> None:
    noun = nouns[word]()
    assert noun.doc
    assert noun.form.pattern.startswith(word)
    for line, form in noun.current_form().lines.items():
        assert form.doc
        assert form.pattern.startswith(line)
