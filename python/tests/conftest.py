"""Networks and data that the tests share."""

import numpy as np
import pytest

import jetfit


def truth(points):
    """sin(x) exp(t/2) and x² t, in awkward units."""
    x, t = points[:, 0], points[:, 1]
    return np.column_stack([np.sin(x) * np.exp(t / 2), 100 * x**2 * t])


@pytest.fixture(scope="session")
def rows():
    random = np.random.default_rng(7)
    points = random.uniform([-1.0, 0.0], [2.0, 1.0], (129, 2))
    return points, truth(points)


@pytest.fixture(scope="session")
def net(rows):
    """Two inputs, two outputs, fitted well enough that no derivative is near 0."""
    return jetfit.fit(
        *rows,
        inputs=["x", "t"],
        outputs=["u", "v"],
        hidden=[12, 7],
        optimizer="lbfgs",
        steps=200,
        precision="f64",
        seed=3,
    )
