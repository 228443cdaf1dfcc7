"""Energies: where the integrands need them, how distributions weigh them, and how sure the integrals are."""
