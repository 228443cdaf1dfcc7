"""Exact open chains: density matrices of fermions in the sectors that the dynamics does not mix.

``charges`` finds what is conserved, ``basis`` the modes in which it is diagonal, ``fock`` the states,
``operators`` their jump operators, ``liouvillian`` the generator on the blocks of the density matrix,
``projection`` its limit of weak coupling.  ``null_space`` and ``evolution`` solve, ``expectations`` reads
off, ``methods`` are ``exact`` and ``projected``; ``qobj`` hands everything out to QuTiP.
"""
