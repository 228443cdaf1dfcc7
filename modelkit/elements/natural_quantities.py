"""What results are quantities of in natural units, where no number has a unit.

Places tell: what stands for an energy (a hopping, a chemical potential, a temperature, a prescribed
current) is one.  ``mu = mu0 + V/2`` makes energies of ``mu0`` and ``V``; of ``mu = 0.1*x`` nothing
follows for ``x``, as the number may be the energy.
"""

from __future__ import annotations

from dataclasses import replace

from modelkit.dimensions import PURE, Exponents, UnitFactor, times
from modelkit.elements.binder import Binder, free_names
from modelkit.elements.quantities import Place, natural_quantity
from modelkit.language import nodes
from modelkit.language.quantities import Known
from modelkit.language.scope import Scope
from modelkit.units import UnitSystem

CHARGED = UnitSystem({"time": (UnitFactor("s", 1),), "temperature": (UnitFactor("K", 1),)})  # e = 1 alone

Told = dict[str, Exponents | None]


def natural_dimension(node: nodes.Expr, binder: Binder, results: Known) -> Exponents | None:
    """The dimension of a formula over results where hbar = e = k_B = 1; None where it is not certain.

    What is no pure number is told with its powers of hbar and k_B if the formula needs them not to be 1.
    """
    reduced = _found(node, binder, binder.units, results)
    if reduced is None or reduced == PURE:
        return reduced
    exact = _found(node, binder, CHARGED, results)
    return exact if exact is not None and binder.units.reduced(exact) == reduced else reduced


def _found(node: nodes.Expr, binder: Binder, units: UnitSystem, results: Known) -> Exponents | None:
    binder.quantities = _deduced(binder, units)
    return natural_quantity(node, binder, units, binder.scope, results)


def _deduced(binder: Binder, units: UnitSystem) -> Told:
    """Dimensions of parameters and lets; of one that is told two different things nothing is known."""
    places = [replace(place, expected=units.reduced(place.expected)) for place in binder.places]
    unclear: Told = {}
    while True:
        told, before = dict(unclear), None
        while told != before:
            before = dict(told)
            binder.quantities = dict(told)
            for place in (*places, *_bodies(told, binder)):
                _tell(place, binder, units, told)
        if unclear == {name: None for name, found in told.items() if found is None}:
            return told
        unclear = {name: None for name, found in told.items() if found is None}


def _bodies(told: Told, binder: Binder) -> list[Place]:
    """The formulas of lets whose dimension is known."""
    found = []
    for name, known in told.items():
        declared = binder.declared("device").get(name)
        head = declared.statement.head if declared is not None and declared.noun == "let" else None
        items = head.items if isinstance(head, nodes.Listing) and known is not None else ()
        values = [item.value for item in items if item.target == nodes.Name(name)]
        found += [Place(value, known, binder.scope) for value in values if value is not None and known]
    return found


def _tell(place: Place, binder: Binder, units: UnitSystem, told: Told) -> None:
    """What follows for the names in a formula."""
    match place.node:
        case nodes.Group(of=of) | nodes.Unary(operator="-" | "+", of=of):
            _tell(replace(place, node=of), binder, units, told)
        case nodes.Operation(operators=("+" | "-", *_), operands=operands):
            for operand in operands:
                _tell(replace(place, node=operand), binder, units, told)
        case nodes.Operation(operators=("*" | "/", *_) as operators, operands=operands):
            for factor in _factors(operators, operands, place, binder, units):
                _tell(factor, binder, units, told)
        case nodes.Name(id=name) if name not in binder.integers and _declared(name, place.scope):
            told[name] = place.expected if told.get(name, place.expected) == place.expected else None


def _factors(
    operators: tuple[str, ...],
    operands: tuple[nodes.Expr, ...],
    place: Place,
    binder: Binder,
    units: UnitSystem,
) -> list[Place]:
    """What the one unknown factor must be, or all of them where they are known: it may contradict.

    Nothing where a number may be any quantity; a whole one that divides is taken as a number: ``V/2``.
    """
    found: list[tuple[nodes.Expr, int, Exponents | None]] = []
    rest = place.expected
    for sign, part in zip(("*", *operators), operands, strict=True):
        power = 1 if sign == "*" else -1
        if not any(name.id in place.scope.names for name in free_names(part)):
            if not (power < 0 and isinstance(part, nodes.Number) and part.text.isdigit()):
                return []
            continue
        known = natural_quantity(part, binder, units, place.scope)
        rest = times(rest, known or PURE, -power)
        found.append((part, power, known))
    unknown = [one for one in found if one[2] is None]
    return [
        Place(part, times(known or PURE, rest, power), place.scope)
        for part, power, known in (unknown or found)
        if len(unknown) < 2
    ]


def _declared(name: str, scope: Scope) -> bool:
    meaning = scope.names.get(name)
    return meaning is not None and meaning.what in ("parameter", "let")
