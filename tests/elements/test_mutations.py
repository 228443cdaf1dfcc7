"""Any model with a word dropped, doubled, swapped or misspelt is a model or is refused at its place."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.elements.reading import errors, read

GALLERY = sorted((Path(__file__).parents[2] / "models").rglob("*.model"))
EVERYTHING = """model all "much of the language"
units { energy = meV; length = nm }
param N = 6 "sites"
param W = 0.5 from 0 to 2 "width"
param kind = 1 in {1, 2}
param z = 1 + 0.5i
param J = 0.1 [meV]
let half = floor(W/2) + N
function eps(j) = W*cos(2*pi*j/N)
reference { mu = W; T = 0.1 }
lattice bar {
  internal nambu * spin
  site c[x, y] for x in 1..N, y in 1..x where x^2 + y^2 < 30 at (x, y)
  site b[j] for j in ring(N)
  site dot
  onsite c[x, y] where y == 2 or x > 3 : eps(x)*sigma_z
  hop c[x, y] -> c[x+1, y] : -1
  hop b[j] -> c[m, 1] for m in 1..N where m > j : conj(z)/abs(j - m)^2
  hop dot -> b[1] : if(W > 1, 2, 3)*[1, 2 | 3, 4]
  pair b[j] - b[j+1] : 0.5
  disorder onsite c[x, y] : uniform(-W, W, seed = N)
  degeneracy = 2
}
lattice flake = honeycomb(cells_x = N, cells_y = 3) { onsite a[x, y] : 1 }
region low on bar.c where y < 2
region round on bar.b
gate G { U = W/2 }
potential on low { U = W*x }
potential on bar.dot, flake { U = -W }
screening on bar {
  capacitance low - round : 1/W; capacitance round - G : 1/W
  capacitance low - S[2] : 2; capacitance low - ground : 1
  solve U[low, round] such that charge == capacitance; response = exact
}
screening on flake { solve U such that charge == poisson(epsilon = 1/W) }
bath L on bar.left { self_energy = chain(hopping = 1, coupling = W); mu = W/2; T = 0.1; bands = rigid }
bath R on bar.top where 2 <= x <= 4 { self_energy = (E > 0.5)*W^2/(E + 1i); mu = 0 }
probe S[l] for l in 2..N-1 step 2 on bar.b[l], bar.dot {
  self_energy = wide_band(W); solve mu such that I == -mu/2
}
probe D[j] on flake.a[j, 1] { self_energy = wide_band(1/W); solve f such that i(E) == 0 }
case up { W = 1; L.T = W }
case down { S[2].T = 1 }
task main = transport(order = 1, method = sparse) {
  cases up, down
  sweep N in 4..8 step 2
  sweep J from 0 to 1 points 3
  kind = 2
  output current, mu, x = nonreciprocity(I[L])/param.J, y = mu[S[N]]@up - bond_current[bar.b[1] -> bar.b[2]]
}
task spec = transmission { sweep E from -2 to 2 points 5; output transmission, dos, t = transmission[L, R] }
plot main { draw mu against site by case; map x against N by J }
plot spec { draw dos against energy }
"""
OPEN_CHAINS = """model open "open chains"
param kappa = 0.2 from 0 to 9
param delta = 1 + 1i
param n = 3
param cells = infinite
let w = 2*delta
function f(x) = kappa*x^2 - 1i
lattice up {
  internal spin
  site c[j] for j in ring(cells)
  site dot
  interaction c[j] - c[j+1] : kappa
  interaction c[j, up] - c[j, down] : 3
}
lattice low { site d[x, y] for x in 1..n, y in 1..x where x != 2; hop d[x, y] -> d[x+1, y] : -1 }
dissipator a[j] on up {
  jump = (c[j, up]' + delta*c[j+1, up]')*(c[j, up] - conj(w)*c[j+1, down])
  rate = kappa
}
dissipator b[x, y] where x > 1 on low, up { jump = d[x, y]^2*c[1, up] + f(x)/2*d[x-1, y]; rate = kappa*x/n }
dissipator e[k] for k in 1..3 on up { jump = c[k]'*(sigma_x + [1, 2i | 3, w])*c[k+1] - 1i*dot'*dot; rate = k }
dissipator g on up, low { jump = (low.d[1, n-2]'*up.c[n, down])'; rate = 2 }
dissipator t on up, low {
  jump = detailed_balance(beta = 1/kappa, kernel = exp(-E/(2*kappa))/cosh(E)); rate = kappa
}
filling up = 1/2
filling low = kappa
"""
TEXTS = [path.read_text(encoding="utf-8") for path in GALLERY] + [EVERYTHING] * 3 + [OPEN_CHAINS] * 2
WORD = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|\.\.|->|==|[^\s\w]")


def mutated(text: str, kind: str, place: int, other: int) -> str:
    words = list(WORD.finditer(text))
    word, partner = words[place % len(words)], words[other % len(words)]
    start, end = word.span()
    if kind == "drop":
        return text[:start] + text[end:]
    if kind == "double":
        return text[:end] + " " + word.group() + text[end:]
    if kind == "replace":
        return text[:start] + partner.group() + text[end:]
    if kind == "misspell":
        letters = word.group()
        at = other % len(letters)
        return text[:start] + letters[:at] + letters[at + 1 :] + "q" + text[end:]
    (first, last), (second, stop) = sorted((word.span(), partner.span()))
    return text[:first] + text[second:stop] + text[last:second] + text[first:last] + text[stop:]


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(TEXTS),
    st.sampled_from(["drop", "double", "replace", "misspell", "swap"]),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
)
@example(EVERYTHING, "drop", 0, 0)
def test_a_mutated_model_is_a_model_or_is_refused_at_its_place(
    text: str, kind: str, place: int, other: int
) -> None:
    wrong = mutated(text, kind, place, other)
    for one in errors(wrong):
        assert one.message
        assert one.hint, one.message
        assert str(one)
        assert one.span is not None
        assert 0 <= one.span.start <= one.span.end <= len(one.span.source.text)
        assert one.span.source.text == wrong or one.span.source.name == "<honeycomb>"


def test_everything_is_a_model() -> None:
    assert len(read(OPEN_CHAINS).elements) == 9
    found = read(EVERYTHING)
    assert list(found.elements) == [
        "bar",
        "flake",
        "low",
        "round",
        "G",
        "L",
        "R",
        "S",
        "D",
        "potential 1",
        "potential 2",
        "screening 1",
        "screening 2",
    ]
    assert list(found.tasks) == ["main", "spec"]
