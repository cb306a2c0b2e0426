# %% [markdown]
# # A heat equation, and its unknown conductivity
#
# A rod is warm in the middle and cold at its ends: `u_t = k u_xx`, `u(0, t) = u(1, t) = 0`, `u(x, 0) = sin(πx)`.
# The exact solution is `exp(-k π² t) sin(πx)`.

# %%
import numpy as np

import jetfit

k = 0.1
run = jetfit.solve(
    {"heat": f"u_t = {k}*u_xx"},
    {"x": (0, 1), "t": (0, 1)},
    conditions={"boundary": "u = 0", "t = 0": "u = sin(pi*x)"},
    points=500,
    hidden=[16, 16],
    optimizer="gauss-newton",
    steps=60,
    seed=1,
    truth={"expressions": {"u": f"exp(-{k}*pi^2*t)*sin(pi*x)"}},
)
run  # a notebook shows the picture and a table

# %% [markdown]
# The run holds the course of the training, the predictions on a grid with their derivatives, and the network.

# %%
print(run.metrics[["step", "loss", "validation"]].tail(3))
print(run.predictions.describe().loc[["min", "max"]])
errors = {one["name"]: one["value"] for one in run.report["relative_errors"]}
errors

# %% [markdown]
# The equation holds between the points too: its residual from the network's exact derivatives.

# %%
random = np.random.default_rng(0)
points = random.uniform(size=(2000, 2))
_, first, second = run.model.jets(points)  # (B, 1, D): by x and by t
residual = first[:, 0, 1] - k * second[:, 0, 0]
print(f"root mean square of the residual {np.sqrt(np.mean(residual**2)):.1e}")

# %% [markdown]
# The other way round: from 60 noisy temperatures, how large is `k`?

# %%
rows = random.uniform(size=(60, 2))
measured = np.exp(-k * np.pi**2 * rows[:, 1]) * np.sin(np.pi * rows[:, 0]) + random.normal(0, 0.01, 60)
net = jetfit.fit(
    rows,
    measured,
    inputs=["x", "t"],
    outputs=["u"],
    variables={"x": (0, 1), "t": (0, 1)},
    coefficients={"k": 1.0},
    term=[{"name": "heat", "residual": "u_t = k*u_xx", "points": {"count": 1000}}],
    hidden=[8, 8],
    optimizer="gauss-newton",
    steps=60,
    validation_fraction=0,
    seed=1,
)
(found,) = net.report["coefficients"]
print(f"k = {found['value']:.4f} ± {found['standard_error']:.4f}")

# %%
assert errors["u"] < 1e-3, errors
assert np.sqrt(np.mean(residual**2)) < 1e-2
assert abs(found["value"] - k) < 5 * found["standard_error"] < 0.02, found
