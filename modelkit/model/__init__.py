"""The model: what a text declares, built from text or in Python, and everything that can be asked of it."""

from modelkit.model.model import Model, load, loads

__all__ = ["Model", "load", "loads"]
