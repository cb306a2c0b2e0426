"""What a training tells while it goes on."""

from __future__ import annotations

import sys
import time
import warnings
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .errors import FitWarning

#: Seconds between two lines of progress.
BETWEEN_LINES = 2.0


@dataclass(frozen=True)
class Report:
    """What a callback is told, every ``training.report_every`` steps.

    Attributes:
        step: steps done
        seconds: seconds of training so far
        stage: which stage, from 0
        loss: the loss, with the weights of the terms
        validation: the loss where terms are judged; None if none is
        terms: the mean square of each term, in the order of the report
        rate: Adam's learning rate, the length of a step of L-BFGS, Gauss–Newton's damping
        gradient_norm: the norm of the last gradient
    """

    step: int
    seconds: float
    stage: int
    loss: float
    validation: Optional[float]
    terms: list[float]
    rate: float
    gradient_norm: float


Callback = Callable[[Report], Any]


def _level_of_caller() -> int:
    """How far above the listener whoever called the package is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame, level = frame.f_back, level + 1
    return level


class Listener:
    """Hands reports to the callback, shows progress on stderr if it is wanted, and warns."""

    def __init__(self, callback: Optional[Callback], verbose: bool):
        self.callback, self.verbose = callback, verbose
        self.steps, self.shown = 0, 0.0

    def __call__(self, kind: str, what: dict[str, Any]) -> None:
        if kind == "report":
            report = Report(**what)
            if self.verbose:
                self._show(report)
            if self.callback is not None:
                self.callback(report)
        elif kind == "warning":
            warnings.warn(what["text"], FitWarning, stacklevel=_level_of_caller())
        elif kind == "started":
            self.steps = what["steps"]
            self._say(f"{what['steps']} steps on {what['device']}" + (f", from {what['done']}" if what["done"] else ""))
        else:
            self._say(what["text"])

    def _say(self, text: str) -> None:
        if self.verbose:
            print(f"jetfit: {text}", file=sys.stderr, flush=True)

    def _show(self, report: Report) -> None:
        now = time.monotonic()
        if now - self.shown < BETWEEN_LINES and report.step < self.steps:
            return
        self.shown = now
        validation = "" if report.validation is None else f"  validation {report.validation:.3e}"
        self._say(f"step {report.step} of {self.steps}  loss {report.loss:.3e}{validation}")
