from __future__ import annotations

import pytest

from tests.elements.reading import read_wire

CASES = "case one { V = V }\ncase two { V = -V }\n"


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("2*pi*I[L]/V", r"2\pi\,I_{\mathrm{L}}/V"),
        ("I[L]@one + I[L]@two", r"I_{\mathrm{L}}^{\mathrm{one}} + I_{\mathrm{L}}^{\mathrm{two}}"),
        ("-abs(I[L])^2", r"-{|I_{\mathrm{L}}|}^{2}"),
        ("rectification(I[L])", r"\mathrm{rectification}(I_{\mathrm{L}})"),
        ("sqrt(heat[R]/1e-3)", r"\sqrt{\mathrm{heat}_{\mathrm{R}}/1\times 10^{-3}}"),
        ("bond_current[c[1] -> c[2]]", r"\mathrm{bond\ current}_{\mathrm{c{[}1{]}\to c{[}2{]}}}"),
        ("if(V > 1, 1, 2)", r"\mathrm{if}(V > 1, 1, 2)"),
        ("I[L]*(V == 1)", ""),  # no place on an axis
    ],
)
def test_formulas_over_results_are_typeset_as_they_were_written(formula: str, shown: str) -> None:
    from matplotlib.mathtext import MathTextParser

    task = read_wire(CASES + f"task t = transport {{ cases one, two; output current, x = {formula} }}").tasks[
        "t"
    ]
    assert task.outputs[1].latex == shown
    if shown:
        assert MathTextParser("path").parse(f"${shown}$").width > 0
