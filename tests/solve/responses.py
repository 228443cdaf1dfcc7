"""Devices for responses, and the second road to them: differences of full transport."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import modelkit as mk
from modelkit.solve import response, transport
from modelkit.solve.request import Request


def text(*lines: str, mu: float = 0.1, T: float = 0.1, terminals: str = "") -> str:
    """A ring of four different sites with flux; ``terminals`` are added."""
    return "\n".join(
        [
            "model ring",
            f"reference {{ mu = {mu}; T = {T} }}",
            "lattice d {",
            "site c[l] for l in 1..4 at (l, 0)",
            "onsite c[l] : 0.3*sin(2*l + 1)",
            "hop c[l] -> c[l+1] : -0.8 + 0.1*l",
            "hop c[4] -> c[1] : -0.7*exp(0.9i)",
            "}",
            terminals,
            *lines,
            "task go = response { output G1 }",
        ]
    )


def bath(name: str, site: int, self_energy: str = "wide_band(0.6)", more: str = "", T: float = 0.1) -> str:
    return f"bath {name} on d.c[{site}] {{ self_energy = {self_energy}; mu = 0.1; T = {T}; {more} }}"


def probe(name: str, site: int, solve: str, self_energy: str = "wide_band(0.5)", more: str = "") -> str:
    return f"probe {name} on d.c[{site}] {{ self_energy = {self_energy}; solve {solve}; {more} }}"


def responding(model: Any, order: int = 2, **options: Any) -> response.Response:
    return response.solve(Request(model.device(), {"order": order, **options}))


def flows(model: Any, away: Mapping[str, float]) -> np.ndarray:
    """Currents and heat currents of full transport with fields moved from the reference, (2, n)."""
    device = model.device()
    fields: dict[str, float] = {}
    for group in device.terminals:
        unknown = {condition.unknown for condition in group.conditions}
        for name in ("mu", "T"):
            if name not in unknown and "f" not in unknown:
                fields[f"{group.terminal.name}.{name}"] = device.reference[name]
    for name, change in away.items():
        fields[name] += change
    found = transport.solve(Request(model.device(fields), {}))
    return np.stack([found.current, found.heat_current])


def differences(model: Any, fields: list[str], step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives of full transport along a direction, by Richardson's rule; (2, n).

    At the reference nothing flows.
    """
    first, second = [], []
    for scale in (1.0, 0.5, 0.25):
        up, down = (flows(model, dict(zip(fields, sign * scale * step, strict=True))) for sign in (1.0, -1.0))
        first.append((up - down) / (2 * scale))
        second.append((up + down) / scale**2)
    return _richardson(first), _richardson(second)


def _richardson(values: list[np.ndarray]) -> np.ndarray:
    finer = [(4 * b - a) / 3 for a, b in itertools.pairwise(values)]
    return np.asarray((16 * finer[1] - finer[0]) / 15)


def compare(model: Any, directions: int = 2, seed: int = 3) -> None:
    """Coefficients in random directions against differences of full transport."""
    found = responding(model)
    names = [group.terminal.name for group in model.device().terminals]
    places = np.argwhere(found.linear.driven)
    fields = [f"{names[a]}.{('mu', 'T')[by]}" for by, a in places]
    by, at = places.T
    one = np.moveaxis(found.response_1, 1, 2)[:, :, by, at]
    two = np.transpose(found.response_2, (0, 3, 1, 4, 2, 5))[:, :, by[:, None], at[:, None], by, at]
    assert two == pytest.approx(two.swapaxes(2, 3), abs=1e-15)
    random = np.random.default_rng(seed)
    conventional = np.array([-1.0, 1.0])[:, None]
    for _ in range(directions):
        step = random.uniform(-1, 1, len(fields)) * np.where(by == 0, 0.16, 0.1) * (found.problem.T or 0.1)
        first, second = (part * conventional for part in differences(model, fields, step))
        v = step * np.where(by == 0, -1.0, 1.0)  # voltages are minus mu
        assert one @ v == pytest.approx(first, abs=1e-7 * np.abs(first).max())
        curved = 2 * np.einsum("oajk,j,k->oa", two, v, v)
        for of in range(2):  # I and J by themselves
            assert curved[of] == pytest.approx(second[of], abs=1e-6 * np.abs(second[of]).max())


def load(*lines: str, **more: Any) -> Any:
    return mk.loads(text(*lines, **more))
