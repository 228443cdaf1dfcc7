"""Formulas over arrays: types, branches, integers, matrices, and what is no number."""

import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError, Source, Span
from modelkit.numerics.evaluate import Fault, Formula, evaluate, evaluate_finite, first_fault

x, y, E = sp.symbols("x y E", real=True)
n = sp.Symbol("n", integer=True)
z = sp.Symbol("z")


def test_numbers_give_numbers_of_python():
    assert evaluate(x + 1, {"x": 2}) == 3
    assert type(evaluate(x + 1, {"x": 2})) is int
    assert type(evaluate(x + 1, {"x": 2.0})) is float
    assert type(evaluate(x + sp.I, {"x": 2.0})) is complex
    assert type(evaluate(x < 1, {"x": 2.0})) is bool
    assert evaluate(sp.pi, {}) == np.pi
    assert evaluate(sp.oo, {}) == float("inf")


def test_arrays_broadcast():
    found = evaluate(x * y + 1, {"x": np.array([[1.0], [2.0]]), "y": np.array([3.0, 4.0, 5.0])})
    np.testing.assert_array_equal(found, [[4, 5, 6], [7, 9, 11]])


@pytest.mark.parametrize(
    ("formula", "integral"),
    [
        (2 * n + 1, True),
        (n**2 - 3, True),
        (sp.Mod(n, 4), True),
        (sp.Abs(n - 3), True),
        (sp.floor(n / 2), True),
        (sp.Max(n, 2), True),
        (sp.Piecewise((1, n > 3), (0, True)), True),
        (n / 2, False),
        (n**-1, False),
        (sp.sqrt(n), False),
        (n + sp.Rational(1, 2), False),
        (sp.cos(n), False),
    ],
)
def test_integers_stay_integers_where_the_formula_keeps_them(formula, integral):
    found = evaluate(formula, {"n": np.arange(1, 9)})
    assert (found.dtype.kind == "i") == integral
    expected = [float(formula.subs(n, k)) for k in range(1, 9)]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_integers_beyond_the_exact_doubles_become_floats_and_never_overflow():
    found = evaluate(n**7, {"n": np.array([10**3, 2])})
    assert found.dtype.kind == "f"
    np.testing.assert_array_equal(found, [1e21, 128.0])


def test_quotients_are_divided_once():
    counts = np.arange(1, 500)
    np.testing.assert_array_equal(evaluate(sp.floor(n / x), {"n": counts, "x": counts}), np.ones(499))
    np.testing.assert_array_equal(evaluate(sp.Rational(3, 10) * n, {"n": counts}), 3 * counts / 10)


def test_roots_and_logarithms_of_negative_numbers_are_complex():
    found = evaluate(sp.sqrt(x), {"x": np.array([-4.0, 9.0])})
    np.testing.assert_array_equal(found, [2j, 3])
    assert evaluate(sp.log(x), {"x": -1.0}) == pytest.approx(1j * np.pi)
    assert evaluate(x ** sp.Rational(1, 3), {"x": -8.0}) == pytest.approx(1 + 1j * np.sqrt(3))
    assert evaluate(sp.sqrt(x), {"x": np.array([4.0, 9.0])}).dtype.kind == "f"


def test_staggered_signs_are_real():
    found = evaluate((-1) ** n, {"n": np.arange(4)})
    assert found.dtype.kind == "f"
    np.testing.assert_array_equal(found, [1, -1, 1, -1])


def test_a_complex_value_in_the_branch_not_taken_leaves_the_result_real():
    guarded = sp.Piecewise((sp.sqrt(x), x > 0), (0, True))
    found = evaluate(guarded, {"x": np.array([-1.0, 4.0])})
    assert found.dtype.kind == "f"
    np.testing.assert_array_equal(found, [0, 2])


def test_division_by_zero_in_the_branch_not_taken_does_no_harm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(sp.Piecewise((1 / x, sp.Ne(x, 0)), (7, True)), {"x": np.array([0.0, 2.0])})
    np.testing.assert_array_equal(found, [7, 0.5])


def test_conditions_give_masks():
    condition = sp.And(n > 2, sp.Or(n < 5, sp.Eq(n, 7)), sp.Ne(n, 4))
    assert evaluate(condition, {"n": np.arange(1, 9)}).tolist() == [k in (3, 7) for k in range(1, 9)]
    assert evaluate(sp.true, {}) is True
    assert evaluate(sp.Not(n > 2, evaluate=False), {"n": 3}) is False


def test_matrices_come_last():
    matrix = sp.ImmutableDenseMatrix([[x, 1], [sp.I * y, 0]])
    found = evaluate(matrix, {"x": np.arange(3.0), "y": 2.0})
    assert found.shape == (3, 2, 2)
    np.testing.assert_array_equal(found[2], [[2, 1], [2j, 0]])
    assert evaluate(matrix, {"x": 1.0, "y": 2.0}).shape == (2, 2)
    assert evaluate(sp.ImmutableDenseMatrix([[1, 2]]), {}).tolist() == [[1, 2]]


def test_the_array_of_the_caller_is_never_handed_out():
    given = np.arange(3.0)
    found = evaluate(x, {"x": given})
    found[0] = 7
    assert given[0] == 0


def test_names_may_be_anything():
    odd = sp.Symbol("__import__('os').getpid()")
    assert evaluate(odd + 1, {"__import__('os').getpid()": 1}) == 2
    assert evaluate(sp.Symbol("lambda") * 2, {"lambda": 3}) == 6


def test_a_formula_takes_values_by_position_or_by_name():
    formula = Formula(x - y, ("y", "x"))
    assert formula(1, 5) == 4
    assert formula(x=5, y=1) == 4
    assert Formula(x - y)(5, 1) == 4
    with pytest.raises(KeyError):
        Formula(x - y)(x=1)


def test_faults_are_found_with_their_place():
    assert first_fault(np.array([1.0, np.inf, np.nan])) == Fault((1,), np.inf, "infinite")
    assert first_fault(np.array([1.0, np.inf, 2.0]), infinite=True) is None
    assert first_fault(np.array([[1.0, 2.0], [np.nan, 0.0]])).index == (1, 0)
    assert first_fault(np.array([1.0, 1 + 1e-15j]), real=True) is None
    assert first_fault(np.array([1.0, 1 + 1e-3j]), real=True).reason.startswith("complex")
    assert first_fault(np.arange(4)) is None
    assert first_fault(np.full((3, 2, 2), np.inf), axes=2).index == (0,)


def test_an_element_that_is_no_number_is_an_error_of_the_model():
    span = Span(Source("a.model", "1/(n - 3)"), 0, 9)
    with pytest.raises(ModelError) as caught:
        evaluate_finite(1 / (n - 3), {"n": np.arange(1, 6)}, span=span, what="this hopping")
    assert caught.value.message == "this hopping is infinite at n = 3"
    assert caught.value.span is span
    with pytest.raises(ModelError, match=r"this formula is complex .* at x = -1"):
        evaluate_finite(sp.sqrt(x), {"x": np.array([1.0, -1.0])}, real=True)
    assert evaluate_finite(sp.sqrt(x) ** 2 + 0 * sp.I, {"x": 4.0}, real=True) == 4


def test_functions_of_real_numbers_are_nan_for_complex_ones():
    for function in (sp.floor(z, evaluate=False), sp.Max(z, 2, evaluate=False), sp.Mod(z, 2, evaluate=False)):
        assert np.isnan(evaluate(function, {"z": 1 + 1j}))
        assert evaluate(function, {"z": 3 + 0j}) == evaluate(function, {"z": 3.0})
    assert np.isnan(evaluate(z > 1, {"z": np.array([1j])})).all()


VALUES = st.floats(-3, 3).filter(lambda value: abs(value) > 1e-3)
UNARY = st.sampled_from([sp.sin, sp.cosh, sp.exp, sp.tanh, sp.atan, sp.Abs, sp.sign, sp.re, sp.conjugate])


@given(
    st.recursive(
        st.sampled_from([x, y, E, sp.Integer(2), sp.Rational(1, 3), sp.I]),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
            st.tuples(UNARY, inner).map(lambda pair: pair[0](pair[1])),
            inner.map(lambda value: value**2),
        ),
        max_leaves=8,
    ),
    VALUES,
    VALUES,
    VALUES,
)
@settings(max_examples=100, deadline=None)
def test_random_formulas_agree_with_sympy(formula, first, second, third):
    values = {"x": first, "y": second, "E": third}
    exact = complex(formula.evalf(30, subs={x: first, y: second, E: third}))
    with np.errstate(all="ignore"):
        found = complex(evaluate(formula, values))
    cut = formula.has(sp.atanh)  # beyond 1 it lies on its cut, where either side is right
    if abs(exact) < 1e100 and not formula.has(sp.sign) and not cut:
        assert found == pytest.approx(exact, rel=1e-8, abs=1e-8)
