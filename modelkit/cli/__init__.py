"""The command line: ``modelkit check | run | show | plot | format | new``.

Exit codes: 0 fine, 1 the model is wrong, 2 wrong usage, 3 not converged, an audit failed or a sweep
has failed points, 130 interrupted.
"""

from modelkit.cli.commands import main

__all__ = ["main"]
