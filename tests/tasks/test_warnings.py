from __future__ import annotations

from modelkit.tasks.collect import one_of_each_kind


def test_warnings_that_differ_in_numbers_only_are_told_once() -> None:
    said = ["probe 'S[2]' is at mu = 2.5\nlevels stay", "probe 'S[4]' is at mu = -2.1e-3", "levels stay"]
    assert one_of_each_kind(said).splitlines() == [
        "probe 'S[2]' is at mu = 2.5 (1 more of this kind)",
        "levels stay (1 more of this kind)",
    ]
    assert one_of_each_kind(["a", "b"]) == "a\nb"
