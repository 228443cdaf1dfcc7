"""Wrong usage is told in the words of modelkit, with a suggestion, and ends with 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import call


@pytest.mark.parametrize("words", [["missing.model"], ["."], ["small.model", "--jbs"], []])
def test_wrong_usage_ends_with_two(desk: Path, words: list[str]) -> None:
    for command in ("check", "run", "show", "format"):
        call(command, *words, code=2)


@pytest.mark.parametrize("words", [["--resume"], ["--jobs", "4"], ["--dask"]])
def test_what_a_later_version_brings_is_refused_by_name(desk: Path, words: list[str]) -> None:
    assert "comes with a later version" in call("run", "small.model", *words, code=2).output
    assert "comes with a later version" in call("lsp", code=2).output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "smal.model"], "there is no file 'smal.model'\nhelp: did you mean 'small.model'?"),
        (["run", "a/b.model"], "there is no directory 'a'\nhelp: look at the path"),
        (["check", "."], "'.' is a directory, not a model file\nhelp: its model files: small.model"),
        (["format", "nothing"], "there is no file 'nothing'\nhelp: the model files here are small.model"),
        (["check", "small.model", "--jsn"], "'check' has no option '--jsn'\nhelp: did you mean '--json'?"),
        (["check"], "'check' needs FILE\nhelp: write: modelkit check [OPTIONS] FILE"),
        (["plot", "small.model"], "'plot' needs TASK\nhelp: write: modelkit plot [OPTIONS] FILE TASK"),
        (["check", "small.model", "two"], "got unexpected extra argument (two)\nhelp: write: modelkit check"),
        (["run", "small.model", "--set"], "option '--set' requires an argument\nhelp: write: --set VALUE"),
        (["run", "small.model", "--set", "a"], "'a' behind --set is not NAME=VALUE\nhelp: write: --set"),
        (["run", "small.model", "curv"], "there is no task 'curv'\nhelp: did you mean 'curve'?"),
        (["run", "small.model", "-o", "a.pdf"], "must end in .nc\nhelp: write: -o a.nc"),
        (["run", "small.model", "-o", "."], "'.' is a directory\nhelp: name a file behind -o"),
        (["run", "small.model", "-o", "b/a.nc"], "there is no directory 'b' to write to\nhelp: make it"),
        (["chek", "small.model"], "there is no command 'chek'\nhelp: did you mean 'check'?"),
        ([], "a command is missing\nhelp: the commands are check, run, show, plot, format, new"),
        (["new", "for"], "'for' is a word of the language\nhelp: choose another name, 'for_1'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_told_like_a_wrong_model(desk: Path, words: list[str], told: str) -> None:
    result = call(*words, code=2)
    assert result.stdout == ""
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 2
    assert "Usage" not in result.stderr
