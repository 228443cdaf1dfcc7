"""Spread of the distributions that meet at each site of a forest: what dissipates heat."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelkit.solve.methods.ladder.star_contacts import StarContacts
from modelkit.solve.methods.ladder.tree import Column, Forest, column, fall, matrix, rise

Floats = NDArray[np.float64]
Part = tuple[Any, Any, Any]  # weight, mean, weight times variance


class Stars(Protocol):
    """What is needed of a factorised forest."""

    forest: Forest
    contacts: StarContacts
    gamma: Floats
    rising: Floats
    falling: Floats
    below: Floats
    above: Floats
    others: Floats
    total: Floats

    def brought(self, values: Floats) -> Floats:
        """Sum at each position the values of its children."""


def star_spread(stars: Stars, x: Floats, rising: Floats, falling: Floats) -> Floats:
    """``sum_b weight_b (x_b - mean)^2`` over all contacts b as seen from each position.

    ``x`` (n_contacts, n_E); ``rising``, ``falling`` (n, n_E) are weight times mean of what comes from
    below and above.  Formed from squares of differences: nothing cancels.
    """
    low, high = _mean(rising, stars.below), _mean(falling, stars.above)
    local = _mean(rising + falling, stars.total)
    inside = _own_spread(stars, x, low, low)
    spread, _ = rise(column(inside), column(stars.rising), stars.forest.tops)
    below = matrix(spread, low)
    outside = _outside(stars, x, (low, high, below))
    return np.asarray(
        _own_spread(stars, x, local, low)
        + stars.brought(stars.rising * below)
        + stars.above * (high - local) ** 2
        + stars.falling * outside
    )


def _own_spread(stars: Stars, x: Floats, centre: Floats, low: Floats) -> Floats:
    """Contacts and means of the children about a centre at each position."""
    own = stars.contacts.at_stars(stars.gamma * (x - centre[stars.contacts.position]) ** 2)
    parent = centre[stars.forest.parent]
    return np.asarray(own + stars.brought(stars.rising * stars.below * (low - parent) ** 2))


def _outside(stars: Stars, x: Floats, known: tuple[Floats, Floats, Floats]) -> Floats:
    """Spread of all that a position's parent sees without it, about its own mean."""
    low, high, below = known
    forest = stars.forest
    centre = np.zeros_like(low)  # at each parent, the mean that its child on the path sees
    inner = forest.on_path
    centre[inner + 1] = high[inner]
    light = np.zeros_like(low)
    if forest.tops:
        top, parent = np.array(forest.tops).T
        weight = stars.rising[top]
        spread = weight * (stars.below[top] * (low[top] - centre[parent]) ** 2 + below[top])
        np.add.at(light, parent, spread)
    own = stars.contacts.at_stars(stars.gamma * (x - centre[stars.contacts.position]) ** 2)
    source = own + light + stars.above * (high - centre) ** 2
    found = fall(column(source), column(stars.falling), forest, _others(stars, x, known))
    return matrix(found, low)


def _others(stars: Stars, x: Floats, known: tuple[Floats, Floats, Floats]) -> Any:
    """Spread at a parent without each of its hanging paths, by merging parts two at a time."""
    low, high, below = known
    forest = stars.forest
    single = low.shape[1] == 1
    at: dict[int, list[int]] = {}
    for k, position in enumerate(stars.contacts.position.tolist()):
        at.setdefault(position, []).append(k)

    def branch(child: int) -> Part:
        q = stars.rising[child]
        return q * stars.below[child], low[child], q * below[child]

    def others(parent: int, y: Any) -> Column:
        base: Part = (stars.above[parent], high[parent], np.asarray(y))
        for k in at.get(parent, ()):
            base = _merged(base, (stars.gamma[k], x[k], np.zeros_like(x[k])))
        if parent > 0 and not forest.top[parent - 1]:
            base = _merged(base, branch(parent - 1))
        parts = [branch(child) for child in forest.hanging[parent]]
        spreads = [part[2] for part in _without_each(base, parts)]
        return [float(value[0]) for value in spreads] if single else spreads

    return others


def _without_each(base: Part, parts: list[Part]) -> list[Part]:
    before = [base]
    for part in parts[:-1]:
        before.append(_merged(before[-1], part))
    zero = np.zeros_like(base[0])
    after: Part = (zero, zero, zero)
    found = []
    for k in range(len(parts) - 1, -1, -1):
        found.append(_merged(before[k], after))
        after = _merged(after, parts[k])
    return found[::-1]


def _merged(one: Part, two: Part) -> Part:
    """Weight, mean and weight times variance of two parts together."""
    weight = one[0] + two[0]
    share = _mean(two[0], weight)
    step = two[1] - one[1]
    return weight, one[1] + share * step, one[2] + two[2] + one[0] * share * step**2


def _mean(total: Floats, weight: Floats) -> Floats:
    return np.divide(total, weight, out=np.zeros_like(weight), where=weight > 0)
