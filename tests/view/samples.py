"""Hand-made results with the shape of real ones."""

from __future__ import annotations

import numpy as np
import xarray as xr


def profile(sites: int = 30) -> xr.Dataset:
    """Chemical potentials of a wire: a zigzag on a slope, in two cases."""
    sources = [f"S[{site}]" for site in range(2, sites - 1, 2)]
    drains = [f"D[{site}]" for site in range(3, sites, 2)]
    place = np.array([1, sites, *range(2, sites - 1, 2), *range(3, sites, 2)])
    sign = np.array([0, 0, *(1 for _ in sources), *(-1 for _ in drains)])
    slope = 0.05 * (1 - 2 * (place - 1) / (sites - 1))
    values = np.stack([1 + slope + 0.015 * sign, 1 - slope + 0.015 * sign])
    return xr.Dataset(
        {
            "chemical_potential": (("case", "terminal"), values, {"units": "energy"}),
            "bond_current": (
                ("case", "bond"),
                np.stack([np.linspace(0, 1, sites - 1)] * 2),
                {"units": "current"},
            ),
            "dI": ((), 0.0068, {"units": "current"}),
            "audit_balance": (("case",), np.array([1e-16, 3e-17])),
        },
        {
            "case": ["forward", "backward"],
            "terminal": ["L", "R", *sources, *drains],
            "terminal_site": ("terminal", [f"c[{site}]" for site in place]),
            "site": [f"c[{site}]" for site in range(1, sites + 1)],
            "bond": [f"c[{site}]->c[{site + 1}]" for site in range(1, sites)],
        },
        {"units": "natural", "method": "ladder", "why": "the device is a tree"},
    )


def length(failed: bool = False) -> xr.Dataset:
    """Nonreciprocity against length and coupling."""
    N = np.arange(4, 101, 2)
    gamma = np.array([0.1, 0.3, 0.5])
    values = 0.0048 * (N[:, None] * gamma**2 / (4 + N[:, None] * gamma**2))
    if failed:
        values[3, 1] = np.nan
    return xr.Dataset(
        {"dI": (("N", "gamma"), values, {"units": "current"})},
        {
            "N": ("N", N, {"long_name": "number of sites"}),
            "gamma": ("gamma", gamma, {"long_name": "coupling of sources and drains"}),
        },
    )


def diamond() -> xr.Dataset:
    """A map with both signs in two cases."""
    energy, gate = np.linspace(-2, 2, 61), np.linspace(0, 1, 21)
    values = np.sin(3 * energy)[None, :, None] * gate[None, None, :] * np.array([1.0, -0.5])[:, None, None]
    values[0, 10, 3] = np.nan
    return xr.Dataset(
        {"rectified": (("case", "energy", "Vg"), values, {"units": "current"})},
        {"case": ["forward", "backward"], "energy": ("energy", energy, {"units": "energy"}), "Vg": gate},
    )


def spectrum() -> xr.Dataset:
    """Transmission of three terminals against energy."""
    energy = np.linspace(-2, 2, 401)
    names = ["L", "R", "P"]
    values = np.array([[1 / (1 + 9 * (energy - a + b) ** 2) for b in range(3)] for a in range(3)])
    return xr.Dataset(
        {
            "transmission": (
                ("energy", "terminal", "terminal_from"),
                values.transpose(2, 0, 1),
                {"units": "1"},
            )
        },
        {"energy": ("energy", energy, {"units": "energy"}), "terminal": names, "terminal_from": names},
    )
