from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import EllipseCollection, QuadMesh
from matplotlib.quiver import Quiver

from modelkit.elements.plots import Drawing
from modelkit.errors import ModelError
from modelkit.view.figures import default_drawings, figure
from tests.elements.reading import errors, read

SITES = Drawing("map", "density", "x", "y")
BONDS = Drawing("map", "bond_current", "x", "y")


def strip(columns: int = 5, rows: int = 3, slant: float = 0.0) -> xr.Dataset:
    """Density 10 x + y on a strip without its first corner; currents of 1 along x, of 2 against y."""
    places = [(x, y) for x in range(1, columns + 1) for y in range(1, rows + 1)][1:]
    names = [f"c[{x},{y}]" for x, y in places]
    here = np.array([(x + slant * y, y) for x, y in places], dtype=float)
    along = [(a, b, 1.0) for a, (x, y) in enumerate(places) for b, other in enumerate(places)
             if other == (x + 1, y)]  # fmt: skip
    across = [(a, b, -2.0) for a, (x, y) in enumerate(places) for b, other in enumerate(places)
              if other == (x, y + 1)]  # fmt: skip
    bonds = along + across
    return xr.Dataset(
        {
            "density": ("site", [10.0 * x + y for x, y in places], {"units": "1"}),
            "bond_current": ("bond", [current for *_, current in bonds], {"units": "nA"}),
        },
        {
            "site": names,
            "bond": [f"{names[a]}->{names[b]}" for a, b, _ in bonds],
            "axis": ["x", "y"],
            "position": (("site", "axis"), here, {"units": "nm"}),
            "bond_start": (("bond", "axis"), here[[a for a, *_ in bonds]], {"units": "nm"}),
            "bond_end": (("bond", "axis"), here[[b for _, b, _ in bonds]], {"units": "nm"}),
        },
    )


def test_a_grid_of_sites_is_a_map_with_a_hole_where_no_site_is() -> None:
    axes, bar = (drawn := figure(strip(), [SITES])).axes[0], figure(strip(), [SITES]).axes[0].child_axes[0]
    grey, mesh = (one for one in axes.collections if isinstance(one, QuadMesh))
    shown = mesh.get_array()
    assert shown.shape == (3, 5)
    assert np.argwhere(shown.mask).tolist() == [[0, 0]]
    assert np.array_equal(shown.mask, grey.get_array().mask)
    assert shown[2, 4] == 53.0
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("$x$ (nm)", "$y$ (nm)", "density")
    assert axes.get_aspect() == 1.0
    assert drawn.get_size_inches()[1] < 3.4


def test_turned_axes_turn_the_map() -> None:
    turned = figure(strip(), [Drawing("map", "density", "y", "x")]).axes[0]
    assert turned.collections[1].get_array().shape == (5, 3)
    assert turned.get_xlabel() == "$y$ (nm)"


def test_a_site_without_a_value_is_grey_and_no_hole() -> None:
    data = strip()
    data.density[3] = np.nan
    grey, mesh = figure(data, [SITES]).axes[0].collections[:2]
    assert mesh.get_array().mask.sum() == 2
    assert grey.get_array().mask.sum() == 1
    assert mesh.cmap.get_bad()[3] == 0


def test_other_lattices_are_discs_at_their_places() -> None:
    data = strip(slant=0.5)
    discs = [one for one in figure(data, [SITES]).axes[0].collections if isinstance(one, EllipseCollection)]
    assert len(discs) == 1
    assert np.array_equal(discs[0].get_offsets(), data.position.values)
    assert np.array_equal(discs[0].get_array(), data.density.values)


def test_currents_of_bonds_are_arrows_in_the_middle_along_the_flow() -> None:
    data = strip()
    axes = figure(data, [BONDS]).axes[0]
    (arrows,) = (one for one in axes.collections if isinstance(one, Quiver))
    middle = (data.bond_start.values + data.bond_end.values) / 2
    assert np.allclose(np.stack([arrows.X, arrows.Y], axis=1), middle)
    flow = np.stack([arrows.U, arrows.V], axis=1)
    down = data.bond_current.values < 0
    assert np.allclose(flow[down], [0, -0.9])  # the largest fills its bond, against the arrow of the hop
    assert np.allclose(flow[~down], [0.45, 0])
    assert np.allclose(arrows.get_array(), np.abs(data.bond_current.values))
    assert axes.child_axes[0].get_ylabel() == "bond current (nA)"


def test_dense_bonds_are_summed_to_a_density_of_current() -> None:
    data = strip(80, 40)
    axes = figure(data, [BONDS]).axes[0]
    (arrows,) = (one for one in axes.collections if isinstance(one, Quiver))
    assert arrows.N < 400
    assert axes.child_axes[0].get_ylabel().replace("\n", " ") == "current density (nA/nm)"
    inside = (arrows.X > 8) & (arrows.X < 72) & (arrows.Y > 5) & (arrows.Y < 35)
    density = arrows.get_array()[inside]
    assert np.allclose(density, np.hypot(1, 2))  # a current of 1 and of 2 for each spacing


def test_a_result_over_sites_with_two_indices_is_a_map_unasked() -> None:
    assert default_drawings(strip()) == (SITES,)
    assert default_drawings(strip().drop_vars("density")) == (BONDS,)
    cases = strip().expand_dims(case=["one", "two"])
    assert [axes.get_title() for axes in figure(cases).axes] == ["one", "two"]
    many = strip().drop_vars("bond_current").expand_dims(N=np.arange(8))
    assert default_drawings(many)[0].kind == "draw"
    chain = strip().isel(site=slice(0, 2), bond=slice(0, 0)).assign_coords(site=["c[1]", "c[2]"])
    assert default_drawings(chain.drop_vars("bond_current"))[0].kind == "draw"


def test_a_case_that_failed_is_an_empty_panel_that_says_so() -> None:
    cases = strip().expand_dims(case=["one", "two"]).copy(deep=True)
    cases.density[1] = np.nan
    cases.bond_current[1] = np.nan
    cases["failed"] = ("case", np.array(["", "no solution"]))
    for drawing in (SITES, BONDS):
        panels = [axes for axes in figure(cases, [drawing]).axes if axes.get_title()]
        assert [axes.get_title() for axes in panels] == ["one", "two, grey: failed"]
        assert [bool(axes.collections) for axes in panels] == [True, False]


def test_sites_above_one_another_are_refused() -> None:
    data = strip().assign_coords(axis=["x", "z"])
    data["position"] = data.position * 0 + 1
    with pytest.raises(ModelError, match="several sites stand at one place") as caught:
        figure(data, [Drawing("map", "density", "x", "z")])
    assert caught.value.hint == "draw it against 'site'"
    with pytest.raises(ModelError, match="have no position 'y'"):
        figure(data, [SITES])


PLANE = """model plane
reference {{ mu = 0; T = 0 }}
lattice bar {{
  site c[x, y] for x in 1..4, y in 1..3 {at}
  hop c[x, y] -> c[x+1, y] : -1; hop c[x, y] -> c[x, y+1] : -1
}}
bath L on bar.left {{ self_energy = wide_band(1); mu = 0.1 }}
bath R on bar.right {{ self_energy = wide_band(1); mu = 0 }}
task flow = transport {{ output density, bond_current, current }}
plot flow {{ {drawing} }}
"""


def test_the_language_knows_the_axes_of_positions() -> None:
    text = PLANE.format(
        at="at (x, 2*y)", drawing="map density against x by y; map bond_current against y by x"
    )
    assert [(one.against, one.by) for one in read(text).plots[0].drawings] == [("x", "y"), ("y", "x")]
    (wrong,) = errors(PLANE.format(at="", drawing="map density against x by y"))[:1]
    assert (wrong.message, wrong.hint) == (
        "the sites have no position 'x'", "write: site c[l, m] ... at (l, m)",
    )  # fmt: skip
    (wrong,) = errors(PLANE.format(at="at (x, y)", drawing="map current against x by y"))[:1]
    assert wrong.message == "'current' has no dimension 'x'"


def test_a_run_gives_the_positions_of_what_is_drawn() -> None:
    from modelkit.model import loads

    model = loads(PLANE.format(at="at (x, 2*y)", drawing="map bond_current against x by y"))
    found = model.run("flow")
    step = found.bond_end - found.bond_start
    assert set(map(tuple, step.values.tolist())) == {(1.0, 0.0), (0.0, 2.0)}
    (arrows,) = model.figure("flow", found).axes[0].collections
    right = np.abs(arrows.V) < 1e-9
    columns = [arrows.get_array()[right & (x + 0.5 == arrows.X)].sum() for x in range(1, 4)]
    assert columns == pytest.approx(3 * [float(found.current[0])], rel=1e-9)  # what enters flows along
