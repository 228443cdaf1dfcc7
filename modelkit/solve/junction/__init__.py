"""The one problem: what is given, what is unknown, what is asked, and its solution.

Order 1 is linear: ``junction`` reads it, ``linear`` and ``finite_temperature`` solve it.  Beyond, ``steady``
reads it, ``balance`` is left minus right with the Jacobian, ``newton`` and ``nonlinear`` solve it.
"""
