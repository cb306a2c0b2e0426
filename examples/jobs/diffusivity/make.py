"""Makes measurements.csv: diffusion whose coefficient grows with the solution, by explicit differences, with noise of
0.2 %."""

import numpy as np

cells, steps = 200, 20000
x = np.linspace(0, 1, cells + 1)
h, dt = 1 / cells, 1 / steps


def c(u):
    return 0.05 + 0.1 * u**2


u = [np.sin(np.pi * x)]
for _ in range(steps):
    now = u[-1]
    flux = c(0.5 * (now[1:] + now[:-1])) * np.diff(now) / h
    change = np.zeros_like(now)
    change[1:-1] = dt * np.diff(flux) / h
    u.append(now + change)

rng = np.random.default_rng(1)
rows = np.stack([rng.integers(1, cells, 800), rng.integers(0, steps + 1, 800)], axis=1)
with open("measurements.csv", "w") as file:
    file.write("x,t,u_measured\n")
    for i, n in rows:
        value = u[n][i] + 0.002 * rng.standard_normal()
        file.write(f"{x[i]:.6g},{n * dt:.6g},{value:.5f}\n")
