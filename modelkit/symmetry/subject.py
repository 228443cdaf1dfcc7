"""A declared device at values that can be changed: why an operation fails, whether it holds by chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np
import sympy as sp

from modelkit.elements.nouns import nouns
from modelkit.elements.parameters import Parameter
from modelkit.elements.terms import terms
from modelkit.graph.device import Device
from modelkit.graph.expand import Expansion
from modelkit.graph.formulas import names_in
from modelkit.graph.link import relations
from modelkit.graph.values import values_of
from modelkit.language import nodes
from modelkit.symmetry.blame import Breaker
from modelkit.symmetry.parts import parts, undeclared

GENERIC = 2  # sets of random values that stand for all


@dataclass(frozen=True, eq=False)
class Subject:
    """A declared graph, values of its parameters and of fields of terminals (``L.T``)."""

    expansion: Expansion
    given: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def graph(self) -> nx.MultiDiGraph:
        """The declared graph."""
        return self.expansion.graph

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """All declared parameters."""
        found: Mapping[str, Parameter] = self.graph.graph["declarations"].parameters
        return found

    @property
    def open(self) -> bool:
        """Whether jump operators act on it: then it has an equation of motion, and no terminals."""
        return any(data["kind"] == "dissipator" for _, data in self.graph.nodes(data=True))

    @property
    def extended(self) -> bool:
        """Whether a noun belongs to a part that others have added: rules beyond the group are not used."""
        return any(parts[part].add is not None for part in self._parts if part in parts)

    @property
    def _nouns(self) -> list[str]:
        block = self.graph.graph["declarations"].block
        return [each.noun.id for each in block.statements if isinstance(each, nodes.Statement)]

    @property
    def _parts(self) -> set[str]:
        return {part for word in self._nouns if word in nouns and (part := nouns[word].part) is not None}

    @property
    def unsaid(self) -> str:
        """Why nothing can be decided: what has not said how it transforms; "" where all has."""
        words = undeclared(self._nouns)
        unplaced = {
            term.kind for term in relations(self.graph, frozenset(terms)) if terms[term.kind].part is None
        }
        return "; ".join(
            [f"the noun '{word}' has not said how it transforms" for word in words]
            + [f"'{kind}' is in no matrix that could be examined" for kind in sorted(unplaced)]
        )

    def device(self, **changes: Any) -> Device:
        """The device, some parameters changed."""
        values = values_of(self.graph.graph["declarations"], {**self.given, **changes})
        return self.expansion.device(values, self.fields)

    def value(self, name: str) -> Any:
        """The value of a parameter."""
        return self.given.get(name, self.parameters[name].default)

    def parameters_behind(self, lines: Iterable[Breaker]) -> frozenset[str]:
        """Parameters of lines that break an operation; where a term is one, those of all terms.

        Which of several terms is the one that does not fit to the others is a matter of their order.
        """
        lines = list(lines)
        names = {name for line in lines for name in line.names}
        if any(line.what.split()[0] in terms for line in lines):
            names |= names_in(term.value for term in relations(self.graph, frozenset(terms)))
        return self.parameters_in(names)

    def parameters_in(self, names: Iterable[str]) -> frozenset[str]:
        """Parameters among some names, and those that the lets among them use."""
        lets = self.graph.graph["declarations"].lets
        found, waiting = set[str](), list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += names_in([lets[name].expression]) if name in lets else []
        return frozenset(found & set(self.parameters))

    def real(self) -> list[str]:
        """Parameters that may take any real number of an interval."""
        return [
            name
            for name, each in self.parameters.items()
            if not (each.integer or each.complex or each.choices) and each.default is not sp.oo
        ]

    def generic(self) -> list[dict[str, float]]:
        """Random values of all real parameters, near the given ones and within their intervals.

        What is switched off stays so: a parameter whose value is zero keeps it.
        """
        random = np.random.default_rng(7)
        free = [name for name in self.real() if self.value(name) != 0]
        return [{name: self._near(name, random) for name in free} for _ in range(GENERIC)]

    def _near(self, name: str, random: np.random.Generator) -> float:
        value, parameter = float(self.value(name)), self.parameters[name]
        drawn = value * random.uniform(0.7, 1.3) + random.uniform(0.01, 0.02) * (1.0 if value >= 0 else -1.0)
        if parameter.interval is None:
            return drawn
        low, high = (float(end) for end in parameter.interval)
        if low <= drawn <= high:
            return drawn
        return low + (high - low) * random.uniform(0.2, 0.8) if np.isfinite(high - low) else value
