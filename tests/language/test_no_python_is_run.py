"""No text becomes Python: what evaluates text is called nowhere in the package."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "modelkit"
EVALUATING = {"eval", "exec", "compile", "sympify", "parse_expr", "S"}


def calls(tree: ast.AST) -> list[tuple[str, str]]:
    """(of what, name) of all calls."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                found.append(("", name))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr=name)):
                found.append((of, name))
    return found


def test_nothing_evaluates_text() -> None:
    files = list(PACKAGE.rglob("*.py"))
    found = {
        (path.name, *call)
        for path in files
        for call in calls(ast.parse(path.read_text()))
        if call[1] in EVALUATING and call[0] in ("", "sp", "sympy", "builtins")
    }
    assert len(files) > 100
    assert not found


def test_the_search_finds_what_evaluates_text() -> None:
    assert calls(ast.parse("sp.sympify(x); eval(y)")) == [("sp", "sympify"), ("", "eval")]
