"""Makes measurements.csv: heat in a rod whose conductivity varies, by implicit differences, with noise of 0.2 %."""

import numpy as np

cells, steps = 400, 4000
x = np.linspace(0, 1, cells + 1)
h, dt = 1 / cells, 1 / steps


def k(x):
    return 0.1 * (1 + np.exp(-20 * (x - 0.6) ** 2))


# -(k u_x)_x between two halves of neighbouring cells; the ends are held at 0.
halves = k(0.5 * (x[1:] + x[:-1])) / h**2
inner = np.diag(halves[1:] + halves[:-1]) - np.diag(halves[1:-1], 1) - np.diag(halves[1:-1], -1)
# Crank-Nicolson, the same step again and again.
step = np.linalg.solve(np.eye(cells - 1) + 0.5 * dt * inner, np.eye(cells - 1) - 0.5 * dt * inner)
u = [np.sin(np.pi * x) + 0.5 * np.sin(2 * np.pi * x)]
for _ in range(steps):
    u.append(np.concatenate([[0], step @ u[-1][1:-1], [0]]))

rng = np.random.default_rng(1)
rows = np.stack([rng.integers(1, cells, 800), rng.integers(0, steps + 1, 800)], axis=1)
with open("measurements.csv", "w") as file:
    file.write("x,t,u_measured\n")
    for i, n in rows:
        value = u[n][i] + 0.002 * rng.standard_normal()
        file.write(f"{x[i]:.6g},{n * dt:.6g},{value:.5f}\n")
