"""Nonreciprocal transport from a short model file.

::

    import modelkit as mk

    m = mk.load("models/gain_loss/wire.model")
    results = m.run("profile", gamma=0.3)      # an xarray.Dataset
    m.plot("profile").savefig("profile.pdf")

``load`` and ``loads`` read a model, ``Model`` builds the same object statement by statement.  What is
wrong with a model is a ``ModelError``; what has no trustworthy number is ``NotConverged``.
"""

from modelkit.errors import ModelError, NotConverged
from modelkit.model import Model, load, loads
from modelkit.version import __version__ as __version__

__all__ = ["load", "loads", "Model", "ModelError", "NotConverged"]  # noqa: RUF022 (as people sort)
