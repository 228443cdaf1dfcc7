"""Open chains with jump operators: what their symmetries forbid.

``open_chain`` says what a translation-invariant chain is, ``cells`` makes one of a compiled cell and
``declared`` of a declared model; ``jumps`` finds operations of the whole master equation, ``kinetic``
permutations of modes that keep the rates between them, ``exact`` proves them in fractions, ``conserved``
counts charges, and ``jump_report`` says what all that means for a flow of ``observables``. ``finite`` does
without translations. ``claims``, ``claimed``, ``blame`` and ``report`` answer for models.
"""
