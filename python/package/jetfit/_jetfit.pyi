"""The extension module."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Optional, Union, final

import numpy as np
from numpy.typing import NDArray

_Path = Union[str, os.PathLike[str]]
_Listener = Callable[[str, dict[str, Any]], None]
_Array = NDArray[np.float64]

__all__ = ["Core", "activations", "command_line", "fit", "import_file", "resume", "train", "version"]

@final
class Core:
    @staticmethod
    def read(path: _Path) -> Core: ...
    @staticmethod
    def of_bytes(bytes: bytes) -> Core: ...
    def to_bytes(self) -> bytes: ...
    def write(self, path: _Path) -> None: ...
    def on(self, device: str, precision: str) -> Core: ...
    def export(self, format: str, order: int, second: str, precision: str, name: str) -> bytes: ...
    @property
    def device(self) -> str: ...
    def describe(self) -> str: ...
    def jets(self, points: _Array, order: int, second: str) -> _Array: ...
    def columns(self, order: int, second: str) -> list[list[str]]: ...
    def layers(self) -> list[tuple[int, int, list[float], list[float]]]: ...

def activations() -> list[str]: ...
def command_line(arguments: Sequence[str]) -> int: ...
def fit(
    x: _Array,
    y: _Array,
    inputs: Sequence[str],
    outputs: Sequence[str],
    derivatives: Sequence[tuple[int, Sequence[int], _Array]],
    row_weights: Optional[_Array],
    validation: Optional[tuple[_Array, _Array]],
    start: Optional[Core],
    job: str,
    listener: _Listener,
) -> tuple[Core, str, list[str]]: ...
def import_file(
    path: _Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    activations: Sequence[str],
    layers: Sequence[str],
    input_scaling: Optional[tuple[Sequence[float], Sequence[float]]],
    output_scaling: Optional[tuple[Sequence[float], Sequence[float]]],
) -> Core: ...
def resume(directory: _Path, edited: bool, listener: _Listener) -> str: ...
def train(
    text: Optional[str],
    place: _Path,
    set: Sequence[str],
    directory: Optional[_Path],
    force: bool,
    listener: _Listener,
) -> str: ...
def version() -> str: ...
