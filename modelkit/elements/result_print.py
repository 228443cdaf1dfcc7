r"""Formulas over results as mathematics in print: ``2*pi*I[L]/V`` is ``2\pi\,I_{\mathrm{L}}/V``."""

from __future__ import annotations

import re

from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.symbols import symbol
from modelkit.registry import outputs

SIGNS = {"*": r"\,", "/": "/", "+": " + ", "-": " - ", "<": " < ", ">": " > "}
DEEPEST = 12  # formulas within formulas; what is deeper is no label


def in_print(node: nodes.Expr | nodes.Arrow, depth: int = 0) -> str:
    """A formula as LaTeX without the dollars; empty for forms that have no place on an axis."""
    if depth > DEEPEST:
        return ""
    parts = _parts(node)
    shown = [in_print(part, depth + 1) for part in parts]
    return _joined(node, shown) if all(shown) else ""


def _parts(node: nodes.Expr | nodes.Arrow) -> tuple[nodes.Expr, ...]:
    """The formulas in a formula that are set by themselves."""
    match node:
        case nodes.Group(of=of) | nodes.Unary(of=of) | nodes.AtCase(of=of):
            return (of,)
        case nodes.Power(base=base, exponent=exponent):
            return base, exponent
        case nodes.Operation(operands=operands):
            return operands
        case nodes.Call(arguments=arguments):
            return tuple(one for one in arguments if not isinstance(one, nodes.Keyword))
    return ()


def _joined(node: nodes.Expr | nodes.Arrow, shown: list[str]) -> str:
    match node:
        case nodes.Number(text=text, unit=None):
            digits, _, power = text.lower().partition("e")
            return rf"{digits}\times 10^{{{int(power)}}}" if power.lstrip("+-").isdigit() else text
        case nodes.Name(id=word):
            return r"\pi" if word == "pi" else _symbol(word)
        case nodes.Index(of=nodes.Name(id=word), at=at):
            labels = ", ".join(_label(one) for one in at)
            return rf"{_symbol(word)}_{{{_roman(labels)}}}"
        case nodes.AtCase(case=case):
            return rf"{shown[0]}^{{{_roman(case.id)}}}"
        case nodes.Group():
            return f"({shown[0]})"
        case nodes.Unary(operator="-" | "+" as sign):
            return sign + shown[0]
        case nodes.Power():
            return f"{{{shown[0]}}}^{{{shown[1]}}}"
        case nodes.Operation(operators=operators) if set(operators) <= set(SIGNS):
            row = shown[0] + "".join(
                SIGNS[one] + part for one, part in zip(operators, shown[1:], strict=True)
            )
            return re.sub(r"(?<=\d)\\,(?=[\\A-Za-z])", "", row)  # 2 pi, not 2  pi
        case nodes.Call(of=nodes.Name(id="sqrt")):
            return rf"\sqrt{{{shown[0]}}}"
        case nodes.Call(of=nodes.Name(id="abs")):
            return f"|{shown[0]}|"
        case nodes.Call(of=nodes.Name(id=word)):
            return f"{_roman(word)}({', '.join(shown)})"
    return ""


def _symbol(word: str) -> str:
    """Short names of results in formulas; a long one without is set upright."""
    short = outputs[word].short if word in outputs else word
    return symbol(short) if short else _roman(word)


def _label(node: nodes.Expr | nodes.Arrow) -> str:
    """``S[2]``, and ``c[1]->c[2]`` of a bond."""
    ends = (node.left, node.right) if isinstance(node, nodes.Arrow) else (node,)
    return "->".join(expression_text(end).replace(" ", "") for end in ends)


def _roman(words: str) -> str:
    spaced = words.replace("_", r"\ ").replace("->", r"\to ").replace("[", "{[}").replace("]", "{]}")
    return rf"\mathrm{{{spaced}}}"
