"""Open chains: what is asked of a Lindbladian, and the methods that answer.

``problem`` is the question (:class:`OpenProblem`), ``state`` the answer (:class:`OpenState`), ``method``
the interface between them (:class:`OpenMethod`) with the registry of those that there are; ``choose`` takes
one and says why.  The verbs ``steady_state`` and ``evolution`` put the questions.
"""
