"""The truth of job.toml: Fourier modes in x, exponential time differencing in t (ETDRK4, Kassam and Trefethen 2005).

    python make.py        # needs numpy; writes truth.csv beside itself
"""

from pathlib import Path

import numpy as np

MODES, STEPS, KEPT_X, KEPT_T, END = 256, 1000, 64, 21, 0.1

k = np.fft.fftfreq(MODES, 1 / MODES)
x = 2 * np.pi * np.arange(MODES) / MODES
a, b, c = 100 / 16, 100 / 16**2, 100 / 16**4
# u_t + a u u_x + b u_xx + c u_xxxx = 0
linear = b * k**2 - c * k**4
h = END / STEPS
# Contour integrals, which do not cancel where linear·h is near 0.
roots = np.exp(1j * np.pi * (np.arange(1, 65) - 0.5) / 64)
z = h * linear[:, None] + roots
mean = lambda values: h * values.mean(axis=1).real
q = mean((np.exp(z / 2) - 1) / z)
f1 = mean((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3)
f2 = mean((2 + z + np.exp(z) * (z - 2)) / z**3)
f3 = mean((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3)
whole, half = np.exp(h * linear), np.exp(h * linear / 2)
keep = np.abs(k) < MODES / 3
nonlinear = lambda v: -0.5j * a * k * keep * np.fft.fft(np.fft.ifft(v * keep).real ** 2)

v = np.fft.fft(np.cos(x) * (1 + np.sin(x)))
rows = []
for step in range(STEPS + 1):
    if step % (STEPS // (KEPT_T - 1)) == 0:
        u = np.fft.ifft(v).real[:: MODES // KEPT_X]
        rows += [(x[j * MODES // KEPT_X], step * h, u[j]) for j in range(KEPT_X)]
    n = nonlinear(v)
    first = half * v + q * n
    n1 = nonlinear(first)
    second = half * v + q * n1
    n2 = nonlinear(second)
    third = half * first + q * (2 * n2 - n)
    v = whole * v + f1 * n + 2 * f2 * (n1 + n2) + f3 * nonlinear(third)
lines = [f"{x:.15g},{t:.15g},{u:.9g}" for x, t, u in sorted(rows)]
Path(__file__).with_name("truth.csv").write_text("\n".join(["x,t,u", *lines]) + "\n")
