"""Textbook Hamiltonians H(k) as matrices of sympy, written down from their formulas."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from sympy import I, Matrix, Rational, cos, diag, exp, eye, sin, sqrt, symbols
from sympy.physics.matrices import msigma
from sympy.physics.quantum import TensorProduct

KX, KY, KZ = symbols("k_x k_y k_z", real=True)
LINE, PLANE, SPACE = (KX,), (KX, KY), (KX, KY, KZ)
ONE, SX, SY, SZ = eye(2), msigma(1), msigma(2), msigma(3)
M, MASS, ALPHA, BETA, B, MU, DELTA, T, T1, T2, V, A, C, D, LAM, PHI = symbols(
    "M m alpha beta B mu Delta t t_1 t_2 v A C D lambda phi", real=True
)
G1, G2, G3 = symbols("gamma_1 gamma_2 gamma_3", real=True)

Model = tuple[Matrix, tuple[sp.Symbol, ...]]


def kron(*factors: Matrix) -> Matrix:
    return Matrix(TensorProduct(*factors))


def spin(twice: int) -> list[Matrix]:
    """S_x, S_y, S_z of spin ``twice/2``."""
    s = Rational(twice, 2)
    m = [s - i for i in range(twice + 1)]
    up = Matrix(twice + 1, twice + 1, lambda i, j: sqrt(s * (s + 1) - m[j] * (m[j] + 1)) if i + 1 == j else 0)
    return [(up + up.T) / 2, (up - up.T) / (2 * I), diag(*m)]


def rashba() -> Model:
    return (KX**2 + KY**2) / (2 * MASS) * ONE + ALPHA * (KX * SY - KY * SX), PLANE


def rashba_zeeman() -> Model:
    return rashba()[0] + B * SX, PLANE


def dresselhaus() -> Model:
    return (KX**2 + KY**2) / (2 * MASS) * ONE + BETA * (KX * SX - KY * SY), PLANE


def rashba_dresselhaus() -> Model:
    return rashba()[0] + BETA * (KX * SX - KY * SY), PLANE


def dirac_plane() -> Model:
    return V * (KX * SX + KY * SY) + MASS * SZ, PLANE


def dirac_space() -> Model:
    momentum = KX * kron(SX, SX) + KY * kron(SX, SY) + KZ * kron(SX, SZ)
    return V * momentum + MASS * kron(SZ, ONE), SPACE


def weyl() -> Model:
    return KX * SX + KY * SY + KZ * SZ, SPACE


def tilted_weyl() -> Model:
    return weyl()[0] + V * KZ * ONE, SPACE


def weyl_lattice() -> Model:
    gap = T * (2 - cos(KX) - cos(KY)) + cos(KZ) - MASS
    return gap * SX + sin(KY) * SY + sin(KX) * SZ, SPACE


def luttinger() -> Model:
    J = spin(3)
    k = (KX, KY, KZ)
    square = sum(x**2 for x in k)
    found = (G1 + Rational(5, 2) * G2) * square * eye(4)
    for x, j in zip(k, J, strict=True):
        found -= 2 * G2 * x**2 * j * j
    for a, b in ((0, 1), (1, 2), (2, 0)):
        found -= 2 * G3 * k[a] * k[b] * (J[a] * J[b] + J[b] * J[a])
    return found.applyfunc(sp.expand), SPACE


def bhz() -> Model:
    k2 = KX**2 + KY**2
    upper = (C - D * k2) * ONE + (M - B * k2) * SZ + A * (KX * SX - KY * SY)
    lower = (C - D * k2) * ONE + (M - B * k2) * SZ + A * (-KX * SX - KY * SY)
    return sp.diag(upper, lower), PLANE


def topological_insulator() -> Model:
    """Three dimensions: parity first, spin second."""
    k2 = KX**2 + KY**2
    gap = M - B * KZ**2 - T * k2
    linear = A * (KX * kron(SX, SX) + KY * kron(SX, SY)) + V * KZ * kron(SX, SZ)
    return (C + D * k2) * eye(4) + gap * kron(SZ, ONE) + linear, SPACE


def warped_surface() -> Model:
    cubic = ((KX + I * KY) ** 3 + (KX - I * KY) ** 3) / 2
    return (KX**2 + KY**2) / (2 * MASS) * ONE + V * (KX * SY - KY * SX) + LAM * cubic * SZ, PLANE


def altermagnet() -> Model:
    """d-wave, spin along z."""
    return T * (KX**2 + KY**2) * ONE + LAM * (KX**2 - KY**2) * SZ, PLANE


def altermagnet_lattice() -> Model:
    kinetic = -2 * T * (cos(KX) + cos(KY))
    return kinetic * ONE + LAM * (cos(KX) - cos(KY)) * SZ + ALPHA * (sin(KX) * SY - sin(KY) * SX), PLANE


NEAREST = ((0, 1), (sqrt(3) / 2, -Rational(1, 2)), (-sqrt(3) / 2, -Rational(1, 2)))
SECOND = ((sqrt(3), 0), (-sqrt(3) / 2, Rational(3, 2)), (-sqrt(3) / 2, -Rational(3, 2)))


def _along(vector: tuple[sp.Expr, sp.Expr]) -> sp.Expr:
    return vector[0] * KX + vector[1] * KY


def graphene() -> Model:
    f = T * sum(exp(I * _along(d)) for d in NEAREST)
    return Matrix([[0, f], [sp.conjugate(f), 0]]), PLANE


def haldane() -> Model:
    level = [2 * T2 * sum(cos(PHI + sign * _along(d)) for d in SECOND) for sign in (1, -1)]
    return graphene()[0] + diag(*level) + MASS * SZ, PLANE


def kane_mele() -> Model:
    """Sublattice first, spin second."""
    orbit = 2 * LAM * sum(sin(_along(d)) for d in SECOND)
    return kron(graphene()[0], ONE) + orbit * kron(SZ, SZ), PLANE


def kane_mele_rashba() -> Model:
    """With Rashba coupling ``i (s x d)_z`` on nearest bonds."""
    off = sp.zeros(2)
    for d in NEAREST:
        off += I * ALPHA * exp(I * _along(d)) * (d[1] * SX - d[0] * SY)
    up, down = Matrix([[0, 1], [0, 0]]), Matrix([[0, 0], [1, 0]])
    lower = off.applyfunc(sp.conjugate).T
    return kane_mele()[0] + kron(up, off) + kron(down, lower), PLANE


def bilayer_graphene() -> Model:
    """Bernal; layers first, sublattices second, near a valley, hopping ``t_1`` between A2 and B1."""
    pi = KX + I * KY
    layer = V * Matrix([[0, sp.conjugate(pi)], [pi, 0]])
    between = T1 * Matrix([[0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    return sp.diag(layer, layer) + between, PLANE


def biased_bilayer() -> Model:
    return bilayer_graphene()[0] + DELTA * kron(SZ, ONE), PLANE


def lieb() -> Model:
    x, y = 2 * T * cos(KX / 2), 2 * T * cos(KY / 2)
    return Matrix([[0, x, y], [x, 0, 0], [y, 0, 0]]), PLANE


def kagome() -> Model:
    a, b, c = (
        2 * T * cos(_along(d))
        for d in ((1, 0), (Rational(1, 2), sqrt(3) / 2), (-Rational(1, 2), sqrt(3) / 2))
    )
    return Matrix([[0, a, b], [a, 0, c], [b, c, 0]]), PLANE


def chern_insulator() -> Model:
    return sin(KX) * SX + sin(KY) * SY + (MASS + cos(KX) + cos(KY)) * SZ, PLANE


def ssh() -> Model:
    f = T1 + T2 * exp(-I * KX)
    return Matrix([[0, f], [sp.conjugate(f), 0]]), LINE


def rice_mele() -> Model:
    return ssh()[0] + MASS * SZ, LINE


def kitaev() -> Model:
    return (-2 * T * cos(KX) - MU) * SZ + 2 * DELTA * sin(KX) * SY, LINE


def nanowire() -> Model:
    """Rashba wire with Zeeman field and s-wave pairing; nambu first, spin second."""
    normal = kron(SZ, (KX**2 / (2 * MASS) - MU) * ONE + ALPHA * KX * SY)
    return normal + B * kron(ONE, SX) + DELTA * kron(SX, ONE), LINE


def chiral_superconductor() -> Model:
    return ((KX**2 + KY**2) / (2 * MASS) - MU) * SZ + DELTA * (KX * SX + KY * SY), PLANE


def spin_one() -> Model:
    S = spin(2)
    return KX * S[0] + KY * S[1] + KZ * S[2], SPACE


def hopf_insulator() -> Model:
    z = Matrix([sin(KX) + I * sin(KY), sin(KZ) + I * (cos(KX) + cos(KY) + cos(KZ) - MASS)])
    vector = [sp.expand((z.applyfunc(sp.conjugate).T * s * z)[0]) for s in (SX, SY, SZ)]
    return vector[0] * SX + vector[1] * SY + vector[2] * SZ, SPACE


def spinful_gas() -> Model:
    return (KX**2 + KY**2) / (2 * MASS) * ONE, PLANE


MODELS: dict[str, Callable[[], Model]] = {
    each.__name__: each
    for each in (
        rashba, rashba_zeeman, dresselhaus, rashba_dresselhaus, dirac_plane, dirac_space, weyl, tilted_weyl,
        weyl_lattice, luttinger, bhz, topological_insulator, warped_surface, altermagnet, altermagnet_lattice,
        graphene, haldane, kane_mele, kane_mele_rashba, bilayer_graphene, biased_bilayer, lieb, kagome,
        chern_insulator, ssh, rice_mele, kitaev, nanowire, chiral_superconductor, spin_one, hopf_insulator,
        spinful_gas,
    )
}  # fmt: skip
