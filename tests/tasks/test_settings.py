"""Values of the command line: one formula, or a set of the language."""

from __future__ import annotations

import pytest

from modelkit.errors import ModelError
from modelkit.tasks.settings import setting_of


@pytest.mark.parametrize("text", ["0.3", "max(1, 1/2)", "if(1 < 2, 3, 4)", "1+0.5i", "0.1 [eV]", "infinite"])
def test_a_single_value_stays_as_it_was_written(text: str) -> None:
    assert setting_of("g", text) == text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{0.1, 1/5}", ["0.1", "1/5"]),
        ("{max(1, 2)}", ["max(1, 2)"]),
        ("{0.1 [meV], 2 [K]}", ["0.1 [meV]", "2 [K]"]),
        ("4..6", ["4", "5", "6"]),
        ("0.3..1.2 step 0.4", ["3/10", "7/10", "11/10"]),
        ("2..1 step -1", ["2", "1"]),
        ("3..3", ["3"]),
    ],
)
def test_a_set_is_a_list_of_exact_values(text: str, values: list[str]) -> None:
    assert setting_of("g", text) == values


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0.1,0.2", "several values are a set: 'g={0.1,0.2}'"),
        ("[0.1, 0.2]", "several values are a set: 'g={0.1, 0.2}'"),
        ("from 0 to 1 points 3", "write 'g={0.1, 0.2}' or 'g=4..20 step 2'"),
        ("{0.1, 0.2", "a '}' is missing"),
        ("1..0", "the step leads from the start to the stop"),
        ("1..2 step 0", "write 'g=4..20 step 2'"),
        ("0..infinite", "write 'g=4..20 step 2'"),
        ("0..1i", "write 'g=4..20 step 2'"),
        ("0..1 step 1e-9", "sweep fewer values"),
    ],
)
def test_another_form_is_refused_with_the_right_one(text: str, hint: str) -> None:
    with pytest.raises(ModelError) as caught:
        setting_of("g", text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "text", ["{}", "..", "1..", "{x", "{1} {2}", "{1}; probe P", "{1} points 3", "{1..2}"]
)
def test_what_is_no_set_is_an_error_of_the_text(text: str) -> None:
    with pytest.raises(ModelError):
        setting_of("g", text)
