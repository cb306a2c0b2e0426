"""Writes truth.csv, the solution of Burgers' equation by the Cole-Hopf transform: plain Python, no
packages. nu = 0.01/pi, u(x, 0) = -sin(pi x), u(-1, t) = u(1, t) = 0.

u(x, t) = -∫ sin(pi (x - z)) w(z) dz / ∫ w(z) dz with w = f(x - z) exp(-z^2/(4 nu t)), f(y) =
exp(-cos(pi y)/(2 pi nu)). The trapezoidal rule over z converges geometrically."""

import math
import pathlib

NU = 0.01 / math.pi
NODES = 4000


def solution(x, t):
    if t == 0:
        return -math.sin(math.pi * x)
    width = math.sqrt(4 * NU * t)
    # The largest exponent is taken out, so that nothing overflows.
    zs = [width * (-9 + 18 * k / NODES) for k in range(NODES + 1)]
    exponents = [-math.cos(math.pi * (x - z)) / (2 * math.pi * NU) - (z / width) ** 2 for z in zs]
    largest = max(exponents)
    weights = [math.exp(e - largest) for e in exponents]
    above = sum(w * math.sin(math.pi * (x - z)) for w, z in zip(weights, zs))
    return -above / sum(weights)


rows = ["x,t,u\n"]
for i in range(101):
    for j in range(51):
        x, t = -1 + 2 * i / 100, j / 50
        rows.append(f"{x:.10g},{t:.10g},{solution(x, t):.10g}\n")
(pathlib.Path(__file__).parent / "truth.csv").write_text("".join(rows))
