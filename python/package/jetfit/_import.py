"""Networks of other programs."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from . import _jetfit
from ._network import Network
from .errors import bad_input

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ._network import PathLike


def from_file(
    path: PathLike,
    *,
    inputs: Union[str, Sequence[str]] = (),
    outputs: Union[str, Sequence[str]] = (),
    activation: Union[str, Sequence[str]] = (),
    layers: Sequence[str] = (),
    input_mean: Optional[ArrayLike] = None,
    input_scale: Optional[ArrayLike] = None,
    output_mean: Optional[ArrayLike] = None,
    output_scale: Optional[ArrayLike] = None,
) -> Network:
    """A network of Keras (``.keras``, ``.h5``), PyTorch (``.pt``, ``.pth``), ONNX, or safetensors with any names.

    Nothing in a file is executed. :func:`load` reads the models that jetfit wrote.

    Args:
        inputs, outputs: the names of the inputs (D) and outputs (M), in their order; by default ``x`` and ``y``, or
            ``x0``, ``x1``, ….
        activation: that of all hidden layers, or one for each, where the file has weights alone.
        layers: the order of the layers, by the names of their tensors, where these do not say it.
        input_mean, input_scale: the network was trained on (x − mean)/scale (D).
        output_mean, output_scale: its results are (y − mean)/scale (M).

    Raises:
        jetfit.InputError: names the layer, module, tensor or node that is no part of a perceptron.
    """
    core = _jetfit.import_file(
        os.fspath(path),
        _list(inputs),
        _list(outputs),
        _list(activation),
        list(layers),
        _scaling("input", input_mean, input_scale),
        _scaling("output", output_mean, output_scale),
    )
    return Network(core)


def from_keras(model: Any, **options: Any) -> Network:
    """The network of a Keras model, Sequential or a chain of layers; options are those of :func:`from_file`.

    >>> net = jetfit.from_keras(model, inputs=["x"], outputs=["y"])       # doctest: +SKIP
    """
    with tempfile.TemporaryDirectory(prefix="jetfit-") as directory:
        path = Path(directory) / "model.keras"
        try:
            model.save(path)
        except (TypeError, ValueError):
            # Keras before 2.12 knows this format alone.
            path = path.with_suffix(".h5")
            model.save(str(path))
        return from_file(path, **options)


def from_torch(module: Any, **options: Any) -> Network:
    """The network of a ``torch.nn`` module, such as a Sequential, or of a state dict; options are those of
    :func:`from_file`.
    """
    import torch

    with tempfile.TemporaryDirectory(prefix="jetfit-") as directory:
        path = Path(directory) / "module.pt"
        torch.save(copy.deepcopy(module).cpu() if hasattr(module, "cpu") else module, path)
        return from_file(path, **options)


def _list(names: Union[str, Sequence[str]]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _scaling(
    side: str, mean: Optional[ArrayLike], scale: Optional[ArrayLike]
) -> Optional[tuple[list[float], list[float]]]:
    """Means and scales, of which the ones that are not given are 0 and 1."""
    if mean is None and scale is None:
        return None
    means, scales = np.broadcast_arrays(
        np.atleast_1d(np.asarray(0.0 if mean is None else mean, dtype=np.float64)),
        np.atleast_1d(np.asarray(1.0 if scale is None else scale, dtype=np.float64)),
    )
    if means.ndim > 1:
        raise bad_input(f"{side}_mean", f"an array of shape {means.shape} is no list", "pass a number for each column")
    return means.tolist(), scales.tolist()
