"""The grammar: forms and reserved words, nothing else, and no two terminals that collide."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelkit.language import nodes, parser
from modelkit.language.rules import CLAUSES, RESERVED

ROOT = Path(__file__).parents[2]
PAGE = sorted(Path(__file__).parent.glob("page/*.model"))
WORDS_OF_THE_SENTENCES = """
    sqrt exp log sin cos tan sinh cosh tanh asin acos atan atan2 abs sign conj re im min max mod
    floor if pi hbar spin nambu orbital up down particle hole sigma_x tau_z ring uniform chain
    wide_band lead bands own local rigid self_energy mu T solve I J U u G1 G2 n density inject
    absorb position rate jump initial time energy current degeneracy momentum H eV meV nA K angstrom
    nm units natural transport response transmission steady_state evolution contours check symmetry
    forbidden output cases sweep draw map order method gge gaussian
"""


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.stem)
def test_every_form_of_the_language_page_parses(path):
    block = parser.parse(path.read_text(), path.name)
    assert len(block.statements) > 5


def words_of_the_grammar() -> set[str]:
    """The words that the grammar spells out: the texts of its terminals."""
    terminals = parser.grammar().terminals
    spelled = {terminal.pattern.value for terminal in terminals if terminal.pattern.type == "str"}
    return {word for word in spelled if re.fullmatch(r"\w+", word)}


def words_of_the_page() -> set[str]:
    """Every noun, kind, field, verb, function and unit that stands in an example, and more."""
    texts = [re.sub(r'#.*|"[^"]*"', "", path.read_text()) for path in PAGE]
    return {word for text in texts for word in re.findall(r"[A-Za-z]\w*", text)} | set(
        WORDS_OF_THE_SENTENCES.split()
    )


def test_the_grammar_knows_reserved_words_only():
    assert words_of_the_grammar() == RESERVED - {"infinite", "E", "i"}
    assert not (words_of_the_page() - RESERVED) & words_of_the_grammar()
    assert len(words_of_the_page()) > 200


def test_no_rule_or_terminal_of_the_grammar_quotes_another_word():
    """The file itself, apart from its comments: what stands in quotes."""
    text = re.sub(r"//.*", "", parser.grammar_text())
    assert set(re.findall(r'"([a-zA-Z_]\w*)"', text)) == RESERVED - {"infinite", "E", "i"}


def test_the_terminals_do_not_collide_and_no_rule_is_ambiguous():
    pytest.importorskip("interegular")
    assert parser.grammar(strict=True).parse("a = 1", start="text").data == "text"


def test_the_words_of_clauses_are_reserved():
    assert {word for clause in CLAUSES for word in clause.split()} <= RESERVED


@pytest.mark.parametrize("word", sorted(RESERVED - {"infinite", "E", "i"}))
def test_reserved_words_are_read_as_parts_of_longer_names(word):
    names = f"{word}s {word}_1 {word.upper()}x x{word}".split()
    block = parser.parse("\n".join(f"param {name} = {name} + 1" for name in names))
    for statement, name in zip(block.statements, names, strict=True):
        assert isinstance(statement, nodes.Statement)
        assert isinstance(statement.head, nodes.Listing)
        assert statement.head.items[0].target == nodes.Name(name)


@pytest.mark.parametrize("word", ["model", "param", "lattice", "task", "case", "current", "units"])
def test_nouns_work_as_names(word):
    assert parser.parse(f"param {word} = 1; let x = 2*{word}[{word}]").statements


def test_lark_is_imported_in_one_module():
    importing = [
        path.name
        for path in (ROOT / "modelkit").rglob("*.py")
        if re.search(r"^\s*(import|from) lark\b", path.read_text(), re.MULTILINE)
    ]
    assert importing == ["parser.py"]


def test_an_installed_package_reads_its_own_grammar_file(tmp_path, monkeypatch):
    (tmp_path / "grammars").mkdir()
    (tmp_path / "grammars" / "model.lark").write_text("// packed")
    monkeypatch.setattr(parser.resources, "files", lambda package: tmp_path)
    assert parser.grammar_text() == "// packed"


def test_reading_a_text_needs_no_sympy():
    script = (
        "import sys; from modelkit.language import parser, printer; printer.to_text(parser.parse('a = 1'));"
        "heavy = {'sympy', 'numpy', 'xarray', 'pint', 'matplotlib', 'qutip'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or None)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
