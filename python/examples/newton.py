# %% [markdown]
# # Newton's method on a network
#
# A fitted network replaces an expensive function. Its exact gradient and Hessian find the minimum in a few steps, and
# say how well it is determined. Data comes and goes as DataFrames.

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import jetfit

# %% [markdown]
# An experiment with two settings, pressure in bar and temperature in K, and the costs that came out.

# %%
random = np.random.default_rng(3)
experiment = pd.DataFrame({"pressure": random.uniform(1, 9, 400), "temperature": random.uniform(280, 420, 400)})


def costs(pressure, temperature):
    a, b = (pressure - 4) / 2, (temperature - 350) / 40
    return 10 + a**2 + b**2 + 0.5 * a * b + 0.1 * np.exp(a / 2)


experiment["costs"] = costs(experiment.pressure, experiment.temperature)
net = jetfit.fit(
    experiment[["pressure", "temperature"]],
    experiment["costs"],
    hidden=[16, 16],
    optimizer="gauss-newton",
    steps=60,
    seed=1,
)

# %% [markdown]
# The network is a file, which other programs load.

# %%
with tempfile.TemporaryDirectory() as directory:
    path = Path(directory) / "costs.safetensors"
    net.save(path)
    net = jetfit.load(path)
net.jets(experiment)[1].describe()  # the columns dcosts_dpressure and dcosts_dtemperature

# %%
point = np.array([[2.0, 400.0]])
for step in range(12):
    gradient = net.gradient(point)[0, 0]  # (D)
    hessian = net.hessian(point)[0, 0]  # (D, D)
    move = np.linalg.solve(hessian, -gradient)
    point = point + move
    print(
        f"{step}: pressure {point[0, 0]:.6f} bar, temperature {point[0, 1]:.6f} K, last move {np.abs(move).max():.1e}"
    )
    if np.abs(move).max() < 1e-9:
        break

# %% [markdown]
# SciPy's optimizers take the same functions, where SciPy is there.

# %%
try:
    from scipy.optimize import minimize
except ImportError:
    minimize = None
if minimize is not None:
    found = minimize(
        lambda x: net.value(x[None])[0, 0],
        [2.0, 400.0],
        jac=lambda x: net.gradient(x[None])[0, 0],
        hess=lambda x: net.hessian(x[None])[0, 0],
        method="trust-exact",
        options={"gtol": 1e-10},
    )
    print(found.x, found.nit)
    assert np.allclose(found.x, point[0], atol=1e-4), (found.x, point)

# %% [markdown]
# Against the truth, whose minimum follows from a fine grid around it.

# %%
pressures = np.linspace(point[0, 0] - 0.1, point[0, 0] + 0.1, 2001)
temperatures = np.linspace(point[0, 1] - 2, point[0, 1] + 2, 2001)
table = costs(pressures[:, None], temperatures[None, :])
i, j = np.unravel_index(table.argmin(), table.shape)
print(f"truth: pressure {pressures[i]:.4f} bar, temperature {temperatures[j]:.4f} K")
assert step < 11 and abs(point[0, 0] - pressures[i]) < 0.01 and abs(point[0, 1] - temperatures[j]) < 0.2
assert np.linalg.eigvalsh(hessian).min() > 0
