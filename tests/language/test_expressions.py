"""Formulas become exact sympy trees through a table, whatever is written."""

import math
import operator
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError, Source, Span
from modelkit.language import nodes
from modelkit.language.expressions import translate, translate_condition
from modelkit.language.functions import functions
from modelkit.language.parser import parse_expression
from modelkit.language.scope import Meaning, Scope, UserFunction
from modelkit.numerics.evaluate import evaluate

x, y = sp.symbols("x y", real=True)
z = sp.Symbol("z")
l = sp.Symbol("l", integer=True)  # noqa: E741 - the language's usual index
E = sp.Symbol("E", real=True)
SOURCE = Source("a.model", "param one = 1\nparam two = 2\nparam gamma = 3\n")
SCOPE = Scope(
    {
        "x": Meaning("parameter", x),
        "y": Meaning("parameter", y),
        "z": Meaning("parameter", z),
        "l": Meaning("index", l),
        "E": Meaning("energy", E),
        "gamma": Meaning("parameter", sp.Symbol("gamma", real=True), Span(SOURCE, 34, 39)),
        "L": Meaning("bath", None, Span(SOURCE, 0, 5)),
    }
)


def formula(text, scope=SCOPE):
    return translate(parse_expression(text), scope)


def refusal(text, scope=SCOPE):
    with pytest.raises(ModelError) as caught:
        formula(text, scope)
    return caught.value


def with_functions(**bodies):
    """A scope with functions of one argument ``u`` that may call one another."""
    names = dict(SCOPE.names)
    scope = Scope(names)
    for name, body in bodies.items():
        names[name] = Meaning("function", UserFunction(name, ("u",), parse_expression(body), scope))
    return scope


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2", sp.Rational(3, 10)),
        ("-x^2", -(x**2)),
        ("2^-1", sp.Rational(1, 2)),
        ("2^3^2", sp.Integer(512)),
        ("8/2/2", sp.Integer(2)),
        ("1 - 2 - 3", sp.Integer(-4)),
        ("2e-3i", sp.I / 500),
        ("1i^2", sp.Integer(-1)),
        ("(1 + 2i)'", 1 - 2 * sp.I),
        ("z'*z", z * sp.conjugate(z)),
        ("sqrt(12)", 2 * sp.sqrt(3)),
        ("cos(pi/3)", sp.Rational(1, 2)),
        ("mod(-1, 4)", sp.Integer(3)),
        ("floor(-1/2)", sp.Integer(-1)),
        ("abs(3 - 4i)", sp.Integer(5)),
        ("sign(-0.3)", sp.Integer(-1)),
        ("re(2 - 3i) + im(2 - 3i)", sp.Integer(-1)),
        ("conj(exp(1i*x))", sp.exp(-sp.I * x)),
        ("min(3, 1, 2) + max(3, 1, 2)", sp.Integer(4)),
        ("atan2(1, -1)", 3 * sp.pi / 4),
        ("if(1 < 2, x, y)", x),
        ("infinite", sp.oo),
        ("(infinite)", sp.oo),
        ("1 < 2 < 3", sp.Integer(1)),
        ("1 < 2 < 2", sp.Integer(0)),
        ("3*(2 == 2)", sp.Integer(3)),
        ("+x", x),
    ],
)
def test_a_formula_has_its_exact_value(text, value):
    assert formula(text) == value


def test_a_condition_in_a_product_is_one_or_zero():
    filtered = formula("(E > 0.5)*x")
    assert evaluate(filtered, {"E": np.array([0.4, 0.6]), "x": 7.0}).tolist() == [0.0, 7.0]


def test_conditions_are_chained_joined_and_negated():
    condition = translate_condition(parse_expression("2 < l <= 5 and not (l == 4 or l == 5)"), SCOPE)
    assert evaluate(condition, {"l": np.arange(1, 8)}).tolist() == [False, False, True] + 4 * [False]


def test_conditions_within_a_comparison_are_numbers():
    condition = translate_condition(parse_expression("(l < 3) == (l < 5)"), SCOPE)
    assert evaluate(condition, {"l": np.array([2, 4, 6])}).tolist() == [True, False, True]
    nested = formula("x*(1 < (l < (3 == 3)) + 1)")
    assert evaluate(nested, {"l": np.array([0, 1]), "x": 5.0}).tolist() == [5.0, 0.0]


def test_a_number_is_no_condition():
    with pytest.raises(ModelError, match="this is a number, not a condition"):
        translate_condition(parse_expression("mod(l, 2)"), SCOPE)
    assert "not a condition" in refusal("x and l > 2").message


def test_an_undeclared_name_is_told_with_the_nearest_its_kind_and_its_line():
    error = refusal("1 + gama*2")
    assert error.message == "there is no 'gama' here"
    assert error.hint == "did you mean 'gamma' (parameter, line 3)?"
    assert (error.span.start, error.span.end) == (4, 8)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("1/0", "division by zero", None),
        ("x/(1 - 1)", "division by zero", None),
        ("0^-1", "0 to a power that is not positive", None),
        ("log(0)", "'log(0)' is not a finite number", None),
        ("tan(pi/2)", "'tan(pi/2)' is not a finite number", None),
        ("atan2(0, 0)", "'atan2(0, 0)' is not a finite number", None),
        ("mod(1, 0)", "'mod(1, 0)' is not a finite number", None),
        ("i", "'i' is not a name", "write 1i for the imaginary unit"),
        ("sqrt", "'sqrt' is a function", "write sqrt(x)"),
        ("sqrt(1, 2)", "'sqrt' takes 1 argument, not 2", "write sqrt(x)"),
        ("max()", "'max' takes at least 1 argument, not 0", "write max(x, ...)"),
        ("sqr(2)", "there is no function 'sqr'", "did you mean 'sqrt'?"),
        ("gamma(1 + x)", "'gamma' is a parameter, not a function", "a product needs '*'"),
        ("L + 1", "'L' is a bath (line 1), not a number", None),
        ("L.T", "'L' is a bath; what belongs to it cannot stand in a formula", None),
        ("x[1]", "'x' is a parameter and has no index in a formula", None),
        ("x@forward", "'x' is a parameter; only results of a task have cases", None),
        ("sqrt(x = 2)", "'sqrt' takes no argument by name", "write the value alone"),
        ("1 + infinite", "'infinite' stands alone", "no formula can contain it"),
        ("1i < 2", "a comparison needs real numbers", "re(...), im(...) or abs(...) are real"),
        ("floor(1i)", "floor needs real numbers", "re(...), im(...) or abs(...) are real"),
        ("0.2 [meV]", "a unit in a model of natural units", None),
        ("(x<1) + (y<1) + (x<2) < (y<2)", "a comparison of more than 3 conditions", None),
        ("if(2, x, y)", "this is a number, not a condition", "compare it: ... == 1, ... > 0"),
        ("sigma_x", "'sigma_x' acts on spin, which is not an internal space here", None),
        ("x^65", "the power 65 is too high", None),
        ("[1, 2 | 3]", "a row of this matrix has 1 entries, the first has 2", None),
        ("[1, 2 | 3, 4] + [1, 2]", "a 1 x 2 matrix cannot be added to a 2 x 2 matrix", None),
        ("[1, 2]*[1, 2]", "a 1 x 2 matrix times a 1 x 2 matrix", "sizes must agree"),
        ("1/[1, 2 | 3, 4]", "division by a matrix", None),
        ("exp([1, 2 | 3, 4])", "exp of a matrix", "functions of matrices are written out"),
        ("[1, 2 | 3, 4]^-1", "the power -1 of a matrix", None),
        ("[1, 2 | 3, 4] < 1", "matrices cannot be compared", "compare their entries"),
        ("2^[1, 2 | 3, 4]", "a matrix cannot be an exponent", None),
        ("[1, [2 | 3]]", "the entries of a matrix are numbers", None),
    ],
)
def test_what_cannot_be_meant_is_refused_in_the_authors_words(text, message, hint):
    error = refusal(text)
    assert error.message == message
    if hint is not None:
        assert error.hint == hint
    assert error.span is not None
    assert 0 <= error.span.start < error.span.end <= len(text)


def test_the_energy_has_a_meaning_only_where_the_scope_gives_it_one():
    assert formula("1/(E + 1i)") == 1 / (E + sp.I)
    assert refusal("1/(E + 1i)", Scope()).message == "the energy E has no meaning here"


def test_a_declared_name_wins_over_a_constant():
    assert formula("2*pi") == 2 * sp.pi
    assert formula("2*pi", SCOPE.with_names({"pi": Meaning("parameter", y)})) == 2 * y


def test_hbar_is_explained_in_natural_units():
    assert "in natural units hbar = e = k_B = 1" in str(refusal("hbar*x").hint)


def test_matrices_keep_their_order():
    product = formula("[0, 1 | 0, 0]*[0, 0 | 1, 0]")
    assert product == sp.ImmutableDenseMatrix([[1, 0], [0, 0]])
    assert product != formula("[0, 0 | 1, 0]*[0, 1 | 0, 0]")


def test_a_number_beside_a_matrix_is_times_the_identity():
    assert formula("x + [1, 2 | 3, 4]") == sp.ImmutableDenseMatrix([[1 + x, 2], [3, 4 + x]])
    assert formula("2 - [1, 2 | 3, 4]*2") == sp.ImmutableDenseMatrix([[0, -4], [-6, -6]])


def test_the_adjoint_of_a_matrix_is_conjugate_and_transposed():
    assert formula("[1, 2i | 3*z, 4]'") == sp.ImmutableDenseMatrix([[1, 3 * sp.conjugate(z)], [-2 * sp.I, 4]])


def test_powers_of_matrices_are_repeated_products():
    assert formula("[1, 1 | 0, 1]^5") == sp.ImmutableDenseMatrix([[1, 5], [0, 1]])
    assert formula("[1, 1 | 0, 1]^0") == sp.ImmutableDenseMatrix(sp.eye(2))


def test_a_declared_function_is_expanded_where_it_is_called():
    scope = with_functions(f="0.3*gamma*g(u)", g="cos(u) + x")
    assert formula("f(2*l)", scope) == sp.Rational(3, 10) * sp.Symbol("gamma", real=True) * (
        sp.cos(2 * l) + x
    )


def test_a_function_sees_its_own_names_and_not_those_of_the_caller():
    scope = with_functions(f="u + k")
    inside = scope.with_names({"k": Meaning("index", sp.Symbol("k"))})
    assert refusal("f(1)", inside).message == "there is no 'k' here"


def test_functions_that_call_themselves_are_refused():
    assert refusal("f(1)", with_functions(f="f(u - 1)")).message == "the function 'f' calls itself"
    assert refusal("f(1)", with_functions(f="g(u)", g="f(u)")).message == "the function 'f' calls itself"


def test_the_arguments_of_a_declared_function_are_counted():
    error = refusal("f(1, 2)", with_functions(f="u"))
    assert (error.message, error.hint) == ("'f' takes 1 argument, not 2", "write f(u)")
    assert refusal("f + 1", with_functions(f="u")).hint == "write f(u)"


def test_a_special_meaning_is_tried_first_and_may_pass():
    current = sp.Symbol("I_L")

    def results(node, scope):
        match node:
            case nodes.Index(of=nodes.Name(id="I")) | nodes.Name(id="x"):
                return current
        return None

    scope = SCOPE.with_special(results)
    assert formula("2*I[L] + x + y", scope) == 3 * current + y
    twice = scope.with_special(lambda node, scope: y if node == nodes.Name("x") else None)
    assert formula("I[L] + x", twice) == current + y


def test_every_function_of_the_language_agrees_with_numpy():
    expected = {
        "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan,
        "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asin": np.arcsin, "acos": np.arccos,
        "atan": np.arctan, "atan2": np.arctan2, "abs": np.abs, "sign": np.sign, "conj": np.conj,
        "re": np.real, "im": np.imag, "min": np.minimum, "max": np.maximum,
        "mod": np.mod, "floor": np.floor, "if": np.where,
    }  # fmt: skip
    assert set(expected) == set(functions)
    values = {"x": np.array([0.2, 0.7]), "y": np.array([0.9, 0.4])}
    for name, function in expected.items():
        arguments = {1: ("x",), 2: ("x", "y"), 3: ("x < y", "x", "y")}[len(functions[name].arguments)]
        found = evaluate(formula(f"{name}({', '.join(arguments)})"), values)
        given = [evaluate(formula(argument), values) for argument in arguments]
        if name == "if":
            given[0] = given[0] == 1
        np.testing.assert_allclose(found, function(*given), rtol=1e-15, err_msg=name)


# --- random formulas -------------------------------------------------------------------------------

LEAVES = st.sampled_from(["1", "2", "0.5", "1.25", "3", "x", "y"])


def _compound(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(pair, st.sampled_from("+-*/")).map(lambda p: f"({p[0][0]}){p[1]}({p[0][1]})"),
        inner.map(lambda a: f"-({a})"),
        inner.map(lambda a: f"({a})^2" if a.count("^") < 4 else a),
        pair.map(lambda p: f"max({p[0]}, {p[1]})"),
        pair.map(lambda p: f"(({p[0]}) < ({p[1]}))"),
    )


FORMULAS = st.recursive(LEAVES, _compound, max_leaves=12)


FRACTIONS = st.fractions(-3, 3, max_denominator=8)


@given(FORMULAS.filter(lambda text: text.count("<") < 4), FRACTIONS, FRACTIONS)
@settings(max_examples=150, deadline=None)
def test_random_formulas_agree_with_exact_arithmetic(text, first, second):
    try:
        expected = _by_hand(parse_expression(text), {"x": first, "y": second})
    except ZeroDivisionError:
        return  # tested above
    found = formula(text)
    number = evaluate(found, {"x": float(first), "y": float(second)})
    if math.isfinite(number):  # 1/(x - y) next to equal values
        assert number == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


_EXACT = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "<": lambda a, b: Fraction(a < b),
}


def _by_hand(node, values):
    """Python's own fractions, node by node."""
    match node:
        case nodes.Number(text=text):
            return Fraction(text)
        case nodes.Name(id=name):
            return values[name]
        case nodes.Group(of=of):
            return _by_hand(of, values)
        case nodes.Unary(of=of):
            return -_by_hand(of, values)
        case nodes.Power(base=base, exponent=exponent):
            return _by_hand(base, values) ** int(_by_hand(exponent, values))
        case nodes.Call(arguments=arguments):
            return max(_by_hand(argument, values) for argument in arguments)
        case nodes.Operation(operands=operands, operators=operators):
            result = _by_hand(operands[0], values)
            for sign, operand in zip(operators, operands[1:], strict=True):
                other = _by_hand(operand, values)
                result = _EXACT[sign](result, other)
            return result
    raise AssertionError(node)


SIGNS = st.sampled_from([*"+-*/^()[],|'", " < ", " == ", " and ", "not "])
NOUNS = ["x", "z", "l", "E", "L", "gamma", "nothing", "pi", "infinite", "i", "sigma_x"]
WORDS = st.sampled_from([*NOUNS, "1", "0", "0.5", "2i", "1e300"])
CALLS = st.sampled_from([f"{name}(" for name in functions])


@given(st.lists(st.one_of(SIGNS, WORDS, CALLS), max_size=12).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_heap_of_words_gives_a_value_or_an_error_within_the_text(text):
    try:
        node = parse_expression(text)
        value = translate(node, SCOPE)
        assert isinstance(value, (sp.Expr, sp.ImmutableDenseMatrix))
    except ModelError as error:
        for one in error.errors:
            assert one.span is not None
            assert 0 <= one.span.start <= one.span.end <= len(text)


def test_no_text_of_python_runs():
    for text in ("__import__('os')", "().__class__", "x.__class__", "lambda: 1", "os.getpid()"):
        refusal(text)
