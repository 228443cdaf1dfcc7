"""Verdicts in whole sentences: the operator and the chain of reasoning."""

from __future__ import annotations

from collections.abc import Sequence

from modelkit.graph.labels import terminal_labels
from modelkit.symmetry.candidates import Broken
from modelkit.symmetry.names import operator_of
from modelkit.symmetry.operations import Operation
from modelkit.symmetry.parts import Examined
from modelkit.symmetry.relations import Combination

CASES = ("forward", "backward")


def in_words(combination: Combination, labels: Sequence[str]) -> str:
    """``I[L] forward + I[L] backward``."""
    parts = []
    for current, factor in combination.items():
        size = "" if abs(factor) == 1 else f"{abs(factor):g} "
        sign = " - " if factor < 0 else " + "
        parts.append(f"{sign}{size}{current.of}[{labels[current.terminal]}] {CASES[current.case]}")
    text = "".join(parts)
    return text[3:] if text.startswith(" + ") else "-" + text[3:]


def by_operation(name: str, operation: Operation, device: Examined, quantity: str) -> str:
    """An operation of the whole device, from the first case to the second."""
    opposing = operation.sort.opposing
    sign = "; particles become holes, so particle currents change their sign" if opposing else ""
    shift = (
        f" All energies are raised by {operation.shift:g} on the way: only differences count, since "
        "everything follows the common shift."
        if operation.shift
        else ""
    )
    return (
        f"{_operator(name, operation, device)} carries the device with its first bias onto the device "
        f"with its second one and takes {_moved(operation, device)}{sign}.{shift} The currents of the one "
        "case are those of the other at the images. With the conservation of charge, and with what probes "
        f"prescribe, it follows that {quantity} = 0, at any bias, with screening and with inelastic probes."
    )


def by_rule(rule: str, names: Sequence[str], quantity: str) -> str:
    """One or two terminals without a symmetry."""
    probe = (
        "The probes are elastic: at each energy they give back what they take, and eliminating them "
        "leaves two terminals. "
        if rule == "elastic probe"
        else ""
    )
    if rule == "Andreev reflection alone":
        why = BALANCES[rule]
    else:
        why = (
            "Between two terminals unitarity makes the transmissions of both directions equal at each "
            "energy, whatever the geometry and the flux; they depend neither on the bias nor on an unknown."
        )
    carried = (
        f" {names[0][0].upper()}{names[0][1:]} keeps this transmission, or turns it about mu."
        if names
        else ""
    )
    needed = "No operation of the device is needed. " if not names else ""
    return (
        f"{needed}{probe}{why}{carried} The distributions of both cases are the same but for an exchange of "
        f"the terminals, or of particles and holes, and {quantity} = 0."
    )


def by_first_order(names: Sequence[str], quantity: str) -> str:
    """Linear response."""
    image = f", and {names[0]} carries the device of the one case onto that of the other" if names else ""
    return (
        "This task expands to first order: currents are linear in the deviations from the reference, with "
        f"coefficients that do not know the bias{image}. So {quantity} = 0, which says nothing about a "
        "finite bias: take transport without an order."
    )


def by_group(shown: Sequence[str], gauge: bool, quantity: str) -> str:
    """Operations of the device at its reference, for a response coefficient."""
    follows = " Potentials and bands follow a common shift of all voltages, which so drives nothing."
    return (
        f"The device at its reference is kept by {' and '.join(shown)}: coefficients at images of the "
        f"terminals are equal up to a sign. Charge is conserved.{follows if gauge else ''} Together these "
        f"relations leave nothing of {quantity}."
    )


BALANCES = {
    "conservation": "Charge is conserved, to first order energy too, and nothing flows where all terminals "
    "have one chemical potential and one temperature.",
    "elastic scattering": "Scattering keeps the energy and no level depends on the bias, so that currents "
    "are linear in the distributions of the terminals: products of the driving of two terminals do nothing.",
    "Andreev reflection alone": "A single terminal faces the condensate: what it emits comes back as an "
    "electron or as a hole, so that its current is odd in its voltage.",
}


def by_balance(rule: str, quantity: str) -> str:
    """No operation is needed for a response coefficient."""
    return f"No operation of the device is needed. {BALANCES[rule]} This leaves nothing of {quantity}."


def by_rigidity(quantity: str) -> str:
    """It is there because the levels do not follow the voltages."""
    return (
        f"{quantity} vanishes in a device that only depends on differences of potentials. Here the levels do "
        "not follow a common shift of all voltages, so a number is found that hangs on the reference of the "
        "voltages; screen the device, or compare voltages that are symmetric about the reference."
    )


def by_reference(shift: float) -> str:
    """The bias is not symmetric, and the levels do not follow."""
    return (
        f"The two cases differ by a common shift of all chemical potentials by {shift:g}, which the levels "
        "do not follow. A device that only depends on differences of potentials would not notice it. What is "
        "computed is a difference by the reference of the bias, no rectification of the device: bias it "
        "symmetrically, or let the potential follow."
    )


def by_condensate(name: str, operation: Operation, device: Examined, quantity: str) -> str:
    """A symmetry that is of no use, since charge is not conserved."""
    return (
        f"{_operator(name, operation, device)} carries the device with its first bias onto that with its "
        f"second one and takes {_moved(operation, device)}. That {quantity} = 0 would follow if the currents "
        "of the real terminals added up to zero; but the superconducting condensate is a further terminal "
        "and takes up what is left over, which need not be the same in both cases."
    )


def by_lines(
    failing: Sequence[Broken], quantity: str, inelastic: Sequence[str], statements: Sequence[str]
) -> str:
    """Nothing forbids it."""
    found = [f"Nothing found makes {quantity} vanish; that does not say how large it is."]
    if not failing:
        found.append("The pattern of sites and terminals has no operation that would.")
    for each in failing:
        found.append(f"{each.name[0].upper()}{each.name[1:]} would, but it is broken by {each.why}.")
        if each.flip:
            flips = ", ".join(each.flip)
            changed = ", ".join(f"-{name}" for name in each.flip[:1])
            found.append(
                f"Turned in the second case ({flips} changes sign) it holds: I(V, {each.flip[0]}) belongs to "
                f"I(-V, {changed})."
            )
    if inelastic:
        found.append(f"Unitarity does not help: scattering in {', '.join(inelastic)} is inelastic.")
    if statements:
        found.append(f"What does hold: {'; '.join(statements)}.")
    return " ".join(found)


def _operator(name: str, operation: Operation, device: Examined) -> str:
    operator = operator_of(operation, device)
    shown = f" = {operator}" if operator and operator != name else ""
    return f"{name[0].upper()}{name[1:]}{shown}"


def _moved(operation: Operation, device: Examined) -> str:
    labels = list(terminal_labels(device.device))
    pairs = [
        (labels[a], labels[int(b)])
        for a, b in enumerate(operation.terminal)
        if not device.device.superconducting or a < len(labels)
    ]
    moved = [f"{a} to {b}" for a, b in pairs if a != b]
    return ", ".join(moved[:6]) + (", ..." if len(moved) > 6 else "") if moved else "each terminal to itself"
