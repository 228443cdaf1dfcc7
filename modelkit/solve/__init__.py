"""Solving: the verbs that put questions to a conductor, and what answers them.

A verb (``transport``, ``transmission``, ``response``) reads a ``request``; ``choose`` takes one of the
``methods``, which all answer the questions of ``conductor``.  ``energies`` integrates what they answer,
``junction`` solves for what is unknown, ``found`` is a solution with what can be read off it, and
``coefficients`` are derivatives at equilibrium.
"""
