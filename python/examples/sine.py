# %% [markdown]
# # Exact derivatives of a fitted curve
#
# The question of many who train a network in Keras: 1000 values of sin x are given; what are the first and second
# derivatives of the network, and are they right?

# %%
import numpy as np

import jetfit

x = np.linspace(0.0, 2.0 * np.pi, 1000)
y = np.sin(x)

# %% [markdown]
# `Regressor` is an estimator of scikit-learn. Inputs and outputs are standardised inside, and all derivatives are in
# the units of `x` and `y`.

# %%
model = jetfit.Regressor(hidden=[32], optimizer="gauss-newton", steps=100, random_state=1).fit(x[:, None], y)
model.score(x[:, None], y)

# %%
u, du, d2u = model.jets(x[:, None])  # (B, 1), (B, 1, 1), (B, 1, 1)
errors = {
    "y": np.abs(u[:, 0] - np.sin(x)).max(),
    "dy/dx": np.abs(du[:, 0, 0] - np.cos(x)).max(),
    "d2y/dx2": np.abs(d2u[:, 0, 0] + np.sin(x)).max(),
}
for name, error in errors.items():
    print(f"{name:8} largest error {error:.1e}")

# %% [markdown]
# Ten values say little about the second derivative. Ten values with their measured slopes do.

# %%
few = x[::111]
settings = dict(hidden=[8], optimizer="gauss-newton", steps=60, seed=1)
plain = jetfit.fit(few, np.sin(few), **settings)
slopes = jetfit.fit(few, np.sin(few), dy=np.cos(few), **settings)
of_second = [np.abs(net.jets(x)[2][:, 0, 0] + np.sin(x)).max() for net in (plain, slopes)]
print(f"second derivative from {len(few)} values {of_second[0]:.1e}, with their slopes {of_second[1]:.1e}")

# %%
assert errors["y"] < 1e-5 and errors["dy/dx"] < 1e-4 and errors["d2y/dx2"] < 1e-2, errors
assert of_second[1] < 0.1 < of_second[0], of_second
slopes
