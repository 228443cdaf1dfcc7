"""What a device may not do: its symmetries, and what follows from them.

A compiled device becomes a ``structure`` (``parts`` say what each part of a model adds to it); ``refinement``
and ``matching`` find permutations, ``lift`` their internal unitaries; an ``operations.Operation`` is the
result.  ``relations`` and ``two_cases`` draw conclusions, a ``verdict`` says them.

``bulk`` does the same for a Hamiltonian H(k), exactly; ``chains`` for open chains with jump operators.
"""
