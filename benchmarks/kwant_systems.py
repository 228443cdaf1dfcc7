"""The lattices of ``models/lattices`` in Kwant, written down a second time from their formulas.

Needs an environment with Kwant, which is no dependency of this project (see ``README.md`` here).  Sites are
numbered from 1, energies in units of the models; a transmission is ``[to, from]`` in the order of the leads.
"""

import cmath
import math

import kwant
import numpy as np

SX, SY, S0 = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.eye(2)


def strip(Lx, Ly, lam=0.5, B_y=0.1, disorder=None):
    """Rashba strip, leads left and right; ``disorder``: numbers for the sites, x slowest."""
    square = kwant.lattice.square(norbs=2)
    onsite, along = 2 * S0 - B_y * SY, -S0 / 2 + 0.5j * lam * SY
    across = -S0 / 2 - 0.5j * lam * SX
    noise = np.zeros((Lx, Ly)) if disorder is None else np.reshape(disorder, (Lx, Ly))

    def fill(builder, columns):
        for x in columns:
            for y in range(1, Ly + 1):
                value = noise[x - 1, y - 1] if len(columns) > 1 else 0.0
                builder[square(x, y)] = onsite + value * S0
        for x in columns:
            for y in range(1, Ly + 1):
                if y < Ly:
                    builder[square(x, y + 1), square(x, y)] = across
                if len(columns) == 1 or x < Lx:
                    builder[square(x + 1, y), square(x, y)] = along
        return builder

    system = fill(kwant.Builder(), range(1, Lx + 1))
    lead = fill(kwant.Builder(kwant.TranslationalSymmetry((-1, 0))), range(1, 2))
    system.attach_lead(lead)
    system.attach_lead(lead.reversed())
    return system.finalized()


def point_contact(Lx, Ly, d, gate, bend):
    """Saddle in a strip, leads left and right."""
    square = kwant.lattice.square(norbs=1)
    x0, y0 = (Lx + 1) / 2, (Ly + 1) / 2

    def energy(x, y):
        inside = abs(x - x0) < d
        return 4 + inside * math.cos(math.pi * (x - x0) / (2 * d)) ** 2 * (gate + bend * (y - y0) ** 2)

    system = kwant.Builder()
    for x in range(1, Lx + 1):
        for y in range(1, Ly + 1):
            system[square(x, y)] = energy(x, y)
    system[square.neighbors()] = -1
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    for y in range(1, Ly + 1):
        lead[square(1, y)] = 4
    lead[square.neighbors()] = -1
    system.attach_lead(lead)
    system.attach_lead(lead.reversed())
    return system.finalized()


def hall_bar(Lx, Ly, gap, width, flux):
    """Graphene bar with flux; leads S, D, V1 .. V4 as in the model file.

    Cells of four atoms; hops along x have the phases ``2 pi flux r``, where r is the height of the bond in
    cells.  In the leads above and below the phases along x stay those of the last row, and the flux is in the
    vertical bonds instead: the same field everywhere.
    """
    cell = kwant.lattice.general(
        [(math.sqrt(3), 0), (0, 3)],
        [(0, 0), (math.sqrt(3) / 2, 1 / 2), (math.sqrt(3) / 2, 3 / 2), (0, 2)],
        norbs=1,
    )
    a, b, c, d = cell.sublattices

    def turn(r):
        return -cmath.exp(2j * math.pi * flux * r)

    def fill(builder, columns, rows, *, next_column, next_row, vertical=lambda x: 0.0):
        """Cells of columns and rows; hops leave the last column or row if asked to."""
        for x in columns:
            for y in rows:
                for family in (a, b, c, d):
                    builder[family(x, y)] = 0
        for x in columns:
            for y in rows:
                builder[b(x, y), a(x, y)] = turn(y)
                builder[c(x, y), d(x, y)] = turn(y + 0.5)
                builder[c(x, y), b(x, y)] = -1
                if x < columns[-1] or next_column:
                    builder[a(x + 1, y), b(x, y)] = turn(y)
                    builder[d(x + 1, y), c(x, y)] = turn(y + 0.5)
                if y < rows[-1] or next_row:
                    builder[a(x, y + 1), d(x, y)] = turn(vertical(x))
        return builder

    columns, rows = range(1, Lx + 1), range(1, Ly + 1)
    system = fill(kwant.Builder(), columns, rows, next_column=False, next_row=False)
    symmetry = kwant.TranslationalSymmetry(cell.vec((-1, 0)))
    lead = fill(kwant.Builder(symmetry), range(1, 2), rows, next_column=True, next_row=False)
    system.attach_lead(lead)
    system.attach_lead(lead.reversed())
    left = range(gap, gap + width)
    right = range(Lx + 2 - gap - width, Lx + 2 - gap)
    for row, step in ((Ly, 1), (1, -1)):
        for part in (left, right):
            symmetry = kwant.TranslationalSymmetry(cell.vec((0, step)))
            lead = fill(
                kwant.Builder(symmetry),
                part,
                range(row, row + 1),
                next_column=False,
                next_row=True,
                vertical=lambda x: -2 * x,
            )
            system.attach_lead(lead)
    return system.finalized()


def transmissions(system, energy, n_leads):
    """T[to, from] between all leads, the diagonal left out (zero)."""
    found = kwant.smatrix(system, energy)
    return np.array(
        [[0.0 if i == j else found.transmission(i, j) for j in range(n_leads)] for i in range(n_leads)]
    )


def formula_lattice(size):
    """A builder of ``size`` x ``size`` sites with a formula of two parameters on each; not finalised."""
    square = kwant.lattice.square(norbs=1)

    def energy(site, V, k):
        x, y = site.tag
        return 4 + V * math.cos(k * x) * math.sin(0.2 * y)

    builder = kwant.Builder()
    builder[(square(x, y) for x in range(1, size + 1) for y in range(1, size + 1))] = energy
    builder[square.neighbors()] = -1
    return builder
