"""Compiling: from the arrays of a device to a numeric problem (H, contacts, self-energies)."""
