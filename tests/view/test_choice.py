"""From a model to its figure: drawings that follow the sweeps of the run at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.results.store import read
from modelkit.view.choice import choose_drawings

WIRE = mk.loads("""\
model wire
param N = 6
param g = 0.5
reference { mu = 0; T = 0 }
lattice wire { site c[l] for l in 1..N; hop c[l] -> c[l+1] : -1 }
bath L on wire.c[1] { self_energy = wide_band(1); mu = 0.1 }
bath R on wire.c[N] { self_energy = wide_band(1); mu = 0 }
probe P[l] for l in 2..N-1 on wire.c[l] { self_energy = wide_band(g); solve mu such that I == 0 }
task length = transport(order = 1) { sweep N in {4, 6}; sweep g in {0.2, 0.4}; output mu, G = I[L] }
plot length { draw mu against site by N; map mu against N by terminal; draw G against g }
""")


def test_an_end_that_moves_with_the_length_is_drawn_at_its_site(tmp_path: Path) -> None:
    found = WIRE.run("length", g=0.3, store=tmp_path / "length.nc")
    assert found.terminal_site.sel(terminal="R").values.tolist() == ["c[4]", "c[6]"]
    assert read(tmp_path / "length.nc").terminal_site.equals(found.terminal_site)
    short, long = WIRE.figure("length", found).axes[0].get_lines()[:2]
    assert short.get_xdata().tolist() == [1, 2, 3, 4]
    assert long.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    for line, N in ((short, 4), (long, 6)):
        names = ["L", *(f"P[{site}]" for site in range(2, N)), "R"]
        assert np.array_equal(line.get_ydata(), found.chemical_potential.sel(N=N, terminal=names))


@pytest.mark.parametrize(
    ("given", "shown", "notes"),
    [
        ({}, [("draw", "site", "N"), ("map", "N", "terminal"), ("draw", "g", None)], 0),
        ({"g": [0.1]}, [("draw", "site", "N"), ("map", "N", "terminal"), ("draw", "g", None)], 0),
        ({"g": 0.1}, [("draw", "site", "N"), ("map", "N", "terminal")], 1),
        ({"N": 5}, [("draw", "site", None), ("draw", "terminal", None), ("draw", "g", None)], 2),
    ],
)
def test_a_single_value_takes_the_place_of_an_axis(
    given: dict[str, object], shown: list[tuple[str, str, str | None]], notes: int
) -> None:
    found = WIRE.run("length", given)
    chosen = choose_drawings(WIRE.declarations, "length", found)
    assert [(one.kind, one.against, one.by) for one in chosen.drawings] == shown
    assert len(chosen.notes) == notes
    assert len(WIRE.figure("length", found).axes) >= len(shown)


def test_what_is_left_of_nothing_is_what_suits_the_results() -> None:
    model = mk.loads(WIRE.to_source().replace("draw mu against site by N", "draw G against N by g").replace(
        "map mu against N by terminal", "map G against N by g"
    ))  # fmt: skip
    found = model.run("length", N=4, g=0.2)
    chosen = choose_drawings(model.declarations, "length", found)
    assert [(one.quantity, one.against) for one in chosen.drawings] == [("chemical_potential", "terminal")]
    assert chosen.notes == (
        "'N' and 'g' have single values: 'G' is not drawn",
        "'g' has a single value: 'G' is not drawn",
    )
