"""What the field calls an operation, and its operator on the internal spaces."""

from __future__ import annotations

import itertools

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.language.spaces import matrices
from modelkit.symmetry.operations import Operation
from modelkit.symmetry.parts import Examined
from modelkit.symmetry.structure import CHIRAL, PARTICLE_HOLE, TIME_REVERSAL, UNITARY

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

NEAR = 1e-7  # of coordinates and of matrices: the same
AXES = "xyz"
ABSTRACT = ("exchange of sites", "permutation")  # what moves no coordinates as a whole
SORTS = {
    UNITARY: "",
    TIME_REVERSAL: "time reversal",
    PARTICLE_HOLE: "particle-hole about mu",
    CHIRAL: "chiral",
}


def name_of(operation: Operation, device: Examined) -> str:
    """``inversion``, ``mirror x``, ``time reversal``, ``mirror x x time reversal``, ``sigma_z``."""
    parts = [motion_of(operation.site, device), SORTS[operation.sort]]
    named = [part for part in parts if part]
    if named:
        return " x ".join(named)
    return operator_of(operation, device) or "identity"


def operator_of(operation: Operation, device: Examined) -> str:
    """What it does on the internal spaces: ``sigma_y K``, ``(-1)^j``, "" for the identity."""
    sites = np.arange(device.size)  # the first vertices
    blocks = operation.lift.unitary[sites]
    size = device.structure.size[sites]
    if not len(sites) or np.any(size != size[0]):
        return ""
    d = int(size[0])
    whole, phase = _common(blocks[:, :d, :d])
    if whole is None:
        text = "a unitary on each site"
    else:
        text = " ".join(part for part in (_signs(phase), matrix_text(whole, _spaces(device))) if part)
    conjugated = "K" if operation.sort.conjugating else ""
    return " ".join(part for part in (text, conjugated) if part)


def coordinates(device: Examined) -> Floats:
    """Positions of the sites, or their indices where there are none, (n_sites, d); d = 0 for neither."""
    columns = []
    for group in device.device.sites:
        index = [np.asarray(values, dtype=float) for values in group.index.values()]
        placed = group.position is not None and group.position.shape[1] > 0
        columns.append(group.position if placed else np.stack(index, axis=1) if index else None)
    known = [each for each in columns if each is not None]
    if len({each.shape[1] for each in known}) != 1 or len(known) < len(columns):
        return np.zeros((device.size, 0))
    return np.concatenate(known)[device.sites]


def motion_of(site: NDArray[np.intp], device: Examined) -> str:
    """What a permutation of the sites does to their coordinates, "" where none is moved."""
    if np.array_equal(site, np.arange(device.size)):
        return ""
    r = coordinates(device)
    away = r - r.mean(axis=0)
    scale = float(np.abs(away).max(initial=0.0))
    axes = np.flatnonzero(np.abs(away).max(axis=0, initial=0.0) > NEAR * scale)
    if len(axes):
        away = away[:, axes]
        image = away[site]
        turn = np.linalg.lstsq(away, image, rcond=None)[0].T
        rigid = np.abs(turn @ turn.T - np.eye(len(axes))).max() < NEAR
        if rigid and np.abs(away @ turn.T - image).max() < NEAR * scale:
            return _rotation(turn, [AXES[axis] if axis < 3 else str(axis) for axis in axes])
    order = _order(site)
    return ABSTRACT[0] if order == 2 else f"{ABSTRACT[1]} of order {order}"


def is_geometric(site: NDArray[np.intp], device: Examined) -> bool:
    """Whether a permutation of the sites moves the coordinates as a whole."""
    return not motion_of(site, device).startswith(ABSTRACT)


def reversal(device: Examined) -> NDArray[np.intp] | None:
    """The permutation of the sites that reverses all coordinates, ``r -> c - r``, or None."""
    r = coordinates(device)
    if not r.size:
        return np.arange(device.size)[::-1] if len(device.device.sites) == 1 else None
    away = r - (r.max(axis=0) + r.min(axis=0)) / 2
    rounded = np.round(away / (np.abs(away).max(initial=0.0) or 1.0), 6) + 0.0
    there, back = np.lexsort(rounded.T), np.lexsort((0.0 - rounded).T)
    if np.abs(rounded[there] + rounded[back]).max(initial=0.0) > NEAR:
        return None
    found = np.empty(device.size, dtype=np.intp)
    found[there] = back
    return found


def _rotation(turn: Floats, axes: list[str]) -> str:
    """An orthogonal matrix in the field's words."""
    d = len(turn)
    if np.abs(turn + np.eye(d)).max() < NEAR:
        return "C2" if d == 2 else "inversion"
    if np.abs(turn - np.eye(d)).max() < NEAR:
        return "translation"
    value, vector = np.linalg.eig(turn)
    proper = np.linalg.det(turn) > 0
    if not proper and np.sum(np.abs(value - 1) < NEAR) == d - 1:
        return f"mirror {_direction(np.real(vector[:, int(np.argmin(value.real))]), axes)}"
    turned = np.abs(np.angle(value))
    angle = float(turned[np.abs(value.imag) > NEAR].max(initial=0.0)) or np.pi
    name = f"{'C' if proper else 'S'}{round(2 * np.pi / angle)}"
    if d == 3:
        axis = np.real(vector[:, int(np.argmin(np.abs(value - (1 if proper else -1))))])
        return f"{name} about {_direction(axis, axes)}"
    return name


def _direction(normal: Floats, axes: list[str]) -> str:
    largest = int(np.argmax(np.abs(normal)))
    if np.abs(np.delete(normal, largest)).max(initial=0.0) < 1e-6:
        return axes[largest]
    scaled = np.round(normal / normal[largest], 6) + 0.0
    return "(" + ", ".join(f"{x:.3g}" for x in scaled) + ")"


def _order(permutation: NDArray[np.intp]) -> int:
    power, order = permutation, 1
    while not np.array_equal(power, np.arange(len(power))) and order < 1000:
        power, order = permutation[power], order + 1
    return order


def _common(blocks: Complexes) -> tuple[Complexes | None, Complexes]:
    """A matrix that all of them are up to phases, the first's being one; None if there is none."""
    first = blocks[0]
    overlap = np.einsum("ij,sij->s", first.conj(), blocks) / len(first)
    phase = overlap / np.where(np.abs(overlap) > 0, np.abs(overlap), 1)
    if np.abs(blocks - phase[:, None, None] * first).max() > NEAR:
        return None, phase
    large = first.ravel()[int(np.argmax(np.abs(first.ravel()) > 0.5 / len(first)))]
    return first * np.abs(large) / large, phase


def _signs(phase: Complexes) -> str:
    if np.abs(phase - 1).max() < NEAR:
        return ""
    return "(+-)" if np.abs(phase.imag).max() < NEAR else "gauge"


def _spaces(device: Examined) -> tuple[str, ...]:
    """The internal spaces that the matrices act on; electrons and holes are vertices of their own."""
    return tuple(name for name in device.device.sites[0].spaces if name != "nambu")


def matrix_text(matrix: Complexes, spaces: tuple[str, ...]) -> str:
    """``sigma_y``, or a sum of products of named matrices, or the matrix itself."""
    if np.abs(matrix - matrix[0, 0] * np.eye(len(matrix))).max() < NEAR:
        return ""
    named = [[(name, m) for name, m in matrices.items() if m.space == space] for space in spaces]
    if spaces and all(named):
        found = []
        for choice in itertools.product(*named):
            product = np.ones((1, 1), dtype=complex)
            for _, each in choice:
                product = np.kron(product, np.array(each.matrix, dtype=complex))
            factor = np.trace(product.conj().T @ matrix) / len(matrix)
            if abs(factor) > NEAR:
                words = [name for name, _ in choice if not name.endswith("_0")] or [choice[0][0]]
                found.append((factor, "*".join(words)))
        largest = max(found, key=lambda one: abs(one[0]))[0]
        scaled = [(factor * abs(largest) / largest, text) for factor, text in found]
        if len(scaled) == 1:
            return scaled[0][1]
        return "(" + " + ".join(f"{exact_text(factor)}*{text}" for factor, text in scaled) + ")"
    rows = ", ".join("[" + ", ".join(exact_text(x) for x in row) + "]" for row in matrix)
    return f"[{rows}]"


def exact_text(number: complex) -> str:
    """A number in the language's words, exact where it is a simple one: ``sqrt(2)/2``, ``1i``."""
    rounded = complex(round(number.real, 12), round(number.imag, 12))
    simple = sp.nsimplify(rounded, [sp.sqrt(2), sp.sqrt(3)], tolerance=1e-9)
    return str(simple).replace("I", "1i") if len(str(simple)) < 20 else f"{number:.6g}".strip("()")
