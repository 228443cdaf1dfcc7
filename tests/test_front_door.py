"""The front door is what it says, and opens fast."""

from __future__ import annotations

import subprocess
import sys
from inspect import ismodule

import modelkit

HEAVY = ("sympy", "qutip", "matplotlib", "xarray", "pint")


def test_the_front_door_is_what_it_says() -> None:
    public = [
        name for name, value in vars(modelkit).items() if not name.startswith("_") and not ismodule(value)
    ]
    assert modelkit.__all__ == sorted(public, key=str.casefold)
    assert all(hasattr(modelkit, name) for name in modelkit.__all__)


def test_importing_it_brings_nothing_heavy() -> None:
    told = f"import sys, modelkit; print(*[name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
