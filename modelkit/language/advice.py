"""What to do about the usual slips: hints, each with small wrong texts that it answers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """A hint, and small texts that make the slip it is for.

    In the hint and the message ``<found>`` is the wrong word and ``<before>`` the word before it.
    """

    hint: str
    examples: tuple[str, ...]
    message: str | None = None


ADVICE = (
    Advice(
        "write <before>*<found>",
        ("a = 2t", "p a = 2t", "a = (b)c", "p a = (b)c", "x y : 2t", "x on 2t"),
        "a product needs '*'",
    ),
    Advice("write '*' between them", ("a = 2(b)", "p a = 2(b)"), "a product needs '*'"),
    Advice(
        "write 0.5 for .5",
        ("a = .5", "p a = .5", "a = 2 + .5", "a = 2*.5"),
        "a number has digits on both sides of its point",
    ),
    Advice(
        "write <before>.0",
        ("a = 5.", "p a = 5."),
        "a number has digits on both sides of its point",
    ),
    Advice("write '^' for '**'", ("a = b**2",), "a power is written with '^'"),
    Advice(
        "a product needs '*', a new statement begins on a new line or behind ';'",
        ("a = b c", "a = b 2"),
    ),
    Advice(
        "a product needs '*', a description double quotes, a new statement a new line or ';'",
        ("p a = b c", "p a = b 2"),
    ),
    Advice("a condition is written with '==', '=' gives a value", ("a = b = c", "p a = b = c")),
    Advice("a value is given with a single '='", ("a == b", "p a == b", "p a := b")),
    Advice("an arrow is written '->'", ("p a --> b",)),
    Advice("the name of a file stands in double quotes", ("p a extends b",)),
    Advice("a condition is written 'such that I == 0'", ("p a such b",)),
    Advice("only a name can stand there; give the formula one: x = 2*y", ("p 2", "p (b)")),
    Advice("a value is given with '=': <before> = <found>", ("p a 2",)),
    Advice("the value of a relation stands behind ':'", ("p a -> b = c",)),
    Advice("an index runs over a set: 'l in 1..N'", ("p a for b = 1..2",), "a loop needs 'in'"),
    Advice("an index runs over a set: 'for l in 1..N'", ("p a for b", "p a for b\nc")),
    Advice("a position stands in parentheses: at (x, y)", ("p a at b", "p a at 2")),
    Advice(
        "'{' stands on the line of its noun: put it at the end of the line before",
        ("p a\n{ b = 1 }",),
        "a line cannot begin with '{'",
    ),
    Advice(
        "a line goes on after an operator: put '<found>' at the end of the line before",
        ("a = b\n+ c", "a = b\n- c", "a = b\n* c", "a = b\n/ c"),
        "a line cannot begin with '<found>'",
    ),
    Advice("statements begin with a word", ("a = b\n(c)", "a = b\n2", 'a = b\n"c"', "a = b\n[c]")),
    Advice(
        "there is no '{' that it closes", ("a = b\n}", "a = b }", "p a = b }", "p a }", "}", "p { a = b } }")
    ),
    Advice("there is no '(' that it closes", ("a = b)", "p a = b)", "p a)", ")")),
    Advice("there is no '[' that it closes", ("a = b]", "p a = b]", "p a]")),
    Advice("rows of a matrix are separated by '|'", ("a = [b, c; d, e]",), "';' separates statements only"),
    Advice("a range stands only behind 'in'", ("p a = 2..3", "p a = b..c")),
    Advice(
        "a range stands only behind 'in'; several sites are chosen with 'where': on wire.c where l <= 2",
        ("x on b[2..3]", "p a[2..3]", "a = b[2..3]"),
    ),
    Advice("a statement has one ':'; a range is written 1..N", ("p a for b in 2 : c : d", "p a : b : c")),
    Advice("names and labels stand without quotes: I[L]", ("a = b['c']", "p a['b']", "a = b('c')")),
    Advice("a set stands only after 'in'; a list of values is written [a, b]", ("a = {b}", "p a = {b}")),
    Advice("a value is a formula; a text is only the title of a statement", ('a = "b"', 'p a = "b"')),
    Advice("abs(x) is the magnitude of x", ("a = |b|",), "'|' separates the rows of a matrix only"),
    Advice("an index stands in brackets: c[<found>]", ("a = b.1", "p b.1")),
    Advice("there is one value too few, or one ',' too many", ("a = f(b, )", "a = [b, ]", "p a = f(b, )")),
    Advice("the unit stands directly behind the number that has it", ("a = (b) [c]", "p a = (b) [c]")),
    Advice(
        "two operators in a row: a value is missing between them",
        ("a = b * * c", "a = b * / c", "a = b ^ * c", "a = b + * c", "a = b == == c", "a = b < == c"),
    ),
    Advice(
        "texts stand in double quotes",
        ("p a = 'b'", "p a = 2 'b'", "a = 2 'b'"),
        '"\'" is the adjoint, behind what it acts on',
    ),
)
"""All advice; a test asks that each example gets its own back."""


MISPLACED = {
    "step": "a step belongs to a range 'a..b step c'; a grid of an interval is 'from a to b points n'",
    "to": "an interval is 'from a to b', a range of integers 'a..b'",
    "in": "a set stands behind a name: 'for l in 1..N', 'sweep N in 2..8'",
}
"""Reserved words where they do not belong."""

SLIPS = {
    "%": "the remainder of a division is mod(a, b)",
    "&": "write 'and'",
    "|": "write 'or', or abs(x) for the magnitude of x",
    "!": "write 'not', or '!=' for unequal",
    "~": "write 'not'",
    "$": "a name has letters, digits and '_' and nothing else",
    "?": "write if(condition, a, b)",
    "\\": "a line goes on by itself after an open bracket, a comma or an operator",
    "_": "a name begins with a letter",
    "`": "a text stands in double quotes",
}
"""ASCII characters that other languages use."""


def typed(letter: str) -> str | None:
    """What to type for a character that looks or reads like something of the language."""
    if letter in _MEANT:
        return _MEANT[letter]
    name = unicodedata.name(letter, "")
    words = name.split()
    if words[:1] == ["GREEK"] and len(words) >= 4 and words[2] == "LETTER":
        greek = {"LAMDA": "LAMBDA"}.get(words[3], words[3]).lower()
        shown = greek.capitalize() if words[1] == "CAPITAL" else greek
        return "'lam' ('lambda' is a word of Python)" if shown == "lambda" else f"'{shown}'"
    for kind, sign in (("SUPERSCRIPT", "^"), ("SUBSCRIPT", "_")):
        if words[:1] == [kind] and words[-1] in _DIGITS:
            return f"'{sign}{_DIGITS.index(words[-1])}'"
    if "SPACE" in words or unicodedata.category(letter) == "Zs":
        return "a plain blank"
    if "DASH" in words or "HYPHEN" in words or "MINUS" in words:
        return "'-'"
    return None


_DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_MEANT = {
    letter: meant
    for letters, meant in (
        ("−–—‐‑‒―", "'-'"),
        ("×·⋅∙∗•", "'*'"),
        ("÷∕⁄", "'/'"),
        ("≤⩽", "'<='"),
        ("≥⩾", "'>='"),
        ("≠", "'!='"),
        ("≡", "'=='"),
        ("→⟶⇒", "'->'"),
        ("“”„«»″", "'\"'"),
        ("‘’′´", "\"'\" for the adjoint, '\"' around a text"),
        ("†‡", '"\'", the adjoint'),
        ("√", "sqrt(...)"),
        ("∞", "'infinite'"),
        ("µ", "'mu'"),
        ("ħℏ", "'hbar'"),
        ("ÅÅ", "'angstrom'"),
        ("…", "'..'"),
        ("½", "'1/2'"),
        ("¼", "'1/4'"),
        ("²", "'^2'"),
        ("³", "'^3'"),
        ("¹", "'^1'"),
        ("⁻", "'^-'"),
        ("\u00a0\u202f\u2009\u3000", "a plain blank"),
        ("∧", "'and'"),
        ("∨", "'or'"),
        ("¬", "'not'"),
        ("∈", "'in'"),
        ("，", "','"),
        ("；", "';'"),
        ("：", "':'"),
        ("（", "'('"),
        ("）", "')'"),
        ("\u200b\ufeff\u2060", "nothing: it is an invisible character"),
    )
    for letter in letters
}
