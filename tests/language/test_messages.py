"""Wrong texts get the words that help: golden files, advice, spoken terminals."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelkit.errors import ModelError
from modelkit.language import advice, messages, parser
from tests import golden

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = [pytest.param(entry, text, id=text) for entry in advice.ADVICE for text in entry.examples]
ON_ONE_LINE = [example for example in EXAMPLES if not {"\n", "}"} & set(example.id)]


@pytest.mark.parametrize("path", golden.texts(GOLDEN), ids=lambda path: path.stem)
def test_a_wrong_text_gets_exactly_these_words(path):
    error = golden.assert_message(path, parser.parse)
    golden.assert_spans_lie_in(error, path.read_bytes().decode())


def test_there_are_many_wrong_texts_and_no_message_without_its_text():
    names = {path.stem for path in golden.texts(GOLDEN)}
    assert len(names) >= 30
    assert {path.stem for path in GOLDEN.glob("*.expected")} == names


def test_every_terminal_of_the_grammar_is_spoken():
    terminals = {terminal.name for terminal in parser.grammar().terminals}
    assert terminals == set(messages.SPOKEN) - {"$END"}


@pytest.mark.parametrize(("entry", "text"), EXAMPLES)
def test_each_example_gets_its_own_advice_back(entry, text):
    failure = parser.failure_of(text)
    assert messages.learned(parser.failure_of)[failure.key] is entry


@pytest.mark.parametrize(("entry", "text"), ON_ONE_LINE)
def test_advice_does_not_depend_on_nesting(entry, text):
    nested = parser.failure_of(f"x {{ y {{ a = 1; {text}")
    assert messages.learned(parser.failure_of)[nested.key] is entry


@pytest.mark.parametrize("letter", "−–—×·÷≤≥≠→“”‘’†√∞µγλΓΔħÅ…½²³¹₂⁻∧¬∈，（\u00a0\u200b")
def test_letters_that_look_like_the_language_are_told_what_to_type(letter):
    with pytest.raises(ModelError) as caught:
        parser.parse(f"let a = b {letter} c")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("type ")
    assert caught.value.span is not None
    assert caught.value.span.text == letter


def test_a_message_is_lower_case_without_a_full_stop():
    for path in golden.texts(GOLDEN):
        with pytest.raises(ModelError) as caught:
            parser.parse(path.read_bytes().decode())
        for error in caught.value.errors:
            for sentence in (error.message, error.hint):
                if sentence:
                    assert not sentence.endswith(".") or sentence.endswith("..")
                    assert not sentence[0].isupper()


def test_the_end_of_a_text_is_shown_behind_its_last_word():
    with pytest.raises(ModelError) as caught:
        parser.parse("let a = b +   # more\n\n\n")
    assert caught.value.span is not None
    assert caught.value.span.start == len("let a = b +")
