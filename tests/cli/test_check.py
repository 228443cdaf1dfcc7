"""`modelkit check`: what it tries, prints and returns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from modelkit.cli import main
from tests.cli.desk import SMALL, call

ROOT = Path(__file__).parents[2]
WIRE = str(ROOT / "models/gain_loss/wire.model")
HEAVY = "xarray matplotlib rich pint qutip pandas h5netcdf scipy.linalg scipy.optimize scipy.integrate"
FORBIDDEN = tuple(HEAVY.split())

LEFT, LADDER = "wide_band(gamma); mu = 0.1", ("order = 1", "order = 1, method = ladder")
LOOP = ("hop c", "hop c[1] -> c[4] : 1; hop c")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ((LEFT, "-1i*(E + gamma - 0.6); mu = 0.1"), "'L' has the positive imaginary part 0.1"),
        ((LEFT, "1/E; mu = 0.1"), "'L' is not finite at E = 0"),
        (LOOP, None),
        (LADDER, None),
        ((*LOOP, *LADDER), "'ladder' cannot treat"),
    ],
)
def test_check_tries_what_a_run_would_begin_with(
    desk: Path, change: tuple[str, ...], refused: str | None
) -> None:
    text = SMALL
    for old, new in zip(change[::2], change[1::2], strict=True):
        text = text.replace(old, new)
    (desk / "small.model").write_text(text)
    printed = call("check", "small.model", code=1 if refused else 0).output
    call("run", "small.model", code=1 if refused else 0)
    assert refused is None or printed.count(refused) == (3 if "ladder" in refused else 1)


def test_check_refuses_a_sweep_only_where_both_its_ends_fail(desk: Path) -> None:
    gain = "-1i*(gamma - 0.5); mu = 0.1"
    text = SMALL.replace("wide_band(gamma); mu = 0.1", gain)
    (desk / "small.model").write_text(text)
    call("check", "small.model")
    (desk / "small.model").write_text(text.replace("from 0.1 to 1 points 4", "in {0.1, 0.2}"))
    assert "positive imaginary part 0.4" in call("check", "small.model", code=1).output


def test_check_of_a_right_model_says_what_it_has_and_what_it_keeps(desk: Path) -> None:
    lines = call("check", "small.model").output.splitlines()
    assert lines[0] == "small.model: fine (1 parameter, 1 reference, 1 lattice, 2 baths, 3 tasks)"
    assert any(line.startswith("inversion") for line in lines[1:])
    found = json.loads(call("check", "small.model", "--json").stdout)["symmetry"]
    assert "inversion" in {one["name"] for one in found["operations"]}
    assert found["verdicts"] == []  # no task has two cases
    assert "symmetry" not in json.loads(call("check", "small.model", "--json", "--no-symmetry").stdout)
    assert call("check", "small.model", "--no-symmetry").output.splitlines() == lines[:1]


def test_check_tells_the_verdict_on_what_tasks_with_two_cases_ask_for(desk: Path) -> None:
    cases = "case f { gamma = 0.5 }; case b { gamma = 0.5 }\n"
    task = "task two = transport { cases f, b; output current }\n"
    (desk / "small.model").write_text(SMALL + cases + task)
    assert "two: rectification(I[L]): not forbidden" in call("check", "small.model").output
    (desk / "small.model").write_text(
        SMALL + cases + task.replace("output ", "output d = nonreciprocity(I[R]), ")
    )
    assert "two: d = nonreciprocity(I[R]): " in call("check", "small.model").output
    (desk / "small.model").write_text(SMALL + "check broken : inversion\n")
    told = call("check", "small.model", code=1)
    assert "'inversion' is not broken" in told.stderr
    assert call("run", "small.model", code=1).stderr == told.stderr


def test_check_of_a_wrong_model_shows_every_error_and_ends_with_one(desk: Path) -> None:
    (desk / "wrong.model").write_text(
        SMALL.replace("hopp", "hop").replace(": -1", ": -tt").replace("output left", "outputs left")
    )
    told = call("check", "wrong.model", code=1)
    assert "wrong.model:6:" in told.stderr
    assert "wrong.model:11:" in told.stderr
    assert told.stdout == ""


def test_errors_as_records(desk: Path) -> None:
    (desk / "wrong.model").write_text(SMALL.replace(": -1", ": -gama"))
    found = json.loads(call("check", "wrong.model", "--json", code=1).stdout)
    (record,) = found["errors"]
    assert set(record) == {"file", "line", "column", "source", "message", "suggestion"}
    assert (record["file"], record["line"], record["column"]) == ("wrong.model", 6, 25)
    assert record["source"] == "  hop c[l] -> c[l+1] : -gama"
    assert "gama" in record["message"]
    assert record["suggestion"].startswith("did you mean 'gamma'")
    assert json.loads(call("check", "small.model", "--json").stdout)["errors"] == []


@pytest.mark.parametrize("command", ["check", "run", "show", "format"])
def test_what_is_no_text_is_told_without_a_traceback(desk: Path, command: str) -> None:
    (desk / "binary.model").write_bytes(bytes(range(256)))
    (desk / "latin.model").write_bytes("model é".encode("latin-1"))
    (desk / "empty.model").write_bytes(b"")
    for name in ("binary.model", "latin.model"):
        assert "UTF-8" in call(command, name, code=1).output
    (desk / "zero.model").write_bytes(b"model a\0b")
    call(command, "zero.model", code=1)
    result = CliRunner().invoke(main, [command, "empty.model"])
    assert result.exit_code in (0, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_checking_brings_nothing_heavy() -> None:
    program = (
        "import sys; from modelkit.cli import main\n"
        f"main(['check', '--no-symmetry', {WIRE!r}], standalone_mode=False)\n"
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"


def test_importing_modelkit_brings_no_physics() -> None:
    names = ("sympy", "qutip", "matplotlib", "xarray", "pint")
    program = f"import sys, modelkit; print([name for name in {names} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_check_at_other_values() -> None:
    rashba = str(ROOT / "models/open_chain/rashba.model")
    assert "not forbidden" in line_of("ness", call("check", rashba).output)
    told = line_of("ness", call("check", rashba, "--set", "alpha_y=0").output)
    assert "forbidden: inversion x sigma_z: I = 0 at any coupling, any filling" in told
    assert "must lie from 0 to 1" in call("check", rashba, "--set", "filling=2", code=1).stderr
    wrong = call("check", rashba, "--set", "h={0, 1}", code=2).stderr
    assert "--set gives several values of 'h'" in wrong


def line_of(task: str, printed: str) -> str:
    (found,) = [line for line in printed.splitlines() if line.split(":")[0] in (task, f"{task}, exact")]
    return found
