"""CPU at the start: `modelkit check` (also `--no-symmetry`) and `import modelkit` against imports alone."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WIRE = ROOT / "models/gain_loss/wire.model"
COMMAND = ["check", "--no-symmetry", str(WIRE)]
CHECK = f"from modelkit.cli import main; main({COMMAND!r}, standalone_mode=False)"
BYTE_CODE = str(Path(tempfile.gettempdir()) / "modelkit-byte-code")
IMPORTS = "import sympy, networkx, lark, numpy, scipy.sparse, click"


def cpu(program: str) -> float:
    """User and system seconds of a new interpreter that runs the program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    surroundings = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": path,
        "PYTHONPYCACHEPREFIX": BYTE_CODE,
    }
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)  # users run what was compiled once
    subprocess.run([sys.executable, "-c", program], check=True, env=surroundings, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(program: str, other: str, rounds: int) -> float:
    """Median of the ratios of pairs of runs, after one that is not counted."""
    pairs = [(cpu(program), cpu(other)) for _ in range(rounds + 1)][1:]
    return statistics.median(first / second for first, second in pairs)


def test_checking_a_model_costs_at_most_twice_the_imports(smoke):
    found = ratio(CHECK, IMPORTS, 1 if smoke else 7)
    print(f"\ncheck --no-symmetry / imports: {found:.2f}")
    assert found > 0
    if not smoke:
        assert found <= 2


def test_checking_with_verdicts_costs_at_most_three_times_the_imports(smoke):
    found = ratio(CHECK.replace("'--no-symmetry', ", ""), IMPORTS, 1 if smoke else 7)
    print(f"\ncheck / imports: {found:.2f}")
    assert found > 0
    if not smoke:
        assert found <= 3


def test_importing_the_front_door_costs_at_most_three_times_numpy(smoke):
    found = ratio("import modelkit", "import numpy", 1 if smoke else 7)
    print(f"\nimport modelkit / import numpy: {found:.2f}")
    assert found > 0
    if not smoke:
        assert found <= 3
