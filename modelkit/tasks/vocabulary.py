"""What the rooms above the language enter into its registries: verbs, methods, outputs, two-case quantities.

A text can be checked when they are there; importing this module is enough.
"""

from modelkit.results import outputs, reductions  # noqa: F401
from modelkit.solve import choose, transmission, transport  # noqa: F401
