"""Distributions of disorder, by name: ``uniform(low, high, seed)``, ``normal(mean, deviation, seed)``.

A distribution is one class, entered with ``@distributions.register("uniform")``: its arguments and
a function that turns uniform numbers of (0, 1) into its values.  The uniform numbers depend on the
seed and the site's indices only; they are made where the device is expanded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from modelkit.registry import Registry

Floats = NDArray[np.float64]


class Distribution(Protocol):
    """What a distribution supplies; ``seed`` is an argument of all of them."""

    arguments: ClassVar[Mapping[str, str]]

    @staticmethod
    def values(uniform: Floats, **arguments: Floats) -> Floats:
        """Values for uniform numbers strictly between 0 and 1, elementwise."""


distributions: Registry[type[Distribution]] = Registry("distribution")


@distributions.register("uniform")
class Uniform:
    """Every value between two bounds is as likely."""

    arguments: ClassVar[Mapping[str, str]] = {"low": "smallest value", "high": "largest value"}

    @staticmethod
    def values(uniform: Floats, **arguments: Floats) -> Floats:
        """``low + (high - low) u``."""
        return arguments["low"] + (arguments["high"] - arguments["low"]) * uniform


@distributions.register("normal")
class Normal:
    """The Gaussian distribution."""

    arguments: ClassVar[Mapping[str, str]] = {"mean": "mean value", "deviation": "standard deviation"}

    @staticmethod
    def values(uniform: Floats, **arguments: Floats) -> Floats:
        """The quantile function at ``u``."""
        from scipy.special import ndtri

        return np.asarray(arguments["mean"] + arguments["deviation"] * ndtri(uniform), dtype=float)
