"""The gallery: short, formatted, referenced, and it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.language.parser import parse
from modelkit.language.printer import to_text

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "models").rglob("*.model"))
GAIN_LOSS = {"wire": 30, "dimer": 12, "spaced": 60, "sdds": 10, "sddsdssd": 10, "ssh": 30, "long_range": 30}
DEFAULTS = {"gamma": 0.5, "contact": 1, "mu0": 1, "bias": 0.1, "direction": 1, "ratio": 0.3, "kT": 0}
ALTERNATING = (range(2, 29, 2), range(3, 30, 2))
PLACES = {  # sources, drains
    "wire": ALTERNATING,
    "dimer": ([2], [11]),
    "spaced": (range(2, 57, 6), range(5, 60, 6)),
    "sdds": ([2, 5, 6, 9], [3, 4, 7, 8]),
    "sddsdssd": ([2, 5, 7, 8], [3, 4, 6, 9]),
    "ssh": ALTERNATING,
    "long_range": ALTERNATING,
}


def gain_loss(name: str) -> mk.Model:
    return mk.load(ROOT / f"models/gain_loss/{name}.model")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_gallery_file_is_short_formatted_and_starts_with_its_reference(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    assert text.startswith("# ")
    assert any(journal in "".join(text.splitlines()[:2]) for journal in ("arXiv:", "Phys. Rev. "))
    assert to_text(parse(text, path.name)) == text
    assert mk.load(path).name == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_task_of_a_gallery_file_has_a_plot(path: Path) -> None:
    model = mk.load(path)
    assert {plot.task for plot in model.declarations.plots} == set(model.tasks)


@pytest.mark.parametrize("name", GAIN_LOSS)
def test_names_defaults_and_tasks_are_the_contract(name: str) -> None:
    model = gain_loss(name)
    defaults = {key: parameter.default for key, parameter in model.parameters.items()}
    extra = {"ssh": {"delta": 0.2}, "long_range": {"beta": 2}}.get(name, {})
    assert {key: float(value) for key, value in defaults.items()} == {"N": GAIN_LOSS[name]} | DEFAULTS | extra
    assert model.tasks == ("profile", "length")


@pytest.mark.parametrize("name", GAIN_LOSS)
def test_sources_and_drains_sit_where_the_table_says(name: str) -> None:
    found = gain_loss(name).run("profile")
    place = dict(zip(found.terminal.values.tolist(), found.terminal_site.values.tolist(), strict=True))
    for family, sites in zip("SD", PLACES[name], strict=True):
        here = {site for label, site in place.items() if label.partition("[")[0] == family}
        assert here == {f"c[{site}]" for site in sites}
    assert (place["L"], place["R"]) == ("c[1]", f"c[{GAIN_LOSS[name]}]")
    injected = 0.3 * 0.1 / (2 * np.pi)
    for label, site in place.items():
        if label[0] in "SD":
            sign = 1 if label[0] == "S" else -1
            assert found.current.sel(terminal=label).values == pytest.approx(sign * injected, abs=1e-12), site


@pytest.mark.parametrize("name", GAIN_LOSS)
def test_the_length_of_every_pattern_can_be_swept(name: str) -> None:
    found = gain_loss(name).run("length", N=[4, 12, 16], gamma=[0.3, 0.5])
    assert found.dI.dims == ("N", "gamma")
    assert "failed" not in found or not any(found.failed.values.ravel())
    assert np.all(np.isfinite(found.dI.values))


def test_every_plot_of_the_gallery_is_drawn() -> None:
    for name in GAIN_LOSS:
        model = gain_loss(name)
        axes = model.figure("profile", model.run("profile")).axes[0]
        assert len(axes.get_lines()) >= 2
        assert np.array_equal(np.unique(axes.get_lines()[0].get_xdata()), axes.get_lines()[0].get_xdata())
