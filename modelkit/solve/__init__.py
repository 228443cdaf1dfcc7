"""Solving: methods for conductors behind one interface, and the verbs that put questions to them.

``conductor`` is the interface; ``ladder`` and ``sparse`` stand behind it, ``choose`` picks.  ``junction``
reads what is given and asked, ``linear`` and ``warm`` solve it at T = 0 and above, ``transport`` and
``transmission`` are the verbs.
"""
