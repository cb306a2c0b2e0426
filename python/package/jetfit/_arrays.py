"""Between arrays, frames and the extension module's arrays."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import bad_input


def is_frame(values: Any) -> bool:
    """Whether this is a pandas DataFrame; pandas is not imported for the question."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(values, pandas.DataFrame)


def is_series(values: Any) -> bool:
    """Whether this is a pandas Series."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(values, pandas.Series)


def names_of(values: Any, letter: str, count: int) -> list[str]:
    """The names of a frame's columns or of a series, else `x`, or `x0`, `x1`, …"""
    if is_frame(values) and all(isinstance(name, str) for name in values.columns):
        return list(values.columns)
    if is_series(values) and isinstance(values.name, str):
        return [values.name]
    return [letter] if count == 1 else [f"{letter}{k}" for k in range(count)]


def matrix(values: Any, place: str) -> np.ndarray:
    """Numbers as float64 (B, K); (B) is one column. What is so already is not copied."""
    if is_frame(values) or is_series(values):
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        array = np.asarray(values)
        if array.dtype.kind == "c":
            raise TypeError("complex numbers")
        array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise bad_input(place, f"these are not numbers: {error}", "pass an array of real numbers") from error
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        problem = f"an array of shape {array.shape} has no rows and columns"
        raise bad_input(place, problem, "pass an array (B, K): a row for each point, a column for each name")
    return array


def points(values: Any, inputs: Sequence[str]) -> np.ndarray:
    """Points (B, D) in the order of the inputs; columns of a frame are found by their names."""
    if is_frame(values) and not (len(inputs) == len(values.columns) and _are_numbered(inputs)):
        missing = [name for name in inputs if name not in values.columns]
        if missing:
            problem = f"the frame has no column {missing[0]!r}"
            raise bad_input("points", problem, f"its columns must have those of the network: {', '.join(inputs)}")
        values = values[list(inputs)]
    array = matrix(values, "points")
    if array.shape[1] != len(inputs):
        problem = f"an array of shape {array.shape} has {array.shape[1]} columns for {len(inputs)} inputs"
        raise bad_input("points", problem, f"pass an array (B, {len(inputs)}), with the columns {', '.join(inputs)}")
    return array


def _are_numbered(inputs: Sequence[str]) -> bool:
    """Whether the inputs have the names of columns that had none."""
    return list(inputs) == names_of(None, "x", len(inputs))


def frame(values: np.ndarray, columns: Sequence[str], index: Any) -> Any:
    """A frame of an array (B, K)."""
    import pandas

    return pandas.DataFrame(values, columns=list(columns), index=index)
