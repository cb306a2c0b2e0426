"""What the peers make of a case: first and second derivative at its times, by method.

PyNumDiff's methods are tuned by PyNumDiff's own optimiser: without truth (`bandlimit`), or, as `… (truth)`, by the true
first derivative, which nobody has. They give the first derivative; the second is the tuned method applied once more to
it, or numpy's gradient of it (`∇`).
"""

import warnings

import numpy as np
import pynumdiff
from pynumdiff.optimize import optimize
from scipy.interpolate import make_smoothing_spline
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from signals import BANDLIMIT

UNEVEN = {"splinediff", "rtsdiff"}  # those that take times


def spline(times, noisy):
    """scipy's smoothing spline, its weight by generalised cross-validation."""
    found = make_smoothing_spline(times, noisy)
    return found(times, 1), found(times, 2)


def gaussian_process(times, noisy):
    """scikit-learn's, RBF and noise by the marginal likelihood; derivatives of the mean, exactly."""
    scale, size, middle = times.std(), noisy.std(), noisy.mean()
    x = (times - times.mean()) / scale
    kernel = ConstantKernel(1.0, (1e-3, 1e6)) * RBF(0.3, (1e-3, 1e2)) + WhiteKernel(1e-2, (1e-9, 1e2))
    restarts = 3 if len(x) < 500 else 0
    process = GaussianProcessRegressor(kernel, n_restarts_optimizer=restarts, random_state=0)
    process.fit(x[:, None], (noisy - middle) / size)
    signal = process.kernel_.k1
    length = signal.k2.length_scale
    apart = x[:, None] - x[None]
    covariance = signal(x[:, None])
    first = -(apart / length**2 * covariance) @ process.alpha_
    second = ((apart**2 / length**4 - 1 / length**2) * covariance) @ process.alpha_
    return first * size / scale, second * size / scale**2


def pynumdiff_method(name, case, times, noisy, truth=None):
    method = getattr(pynumdiff, name)
    step = (times[-1] - times[0]) / (len(times) - 1)
    is_even = np.allclose(np.diff(times), step)
    where = step if is_even else times
    # The optimiser integrates with trapezoids over `dt`, times or a step.
    known = dict(dxdt_truth=truth) if truth is not None else dict(bandlimit=BANDLIMIT[case])
    tuned, _ = optimize(method, noisy, where if is_even else times, parallel=False, **known)
    first = method(noisy, where, **tuned)[1]
    return first, method(first, where, **tuned)[1], np.gradient(first, times)


def all_of(case, sampling, times, noisy, first, methods, with_truth):
    """(method, first, second) one after the other."""
    warnings.simplefilter("ignore")
    yield "smoothing spline (GCV)", *spline(times, noisy)
    yield "Gaussian process", *gaussian_process(times, noisy)
    for name in methods if sampling == "even" else UNEVEN.intersection(methods):
        for truth, label in ((None, name), (first, f"{name} (truth)"))[: 1 + with_truth]:
            try:
                found, twice, gradient = pynumdiff_method(name, case, times, noisy, truth)
            except Exception as error:  # e.g. the optimiser takes no uneven times without truth
                yield label, None, str(error)
                continue
            yield label, found, twice
            yield f"{label} ∇", found, gradient
