r"""Names of the language as mathematics in print: ``gamma_1`` is ``\gamma_{1}``."""

from __future__ import annotations

import re

LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon "
    "phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
GREEK = frozenset(LETTERS.split())
SPOKEN = {
    "lam": r"\lambda", "kT": r"k_{\mathrm{B}}T", "eps": r"\varepsilon", "epsilon": r"\varepsilon",
    "phi": r"\varphi", "lagrange": r"\lambda",
}  # fmt: skip


def symbol(name: str) -> str:
    r"""A name as mathematics, without the dollars: ``gamma_1`` is ``\gamma_{1}``, ``eps`` ``\varepsilon``."""
    if name in SPOKEN:
        return SPOKEN[name]
    stem, _, index = name.partition("_")
    if not index:
        parts = re.fullmatch(r"([A-Za-z]+)(\d+)", name)
        stem, index = parts.groups() if parts else (stem, "")
    if is_greek(stem):
        shown = _greek(stem)
    elif len(stem) == 1:
        shown = stem
    elif len(stem) == 2 and stem[0] == "d" and stem[1].isupper():
        shown = rf"\Delta {stem[1]}"
    elif stem[0] == "d" and is_greek(stem[1:]):
        shown = rf"\Delta{_greek(stem[1:])}"
    else:
        shown = rf"\mathrm{{{stem}}}"
    return f"{shown}_{{{_subscript(index)}}}" if index else shown


def is_greek(name: str) -> bool:
    """Whether a name is a Greek letter, spelt out or as it is spoken (``eps``, ``lam``)."""
    return name in GREEK or name in {"eps", "lam"}


def _greek(name: str) -> str:
    return SPOKEN.get(name, rf"\{name}")


def _subscript(index: str) -> str:
    if is_greek(index):
        return _greek(index)
    return index if index.isdigit() or len(index) == 1 else rf"\mathrm{{{index.replace('_', ',')}}}"
