"""Failures and results as words and as records for programs."""

from __future__ import annotations

from typing import Any

from modelkit.errors import NotConverged


def told(error: NotConverged) -> str:
    """A failure to converge with what is known about it."""
    lines = [f"not converged: {error.message}"]
    if error.residual is not None and f"{error.residual:.1e}" not in error.message:
        lines.append(f"residual {error.residual:.1e} of the largest flow")
    lines += [f"help: {line}" for line in error.told()]
    if error.hint and not error.told():
        lines.append(f"help: {error.hint}")
    return "\n".join(lines)


def record(error: NotConverged) -> dict[str, Any]:
    """The record of :func:`told`, with the keys of an error record."""
    empty: dict[str, Any] = dict.fromkeys(("file", "line", "column", "source"))
    return empty | {
        "message": error.message,
        "suggestion": "; ".join(error.told()) or error.hint,
    }


def json_text(data: dict[str, Any]) -> str:
    """Data as JSON; a number that is not finite becomes null."""
    import json

    return json.dumps(_plain(data), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    import math

    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
