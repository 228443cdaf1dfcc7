"""Translation-invariant open chains with jump operators: what their symmetries forbid.

``open_chain`` says what a chain is; ``jumps`` finds operations of the whole master equation, ``kinetic``
permutations of modes that keep the rates between them, ``conserved`` counts charges, and ``jump_report`` says
what all that means for the current.
"""
