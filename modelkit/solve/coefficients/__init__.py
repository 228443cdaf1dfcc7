"""Derivatives of all currents at equilibrium, first and second, and what is made of them."""
