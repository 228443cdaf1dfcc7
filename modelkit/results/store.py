"""Datasets in files: netCDF by h5netcdf, written whole or not at all, read back equal."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkit.errors import ModelError

if TYPE_CHECKING:
    import xarray as xr

REAL, IMAGINARY = "__real", "__imag"  # netCDF knows no complex numbers


def write(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a Dataset; an older file of that name is replaced at once when the new one is complete.

    Raises ModelError when the file cannot be written.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", suffix=".nc", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise _unusable("written", target, error) from None
    written = Path(name)
    try:
        _parted(dataset).to_netcdf(written, engine="h5netcdf")
        written.chmod(0o644)
        written.replace(target)
    except OSError as error:
        raise _unusable("written", target, error) from None
    finally:
        written.unlink(missing_ok=True)
    return target


def read(path: str | Path) -> xr.Dataset:
    """The Dataset of a file, in memory, identical to the one that was written."""
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as opened:
            return _joined(opened.load())
    except OSError as error:
        raise _unusable("read", Path(path), error) from None


def _unusable(done: str, path: Path, error: OSError) -> ModelError:
    reason = (error.strerror or "it is no netCDF file").lower()
    return ModelError(f"'{path}' cannot be {done}: {reason}", hint="give another path")


def _parted(dataset: xr.Dataset) -> xr.Dataset:
    """Complex variables as two real ones."""
    for name, variable in dataset.variables.items():
        if variable.dtype.kind == "c":
            parts = {f"{name}{REAL}": variable.real, f"{name}{IMAGINARY}": variable.imag}
            kept = {part: (variable.dims, values.values, variable.attrs) for part, values in parts.items()}
            coordinate = name in dataset.coords
            dataset = dataset.drop_vars(str(name))
            dataset = dataset.assign_coords(kept) if coordinate else dataset.assign(kept)
    return dataset


def _joined(dataset: xr.Dataset) -> xr.Dataset:
    """Undo :func:`_parted`, and give words the type they had."""
    for name in [str(name) for name in dataset.variables if not str(name).endswith(IMAGINARY)]:
        variable = dataset.variables[name]
        if variable.dtype.kind == "O":
            dataset = _replace(dataset, name, name, variable.values.astype(np.str_))
        elif name.endswith(REAL):
            whole = name.removesuffix(REAL)
            other = whole + IMAGINARY
            dataset = _replace(dataset, name, whole, variable.values + 1j * dataset.variables[other].values)
            dataset = dataset.drop_vars(other)
    dataset.encoding = {}
    return dataset


def _replace(dataset: xr.Dataset, name: str, new: str, values: Any) -> xr.Dataset:
    old = dataset.variables[name]
    kept = {new: (old.dims, values, old.attrs)}
    coordinate = name in dataset.coords
    dataset = dataset.drop_vars(name)
    return dataset.assign_coords(kept) if coordinate else dataset.assign(kept)
