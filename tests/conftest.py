"""One choice for all tests: random examples are the same in every run.

``HYPOTHESIS_PROFILE=search`` draws new ones, for finding what the fixed ones miss.
"""

import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
