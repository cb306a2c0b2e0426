"""scikit-learn's estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np

try:
    from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("jetfit.Regressor needs scikit-learn 1.6 or later; jetfit.fit does not") from error

from . import _arrays, _job
from ._fit import fit
from ._listen import Callback


class Regressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """A multilayer perceptron that predicts values with their exact derivatives.

    Inputs and outputs are standardised inside, so that no scaler is needed, and all derivatives are in the units of X
    and y. A parameter that is None has the default of a job file; where one input and noisy values leave everything
    open, network and optimizer are chosen by evidence.

    Args:
        hidden: the width of each hidden layer.
        activation: one of :func:`jetfit.activations`.
        optimizer: ``"adam"``, ``"adamw"``, ``"lbfgs"``, ``"gauss-newton"`` or ``"evidence"``.
        learning_rate: Adam's rate.
        steps: how many steps at most.
        batch_size: rows in a step of Adam; all by default.
        validation_fraction: the part of the rows that judges; by default a tenth of 50 rows or more.
        early_stopping: ends after so many reports without a lower validation loss.
        max_seconds: a time limit.
        device: ``"auto"``, ``"cpu"``, ``"gpu"``, or part of a GPU's name.
        precision: ``"f32"`` or ``"f64"``, in training.
        job: more of a job file, a dict of sections: ``{"loss": {"curvature": "auto"}}``.
        random_state: the seed of initial weights, split and shuffles.
        callback: is called with a :class:`jetfit.Report` at each report; ``StopIteration`` ends the training.
        verbose: shows progress on stderr.

    Attributes:
        network_: the :class:`jetfit.Fitted` network.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
        n_iter_: steps done.
        loss_: the training loss.
    """

    def __init__(
        self,
        hidden: Optional[Sequence[int]] = None,
        activation: Optional[str] = None,
        *,
        optimizer: Optional[str] = None,
        learning_rate: Optional[float] = None,
        steps: Optional[int] = None,
        batch_size: Optional[int] = None,
        validation_fraction: Optional[float] = None,
        early_stopping: Optional[int] = None,
        max_seconds: Optional[float] = None,
        device: Optional[str] = None,
        precision: Optional[str] = None,
        job: Optional[Mapping[str, Any]] = None,
        random_state: Union[int, np.random.RandomState, None] = None,
        callback: Optional[Callback] = None,
        verbose: bool = False,
    ):
        self.hidden = hidden
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.steps = steps
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.max_seconds = max_seconds
        self.device = device
        self.precision = precision
        self.job = job
        self.random_state = random_state
        self.callback = callback
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        dy: Any = None,
        d2y: Any = None,
        row_weights: Any = None,
        d3y: Any = None,
        d4y: Any = None,
    ) -> Regressor:
        """Fits X (B, D) and y (B, M) or (B).

        Args:
            dy, d2y, row_weights, d3y, d4y: as for :func:`jetfit.fit`.
        """
        names, of = X, y
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, ensure_min_samples=2)
        self._is_flat = y.ndim == 1
        keys = (
            "hidden activation optimizer learning_rate steps batch_size validation_fraction early_stopping max_seconds "
            "device precision"
        ).split()
        seed = self.random_state
        if not isinstance(seed, (int, np.integer)):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        job = _job.sections({**{key: getattr(self, key) for key in keys}, "seed": int(seed)})
        self.network_ = fit(
            X,
            y,
            dy=dy,
            d2y=d2y,
            d3y=d3y,
            d4y=d4y,
            row_weights=row_weights,
            inputs=_arrays.names_of(names, "x", X.shape[1]),
            outputs=_arrays.names_of(of, "y", 1 if self._is_flat else y.shape[1]),
            callback=self.callback,
            verbose=self.verbose,
            **_merged(job, dict(self.job or {})),
        )
        self.n_iter_ = self.network_.report["steps"]
        self.loss_ = self.network_.report["training_loss"]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """y (B, M), or (B) where it was so in :meth:`fit`."""
        points = self._points(X)
        values = self.network_.value(points)
        return values[:, 0] if self._is_flat else np.ascontiguousarray(values)

    def jets(self, X: Any, order: int = 2, second: str = "diagonal") -> tuple[Any, ...]:
        """y (B, M), ∂y/∂xᵢ (B, M, D) and ∂²y/∂xᵢ² (B, M, D), up to an ``order`` from 0 to 4, as :meth:`Network.jets`
        gives them; of a DataFrame, as many DataFrames."""
        return self._derived("jets", X, order, second)

    def gradient(self, X: Any) -> Any:
        """∂y/∂xᵢ (B, M, D)."""
        return self._derived("gradient", X)

    def hessian(self, X: Any) -> Any:
        """∂²y/∂xᵢ∂xⱼ (B, M, D, D)."""
        return self._derived("hessian", X)

    def laplacian(self, X: Any) -> Any:
        """Σ ∂²y/∂xᵢ² (B, M)."""
        return self._derived("laplacian", X)

    def _derived(self, what: str, X: Any, *more: Any) -> Any:
        points = self._points(X)
        if _arrays.is_frame(X):
            points = _arrays.frame(points, self.network_.inputs, X.index)
        return getattr(self.network_, what)(points, *more)

    def _points(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=np.float64, reset=False))


Regressor.__module__ = "jetfit"


def _merged(job: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `more` over those of `job`, section by section."""
    joined = dict(job)
    for name, section in more.items():
        both = isinstance(section, Mapping) and isinstance(joined.get(name), Mapping)
        joined[name] = {**joined[name], **section} if both else section
    return joined
