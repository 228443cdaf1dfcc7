"""A desk with a small model on it, and the command line as a function."""

from __future__ import annotations

from click.testing import CliRunner, Result

from modelkit.cli import main

SMALL = """\
model small "two baths"
param gamma = 0.5 from 0 to 2 "coupling"
reference { mu = 0; T = 0 }
lattice wire {
  site c[l] for l in 1..4 at (l, 0)
  hop c[l] -> c[l+1] : -1
}
bath L on wire.c[1] { self_energy = wide_band(gamma); mu = 0.1 }
bath R on wire.c[4] { self_energy = wide_band(gamma); mu = 0 }
task main = transport(order = 1) { output current }
task one = transport(order = 1) { output left = I[L] }
task curve = transport(order = 1) { sweep gamma from 0.1 to 1 points 4; output current }
"""


def call(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result
