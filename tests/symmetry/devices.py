"""Random small diodes as texts, often with a planted operation that exchanges L and R, often a broken one."""

from __future__ import annotations

import numpy as np

from tests.symmetry.planted import PAULI, haar

CONDITIONS = {
    "current": "T = 0.2; solve mu such that I == 0",
    "elastic": "solve f such that i(E) == 0",
    "heat": "solve mu, T such that I == 0, J == 0",
    "source": "T = 0.2; solve mu such that I == 0.01",
    "load": "T = 0.2; solve mu such that I == -mu/30",
}
LEADS = ("wide_band(0.8)", "chain(hopping = 1.3, coupling = 0.7)", "")
TASKS = """case forward { V = V }; case backward { V = -V }
task iv = transport { cases forward, backward; output current }
task start = response { output G1, G2 }
"""


def diode(seed: int) -> str:
    """Two baths, perhaps probes and a screened potential; bases and numbers of the sites are random."""
    random = np.random.default_rng(seed)
    n, d = int(random.integers(2, 6)), int(random.choice([1, 1, 2]))
    opposing = bool(random.random() < 0.3)
    image, pairs = np.arange(n), random.permutation(n)[: 2 * (n // 2)].reshape(-1, 2)
    image[pairs[:, 0]], image[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    inner = PAULI[random.integers(4)].astype(complex) if d == 2 else np.eye(1)

    def moved(block, sign):
        block = block.conj() if opposing else block
        return (-sign if opposing else sign) * inner @ block @ inner.conj().T

    blocks: dict = {}
    for row in range(n):
        for column in range(row + 1):
            if row - column < 2 or random.random() < 0.3:
                m = random.normal(size=(2, d, d)) / 2
                m = m[0] + 1j * m[1] * (random.random() < 0.6)
                for r, c, each in ((row, column, m), (column, row, m.conj().T)):
                    blocks[r, c] = blocks.get((r, c), 0) + each
                    place = int(image[r]), int(image[c])
                    blocks[place] = blocks.get(place, 0) + moved(each, 1)
    left, right = map(int, pairs[0])
    _break(random, blocks, d)
    turn, number = [haar(random, d) for _ in range(n)], random.permutation(n) + 1
    lines = ['model diode "planted"', "param V = 1", "reference { mu = 0; T = 0.2 }", "lattice t {"]
    lines += [f"  internal orbital({d})"] * (d > 1) + [f"  site c[l] for l in 1..{n}"]
    for (row, column), block in blocks.items():
        block = turn[row] @ block @ turn[column].conj().T
        if row == column:
            lines.append(f"  onsite c[{number[row]}] : {_text((block + block.conj().T) / 2)}")
        elif row > column and np.abs(block).max() > 1e-12:
            lines.append(f"  hop c[{number[column]}] -> c[{number[row]}] : {_text(block)}")
    lines.append("}")
    lead = str(random.choice(LEADS))
    gamma = random.normal(size=(2, d, d))
    gamma = (gamma[0] + 1j * gamma[1]) @ (gamma[0] + 1j * gamma[1]).conj().T + 0.1 * np.eye(d)
    ends = (("L", left, gamma, "V/2"), ("R", right, moved(gamma, -1 if opposing else 1), "-V/2"))
    for name, site, rate, mu in ends:
        rate = turn[site] @ rate @ turn[site].conj().T
        own = lead or f"wide_band({_text((rate + rate.conj().T) / 2)})"
        mu = "0" if name == "R" and random.random() < 0.15 else mu
        lines.append(f"bath {name} on t.c[{number[site]}] {{ self_energy = {own}; mu = {mu}; T = 0.2 }}")
    lines += _around(random, number, image)
    if lead.startswith("chain") and lines[-1].startswith("screening"):  # a common shift moves the bands, too
        lines = [line.replace("0.7); mu", "0.7); bands = own; mu") for line in lines]
    return "\n".join([*lines, TASKS])


def _break(random, blocks, d):
    """Nothing, a level, or a phase."""
    way, place = random.random(), list(blocks)[int(random.integers(len(blocks)))]
    if way < 0.3:
        blocks[0, 0] = blocks[0, 0] + random.choice([0.3, 0.01]) * np.eye(d)
    elif way < 0.5 and place[0] != place[1]:
        blocks[place] = blocks[place] * np.exp(1j * random.normal())
        blocks[place[::-1]] = blocks[place].conj().T


def _around(random, number, image):
    """Probes, and a screened potential: not both where a condition counts mu from a fixed energy."""
    lines = []
    if random.random() < 0.7:
        site, condition = int(random.integers(len(number))), CONDITIONS[str(random.choice(list(CONDITIONS)))]
        orbit = sorted({site, int(image[site])}) if random.random() < 0.8 else [site]
        lines += [
            f"probe P{k} on t.c[{number[s]}] {{ self_energy = wide_band(0.4); {condition} }}"
            for k, s in enumerate(orbit)
        ]
    if random.random() < 0.2 and not any("mu/" in line for line in lines):
        lines.append("screening on t { solve U[t] such that charge == 0 }")
    return lines


def _text(matrix) -> str:
    rows = [", ".join(f"({float(x.real)!r} + 1i*({float(x.imag)!r}))" for x in row) for row in matrix]
    return rows[0] if len(rows) == 1 else "[" + " | ".join(rows) + "]"
