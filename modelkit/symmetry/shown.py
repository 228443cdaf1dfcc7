"""A report as records for programs, for a notebook, as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from modelkit.symmetry.blame import told

if TYPE_CHECKING:
    from modelkit.symmetry.candidates import Broken
    from modelkit.symmetry.report import Report

CELL = "text-align: left; padding: 0.15em 1em 0.15em 0; vertical-align: top"


def records(report: Report) -> dict[str, Any]:
    """Operations and broken candidates, as plain data for JSON."""
    return {
        "operations": [
            {"name": each.name, "operator": each.operator or None, "always": each.always}
            for each in report.kept
        ],
        "rules": list(report.rules),
        "broken": [
            {
                "name": each.name,
                "lines": [
                    {
                        "what": line.what,
                        "field": line.field or None,
                        "line": line.span.line if line.span is not None else None,
                    }
                    for line in each.breakers
                ],
                "restored": _restored(each),
            }
            for each in report.broken
        ],
    }


def html(report: Report) -> str:
    """Two tables, operators as mathematics."""
    rows = [
        (
            escape(each.name),
            f"${operator_latex(each.operator)}$",
            "" if each.always else "at these values only",
        )
        for each in report.kept
    ]
    kept = _table(("symmetry", "operator", ""), rows) if rows else "<p>no symmetry operation</p>"
    broken = [
        (
            escape(each.name),
            escape(told(each.breakers)),
            escape(" or ".join(_restored(each))),
        )
        for each in report.broken
    ]
    rules = "".join(f"\n<p>{escape(line)}</p>" for line in report.rules)
    return kept + ("\n" + _table(("broken", "by", "restored by"), broken) if broken else "") + rules


def latex(report: Report) -> str:
    r"""The operators, aligned: ``\\text{time reversal} &= \\sigma_y \\mathcal{K}``."""
    lines = [rf"\text{{{each.name}}} &= {operator_latex(each.operator)}" for each in report.kept]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}" if lines else ""


def operator_latex(text: str) -> str:
    """An operator of :func:`modelkit.symmetry.names.operator_of` as LaTeX; nothing is the identity."""
    if not text:
        return "1"
    if text.startswith("["):
        inner, _, rest = text.rpartition("]]")
        rows = [row.strip(" []") for row in inner.split("],")]
        body = r" \\ ".join(" & ".join(_words(entry) for entry in row.split(",")) for row in rows)
        return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}" + (f" {_words(rest)}" if rest.strip() else "")
    return _words(text)


def _words(text: str) -> str:
    found = text.strip()
    if found.startswith("a unitary"):
        return r"\prod_j u_j" + (r" \mathcal{K}" if found.endswith(" K") else "")
    found = re.sub(r"\b(sigma|tau)_(\w)", r"\\\1_\2", found)
    found = re.sub(r"\b1i\b", r"\\mathrm{i}", found)
    found = re.sub(r"sqrt\((\w+)\)", r"\\sqrt{\1}", found)
    found = re.sub(r"\bK\b", r"\\mathcal{K}", found)
    found = found.replace("gauge", r"e^{\mathrm{i}\varphi_j}").replace("(+-)", r"(\pm)_j")
    return found.replace("*", r" \otimes " if "\\tau" in found and "\\sigma" in found else r"\,")


def _restored(broken: Broken) -> list[str]:
    return [f"{name} = 0" for name in broken.zero] + [f"{name} -> -{name}" for name in broken.flip]


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th style="{CELL}">{escape(cell)}</th>' for cell in columns)
    body = "\n".join(
        "<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in row) + "</tr>" for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"
