"""Numbers of Kwant for the lattices of the gallery, kept in ``tests/expected/kwant.json``.

Run by hand, in two environments: the disorder is this package's (it hangs on the indices of a site and the
seed), the numbers are Kwant's::

    python -m benchmarks.kwant_reference disorder > disorder.json              # with modelkit
    $KWANT_PYTHON -m benchmarks.kwant_reference numbers disorder.json > tests/expected/kwant.json

Energies and parameters are those of the model files.  ``transmission[energy][to][from]`` has zeros on the
diagonal; ``R_xy``, ``R_xx`` are the resistances in units of h/e^2 that follow from it on the plateaux.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
RASHBA, WEAK = {"lam": 0.5, "B_y": 0.1}, {"lam": 0.2, "B_y": 0.0}
STRIP_ENERGIES = [-0.15, 0.02, 0.31, 0.5, 0.77, 1.1, 2.2]
BAR = {"Lx": 12, "Ly": 4, "gap": 2, "width": 3}
WIDE_BAR = {"Lx": 32, "Ly": 10, "gap": 4, "width": 11}
CONTACT = {"Lx": 30, "Ly": 15, "d": 12, "bend": 0.02}
WIDE_CONTACT = {"Lx": 50, "Ly": 25, "d": 20, "bend": 0.01}
CASES = [
    {"id": "strip", "set": {"Lx": 30, "Ly": 10, "W": 0, **RASHBA}, "E": STRIP_ENERGIES},
    {"id": "strip-weak", "set": {"Lx": 12, "Ly": 7, "W": 0, **WEAK}, "E": STRIP_ENERGIES},
    {"id": "strip-dirty", "set": {"Lx": 30, "Ly": 10, "W": 1, **RASHBA}, "E": STRIP_ENERGIES},
    {"id": "strip-dirtier", "set": {"Lx": 10, "Ly": 30, "W": 2, **RASHBA}, "E": STRIP_ENERGIES},
    {"id": "strip-large", "set": {"Lx": 100, "Ly": 40, "W": 0, **RASHBA}, "E": [0.1, 0.5, 1.3]},
    {"id": "hall", "set": {**BAR, "flux": 0.05}, "E": [-0.9, -0.3, 0.15, 0.45, 0.8, 1.2]},
    {"id": "hall-no-flux", "set": {**BAR, "flux": 0.0}, "E": [-0.7, 0.05, 0.5, 1.4]},
    {"id": "hall-other-flux", "set": {**BAR, "flux": -0.11}, "E": [0.2, 0.6, 1.7]},
    {"id": "hall-plateaux", "set": {**WIDE_BAR, "flux": 0.03}, "E": [0.303, 0.403, 0.65, 0.853]},
    {"id": "contact", "set": {**CONTACT, "gate": 0.2}, "E": [0.1, 0.31, 0.5, 0.64, 0.9, 1.7]},
    {"id": "contact-open", "set": {**CONTACT, "gate": -0.15}, "E": [0.1, 0.31, 0.5, 0.64, 0.9]},
    {"id": "contact-large", "set": {**WIDE_CONTACT, "gate": 0.2}, "E": [0.35, 0.6, 0.85]},
]


def disorder() -> dict[str, list[float]]:
    """The random part of each site's energy, in the order of the sites (x slowest)."""
    import modelkit as mk

    text = (ROOT / "models/lattices/strip.model").read_text(encoding="utf-8")
    found = {}
    for case in CASES:
        if case["set"].get("W"):
            model = mk.loads(text.replace("self_energy = lead", "self_energy = wide_band(1)"))
            clean, dirty = (model.compile(**(case["set"] | {"W": w})) for w in (0, case["set"]["W"]))
            change = (dirty.hamiltonian() - clean.hamiltonian()).diagonal()[::2]
            found[case["id"]] = change.real.tolist()
    return found


def numbers(noise: dict[str, list[float]]) -> dict:
    """All cases with what Kwant finds."""
    import kwant
    import scipy

    from benchmarks import kwant_systems

    found = []
    for case in CASES:
        given = dict(case["set"])
        if case["id"].startswith("strip"):
            given.pop("W")
            model, count = "strip", 2
            system = kwant_systems.strip(**given, disorder=noise.get(case["id"]))
        elif case["id"].startswith("hall"):
            model, count = "hall_bar", 6
            system = kwant_systems.hall_bar(**given)
        else:
            model, count = "point_contact", 2
            system = kwant_systems.point_contact(**given)
        matrices = [kwant_systems.transmissions(system, energy, count) for energy in case["E"]]
        one = {**case, "model": model, "transmission": [rounded(matrix) for matrix in matrices]}
        if case["id"] == "hall-plateaux":
            one |= dict(zip(("R_xy", "R_xx"), zip(*map(resistances, matrices), strict=True), strict=True))
        found.append(one)
    versions = {"kwant": kwant.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
    return {"versions": versions, "disorder": noise, "cases": found}


def resistances(T):
    """(R_xy, R_xx) in h/e^2: current from S to D, the probes V1 .. V4 take none."""
    conductance = np.diag(T.sum(axis=1)) - T
    mu = np.array([0.5, -0.5, 0, 0, 0, 0])
    mu[2:] = np.linalg.solve(conductance[2:, 2:], -conductance[2:, :2] @ mu[:2])
    current = conductance[0] @ mu
    return float((mu[2] - mu[4]) / current), float((mu[2] - mu[3]) / current)


def rounded(matrix):
    """To 15 digits behind the point."""
    return [[round(float(value), 15) for value in row] for row in matrix]


if __name__ == "__main__":
    if sys.argv[1:] == ["disorder"]:
        print(json.dumps(disorder()))
    elif len(sys.argv) == 3 and sys.argv[1] == "numbers":
        print(json.dumps(numbers(json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))), indent=1))
    else:
        sys.exit(__doc__)
