"""``check value``: what results must obey."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelkit as mk
from modelkit.results.store import read

WIRE = """model wire
param V = 0.2; param g = 1
reference { mu = 0; T = 0.1 }
lattice w { site c[l] for l in 1..4 at (l, 0); hop c[l] -> c[l+1] : -1 }
bath L on w.c[1] { self_energy = wide_band(g); mu = V/2; T = 0.1 }
bath R on w.c[4] { self_energy = wide_band(1); mu = -V/2; T = 0.1 }
case forward { V = V }; case backward { V = -V }
task iv = transport { cases forward, backward; sweep g in {1, 2}; output current }
task one = transport { output x = I[L]/V }
"""


@pytest.mark.parametrize(
    "check",
    [
        "I[L] + I[R] == 0 within 1e-12 on iv",
        "abs(I[L]) > 0.01",
        "I[L]@forward + I[L]@backward == 0 within 1e-10",
        "I[L] >= 0 within 1e-12 on one",
        "x <= 1 on one",
    ],
)
def test_what_holds_changes_nothing(check: str) -> None:
    check = check.replace("x <=", "I[L]/V <=")
    plain, checked = mk.loads(WIRE), mk.loads(f"{WIRE}check value : {check}\n")
    checked.check()
    for task in plain.tasks:
        before, after = plain.run(task), checked.run(task)
        assert set(before.variables) == set(after.variables)
        assert before.drop_attrs().equals(after.drop_attrs())


def test_what_does_not_hold_is_an_error_at_its_line_and_the_numbers_are_kept(tmp_path: Path) -> None:
    model = mk.loads(f"{WIRE}check value : I[L] < 0.001 on iv\n")
    model.check()  # nothing is computed
    assert model.run("one").x > 0  # another task
    path = tmp_path / "iv.nc"
    with pytest.raises(mk.ModelError) as caught:
        model.run("iv", store=path)
    error = caught.value.errors[0]
    assert error.span is not None
    assert error.span.line == 10
    assert "'I[L] < 0.001' does not hold at g = " in error.message
    assert "case = forward" in error.message
    current = read(path).current.sel(terminal="L")
    worst = current.where(current == current.max(), drop=True)
    assert f"g = {worst.g.item()}" in error.message
    assert error.hint == f"the difference of both sides is {current.max().item() - 0.001:.6g}, allowed is 0"


def test_every_label_counts_and_points_that_failed_do_not() -> None:
    text = WIRE.replace("sweep g in {1, 2}", "sweep g in {-1, 1}")
    assert (mk.loads(f"{text}check value : I < 1 on iv").run("iv").failed != "").any()
    with pytest.raises(mk.ModelError, match="terminal = R"):
        mk.loads(f"{text}check value : I*V > 0 on iv").run("iv")
