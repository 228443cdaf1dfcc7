"""Which method is taken for an open chain, and why."""

from __future__ import annotations

import pytest

import modelkit as mk

TEXT = """model m
param cells = 6; param rate = 0.02
lattice chain {{ site c[j] for j in ring(cells); hop c[j] -> c[j+1] : -1 }}
{dissipators}
task a = steady_state {{ output current }}
task modes = steady_state {{ sweep k_j in {{0}}; output occupation }}
task order = steady_state {{ output order_1_over_L }}
task later = evolution {{ initial {{ filling = 1/2 }}; sweep time in {{1}}; output current }}
task sites = evolution {{ initial {{ occupation = (j <= 3) }}; sweep time in {{1}}; output occupation }}
"""
LINEAR = "dissipator loss[j] on chain { jump = c[j] + 1i*c[j+1]; rate = rate }\n"
LINEAR += "dissipator gain[j] on chain { jump = c[j]'; rate = rate }"
HERMITIAN = "dissipator deph[j] on chain { jump = c[j]'*c[j]; rate = rate }\nfilling chain = 1/2"
PUMP = "dissipator pump[j] on chain { jump = c[j+1]'*c[j]; rate = rate }\nfilling chain = 1/2"


def chosen(dissipators: str, task: str = "a", **given: object) -> tuple[str, str]:
    found = mk.loads(TEXT.format(dissipators=dissipators)).run(task, **given)
    return found.attrs["method"], found.attrs["why"]


@pytest.mark.parametrize("dissipators", [LINEAR, HERMITIAN])
@pytest.mark.parametrize("rate", [0.02, 5])
def test_what_closes_is_gaussian_at_any_rate(dissipators: str, rate: float) -> None:
    method, why = chosen(dissipators, rate=rate)
    assert method == "gaussian"
    assert why.startswith("gaussian fits: covariance equation")


def test_weak_products_are_rates_between_modes() -> None:
    method, why = chosen(PUMP)
    assert method == "gge"
    refused, taken = why.split("; gge fits: ")
    assert refused.startswith("gaussian does not fit: ")
    assert taken.endswith("no rate exceeds 0.25 of the band width")
    assert chosen(PUMP, rate=0.03) == (method, why)  # one sentence for all points of a sweep


def test_strong_products_of_few_sites_are_exact() -> None:
    method, why = chosen(PUMP, rate=2)
    assert method == "exact"
    assert "gge does not fit: rates above 0.25 of the band width are not weak" in why


def test_an_infinite_chain_with_strong_products_says_what_its_numbers_are() -> None:
    method, why = chosen(PUMP, rate=2, cells="infinite")
    assert method == "gge"
    assert why.startswith("gge fits: ")
    assert why.endswith("exceeds 0.25 of the band width: no other method can treat the chain")


def test_what_is_asked_decides_too() -> None:
    assert chosen(LINEAR, "order")[0] == "gge"
    assert chosen(PUMP, "modes")[0] == "gge"
    assert chosen(PUMP, "later")[0] == "gge"
    method, why = chosen(PUMP, "sites")
    assert method == "exact"
    assert "gge does not fit: the initial state differs from site to site" in why


def test_a_method_that_does_not_fit_is_refused_with_one_that_does() -> None:
    with pytest.raises(mk.ModelError) as caught:
        chosen(PUMP, method="gaussian")
    assert "exact" in str(caught.value.hint)
    with pytest.raises(mk.ModelError, match="does not give 'order_1_over_L'") as caught:
        chosen(PUMP, "order", method="exact")
    assert caught.value.hint == "ask method = gge"


def test_only_methods_that_treat_the_chain_are_advised() -> None:
    text = TEXT.replace("output current }}", "output jump_current }}", 1)
    with pytest.raises(mk.ModelError, match="does not give 'jump_current'") as told:
        mk.loads(text.format(dissipators=PUMP)).run("a", method="populations")
    advised = told.value.hint.removeprefix("ask method = ").split(" or ")
    assert set(advised) == {"gge", "exact", "projected"}  # gaussian gives it, of other chains


@pytest.mark.parametrize(("single", "left"), [("c[j]", 0), ("c[j]'", 1)])
def test_pumped_chains_without_gain_are_empty_and_without_loss_full(single: str, left: int) -> None:
    both = f"dissipator one[j] on chain {{ jump = {single}; rate = rate }}\n{PUMP.replace('filling', '# ')}"
    found = mk.loads(TEXT.format(dissipators=both)).run("modes", method="gge")
    assert float(found.occupation.item()) == left
