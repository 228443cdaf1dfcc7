"""Green functions of the two parts of a tree on either side of each bond, and Norton equivalents.

For a position i with parent p: ``g_i`` is the Green function of i without its parent, ``h_i`` that of
p without the branch of i.  Seen from the other side each part is one reservoir.  All real quantities
are sums and products of non-negative numbers, so nothing cancels however weak a contact is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from modelkit.solve.methods.ladder.tree import Column, Forest, sums_without_each

Pair = tuple[Column, Column]
Triple = tuple[Any, Any, Any]

NUDGE = 1e-100  # keeps an exactly resonant branch finite: its Green function is 1e100 there
TINY = 1e-300  # conductance added to every star: keeps 0/0 of branches without terminals at 0


def cavities(z: Column, coupling: list[complex], forest: Forest) -> tuple[Column, Column]:
    """``1/g`` and ``1/h`` at every position; ``coupling`` is |t|^2 to the parent, zero at roots
    (complex numbers with complex ones: Python converts nothing).

    ``z`` is ``E - H_ii - Sigma_ii``; 1/h has no meaning at roots, but is finite.  The imaginary parts are
    sums of positive terms: twice ``Im 1/g`` is the weight of all that comes from contacts and children.
    """
    below, effective = _below(z, coupling, forest)
    return below, _above(z, effective, below, coupling, forest)


def _below(z: Column, coupling: list[complex], forest: Forest) -> tuple[Column, Column]:
    found: Column = []
    effective = list(z)
    keep = found.append
    x: Any = 0j  # |t|^2 g of the last position
    nudge = complex(NUDGE)
    begin = 0
    for top, parent in [*forest.tops, (len(z) - 1, -1)]:
        for a, t in zip(effective[begin : top + 1], coupling[begin : top + 1], strict=True):
            a = a - x
            keep(a)
            x = t / (a + nudge)
        begin = top + 1
        if parent >= 0:
            effective[parent] = effective[parent] - x
            x = 0j
    return found, effective


def _above(z: Column, effective: Column, below: Column, coupling: list[complex], forest: Forest) -> Column:
    one = z[0] * 0.0 + 1.0
    found: Column = [one] * len(z)
    waiting: dict[int, Any] = {}
    shifted = [*effective[1:], one]
    x: Any = 0j  # |t|^2 h of the last position
    nudge = complex(NUDGE)
    stop = len(z)
    for top, parent in [*reversed(forest.tops), (-1, -1)]:
        piece = []
        for a, t in zip(reversed(shifted[top + 1 : stop]), reversed(coupling[top + 1 : stop]), strict=True):
            a = a - x
            piece.append(a)
            x = t / (a + nudge)
        found[top + 1 : stop] = reversed(piece)
        if top >= 0:
            if top not in waiting:
                base = z[parent] - coupling[parent] / (found[parent] + NUDGE)
                if parent > 0 and not forest.top[parent - 1]:
                    base = base - coupling[parent - 1] / (below[parent - 1] + NUDGE)
                hanging = forest.hanging[parent]
                rest = sums_without_each(base, [-coupling[c] / (below[c] + NUDGE) for c in hanging])
                waiting.update(zip(hanging, rest, strict=True))
            found[top] = waiting.pop(top)
            x = coupling[top] / (found[top] + NUDGE)
            stop = top
    return found


@dataclass(frozen=True)
class Seen:
    """How one part is seen across a bond.

    A current I injected at its end without loss arrives as ``lambda I`` at the other star, with
    ``lambda = bond/(k + ratio d)`` for the totals k and d of its own star.
    """

    bond: Column
    ratio: Column


@dataclass(frozen=True)
class Norton:
    """Conductance to given terminals ``k``, its deficit ``d`` and current ``i`` at each position.

    ``k + d`` is the conductance of the star to everything around it, ``weight * A``: k is what remains
    of it when the unknown terminals draw what is prescribed.
    """

    k: Column
    d: Column
    i: Column


def norton(contacts: Norton, up: Seen, down: Seen, forest: Forest) -> tuple[Pair, Pair]:
    """Conductance k and injected current i of each star: (contacts and children, parent) of both."""
    below, effective, hanging = _norton_below(contacts, up, forest)
    k, i = _norton_above(contacts, effective, (below, hanging), (up, down), forest)
    return (below.k, k), (below.i, i)


def norton_on_paths(k: Column, i: Column, resistance: Column) -> tuple[Pair, Pair]:
    """As :func:`norton` for trees without branches, from the resistance between neighbours.

    ``k``, ``i`` of the contacts; ``resistance`` to the parent, infinite at roots.  It may be negative:
    ``1 + r k`` then loses as many digits as ``1/(1 - ratio)`` has, so this is for ratios near 1.
    """
    below: Pair = ([], [])
    above: Pair = ([], [])
    keep_k, keep_i = below[0].append, below[1].append
    a: Any = k[0] * 0.0 + TINY
    b: Any = k[0] * 0.0
    r: Any = math.inf
    for kc, ic, r_next in zip(k, i, resistance, strict=True):
        s = 1.0 / (1.0 + r * a)
        a = kc + s * a
        b = ic + s * b
        keep_k(a)
        keep_i(b)
        r = r_next
    keep_k, keep_i = above[0].append, above[1].append
    a = k[0] * 0.0
    b = a
    stars = zip([TINY, *reversed(k[1:])], [0.0, *reversed(i[1:])], reversed(resistance), strict=True)
    for kc, ic, r in stars:
        a = a + kc
        s = 1.0 / (1.0 + r * a)
        a = s * a
        b = s * (b + ic)
        keep_k(a)
        keep_i(b)
    above[0].reverse()
    above[1].reverse()
    return (below[0], above[0]), (below[1], above[1])


def passed(star: Triple, bond: Any, ratio: Any) -> Triple:
    """Give what a star with totals (k, d, i) brings to the star across the bond."""
    k, d, i = star
    m = ratio * d
    s = bond / (k + m)
    return s * k, s * m, s * i


def _norton_below(contacts: Norton, up: Seen, forest: Forest) -> tuple[Norton, Norton, dict[int, Triple]]:
    ks, ds, js = list(contacts.k), list(contacts.d), list(contacts.i)
    found = Norton([], [], [])
    keep_k, keep_d, keep_i = found.k.append, found.d.append, found.i.append
    brought: dict[int, Triple] = {}
    zero = ks[0] * 0.0
    k, d, i, v, eta = zero + TINY, zero, zero, zero, zero
    begin = 0
    for top, parent in [*forest.tops, (len(ks) - 1, -1)]:
        part = slice(begin, top + 1)
        rows = zip(ks[part], ds[part], js[part], up.bond[part], up.ratio[part], strict=True)
        for kc, dc, ic, v_next, eta_next in rows:
            m = eta * d
            s = v / (k + m)
            k = kc + s * k
            d = dc + s * m
            i = ic + s * i
            keep_k(k)
            keep_d(d)
            keep_i(i)
            v = v_next
            eta = eta_next
        begin = top + 1
        if parent >= 0:
            bk, bd, bi = brought[top] = passed((k, d, i), v, eta)
            ks[parent], ds[parent], js[parent] = ks[parent] + bk, ds[parent] + bd, js[parent] + bi
            v = eta = zero
    return found, Norton(ks, ds, js), brought


def _norton_above(
    contacts: Norton,
    effective: Norton,
    rising: tuple[Norton, dict[int, Triple]],
    seen: tuple[Seen, Seen],
    forest: Forest,
) -> tuple[Column, Column]:
    _, down = seen
    zero = contacts.k[0] * 0.0
    from_above: tuple[Column, ...] = tuple([zero] * len(contacts.k) for _ in range(3))
    shifted = [[*values[1:], zero + TINY] for values in (effective.k, effective.d, effective.i)]
    waiting: dict[int, Triple] = {}
    k = d = i = zero
    stop = len(contacts.k)
    for top, parent in [*reversed(forest.tops), (-1, -1)]:
        pieces: tuple[Column, Column, Column] = ([], [], [])
        keep_k, keep_d, keep_i = pieces[0].append, pieces[1].append, pieces[2].append
        columns = (*shifted, down.bond, down.ratio)
        for ks, ds, js, v, eta in zip(*(reversed(c[top + 1 : stop]) for c in columns), strict=True):
            k = k + ks
            m = eta * (d + ds)
            s = v / (k + m)
            k = s * k
            d = s * m
            i = s * (i + js)
            keep_k(k)
            keep_d(d)
            keep_i(i)
        for found, piece in zip(from_above, pieces, strict=True):
            found[top + 1 : stop] = reversed(piece)
        if top >= 0:
            if top not in waiting:
                above = tuple(values[parent] for values in from_above)
                rest = _stars_without_each(parent, above, contacts, rising, seen[0], forest)
                waiting.update(zip(forest.hanging[parent], rest, strict=True))
            k, d, i = passed(waiting.pop(top), down.bond[top], down.ratio[top])
            from_above[0][top], from_above[1][top], from_above[2][top] = k, d, i
            stop = top
    return from_above[0], from_above[2]


def _stars_without_each(
    parent: int,
    above: tuple[Any, ...],
    contacts: Norton,
    rising: tuple[Norton, dict[int, Triple]],
    up: Seen,
    forest: Forest,
) -> list[Triple]:
    """Totals (k, d, i) of a star without each of its hanging paths."""
    below, hanging = rising
    path: Triple = (0.0, 0.0, 0.0)
    if parent > 0 and not forest.top[parent - 1]:
        c = parent - 1
        path = passed((below.k[c], below.d[c], below.i[c]), up.bond[c], up.ratio[c])
    own = (contacts.k[parent], contacts.d[parent], contacts.i[parent])
    brought = [hanging[c] for c in forest.hanging[parent]]
    k, d, i = (
        sums_without_each(own[n] + path[n] + above[n], [terms[n] for terms in brought]) for n in range(3)
    )
    return list(zip(k, d, i, strict=True))
