"""Memory is asked for before anything is allocated: what does not fit is refused, with the estimate."""

from __future__ import annotations

import os

from modelkit.errors import ModelError

SHARE = 0.5  # of the free memory
UNKNOWN = 2**33  # bytes, where the system does not tell
LARGEST_TRANSMISSION = 10**8  # entries of an array T[E, to, from]


def free_bytes() -> int:
    """Free memory; a quarter of all at least, since a cache of files may fill it and gives way."""
    try:
        page, whole = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return UNKNOWN
    try:
        free = os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError):
        free = 0
    return page * max(free, whole // 4)


def refuse_large(wanted: int, what: str, hint: str) -> None:
    """Raise ModelError where ``wanted`` bytes are more than half of the free memory."""
    allowed = SHARE * free_bytes()
    if wanted > allowed:
        raise ModelError(
            f"{what} would take {wanted / 2**30:.1f} GB of memory, more than the {allowed / 2**30:.1f} GB "
            "that may be used (half of what is free)",
            hint=hint,
        )


def refuse_large_transmission(n_energies: int, n_terminals: int) -> None:
    """Refuse a transmission array that would not fit, before anything is allocated."""
    entries = n_energies * n_terminals**2
    if entries > LARGEST_TRANSMISSION:
        raise ModelError(
            f"the transmission between {n_terminals} terminals at {n_energies} energies has {entries:.1e} "
            f"entries ({8 * entries / 2**30:.1f} GB), more than the {LARGEST_TRANSMISSION:.0e} allowed",
            hint="ask for currents, which need no matrix, or for fewer energies at once",
        )
