import os

import pytest


@pytest.fixture
def smoke(request):
    """Whether to run small sizes only, without measuring."""
    return bool(os.environ.get("MODELKIT_SMOKE")) or request.config.getoption("benchmark_disable", False)
