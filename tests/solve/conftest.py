"""The dense conductor of ``devices.py`` is a method beside the shipped ones, for these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelkit.registry import methods
from tests.solve.devices import DENSE


@pytest.fixture(autouse=True)
def _dense() -> Iterator[None]:
    with methods.extended("dense", DENSE):
        yield
