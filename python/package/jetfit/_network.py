"""A trained network and its derivatives."""

from __future__ import annotations

import html
import json
import os
from itertools import accumulate, combinations_with_replacement, permutations
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union, overload

import numpy as np
from numpy.typing import ArrayLike

from . import _arrays
from ._jetfit import Core
from .errors import bad_input

if TYPE_CHECKING:
    from pandas import DataFrame

PathLike = Union[str, "os.PathLike[str]"]


class Network:
    """A network with its names and its scaling: value and exact derivatives up to the fourth order, in your
    units.

    Points are arrays (B, D), a row for each point and a column for each input, of any float type and in any memory
    order; (B,) will do for one input. Results are float64 with B first. For a pandas DataFrame, whose columns are found
    by name, they are DataFrames with the same index and the columns ``u``, ``du_dx``, ``d2u_dx2``, ``d2u_dxdy``.

    Evaluation is in float64 on all cores of the CPU and without the GIL; see :meth:`on` for a GPU.

    >>> net = jetfit.load("runs/sine")                              # doctest: +SKIP
    >>> u, du, d2u = net.jets(X)                                     # doctest: +SKIP
    """

    def __init__(self, core: Core):
        self._core = core
        self._about: dict[str, Any] = json.loads(core.describe())

    # ---- derivatives

    @overload
    def value(self, points: DataFrame) -> DataFrame: ...
    @overload
    def value(self, points: ArrayLike) -> np.ndarray: ...
    def value(self, points: Any) -> Any:
        """u (B, M).

        Raises:
            jetfit.InputError: for another number of columns than D, or a column that a frame has not.
        """
        return self._parts(points, 0)[0]

    __call__ = value

    @overload
    def gradient(self, points: DataFrame) -> DataFrame: ...
    @overload
    def gradient(self, points: ArrayLike) -> np.ndarray: ...
    def gradient(self, points: Any) -> Any:
        """∂u/∂xᵢ (B, M, D).

        Raises:
            jetfit.InputError: those of :meth:`value`, and where the network has no first derivatives.
        """
        return self._parts(points, 1)[1]

    @overload
    def jets(self, points: DataFrame) -> tuple[DataFrame, DataFrame, DataFrame]: ...
    @overload
    def jets(self, points: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
    @overload
    def jets(self, points: DataFrame, order: int = 2, second: str = "diagonal") -> tuple[DataFrame, ...]: ...
    @overload
    def jets(self, points: ArrayLike, order: int = 2, second: str = "diagonal") -> tuple[np.ndarray, ...]: ...
    def jets(self, points: Any, order: int = 2, second: str = "diagonal") -> Any:
        """u (B, M) and its derivatives, an array for each order up to ``order``, which is from 0 to 4.

        Args:
            points: (B, D).
            order: the highest order of derivative. The first is ∂u/∂xᵢ (B, M, D).
            second: which derivatives from the second order on. ``"diagonal"``: by one input each, ∂ⁿu/∂xᵢⁿ (B, M, D).
                ``"full"``: all, (B, M, D, D), (B, M, D, D, D) and so on; of a frame a column for each that differs.
                ``"laplacian"``: Δu (B, M), its gradient ∂ᵢΔu (B, M, D), and ΔΔu (B, M).

        Raises:
            jetfit.InputError: those of :meth:`value`, and where the network has no such derivatives, as with ReLU.
        """
        parts = self._parts(points, order, second)
        if second != "full" or not isinstance(parts[0], np.ndarray):
            return tuple(parts)
        return (*parts[:2], *(self._symmetric(part, order) for order, part in enumerate(parts[2:], start=2)))

    @overload
    def hessian(self, points: DataFrame) -> DataFrame: ...
    @overload
    def hessian(self, points: ArrayLike) -> np.ndarray: ...
    def hessian(self, points: Any) -> Any:
        """∂²u/∂xᵢ∂xⱼ (B, M, D, D); of a frame, a column for each of the D (D + 1)/2 that differ.

        Raises:
            jetfit.InputError: those of :meth:`jets`.
        """
        return self.jets(points, 2, "full")[2]

    @overload
    def laplacian(self, points: DataFrame) -> DataFrame: ...
    @overload
    def laplacian(self, points: ArrayLike) -> np.ndarray: ...
    def laplacian(self, points: Any) -> Any:
        """Σ ∂²u/∂xᵢ² (B, M), for less than :meth:`jets`.

        Raises:
            jetfit.InputError: those of :meth:`jets`.
        """
        return self._parts(points, 2, "laplacian")[2]

    def _parts(self, points: Any, order: int, second: str = "diagonal") -> list[Any]:
        """The channels of each order: views of one array (M, C, B), or frames of them."""
        jets = self._core.jets(_arrays.points(points, self.inputs), order, second)
        parts = self._places(order, second)
        if _arrays.is_frame(points):
            names = self._core.columns(order, second)

            def frame(part: slice) -> DataFrame:
                values = jets[:, part].reshape(-1, jets.shape[2]).T
                return _arrays.frame(values, [name for of in names for name in of[part]], points.index)

            return [frame(part) for part in parts]
        views = [jets[:, part].transpose(2, 0, 1) for part in parts]
        # What has one channel whatever D is without that axis.
        alone = [0] if second != "laplacian" else [0, 2, 4]
        return [view[:, :, 0] if order in alone else view for order, view in enumerate(views)]

    def _places(self, order: int, second: str) -> list[slice]:
        """Where the channels of each order lie."""
        count = len(self.inputs)
        counts = [1, *[count] * order]
        if second == "full":
            counts = [comb(count + k - 1, k) for k in range(order + 1)]
        if second == "laplacian":
            # The gradient of the Laplacian is made of all second derivatives, which come before it.
            mixed = count * (count + 1) // 2 if order > 2 else 0
            counts = [1, count, mixed + 1, count, 1][: order + 1]
        ends = list(accumulate(counts))
        slices = [slice(end - count, end) for end, count in zip(ends, counts)]
        if second == "laplacian" and order > 1:
            slices[2] = slice(ends[2] - 1, ends[2])
        return slices

    def _symmetric(self, part: np.ndarray, order: int) -> np.ndarray:
        """Derivatives by ascending inputs (B, M, C) as a tensor with an axis of D for each order."""
        count = len(self.inputs)
        place = np.zeros((count,) * order, dtype=np.intp)
        for channel, by in enumerate(combinations_with_replacement(range(count), order)):
            for same in set(permutations(by)):
                place[same] = channel
        return part[:, :, place]

    # ---- what it is

    @property
    def inputs(self) -> list[str]:
        """The inputs' names (D)."""
        return list(self._about["inputs"])

    @property
    def outputs(self) -> list[str]:
        """The outputs' names (M)."""
        return list(self._about["outputs"])

    @property
    def hidden(self) -> list[int]:
        """The width of each hidden layer."""
        return list(self._about["hidden"])

    @property
    def activations(self) -> list[str]:
        """The activation of each hidden layer."""
        return list(self._about["activations"])

    @property
    def skips(self) -> dict[int, int]:
        """Hidden layers (from 0) that an earlier one's result is added to, and which one."""
        return {layer: skip for layer, skip in enumerate(self._about["skips"]) if skip is not None}

    @property
    def coefficients(self) -> dict[str, float]:
        """The constants that were trained with the network, by name."""
        return {one["name"]: one["value"] for one in self._about["coefficients"]}

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The minimum and maximum of each input in training; empty if unknown."""
        return {name: (low, high) for name, (low, high) in zip(self.inputs, self._about["ranges"])}

    @property
    def scaling(self) -> dict[str, dict[str, np.ndarray]]:
        """``mean`` and ``scale`` of the ``inputs`` (D) and ``outputs`` (M): the layers see x̂ = (x − mean)/scale."""
        scaling = self._about["scaling"]
        return {
            side: {key: np.array(scaling[side][key]) for key in ("mean", "scale")} for side in ("inputs", "outputs")
        }

    @property
    def parameters(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights (out, in) and biases (out) of each layer, in standardised space."""
        layers = self._core.layers()
        return [
            (np.array(weights).reshape(rows, columns), np.array(biases)) for rows, columns, weights, biases in layers
        ]

    @property
    def device(self) -> str:
        """The device that evaluates it: ``cpu (2 threads, AVX-512)``."""
        return self._core.device

    def on(self, device: str, precision: str = "f32") -> Network:
        """The same network on a device: ``"cpu"``, ``"gpu"``, ``"auto"``, or part of an adapter's name. A copy by
        pickle is on the CPU in float64 again.

        Raises:
            jetfit.InputError: for an unknown device or precision.
            jetfit.RunError: if the device cannot be opened.
        """
        return Network(self._core.on(device, precision))

    def save(self, path: PathLike) -> None:
        """Writes a safetensors file, which :func:`jetfit.load`, ``jetfit predict`` and other readers understand."""
        self._core.write(os.fspath(path))

    def export(
        self,
        path: PathLike,
        format: Optional[str] = None,
        *,
        order: int = 2,
        second: str = "diagonal",
        precision: str = "f64",
        name: str = "net",
    ) -> None:
        """Writes a file for another program, which gives u, du and d2u in your units, as ``jetfit export`` does.

        Args:
            path: the file, which is replaced where it is there.
            format: ``"onnx"``, ``"torch"``, ``"c"`` or ``"numpy"``; ONNX for ``.onnx`` and C for ``.c`` and ``.h``.
            order: the highest order of derivatives: 0, 1 or 2.
            second: ``"diagonal"``, ``"laplacian"`` or ``"full"``.
            precision: ``"f32"`` or ``"f64"``.
            name: what C functions are called: ``NAME_value`` and ``NAME_jet``.

        Raises:
            jetfit.InputError: for derivatives that do not exist, and a format that is unknown.
        """
        kinds = {".onnx": "onnx", ".c": "c", ".h": "c"}
        format = format or kinds.get(Path(path).suffix.lower())
        if format is None:
            raise bad_input(os.fspath(path), "the name does not tell the format", "use format='onnx', or another")
        Path(path).write_bytes(self._core.export(format, order, second, precision, name))

    def __reduce__(self):
        return _of_bytes, (self._core.to_bytes(),)

    def __repr__(self) -> str:
        shape = " → ".join(str(width) for width in (len(self.inputs), *self.hidden, len(self.outputs)))
        names = f"({', '.join(self.inputs)}) → ({', '.join(self.outputs)})"
        return f"<jetfit.Network {names}: {shape}, {self._of_layers()}, {self._about['parameters']} parameters>"

    def _of_layers(self) -> str:
        """The activations, once where all are alike."""
        names = self.activations
        return ", ".join(names[:1] if len(set(names)) == 1 else names) or "linear"

    def _repr_html_(self) -> str:
        rows = {
            "inputs": ", ".join(
                f"{name} ∈ [{self.ranges[name][0]:g}, {self.ranges[name][1]:g}]" if name in self.ranges else name
                for name in self.inputs
            ),
            "outputs": ", ".join(self.outputs),
            "hidden layers": f"{', '.join(map(str, self.hidden)) or 'none'} ({self._of_layers()})",
            "parameters": self._about["parameters"],
            **{name: f"{value:.6g}" for name, value in self.coefficients.items()},
        }
        return html_table("jetfit.Network", rows)


def html_table(title: str, rows: dict[str, Any]) -> str:
    """Two columns for a notebook."""
    cells = "".join(
        f'<tr><th style="text-align:left">{html.escape(str(key))}</th>'
        f'<td style="text-align:left">{html.escape(str(value))}</td></tr>'
        for key, value in rows.items()
    )
    return f"<table><caption>{html.escape(title)}</caption>{cells}</table>"


def _of_bytes(data: bytes) -> Network:
    return Network(Core.of_bytes(data))


def load(path: PathLike) -> Network:
    """The network of a run directory or of a model file that jetfit wrote.

    Raises:
        jetfit.InputError: for a directory without a model, and a file that is damaged or no model.
    """
    return Network(Core.read(os.fspath(path)))
