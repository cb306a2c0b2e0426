"""Fit a multilayer perceptron to data or to a differential equation, and get its value and its exact first and second
derivatives, in your units, on a GPU or the CPU.

>>> net = jetfit.load("runs/sine")                                   # doctest: +SKIP
>>> u, du, d2u = net.jets(X)             # (B, M), (B, M, D), (B, M, D)
>>> net = jetfit.from_keras(model)       # from_torch(module), from_file("net.onnx")
>>> net = jetfit.fit(X, y, dy=dy, hidden=[64, 64])
>>> model = jetfit.Regressor(hidden=[64, 64]).fit(X, y)              # an estimator of scikit-learn
>>> run = jetfit.train("job.toml", set={"training.steps": 1000})     # a run directory
>>> run = jetfit.solve(["u_xx = -1"], {"x": (0, 1)}, conditions={"boundary": "u = 0"})
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# Mesa's layer that chooses a default adapter complains where there is no display; the choice is ours.
os.environ.setdefault("NODEVICE_SELECT", "1")

from ._fit import Fitted, fit
from ._import import from_file, from_keras, from_torch
from ._jetfit import activations
from ._jetfit import version as _version
from ._listen import Report
from ._network import Network, load
from ._run import Picture, Run, resume, solve, train
from .errors import Error, FitWarning, InputError, RunError

if TYPE_CHECKING:
    from ._regressor import Regressor

__version__ = _version()
__all__ = [
    "Error",
    "FitWarning",
    "Fitted",
    "InputError",
    "Network",
    "Picture",
    "Regressor",
    "Report",
    "Run",
    "RunError",
    "activations",
    "fit",
    "from_file",
    "from_keras",
    "from_torch",
    "load",
    "resume",
    "solve",
    "train",
]


def __getattr__(name: str):
    # Only who asks for the estimator needs scikit-learn.
    if name == "Regressor":
        from ._regressor import Regressor

        return Regressor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
