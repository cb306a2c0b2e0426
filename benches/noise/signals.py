"""PyNumDiff's simulated signals with their first and second derivatives, sampled evenly or not, with noise."""

from functools import cache
from zlib import crc32

import numpy as np
from pynumdiff.utils import simulate
from scipy.interpolate import make_interp_spline

NAMES = ["sine", "triangle", "pop_dyn", "linear_autonomous", "pi_cruise_control", "lorenz_x"]
LEVELS = [0.01, 0.05, 0.2]  # deviation of the noise over that of the signal
COUNTS = [200, 2000]
SAMPLINGS = ["even", "uneven"]
DURATION = 4.0  # seconds
STEP = 1e-4  # of the simulation
# PyNumDiff's tuning without truth asks for the band of the signal: the highest frequency of interest (Hz), as its
# documentation reads it from the power spectrum or from peaks a second.
BANDLIMIT = {
    "sine": 3, "triangle": 3, "pop_dyn": 1, "linear_autonomous": 3, "pi_cruise_control": 5, "lorenz_x": 3,
}


@cache
def exact(name):
    """Times, signal, first and second derivative at every step of the simulation."""
    quiet = dict(duration=DURATION, noise_parameters=(0, 0))
    if name == "pi_cruise_control":
        # Its dynamics depend on the step, which stays PyNumDiff's own; a spline joins its 400 values.
        _, _, velocity = simulate.pi_cruise_control(dt=0.01, simdt=0.01, **quiet)
        spline = make_interp_spline(0.01 * np.arange(len(velocity)), velocity, k=5)
        times = np.arange(0, 0.01 * (len(velocity) - 1), STEP)
        return times, spline.antiderivative()(times), spline(times), spline.derivative()(times)
    _, position, velocity = getattr(simulate, name)(dt=STEP, simdt=STEP, **quiet)
    times = STEP * np.arange(len(position))
    position, velocity = np.asarray(position, float), np.asarray(velocity, float)
    if name == "triangle":
        return times, position, velocity, np.zeros_like(times)  # 0 but at the corners, where there is none
    return times, position, velocity, np.gradient(velocity, times, edge_order=2)


def case(name, level, count, sampling, seed=0):
    """Times (N), measurements, and the true signal with its two derivatives there."""
    columns = exact(name)
    random = np.random.default_rng([crc32(f"{name} {level} {count} {sampling}".encode()), seed])
    last = len(columns[0])
    if sampling == "even":
        rows = np.arange(count) * (last // count)
    else:
        rows = np.sort(random.choice(last, count, replace=False))
    times, signal, first, second = (column[rows] for column in columns)
    noisy = signal + level * np.std(signal) * random.standard_normal(count)
    return times, noisy, signal, first, second


def cases(seeds=1):
    for count in COUNTS:
        for name in NAMES:
            for level in LEVELS:
                for sampling in SAMPLINGS:
                    for seed in range(seeds):
                        yield name, level, count, sampling, seed


def relative(found, truth):
    return float(np.linalg.norm(np.asarray(found) - truth) / np.linalg.norm(truth))
