"""Random models of everything that transport knows, as text: for laws that hold whatever the device is.

What is drawn from a registry - self-energies, conditions of probes, laws of screening - is written from what
its entry says of itself: a new kind is drawn from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import xarray as xr
from hypothesis import strategies as st

import modelkit as mk
from modelkit.elements.conditions import conditions
from modelkit.elements.screening_laws import laws
from modelkit.elements.self_energies import Argument, self_energies

INTERNAL = ("", "spin", "orbital(2)", "nambu")
FORMULAS = ("rational", "filter")  # self-energies that are written out
FLOWS = "output current, heat_current, chemical_potential, temperature"
SHAPES = ("chain", "ring", "strip")


@dataclass(frozen=True, repr=False)
class Sample:
    """A model with the tasks ``full``, ``first``, ``second``, ``start``.

    Parameters of the text: ``s`` scales the bias of the terminals, ``j`` the prescribed currents, ``g`` the
    gates, ``rise`` lifts all chemical potentials and gates, ``flip`` is -1 for the device with its fluxes
    reversed.
    ``mu``, ``T`` are those of the reference, ``drawn`` the words of the registries that occur; a model is
    ``anchored`` where a common shift changes it: loads, the ground, sites whose potential does not follow.
    """

    text: str
    mu: float
    T: float
    drawn: frozenset[str]
    anchored: bool

    def run(self, task: str, **values: float) -> xr.Dataset:
        """The Dataset of a task."""
        return self.model.run(task, values)

    @property
    def model(self) -> mk.Model:
        return mk.loads(self.text)

    def __repr__(self) -> str:
        return self.text


@dataclass
class Writer:
    """Draws one model.

    What a law is about may be fixed: ``screening`` and ``warm`` (None: either).
    ``bias`` is the size of all that drives; with ``cold_heat`` probes solve T among baths at T = 0 as well,
    which no expansion knows; ``smooth`` leaves out what full and expanded do not share.
    """

    random: Random
    screening: bool | None = None
    warm: bool | None = None
    bias: float = 0.3
    probes: int = 3
    cold_heat: bool = False
    smooth: bool = False
    words: set[str] = field(default_factory=set)
    anchored: bool = False

    def sample(self) -> Sample:
        random = self.random
        spaces = [space for space in INTERNAL if not (self.screening and space == "nambu")]
        self.space = random.choice(spaces)
        self.paired = self.space == "nambu"
        self.screened = not self.paired and (
            random.random() < 0.5 if self.screening is None else self.screening
        )
        self.hot = random.random() < 0.6 if self.warm is None else self.warm
        self.shape = random.choice(SHAPES)
        small = self.shape == "strip" or self.screened
        self.columns = random.randint(2, 3 if small else 5)
        lattice = self.lattice()
        least = 2 if self.cold_heat and not self.hot else 1  # what warms a probe among cold baths is a bias
        baths = [f"B{k}" for k in range(random.randint(least, 4))]
        probes = [f"P{k}" for k in range(random.randint(0, self.probes))]
        lines = [self.bath(name) for name in baths]
        lines += [self.probe(name) for name in probes]
        mu = 0.0 if self.paired else self.number(-0.5, 0.5)
        T = self.number(0.08, 0.3) if self.hot else 0.0
        text = "\n".join(
            [
                "model sample",
                "param s = 1; param j = 1; param g = 1; param rise = 0; param flip = 1",
                f"param M = {mu}; param T0 = {T}",
                "reference { mu = M; T = T0 }",
                *lattice,
                *lines,
                *self.potentials([*baths, *probes]),
                f"task full = transport {{ {FLOWS} }}",
                f"task first = transport(order = 1) {{ {FLOWS} }}",
                f"task second = transport(order = 2) {{ {FLOWS} }}",
                "task linear = response(order = 1) { output G1, response_1 }",
                "task start = response { output response_1, response_2 }",
                "",
            ]
        )
        return Sample(text, mu, T, frozenset(self.words), self.anchored)

    # --- the lattice

    def lattice(self) -> list[str]:
        """A uniform lattice with flux, and sites of it that differ."""
        strip = self.shape == "strip"
        ring = f"ring({max(3, self.columns)})"
        span = ring if self.shape == "ring" else f"1..{self.columns}"
        indices = "x, y" if strip else "x"
        ranges = f"x in {span}, y in 1..2" if strip else f"x in {span}"
        lines = ["lattice d {"]
        lines += [f"  internal {self.space}"] if self.space else []
        lines += [f"  site c[{indices}] for {ranges}", f"  onsite c[{indices}] : {self.level()}"]
        if strip:
            lines += [
                f"  hop c[x, y] -> c[x+1, y] : {self.hopping('y')}",
                f"  hop c[x, y] -> c[x, y+1] : {self.hopping('1')}",
            ]
        else:
            lines.append(f"  hop c[x] -> c[x+1] : {self.hopping('1')}")
        for site in self.random.sample(self.sites, self.random.randint(0, 2)):
            lines.append(f"  onsite {site} : {self.number(-0.6, 0.6)}")
        if self.paired:
            partner = "c[x+1, y]" if strip else "c[x+1]"
            lines.append(f"  pair c[{indices}] - {partner} : {self.number(-0.8, 0.8)} + {self.phase('0.4')}")
        return [*lines, "}"]

    @property
    def sites(self) -> list[str]:
        columns = range(1, self.columns + 1)
        if self.shape == "strip":
            return [f"c[{x}, {y}]" for x in columns for y in (1, 2)]
        if self.shape == "ring":
            columns = range(1, max(3, self.columns) + 1)
        return [f"c[{x}]" for x in columns]

    def level(self) -> str:
        found = str(self.number(-0.4, 0.4))
        if self.space == "spin":
            found += f" + {self.number(-0.4, 0.4)}*sigma_x + flip*{self.number(-0.4, 0.4)}*sigma_y"
        if self.space == "orbital(2)":
            a, b = self.number(-0.5, 0.5), self.number(-0.5, 0.5)
            found = f"[{found}, {a} + flip*{b}*1i | {a} - flip*{b}*1i, {self.number(-0.5, 0.5)}]"
        return found

    def hopping(self, along: str) -> str:
        amplitude = self.number(-1.2, -0.6)
        found = f"{amplitude}*{self.phase(f'{self.number(-0.9, 0.9)}*{along}')}"
        if self.space == "spin":
            found += f" + {self.number(-0.4, 0.4)}*1i*sigma_y + {self.number(-0.3, 0.3)}*sigma_z"
        if self.space == "orbital(2)":
            found += f" + [{self.number(-0.3, 0.3)}, {self.number(-0.3, 0.3)} | 0, 0.2]"
        return found

    def phase(self, angle: str) -> str:
        return f"exp(1i*flip*{angle})"

    # --- terminals

    def bath(self, name: str) -> str:
        T = f"; T = {self.temperature()}" if self.hot else ""
        return f"bath {name} {self.contact()}; mu = {self.potential()}{T} }}"

    def probe(self, name: str) -> str:
        """Any non-empty choice of unknowns, each with one of its conditions."""
        elastic = [word for word, one in conditions.items() if one.elastic]
        if self.random.random() < 0.25:
            word = self.random.choice(elastic)
            self.words.add(word)
            solve = f"solve {conditions[word].unknown} such that {word} == 0"
            return f"probe {name} {self.contact(own=False)}; {solve} }}"
        by_unknown: dict[str, list[str]] = {}
        for word, one in conditions.items():
            if not one.elastic and (self.hot or self.cold_heat or one.unknown == "mu"):
                by_unknown.setdefault(one.unknown, []).append(word)
        count = self.random.randint(1, len(by_unknown))
        unknowns = sorted(self.random.sample(sorted(by_unknown), count))
        words = [self.random.choice(by_unknown[unknown]) for unknown in unknowns]
        self.words.update(words)
        rights = [f"{word} == {self.right(unknown)}" for unknown, word in zip(unknowns, words, strict=True)]
        given = {"mu": self.potential(), "T": self.temperature()}
        fields = [f"{key} = {value}" for key, value in given.items() if key not in unknowns]
        fields = [one for one in fields if self.hot or not one.startswith("T")]
        solve = f"solve {', '.join(unknowns)} such that {', '.join(rights)}"
        return f"probe {name} {self.contact()}; {'; '.join([*fields, solve])} }}"

    def right(self, unknown: str) -> str:
        kind = self.random.choice(("0", "0", "given", "load"))
        if kind == "given":
            return f"j*{self.number(-0.02, 0.02)}" if unknown == "mu" else f"j*{self.number(-0.01, 0.01)}*T0"
        if kind == "load" and unknown == "mu":
            self.anchored = True
            return f"-(mu - M)/{self.number(5, 30)}"
        return "0"

    def contact(self, *, own: bool = True) -> str:
        """``on SITES { self_energy = ...; bands = ...``; ``own`` where there is a mu to follow."""
        written = self.self_energy()
        ends = [end for end in ("left", "right") if self.shape != "ring"]
        if written is None:
            place = f"d.{self.random.choice(ends)}"
            written = "lead"
        elif ends and self.random.random() < 0.2:
            place = f"d.{self.random.choice(ends)}"
        else:
            places = self.random.sample(self.sites, self.random.choice((1, 1, 1, 2)))
            place = ", ".join(f"d.{one}" for one in places)
        own = own and not (self.smooth and written.startswith(("lead", "-0.5i")))
        bands = self.random.choice(["", "local", *["own"] * own, *["rigid"] * (not self.screened)])
        return f"on {place} {{ self_energy = {written}" + (f"; bands = {bands}" if bands else "")

    def self_energy(self) -> str | None:
        """None for one that is the lattice continued."""
        kind = self.random.choice([*self_energies, *FORMULAS])
        if self.screened and (kind == "filter" or not self.words):
            kind = "rational"  # the first one is open at all energies: no terminal would fill bound states
        continued = kind in self_energies and getattr(self_energies[kind], "continues", False)
        if continued and (self.shape == "ring" or self.paired):
            kind = "rational"
            continued = False
        self.words.add(kind)
        if continued:
            return None
        if kind == "rational":
            return f"{self.number(0.2, 0.8)}/(E - {self.number(0.0, 0.6)} + {self.number(0.4, 1.2)}i)"
        if kind == "filter":
            return f"-0.5i*if(E > {self.number(-0.6, 0.6)}, {self.number(0.4, 1.2)}, 0.3)"
        values = [self.argument(one) for one in self_energies[kind].arguments.values()]
        return f"{kind}({', '.join(values)})" if values else kind

    def argument(self, one: Argument) -> str:
        """A positive number, or a positive matrix where there are two components."""
        if one.matrix and self.space in ("spin", "orbital(2)") and self.random.random() < 0.5:
            a, b = self.number(-0.2, 0.2), self.number(-0.2, 0.2)
            off = f"{a} + flip*{b}*1i", f"{a} - flip*{b}*1i"
            return f"[{self.number(0.4, 1.4)}, {off[0]} | {off[1]}, {self.number(0.4, 1.4)}]"
        return str(self.number(0.4, 1.5))

    def potential(self) -> str:
        return f"M + rise + s*{self.number(-self.bias, self.bias)}"

    def temperature(self) -> str:
        return f"T0*(1 + s*{self.number(-self.bias, self.bias)})"

    # --- potentials

    def potentials(self, terminals: Sequence[str]) -> list[str]:
        lines = []
        if self.random.random() < 0.3:
            lines.append(f"potential on d {{ U = {self.number(-0.3, 0.3)}*x }}")
        if not self.screened:
            return lines
        word = self.random.choice(list(laws))
        law = laws[word]
        self.words.add(f"charge == {word}")
        values = [str(self.argument(one)) for one in law.arguments.values()]
        right = f"{word}({', '.join(values)})" if values else word
        choices = [["d"], ["left", "right"]] + ([["left"]] if not law.whole else [])
        choices += [[]] if not law.lines else []
        unknowns = self.random.choice(choices)
        if "left" in unknowns:
            lines += ["region left on d where x < 2", "region right on d where x >= 2"]
        if unknowns == ["left"]:
            self.anchored = True
        solve = f"solve U[{', '.join(unknowns)}]" if unknowns else "solve U"
        lines += ["gate G { U = rise + g*0.2 }"] if law.lines else []
        lines += ["screening on d {", f"  {solve} such that charge == {right}"]
        if law.lines:
            lines += self.capacitances(unknowns)
        elif not self.smooth and self.random.random() < 0.1:  # full transport does not use it
            lines.append("  response = thomas_fermi")
            self.words.add("thomas_fermi")
        return [*lines, "}"]

    def capacitances(self, unknowns: Sequence[str]) -> list[str]:
        lines = [f"  capacitance {unknowns[0]} - G : {self.number(0.1, 1.0)}"]
        if len(unknowns) > 1:
            lines.append(f"  capacitance {unknowns[0]} - {unknowns[1]} : {self.number(0.1, 1.0)}")
        if self.random.random() < 0.5:
            lines.append(f"  capacitance {unknowns[-1]} - B0 : {self.number(0.1, 1.0)}")
        if self.random.random() < 0.3:
            lines.append(f"  capacitance {unknowns[-1]} - ground : {self.number(0.1, 1.0)}")
            self.anchored = True
        return lines

    def number(self, low: float, high: float) -> float:
        return round(self.random.uniform(low, high), 3)


def sample(random: Random, **limits: Any) -> Sample:
    return Writer(random, **limits).sample()


def models(**limits: Any) -> st.SearchStrategy[Sample]:
    """Models as :class:`Writer` draws them, each from a seed that a failure can name."""
    return st.integers(0, 2**32 - 1).map(lambda seed: sample(Random(seed), **limits))
