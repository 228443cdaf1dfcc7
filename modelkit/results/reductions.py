"""Two-case quantities: functions of one result in the first (F) and the second case (B).

They use nothing but arithmetic and ``abs``, so they take numbers, numpy and xarray arrays alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelkit.registry import Reduction, reductions

Evaluate = Callable[[Any, Any], Any]


def _reduction(name: str, meaning: str) -> Callable[[Evaluate], Evaluate]:
    def enter(evaluate: Evaluate) -> Evaluate:
        reductions.add(name, Reduction(name, meaning, evaluate))
        return evaluate

    return enter


@_reduction(
    "rectification", "(X_F + X_B)/(|X_F| + |X_B|): 0 for a reciprocal device, +-1 for a perfect diode"
)
def rectification(F: Any, B: Any) -> Any:
    """``(F + B)/(|F| + |B|)``, and 0 where both vanish.

    >>> rectification(3.0, -1.0), rectification(0.0, 0.0)
    (0.5, 0.0)
    """
    return _ratio(F + B, abs(F) + abs(B))


@_reduction("nonreciprocity", "|X_B| - |X_F|")
def nonreciprocity(F: Any, B: Any) -> Any:
    """``|B| - |F|``.

    >>> nonreciprocity(3.0, -1.0)
    -2.0
    """
    return abs(B) - abs(F)


@_reduction(
    "relative_nonreciprocity",
    "2(|X_B| - |X_F|)/(|X_B| + |X_F|): the nonreciprocity over the mean magnitude",
)
def relative_nonreciprocity(F: Any, B: Any) -> Any:
    """``2 (|B| - |F|)/(|B| + |F|)``, and 0 where both vanish.

    >>> relative_nonreciprocity(3.0, -1.0)
    -1.0
    """
    return _ratio(2 * (abs(B) - abs(F)), abs(B) + abs(F))


@_reduction("offset", "-(X_F + X_B): twice the current that is left at zero bias, with the opposite sign")
def offset(F: Any, B: Any) -> Any:
    """``-(F + B)``.

    >>> offset(3.0, -1.0)
    -2.0
    """
    return -(F + B)


def _ratio(part: Any, whole: Any) -> Any:
    """``part/whole``, and ``part`` (which is zero, or NaN) where the whole vanishes or is NaN."""
    return part / (whole + (whole == 0))
