"""What the rooms above the language enter into its registries: verbs, methods, outputs, two-case quantities.

A text can be checked when they are there; importing this module is enough.
"""

from modelkit.results import open_outputs, outputs, reductions, response_outputs  # noqa: F401
from modelkit.solve import bands, choose, evolution, response, steady_state, transmission, transport  # noqa: F401
from modelkit.solve.open_chains import methods  # noqa: F401
