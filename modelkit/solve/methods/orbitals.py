"""Sites and contacts, orbital by orbital."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Touching:
    """Scalar contacts orbital by orbital: entry m is ``contact[m]`` of ``terminal[m]`` at ``orbital[m]``."""

    contact: Integers
    orbital: Integers
    terminal: Integers
    weight: Floats


def touching(system: OpenSystem) -> Touching:
    """Every contact at every orbital of its site."""
    contacts = system.contacts
    size = np.diff(system.offset)[contacts.site]
    contact = np.repeat(np.arange(len(size)), size)
    within = np.arange(len(contact)) - np.repeat(np.cumsum(size) - size, size)
    site = contacts.site[contact]
    return Touching(contact, system.offset[site] + within, contacts.terminal[contact], system.weight[site])


def site_of_orbital(system: OpenSystem) -> Integers:
    """Site of each orbital."""
    return np.repeat(np.arange(len(system.offset) - 1), np.diff(system.offset))
