"""Self-energies and channels, and their changes, sorted into the layers of a partition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.solve.methods.lattice.channels import Channels
from modelkit.solve.methods.lattice.moves import Moves
from modelkit.solve.methods.lattice.partition import Partition

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


class SelfEnergyBlocks:
    """What contacts add to the diagonal block of each layer, and their channels there."""

    def __init__(self, channels: Channels, partition: Partition) -> None:
        self._channels = channels
        self._layer, self._local = _places(partition)
        count = len(partition.matrix.node)
        self._sigma = _by_layer(self._layer[channels.sigma_row], count)
        self._elements = _by_layer(self._layer[channels.orbital], count)
        self._sizes = partition.matrix.layers.sizes

    def taken_from(self, block: Complexes, part: slice | Integers, layer: int) -> Complexes:
        """``block - Sigma`` of a layer at a range of the energies; (chunk, m, m)."""
        found = self._channels
        entries = self._sigma[layer]
        if not len(entries):
            return block
        block = block.astype(complex)
        row, column = self._local[found.sigma_row[entries]], self._local[found.sigma_column[entries]]
        np.add.at(block, (np.arange(len(block))[:, None], row, column), -found.sigma[part][:, entries])
        return block

    def incoming(self, part: slice | Integers, layer: int) -> tuple[Integers, Complexes]:
        """Numbers of the channels of a layer, and W there, (chunk, m, n_channels of the layer)."""
        found, entries = self._channels, self._elements[layer]
        numbers, place = np.unique(found.channel[entries], return_inverse=True)
        value = found.value[part][:, entries]
        w = np.zeros((len(value), self._sizes[layer], len(numbers)), dtype=complex)
        w[:, self._local[found.orbital[entries]], place] = value
        return numbers, w

    @property
    def touched(self) -> list[int]:
        """Layers with a self-energy."""
        return [layer for layer, entries in enumerate(self._sigma) if len(entries)]

    def of_layer(self, part: slice | Integers, layer: int) -> Complexes:
        """Sigma of a layer, (chunk, m, m)."""
        shape = (len(self._channels.sigma[part]), self._sizes[layer], self._sizes[layer])
        return -self.taken_from(np.zeros(shape, dtype=complex), part, layer)

    def lost(self, part: slice | Integers) -> Floats:
        """The part of ``i (Sigma - Sigma†)`` that is not ``W W†``, relative: rounding; (chunk,)."""
        off = np.zeros(len(self._channels.sigma[part]))
        for layer in self.touched:
            sigma, w = self.of_layer(part, layer), self.incoming(part, layer)[1]
            gamma = 1j * (sigma - sigma.conj().swapaxes(1, 2)) - w @ w.conj().swapaxes(1, 2)
            most = np.abs(sigma).max(axis=(1, 2))
            off = np.maximum(off, np.abs(gamma).max(axis=(1, 2)) / np.where(most > 0, most, 1.0))
        return off


class MovedBlocks:
    """The change ``d(H + Sigma)`` of each layer."""

    def __init__(self, moves: Moves, partition: Partition) -> None:
        self._moves, self._partition = moves, partition
        self._layer, self._local = _places(partition)
        self._scalar = _by_layer(self._layer[moves.orbital], len(partition.matrix.node))
        self._potential = moves.potential[partition.orbitals[partition.matrix.layers.order]]
        self._blocks: dict[int, list[int]] = {}
        for k, block in enumerate(moves.blocks):
            self._blocks.setdefault(int(self._layer[block.orbitals[0]]), []).append(k)

    def add(self, block: Complexes, layer: int) -> None:
        """Add to a block (n_E, m, m), in place."""
        moves, layers = self._moves, self._partition.matrix.layers
        first, last = layers.begin[layer], layers.begin[layer + 1]
        diagonal = np.einsum("eii->ei", block)  # a view
        diagonal += self._potential[first:last]
        mine = self._scalar[layer]
        if len(mine):
            place = self._local[moves.orbital[mine]]
            np.add.at(block, (np.arange(len(block))[:, None], place, place), moves.value[:, mine])
        for k in self._blocks.get(layer, ()):
            place = self._local[moves.blocks[k].orbitals]
            block[:, place[:, None], place] += moves.blocks[k].value

    def of_layer(self, count: int, layer: int) -> Complexes | None:
        """The block of a layer at ``count`` energies, None where nothing moves; (count, m, m)."""
        layers = self._partition.matrix.layers
        still = not self._potential[layers.begin[layer] : layers.begin[layer + 1]].any()
        if still and not len(self._scalar[layer]) and layer not in self._blocks:
            return None
        found = np.zeros((count, layers.sizes[layer], layers.sizes[layer]), dtype=complex)
        self.add(found, layer)
        return found

    def thin(self, shape: tuple[int, ...]) -> Complexes:
        """The blocks of all layers, which are equally large, energies last; (n_layers, m, m, n_E)."""
        found = np.zeros(shape, dtype=complex)
        at = np.arange(shape[1])
        found[:, at, at] = self._potential.reshape(shape[:2])[:, :, None]
        touched = {k for k, mine in enumerate(self._scalar) if len(mine)} | set(self._blocks)
        for k in touched:
            block = np.zeros((shape[3], *shape[1:3]), dtype=complex)
            self.add(block, k)
            found[k] = block.transpose(1, 2, 0)
        return found


def _places(partition: Partition) -> tuple[Integers, Integers]:
    """Layer of each orbital and its number there; of those that are left out the number of layers."""
    layers = partition.matrix.layers
    count = len(layers.sizes)
    n = int(partition.orbitals.max(initial=-1)) + 1
    layer, local = np.full(n, count, dtype=np.intp), np.zeros(n, dtype=np.intp)
    inside = np.repeat(np.arange(count), layers.sizes)
    orbitals = partition.orbitals[layers.order]
    layer[orbitals] = inside
    local[orbitals] = np.arange(len(orbitals)) - layers.begin[inside]
    return layer, local


def _by_layer(layer: Integers, count: int) -> list[Integers]:
    """Numbers of the entries of each layer."""
    order = np.argsort(layer, kind="stable")
    ends = np.searchsorted(layer[order], np.arange(count + 1))
    return [order[ends[k] : ends[k + 1]] for k in range(count)]
