"""A translation-invariant chain of fermions with jump operators, and what motions make of it.

``drho/dt = -i [H, rho] + eps sum_m r_m (L_m rho L_m^+ - 1/2 {L_m^+ L_m, rho})`` with
``H = sum_jx c_{j+x}^+ h_x c_j``; every jump operator stands in each cell j.  A ``Motion`` moves cells and
transforms one-body matrices; what is left of a symmetry is a unitary on the orbitals of a cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelkit.errors import ModelError
from modelkit.symmetry.structure import UNITARY, Sort

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Blocks = dict[tuple[int, ...], Complexes]

SAME = 1e-9  # relative: numbers no farther apart are one


@dataclass(frozen=True)
class Motion:
    """``c_{j, o} -> (-1)^j c_{+-j + shift_o, o}`` times complex conjugation and particle-hole exchange.

    Attributes
    ----------
    sort
        Of the one-body map ``X -> X`` (unitary), ``X*`` (time reversal), ``-X^T`` (particle-hole), ``-X^+``
        (chiral), each followed by the motion and by a unitary on the orbitals.
    inverted, alternating
        Whether j -> -j, whether the factor (-1)^j is there.
    shift
        Cells that each orbital is moved by, (d,).
    backward
        Whether H goes to minus itself, jump operators being mapped as before.  An equation of motion is kept
        whole where either time is reversed or H, and as the coupling goes to zero in any case: what commutes
        with H commutes with -H.
    """

    sort: Sort = UNITARY
    inverted: bool = False
    alternating: bool = False
    shift: tuple[int, ...] = ()
    backward: bool = False

    @property
    def reverses_current(self) -> bool:
        """Whether the particle current goes to minus itself."""
        return ((self.inverted != self.sort.reverses_time) != self.sort.opposing) != self.backward

    @property
    def keeps_all(self) -> bool:
        """Whether what it keeps of H and of the jumps is kept at any coupling."""
        return self.sort.reverses_time == self.backward

    def moved(self, blocks: Mapping[tuple[int, ...], Complexes]) -> Blocks:
        """Arrays over orbitals, one for each tuple of cells, with one orbital index for each cell."""
        found: Blocks = {}
        for cells, block in blocks.items():
            signed = -block if self.alternating and sum(cells) % 2 else block
            for at in zip(*np.nonzero(signed), strict=True):
                place = tuple(
                    (-x if self.inverted else x) + (self.shift[o] if self.shift else 0)
                    for x, o in zip(cells, at, strict=True)
                )
                found.setdefault(place, np.zeros_like(block))[at] = signed[at]
        return found or {cells: np.zeros_like(block) for cells, block in blocks.items()}

    def of_matrices(self, blocks: Blocks) -> Blocks:
        """One-body operators ``c_{j+x}^+ W_xy c_{j+y}`` by (x, y); the sign of particle-hole is left out."""
        if self.sort.opposing:
            blocks = {(y, x): block.T for (x, y), block in blocks.items()}
        if self.sort.reverses_time:
            blocks = {cells: block.conj() for cells, block in blocks.items()}
        return self.moved(blocks)


@dataclass(frozen=True, eq=False)
class OneBody:
    """``L_j = sum c_{j+x}^+ W_xy c_{j+y}``: numbers of particles are kept.

    ``coefficient[x, y]`` (d, d) or a number, (to, from).
    """

    coefficient: Mapping[tuple[int, int], ArrayLike]
    rate: float = 1.0

    @cached_property
    def blocks(self) -> Blocks:
        """The coefficients as matrices."""
        return {(x, y): _matrix(W) for (x, y), W in self.coefficient.items()}

    @property
    def reach(self) -> int:
        return _span(itertools.chain(*self.coefficient))

    @property
    def dimension(self) -> int | None:
        return _dimension(self.blocks)

    def image(self, motion: Motion) -> OneBody:
        return OneBody(dict[tuple[int, int], ArrayLike](_pairs(motion.of_matrices(self.blocks))), self.rate)


@dataclass(frozen=True, eq=False)
class Linear:
    """Loss ``L_j = sum v_x . c_{j+x}`` or, where it is a gain, ``L_j = sum v_x . c_{j+x}^+``.

    ``coefficient[x]`` (d,) or a number.
    """

    coefficient: Mapping[int, ArrayLike]
    rate: float = 1.0
    gains: bool = False

    @cached_property
    def blocks(self) -> Blocks:
        """The coefficients as vectors that transform as one-particle states do."""
        vectors: Blocks = {(x,): _vector(v) for x, v in self.coefficient.items()}
        return vectors if self.gains else {x: v.conj() for x, v in vectors.items()}

    @property
    def reach(self) -> int:
        return _span(self.coefficient)

    @property
    def dimension(self) -> int | None:
        return _dimension(self.blocks)

    def image(self, motion: Motion) -> Linear:
        blocks = self.blocks
        if motion.sort.conjugating:
            blocks = {x: v.conj() for x, v in blocks.items()}
        gains = self.gains != motion.sort.opposing
        moved = {x[0]: v if gains else v.conj() for x, v in motion.moved(blocks).items()}
        return Linear(dict[int, ArrayLike](moved), self.rate, gains)


def loss(coefficient: Mapping[int, ArrayLike], rate: float = 1.0) -> Linear:
    """``L_j = sum v_x . c_{j+x}``."""
    return Linear(coefficient, rate)


def gain(coefficient: Mapping[int, ArrayLike], rate: float = 1.0) -> Linear:
    """``L_j = sum v_x . c_{j+x}^+``."""
    return Linear(coefficient, rate, gains=True)


@dataclass(frozen=True)
class Bath:
    """A thermal bath with detailed balance: ``b -> a`` at the rate ``rate/L kernel(e_a - e_b)``.

    All ordered pairs of modes, ``L_ab = sqrt(rate/L kernel) eta_a^+ eta_b``; without a ``kernel`` it is
    ``exp(-beta (e_a - e_b)/2)``.  It is made of the Hamiltonian alone, so whatever keeps the Hamiltonian
    keeps the bath; particle-hole exchange keeps it, since it reverses the energies and their order.
    """

    beta: float
    rate: float = 1.0
    kernel: Callable[[Floats], Floats] | None = None

    def weight(self, energy: Floats) -> Floats:
        """The kernel at energies that a particle gains."""
        found = np.exp(-self.beta * energy / 2) if self.kernel is None else self.kernel(energy)
        return np.asarray(found, dtype=float)

    @property
    def reach(self) -> int:
        return 0

    @property
    def dimension(self) -> int | None:
        return None

    def image(self, motion: Motion) -> Bath:
        return self


Jump = OneBody | Linear | Bath


@dataclass(frozen=True, eq=False)
class OpenChain:
    """A translation-invariant chain with jump operators.

    Parameters
    ----------
    hopping
        ``h_x`` (d, d) or a number, from cell j to cell j + x; where only one of x and -x is given, the other
        is its adjoint.
    jumps
        Jump operators; those of rate zero are as if they were not there.
    cells
        Length L of the ring; None for any even length beyond the reach of all operators.
    spaces
        Names of the internal spaces whose product the orbitals are, for names of operators ("spin").

    Raises
    ------
    ModelError
        Matrices of different sizes, a hopping that is not Hermitian, a negative rate, a ring too short.
    """

    hopping: Mapping[int, ArrayLike]
    jumps: tuple[Jump, ...] = ()
    cells: int | None = None
    spaces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for jump in self.jumps:
            _check(jump)
        sizes = {h.shape[0] for h in map(_matrix, self.hopping.values())}
        sizes |= {jump.dimension for jump in self.jumps if jump.dimension is not None}
        if not self.hopping or len(sizes) != 1:
            raise ModelError(
                "the hopping matrices and jump operators have no number of orbitals in common",
                hint="all are d x d for d orbitals a cell; a chain without hopping is {0: 0}",
            )
        self._check_hopping()
        if self.cells is not None and self.cells <= 2 * self.reach:
            raise ModelError(
                f"{self.cells} cells: operators meet themselves around the ring",
                hint=f"at least {2 * self.reach + 1} cells",
            )
        object.__setattr__(self, "jumps", tuple(jump for jump in self.jumps if jump.rate > 0))

    def _check_hopping(self) -> None:
        given = {x: _matrix(h) for x, h in self.hopping.items()}
        scale = max(float(np.abs(h).max()) for h in given.values())
        for x, h in given.items():
            if -x in given and np.abs(h - given[-x].conj().T).max() > SAME * scale:
                raise ModelError(
                    f"the hopping by {x} is not the adjoint of that by {-x}", hint="give only one of them"
                )

    @classmethod
    def from_bloch(
        cls, h: Callable[[float], ArrayLike], reach: int, jumps: tuple[Jump, ...] = (), **more: object
    ) -> OpenChain:
        """From Bloch blocks ``h(k) = sum_x h_x exp(-ikx)`` (d, d) with hoppings by up to ``reach`` cells.

        Raises
        ------
        ModelError
            As for the class, and where h(k) has longer hoppings.
        """
        n = 2 * reach + 1
        k = 2 * np.pi * np.arange(n) / n
        sampled = np.array([_matrix(h(float(each))) for each in k])
        hopping: dict[int, ArrayLike] = {
            x: np.tensordot(np.exp(1j * k * x), sampled, axes=1) / n for x in range(-reach, reach + 1)
        }
        chain = cls(hopping, jumps, **more)  # type: ignore[arg-type]
        scale = float(np.abs(sampled).max()) or 1.0
        if np.abs(chain.bloch(np.array([0.7123])) - _matrix(h(0.7123))).max() > SAME * scale:
            raise ModelError(f"h(k) has hoppings beyond {reach} cells", hint="give a larger reach")
        return chain

    @cached_property
    def d(self) -> int:
        """Orbitals of a cell."""
        return len(next(iter(self.blocks.values())))

    @cached_property
    def blocks(self) -> Blocks:
        """``h_x`` by (x,), both directions."""
        given = {x: _matrix(h) for x, h in self.hopping.items()}
        return {(x,): h for x, h in ({-x: h.conj().T for x, h in given.items()} | given).items()}

    @property
    def reach(self) -> int:
        """Cells between the ends of the longest operator."""
        return max([abs(x) for x in self.hopping] + [jump.reach for jump in self.jumps])

    @property
    def conserves_number(self) -> bool:
        """Whether no jump operator makes or takes particles."""
        return not self.linear

    @cached_property
    def one_body(self) -> tuple[OneBody, ...]:
        """Jump operators that move particles."""
        return tuple(jump for jump in self.jumps if isinstance(jump, OneBody))

    @cached_property
    def linear(self) -> tuple[Linear, ...]:
        """Losses and gains."""
        return tuple(jump for jump in self.jumps if isinstance(jump, Linear))

    @cached_property
    def baths(self) -> tuple[Bath, ...]:
        """Thermal baths."""
        return tuple(jump for jump in self.jumps if isinstance(jump, Bath))

    def bloch(self, k: Floats, derivative: int = 0) -> Complexes:
        """``h(k)`` (n, d, d), or its derivatives."""
        found = np.zeros((len(k), self.d, self.d), dtype=complex)
        for (x,), h in self.blocks.items():
            found += (-1j * x) ** derivative * np.exp(-1j * k * x)[:, None, None] * h
        return found

    def image(self, motion: Motion) -> OpenChain:
        """What a motion makes of it; the unitary on the orbitals is still to follow."""
        pairs: Blocks = {(x, 0): h for (x,), h in self.blocks.items()}
        moved: dict[int, Complexes] = {}
        negative = motion.sort.opposing != motion.backward
        for (x, y), h in motion.of_matrices(pairs).items():
            moved[x - y] = moved.get(x - y, np.zeros_like(h)) + (-h if negative else h)
        jumps = tuple(jump.image(motion) for jump in self.jumps)
        return replace(self, hopping=moved, jumps=jumps, cells=None)


def _check(jump: Jump) -> None:
    if not isinstance(jump, OneBody | Linear | Bath):
        raise ModelError(
            f"a jump operator of kind '{type(jump).__name__}' has not said how it transforms",
            hint="the kinds are OneBody, Linear (loss, gain) and Bath",
        )
    if not 0 <= jump.rate < np.inf:
        raise ModelError(f"the rate {jump.rate} of a jump operator", hint="rates are finite and not negative")
    if isinstance(jump, Bath) and not np.isfinite(jump.beta):
        raise ModelError(f"a bath at beta = {jump.beta}", hint="a finite inverse temperature")


def _matrix(given: ArrayLike) -> Complexes:
    found = np.atleast_2d(np.asarray(given, dtype=complex))
    if found.ndim != 2 or found.shape[0] != found.shape[1] or not np.all(np.isfinite(found)):
        raise ModelError(
            f"a matrix of shape {found.shape} is no operator of a cell", hint="d x d finite numbers"
        )
    return found


def _vector(given: ArrayLike) -> Complexes:
    found = np.atleast_1d(np.asarray(given, dtype=complex))
    if found.ndim != 1 or not np.all(np.isfinite(found)):
        raise ModelError(
            f"coefficients of shape {found.shape} are no state of a cell", hint="d finite numbers"
        )
    return found


def _dimension(blocks: Blocks) -> int:
    sizes = {size for block in blocks.values() for size in block.shape}
    if len(sizes) != 1:
        raise ModelError(
            "a jump operator has no coefficients or coefficients of different sizes",
            hint="the same orbitals in all cells",
        )
    return sizes.pop()


def _pairs(blocks: Blocks) -> Iterator[tuple[tuple[int, int], Complexes]]:
    yield from (((x, y), block) for (x, y), block in blocks.items())


def _span(cells: Iterator[int] | Mapping[int, ArrayLike]) -> int:
    found = list(cells)
    return max(found) - min(found) if found else 0
