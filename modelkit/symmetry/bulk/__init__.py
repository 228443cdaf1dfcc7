"""Symmetries of a bulk Hamiltonian H(k), exactly.

A ``family`` of coefficient functions times matrices, candidates of ``point_groups``, the ``group_search``
among them; ``exact`` holds the algebra.
"""

from modelkit.symmetry.bulk.symmetries import bulk_symmetries

__all__ = ["bulk_symmetries"]
