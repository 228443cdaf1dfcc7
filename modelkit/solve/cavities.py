"""Green functions of the two parts of a tree on either side of each bond, and Norton equivalents.

For a position i with parent p: ``g_i`` is the Green function of i without its parent, ``h_i`` that of
p without the branch of i.  Seen from the other side each part is one reservoir.  All real quantities
are sums and products of non-negative numbers, so nothing cancels however weak a contact is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelkit.solve.tree import Column, Forest, sums_without_each

Pair = tuple[Column, Column]

TINY = 1e-300  # conductance added to every star: keeps 0/0 of branches without terminals at 0


def cavities(z: Column, coupling: list[float], forest: Forest) -> tuple[Column, Column]:
    """``1/g`` and ``1/h`` at every position; ``coupling`` is |t|^2 to the parent, zero at roots.

    ``z`` is ``E - H_ii - Sigma_ii``; 1/h has no meaning at roots, but is finite.
    """
    below, effective = _below(z, coupling, forest)
    return below, _above(z, effective, below, coupling, forest)


def _below(z: Column, coupling: list[float], forest: Forest) -> tuple[Column, Column]:
    found: Column = []
    effective = list(z)
    keep = found.append
    x: Any = 0.0  # |t|^2 g of the last position
    begin = 0
    for top, parent in [*forest.tops, (len(z) - 1, -1)]:
        for a, t in zip(effective[begin : top + 1], coupling[begin : top + 1], strict=True):
            a = a - x  # noqa: PLW2901
            keep(a)
            x = t / a
        begin = top + 1
        if parent >= 0:
            effective[parent] = effective[parent] - x
            x = 0.0
    return found, effective


def _above(z: Column, effective: Column, below: Column, coupling: list[float], forest: Forest) -> Column:
    one = z[0] * 0.0 + 1.0
    found: Column = [one] * len(z)
    waiting: dict[int, Any] = {}
    shifted = [*effective[1:], one]
    x: Any = 0.0  # |t|^2 h of the last position
    stop = len(z)
    for top, parent in [*reversed(forest.tops), (-1, -1)]:
        piece = []
        for a, t in zip(reversed(shifted[top + 1 : stop]), reversed(coupling[top + 1 : stop]), strict=True):
            a = a - x  # noqa: PLW2901
            piece.append(a)
            x = t / a
        found[top + 1 : stop] = reversed(piece)
        if top >= 0:
            if top not in waiting:
                base = z[parent] - coupling[parent] / found[parent]
                if parent > 0 and not forest.top[parent - 1]:
                    base = base - coupling[parent - 1] / below[parent - 1]
                hanging = forest.hanging[parent]
                rest = sums_without_each(base, [-coupling[c] / below[c] for c in hanging])
                waiting.update(zip(hanging, rest, strict=True))
            found[top] = waiting.pop(top)
            x = coupling[top] / found[top]
            stop = top
    return found


@dataclass(frozen=True)
class Seen:
    """How one part is seen across a bond.

    ``weight``: of its reservoir in the mean at the other end; ``ratio``: how much more a current
    moves the distribution at the other end than at its own when nothing is lost; ``gain`` = ratio
    over the transmission of the cavity, so that ``gain * weight`` passes a current on.
    """

    weight: Column
    ratio: Column
    gain: Column


@dataclass(frozen=True)
class Norton:
    """Conductance to given terminals ``k``, its deficit ``d`` and current ``i`` at each position.

    ``k + d`` is the sum of weights: k is what remains of it as a conductance (in units of the local
    spectral function) when the unknown terminals draw what is prescribed.
    """

    k: Column
    d: Column
    i: Column


def norton(contacts: Norton, up: Seen, down: Seen, forest: Forest) -> tuple[Pair, Pair]:
    """Conductance k and injected current i of each star: (contacts and children, parent) of both."""
    below, effective, hanging = _norton_below(contacts, up, forest)
    k, i = _norton_above(contacts, effective, (below, hanging), (up, down), forest)
    return (below.k, k), (below.i, i)


def _norton_below(contacts: Norton, up: Seen, forest: Forest) -> tuple[Norton, Norton, dict[int, Any]]:
    ks, ds, js = list(contacts.k), list(contacts.d), list(contacts.i)
    found = Norton([], [], [])
    keep_k, keep_d, keep_i = found.k.append, found.d.append, found.i.append
    brought: dict[int, Any] = {}
    zero = ks[0] * 0.0
    k = zero + TINY
    d = i = zero
    w = eta = u = zero
    begin = 0
    for top, parent in [*forest.tops, (len(ks) - 1, -1)]:
        part = slice(begin, top + 1)
        rows = zip(ks[part], ds[part], js[part], up.weight[part], up.ratio[part], up.gain[part], strict=True)
        for kc, dc, ic, w_next, eta_next, u_next in rows:
            m = eta * d
            s = w / (k + m)
            i = ic + u * s * i
            k = kc + s * k
            d = dc + s * m
            keep_k(k)
            keep_d(d)
            keep_i(i)
            w, eta, u = w_next, eta_next, u_next
        begin = top + 1
        if parent >= 0:
            bk, bd, bi = brought[top] = passed(k, d, i, w, eta, u)
            ks[parent], ds[parent], js[parent] = ks[parent] + bk, ds[parent] + bd, js[parent] + bi
            w = eta = u = zero
    return found, Norton(ks, ds, js), brought


def passed(k: Any, d: Any, i: Any, w: Any, eta: Any, u: Any) -> tuple[Any, Any, Any]:
    """What a star with totals (k, d, i) brings to the star across the bond."""
    m = eta * d
    s = w / (k + m)
    return s * k, s * m, u * s * i


def _norton_above(
    contacts: Norton,
    effective: Norton,
    rising: tuple[Norton, dict[int, Any]],
    seen: tuple[Seen, Seen],
    forest: Forest,
) -> tuple[Column, Column]:
    _, down = seen
    size = len(contacts.k)
    zero = contacts.k[0] * 0.0
    from_above: tuple[Column, Column, Column] = ([zero] * size, [zero] * size, [zero] * size)
    edge = zero + TINY
    shifted = [[*values[1:], edge] for values in (effective.k, effective.d, effective.i)]
    waiting: dict[int, Any] = {}
    k = d = i = zero
    stop = size
    for top, parent in [*reversed(forest.tops), (-1, -1)]:
        pieces: tuple[Column, Column, Column] = ([], [], [])
        keep_k, keep_d, keep_i = pieces[0].append, pieces[1].append, pieces[2].append
        columns = (*shifted, down.weight, down.ratio, down.gain)
        for ks, ds, js, w, eta, u in zip(*(reversed(c[top + 1 : stop]) for c in columns), strict=True):
            k = k + ks
            m = eta * (d + ds)
            s = w / (k + m)
            i = u * s * (i + js)
            k = s * k
            d = s * m
            keep_k(k)
            keep_d(d)
            keep_i(i)
        for found, piece in zip(from_above, pieces, strict=True):
            found[top + 1 : stop] = reversed(piece)
        if top >= 0:
            if top not in waiting:
                here = tuple(values[parent] for values in from_above)
                rest = _stars_without_each(parent, here, contacts, rising, seen[0], forest)
                waiting.update(zip(forest.hanging[parent], rest, strict=True))
            k, d, i = passed(*waiting.pop(top), down.weight[top], down.ratio[top], down.gain[top])
            from_above[0][top], from_above[1][top], from_above[2][top] = k, d, i
            stop = top
    return from_above[0], from_above[2]


def _stars_without_each(
    parent: int,
    above: tuple[Any, ...],
    contacts: Norton,
    rising: tuple[Norton, dict[int, Any]],
    up: Seen,
    forest: Forest,
) -> list[tuple[Any, ...]]:
    """Totals (k, d, i) of a star without each of its hanging paths."""
    below, hanging = rising
    path = (0.0, 0.0, 0.0)
    if parent > 0 and not forest.top[parent - 1]:
        c = parent - 1
        path = passed(below.k[c], below.d[c], below.i[c], up.weight[c], up.ratio[c], up.gain[c])
    own = (contacts.k[parent], contacts.d[parent], contacts.i[parent])
    brought = [hanging[c] for c in forest.hanging[parent]]
    sums = [
        sums_without_each(own[n] + path[n] + above[n], [terms[n] for terms in brought]) for n in range(3)
    ]
    return list(zip(*sums, strict=True))
