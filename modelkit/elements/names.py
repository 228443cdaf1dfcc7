"""Which words may be declared; reserved words are refused by the rules of the language already."""

from __future__ import annotations

from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.functions import functions

TAKEN = {
    "E": "the energy",
    "i": "the spectral current i(E); the imaginary unit is written 1i",
    "method": "the choice of a method when a task is run",
    "param": "the prefix of parameters in formulas of results",
    "infinite": "an infinite number of cells",
}


def check_name(name: nodes.Name) -> None:
    """Refuse a word that means something already.

    Raises
    ------
    ModelError
        For words with a fixed meaning and for names of functions.
    """
    hint = f"choose another name, '{name.id}_1' for example"
    if name.id in TAKEN:
        raise ModelError(f"'{name.id}' means {TAKEN[name.id]}", name.span, hint=hint)
    if name.id in functions:
        raise ModelError(f"'{name.id}' is a function of the language", name.span, hint=hint)
