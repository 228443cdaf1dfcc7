"""Exact algebra for symmetries of H(k): numbers with square roots, coefficient functions, linear systems."""
