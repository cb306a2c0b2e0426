"""What can go wrong."""

from __future__ import annotations


class Error(Exception):
    """Every error of jetfit."""


class InputError(Error, ValueError):
    """Bad arrays, job, file or setting: fix it and call again.

    Attributes:
        place: the argument, file, line, column or key
        problem: what is wrong there
        help: how to fix it
    """

    def __init__(self, message: str, place: str = "", problem: str = "", help: str = ""):
        super().__init__(message)
        self.place, self.problem, self.help = place, problem, help

    def __reduce__(self):
        return type(self), (str(self), self.place, self.problem, self.help)


class RunError(Error, RuntimeError):
    """It failed while running: a device, a disk, a training that diverged."""


class FitWarning(UserWarning):
    """Where a result may be wrong, and what to do about it."""


for _class in (Error, InputError, RunError, FitWarning):
    _class.__module__ = "jetfit"


def bad_input(place: str, problem: str, help: str) -> InputError:
    """An :class:`InputError` with its message."""
    return InputError(f"{place}: {problem}\n  help: {help}", place, problem, help)
