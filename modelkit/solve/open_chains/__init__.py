"""Open chains: what is asked of a Lindbladian, and the methods that answer.

``problem`` is the question (:class:`OpenProblem`), ``state`` the answer (:class:`OpenState`), ``method``
what lies between them (:class:`OpenMethod`, :class:`Solver`), ``methods`` those that there are; ``choose``
takes one and says why.  The verbs ``steady_state`` and ``evolution`` put the questions.  ``rates`` holds the
rate equations of modes, ``gaussian`` the covariance equation, ``exact`` density matrices, ``real_space`` what
the last two share.
"""
