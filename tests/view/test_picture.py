from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import modelkit as mk
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.view.layout import site_places, terminal_places
from modelkit.view.picture import MOST, draw
from tests.view import devices


def words(drawn: Figure) -> set[str]:
    axes = drawn.axes[0]
    legend = axes.get_legend()
    assert legend is not None
    return {text.get_text() for text in (*axes.texts, *legend.get_texts())}


def test_declared_positions_are_kept_up_to_scale() -> None:
    device = devices.strip()
    places = site_places(device)
    assert places == pytest.approx(device.sites[0].position)


def test_without_positions_a_chain_is_a_row_and_a_ring_is_round() -> None:
    row = site_places(devices.row(7, placed=False))
    assert np.allclose(row[:, 1], row[0, 1])
    assert np.allclose(np.abs(np.diff(row[:, 0])), 1)
    ring = site_places(devices.ring(9))
    radius = np.linalg.norm(ring - ring.mean(axis=0), axis=1)
    assert np.allclose(radius, radius[0])
    steps = np.linalg.norm(ring - np.roll(ring, -1, axis=0), axis=1)
    assert np.allclose(steps, steps[0])


def test_a_strip_without_positions_is_not_folded() -> None:
    device = devices.strip(placed=False)
    places = site_places(device)
    lengths = np.linalg.norm(places[device.bonds.source] - places[device.bonds.target], axis=1)
    far = np.linalg.norm(places[0] - places[-1])
    assert lengths.max() < 1.5 * lengths.min()
    assert far > 6 * np.median(lengths)


@pytest.mark.parametrize("device", [devices.row(), devices.ring(), devices.strip(), devices.far()])
def test_no_terminal_stands_on_a_site_or_on_another_terminal(device: Device) -> None:
    sites = site_places(device)
    places = [place.at for place in terminal_places(device, sites)]
    everything = np.concatenate([sites, places])
    distance = np.linalg.norm(everything[:, None] - everything[None], axis=2) + 9 * np.eye(len(everything))
    assert distance.min() > 0.4


def test_ends_of_a_chain_go_on_and_probes_take_turns() -> None:
    device = devices.row(12)
    sites = site_places(device)
    places = terminal_places(device, sites)
    left, right = (next(place for place in places if place.group == group) for group in (0, 1))
    assert left.at == pytest.approx(sites[0] - [1, 0])
    assert right.at == pytest.approx(sites[-1] + [1, 0])
    sides = {
        group: {float(np.sign(place.at[1])) for place in places if place.group == group} for group in (2, 3)
    }
    assert sides == {2: {1.0}, 3: {-1.0}}


def test_terminals_are_named_and_the_legend_says_what_they_solve() -> None:
    found = words(draw(devices.row(12)))
    assert {"L", "R", "S[2]", "D[3]", "bath L", r"probe S[l]: $\mu$ from given I"} <= found


def test_names_are_left_out_where_they_have_no_room() -> None:
    found = words(draw(devices.row(200)))
    assert "S[2]" not in found
    assert "bath L" in found


def test_bonds_are_as_thick_as_their_hops() -> None:
    device = devices.far(6)
    (bonds,) = draw(device).axes[0].collections
    widths = np.asarray(bonds.get_linewidths())
    strength = np.abs(device.hops.value)
    assert np.array_equal(np.argsort(widths, kind="stable"), np.argsort(strength, kind="stable"))


def test_a_smear_is_refused() -> None:
    with pytest.raises(ModelError, match="2001 sites"):
        draw(devices.row(MOST + 1))


@pytest.mark.parametrize("device", [devices.ring(6), devices.ring(9), devices.row(8), devices.strip(6, 3)])
def test_labels_of_sites_keep_clear_of_the_bonds(device: Device) -> None:
    drawn = draw(device)
    axes = drawn.axes[0]
    sites = axes.transData.transform(site_places(device))
    labels = [text for text in axes.texts if text.get_text().startswith("c[")]
    assert len(labels) == device.size
    boxes = [label.get_window_extent() for label in labels]
    for one, other in zip(device.bonds.source.tolist(), device.bonds.target.tolist(), strict=True):
        points = sites[one] + np.linspace(0, 1, 200)[:, None] * (sites[other] - sites[one])
        assert not any(box.count_contains(points) for box in boxes)


def test_a_narrow_device_has_no_endless_picture() -> None:
    width, height = draw(devices.device([], 1, None, {"L": [0], "R": [0]})).get_size_inches()
    assert height < 1.5 * width


def test_regions_are_shaded_and_gates_stand_below() -> None:
    text = """model m
    reference { mu = 0 }
    lattice wire { site c[l] for l in 1..6 at (l, 0); hop c[l] -> c[l+1] : -1 }
    region left on wire where l < 3
    region middle on wire where 2 <= l <= 4
    gate G { U = 1 }
    bath L on wire.left { self_energy = wide_band(1); mu = 0 }
    screening on wire { capacitance left - G : 1; solve U[left] such that charge == capacitance }
    """
    axes = draw(mk.loads(text).device()).axes[0]
    names = {label.get_text(): label for label in axes.texts}
    assert {"left", "middle", "G"} <= set(names)
    shades = [shade for shade in axes.collections if len(shade.get_offsets()) > 1]
    assert [len(shade.get_offsets()) for shade in shades] == [2, 3]
    assert shades[0].get_hatch() != shades[1].get_hatch()
    gate = names["G"].xy[1]
    assert gate < -0.9
    assert axes.get_ylim()[0] < gate


def test_a_terminal_stands_beyond_all_sites_that_it_touches_and_a_long_title_is_broken() -> None:
    text = """model m
    lattice bar {
      site c[x, y] for x in 1..4, y in 1..3 at (x, y)
      hop c[x, y] -> c[x+1, y] : -1
      hop c[x, y] -> c[x, y+1] : -1
    }
    bath L on bar.left, bar.c[2, 2] { self_energy = wide_band(1); mu = 0 }
    """
    device = mk.loads(text).device()
    places = site_places(device)
    (terminal,) = terminal_places(device, places)
    assert terminal.at[0] < places[list(terminal.sites), 0].min() - 1
    assert "\n" in draw(device, "words " * 20).get_suptitle()
