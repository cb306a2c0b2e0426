"""Arrays in, a fitted network out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations_with_replacement, groupby, product
from typing import Any, Optional

import numpy as np

from . import _arrays, _jetfit, _job, _toml
from ._listen import Callback, Listener
from ._network import Network
from .errors import bad_input


class Fitted(Network):
    """A network that was just fitted.

    Attributes:
        report: device, steps, seconds, why training ended, losses, coefficients with their standard errors
        warnings: where the result may be wrong, and what to do about it
    """

    report: dict[str, Any]
    warnings: list[str]

    def __reduce__(self):
        return _again, (self._core.to_bytes(), self.report, self.warnings)


def _again(data: bytes, report: dict[str, Any], warnings: list[str]) -> Fitted:
    return _fitted(_jetfit.Core.of_bytes(data), report, warnings)


def _fitted(core: _jetfit.Core, report: dict[str, Any], warnings: list[str]) -> Fitted:
    fitted = Fitted(core)
    fitted.report, fitted.warnings = report, warnings
    return fitted


def fit(
    X: Any,
    y: Any,
    *,
    dy: Any = None,
    d2y: Any = None,
    d3y: Any = None,
    d4y: Any = None,
    row_weights: Any = None,
    validation: Optional[tuple[Any, Any]] = None,
    inputs: Optional[Sequence[str]] = None,
    outputs: Optional[Sequence[str]] = None,
    start: Optional[Network] = None,
    callback: Optional[Callback] = None,
    verbose: bool = False,
    **job: Any,
) -> Fitted:
    """Fits a network to rows, in any units.

    Args:
        X: inputs (B, D), or (B) for one; a DataFrame names them.
        y: outputs (B, M), or (B) for one. NaN was not measured.
        dy: measured first derivatives (B, M, D), which are fitted too; (B, D) for one output, (B, M) for one input; NaN
            was not measured. Or a DataFrame whose columns are called ``dy_dx``.
        d2y: measured second derivatives: of each input (B, M, D), or all (B, M, D, D); or a DataFrame with ``d2y_dx2``.
        d3y, d4y: measured third and fourth derivatives, likewise.
        row_weights: the weight of each row (B), at least 0; for rows with noise of deviation σ, 1/σ².
        validation: X and y of rows that judge. By default a tenth of 50 rows or more does.
        inputs, outputs: their names.
        start: a network to begin with (fine-tuning), which has as many inputs and outputs.
        callback: is called with a :class:`Report` every ``report_every`` steps. ``StopIteration`` ends the training;
            the network of that step is returned.
        verbose: shows progress on stderr.
        **job: ``hidden``, ``activation``, ``optimizer``, ``learning_rate``, ``steps``, ``epochs``, ``batch_size``,
            ``seed``, ``device``, ``precision``, ``max_seconds`` …, and whole sections of a job file as dicts, such as
            ``term=[{"name": …, "residual": …}]``. What is left out has the defaults of a job file.

    Raises:
        jetfit.InputError: for what is wrong with the arrays or settings.
        jetfit.RunError: if training diverges, or the device fails.
        KeyboardInterrupt: after Ctrl-C.
    """
    rows, targets = _arrays.matrix(X, "X"), _arrays.matrix(y, "y")
    names = list(inputs or _arrays.names_of(X, "x", rows.shape[1]))
    of = list(outputs or _arrays.names_of(y, "y", targets.shape[1]))
    measured = [
        (output, by, values)
        for place, given, order in (("dy", dy, 1), ("d2y", d2y, 2), ("d3y", d3y, 3), ("d4y", d4y, 4))
        if given is not None
        for output, by, values in _derivatives(given, place, order, names, of, len(rows))
    ]
    weights = None if row_weights is None else _arrays.matrix(row_weights, "row_weights")[:, 0]
    judging = None
    if validation is not None:
        judging = (_arrays.points(validation[0], names), _arrays.matrix(validation[1], "validation"))
    text = _toml.text_of(_job.sections(job))
    listener = Listener(callback, verbose)
    begin = None if start is None else start._core
    core, report, warnings = _jetfit.fit(rows, targets, names, of, measured, weights, judging, begin, text, listener)
    return _fitted(core, json.loads(report), warnings)


def _derivatives(given: Any, place: str, order: int, inputs: list[str], outputs: list[str], rows: int):
    """Each measured derivative: which output, by which inputs, its column."""
    if _arrays.is_frame(given):
        known = _names(order, inputs, outputs)
        for name in given.columns:
            if name not in known:
                raise bad_input(place, f"{name!r} is no derivative of order {order}", f"use: {', '.join(known)}")
            yield (*known[name], _arrays.matrix(given[name], place)[:, 0])
        return
    array = np.asarray(given.to_numpy() if _arrays.is_series(given) else given, dtype=np.float64)
    count, of = len(inputs), len(outputs)
    full = (rows, of, *(count,) * order)
    if order > 1 and array.shape == full:
        array = array.reshape(rows, of, -1)
        places: list[tuple[tuple[int, ...], np.ndarray]] = [
            (by, array[:, :, int(np.ravel_multi_index(by, (count,) * order))])
            for by in combinations_with_replacement(range(count), order)
        ]
    else:
        is_flat = array.ndim <= 2 and 1 in (count, of) and array.shape == ((rows, of * count)[: array.ndim])
        if not (array.shape == (rows, of, count) or (is_flat and (array.ndim == 2 or of * count == 1))):
            expected = f"({rows}, {of}, {count})" + (f" or {full}" if order > 1 else "")
            raise bad_input(place, f"it has the shape {array.shape}", f"pass {expected}: rows, outputs, inputs")
        array = array.reshape(rows, of, count)
        places = [((i,) * order, array[:, :, i]) for i in range(count)]
    for by, values in places:
        for output in range(of):
            column = np.ascontiguousarray(values[:, output])
            if not np.isnan(column).all():
                yield output, list(by), column


def _names(order: int, inputs: list[str], outputs: list[str]) -> dict[str, tuple[int, list[int]]]:
    """Derivatives by the names of their columns."""
    names = {}
    for output, u in enumerate(outputs):
        for by in product(range(len(inputs)), repeat=order):
            groups = [(inputs[i], len(list(same))) for i, same in groupby(by)]
            powers = "".join(f"d{x}{power if power > 1 else ''}" for x, power in groups)
            names[f"d{order if order > 1 else ''}{u}_{powers}"] = (output, sorted(by))
    return names
