"""What a device may not do: its symmetries, and what follows from them.

A compiled device becomes a ``structure`` (``parts`` say what each part of a model adds to it); ``refinement``
and ``matching`` find permutations, ``lift`` their internal unitaries; an ``operations.Operation`` is the
result.  ``relations`` and ``two_cases`` draw conclusions, a ``verdict`` says them.

``bulk.bulk_symmetries`` does the same for a Hamiltonian H(k), exactly: a ``family`` of coefficient functions
times matrices, candidates of ``point_groups``, the ``group_search`` among them; ``exact`` holds the algebra.

Translation-invariant chains with jump operators (``open_chain``) have an examination of their own:
``jumps`` finds operations of the whole master equation, ``kinetic`` permutations of modes that keep the rates
between them, ``conserved`` counts charges, ``jump_report`` says what all that means for the current.
"""
