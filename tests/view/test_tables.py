from __future__ import annotations

import io

import numpy as np
import xarray as xr

from modelkit.view.notebook import formula_html, table_html
from modelkit.view.tables import Table, audits, results, show, summary, text
from tests.view import samples


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


TABLE = Table("title [x]", ("name", "value"), (("S[2]", "1"), ("[bold]D", "-0.25")), ("a note",))


def test_columns_are_aligned_in_plain_text() -> None:
    assert text(TABLE).splitlines() == [
        "title [x]",
        "  name     value",
        "  S[2]     1",
        "  [bold]D  -0.25",
        "  a note",
    ]


def test_a_terminal_and_a_file_show_the_same_words() -> None:
    screen, file = Screen(), io.StringIO()
    show(TABLE, screen)
    show(TABLE, file)
    assert file.getvalue() == text(TABLE) + "\n"
    for word in ("title [x]", "S[2]", "[bold]D", "-0.25", "a note"):
        assert word in screen.getvalue()


def test_a_summary_has_ranges_dimensions_units_method_and_audits() -> None:
    lines = str(summary(samples.profile(), "wire: profile")).splitlines()
    assert lines[0] == "wire: profile"
    assert "chemical_potential  case 2 x terminal 30" in lines[2]
    assert lines[2].split()[-1] == "energy"
    assert [line.split() for line in lines if "dI" in line] == [["dI", "-", "0.0068", "current"]]
    assert lines[-2] == "  method: ladder (the device is a tree)"
    assert lines[-1] == "  1 audit passed: largest residual 1.0e-16 (balance)"
    assert not any("audit_" in line for line in lines)


def test_few_values_stand_with_their_names() -> None:
    data = xr.Dataset(
        {
            "current": (("case", "terminal"), [[0.5, -0.5], [-0.25, np.nan]], {"units": "nA"}),
            "same": ("N", [2.0] * 9),
            "some": ("N", [1.0, 3.0, *[np.nan] * 7]),
        },
        {"case": ["one", "two"], "terminal": ["L", "R"], "N": np.arange(9)},
        {"method": "blocks", "why": "ladder does not fit: a loop; blocks fits: thin layers (4); no more"},
    )
    found = summary(data)
    assert [row[2] for row in found.rows] == [
        "one L 0.5, one R -0.5, two L -0.25, two R nan", "2", "1 to 3 (7 of 9 missing)",
    ]  # fmt: skip
    assert found.notes == ("method: blocks (thin layers (4))",)


def test_the_reason_of_a_method_is_told_once_and_alone() -> None:
    told = "gge: rate equations, the rates are 0.1 of the band width"
    why = f"{told}; gaussian does not fit: four operators; {told.replace('0.1', '0.2')}; and 6 more"
    data = xr.Dataset({"current": ((), 0.5)}, attrs={"method": "gge", "why": why})
    assert summary(data).notes == ("method: gge (rate equations, the rates are 0.2 of the band width)",)
    data.attrs["why"] = "gge was asked for: rate equations"
    assert summary(data).notes == ("method: gge (was asked for: rate equations)",)


def test_a_result_without_any_number_is_told() -> None:
    data = xr.Dataset({"a": ("x", [1.0, np.nan]), "none": ("x", [np.nan] * 2), "b": np.inf})
    data["b"].attrs["formula"] = "I[L]/0"
    assert summary(data).notes == (
        "no finite number at any point in 'none'",
        "no finite number at any point in 'b': b = I[L]/0",
    )


def test_the_summary_as_data_has_numbers_only_where_there_are_some() -> None:
    data = xr.Dataset(
        {"a": ("x", [1.0, np.nan, -2.0]), "none": ("x", [np.nan] * 3), "audit_b": ("x", [0.0, -3.0, np.nan])}
    )
    assert results(data)["a"] == {"dimensions": {"x": 3}, "smallest": -2.0, "largest": 1.0, "unit": None}
    assert results(data)["none"]["smallest"] is None
    assert audits(data) == {"audit_b": 3.0}


def test_html_escapes_every_word() -> None:
    shown = table_html(Table("<b>", ("a",), (("x < y",),), ("&",)))
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert "x &lt; y" in shown
    assert "&amp;" in shown
    assert "a &lt; b" in formula_html("a < b")


def test_warnings_are_on_the_screen() -> None:
    found = summary(xr.Dataset({"current": ("terminal", [1.0])}, attrs={"warnings": "one\ntwo"}))
    assert found.notes == ("warning: one", "warning: two")
