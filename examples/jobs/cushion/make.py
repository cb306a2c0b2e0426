"""Writes cushion.csv, the measurement, and truth.csv, what is known on a grid: plain Python, no packages.

An air cushion lifts a plate. Air at the pressure p (Pa above the room's) passes an orifice, which
takes K sqrt(p - r) at the cushion's own pressure r, and leaves through the gap h (m) under the rim,
which takes C h^3 r. With s = (C h^3 / K)^2 the balance is s r^2 + r = p. Measured are the lifting
force (N) and the flow (m^3/s), each the mean of one to four readings.
"""

import math
import pathlib
import random

here = pathlib.Path(__file__).parent

AREA = 0.04  # m^2
K = 2.5e-5  # m^3/s/sqrt(Pa): an orifice of 6 mm
S, H0 = 2.5e-4, 1.5e-3  # s = S (h/H0)^6; S in 1/Pa, H0 in m
PRESSURE, GAP = (2000.0, 9000.0), (0.5e-3, 2.5e-3)
NOISE = {"force": 0.3, "flow": 2e-6}  # of one reading


def jet(p, h):
    """force and flow, each with its first and its second derivative with respect to p and to h."""
    s = S * (h / H0) ** 6
    r = 2 * p / (1 + math.sqrt(1 + 4 * s * p))
    root = 1 + 2 * s * r  # d(s r^2 + r)/dr
    r_p, r_pp = 1 / root, -2 * s / root**3
    # With respect to s at fixed p, then through s(h).
    r_s = -r * r / root
    r_ss = -(4 * r * r_s + 2 * s * r_s**2) / root
    s_h, s_hh = 6 * s / h, 30 * s / h**2
    r_h, r_hh = r_s * s_h, r_ss * s_h**2 + r_s * s_hh
    c = K * math.sqrt(s)
    c_h, c_hh = 3 * c / h, 6 * c / h**2
    force = [AREA * d for d in (r, r_p, r_h, r_pp, r_hh)]
    flow = [c * r, c * r_p, c_h * r + c * r_h, c * r_pp, c_hh * r + 2 * c_h * r_h + c * r_hh]
    return force + flow


def write(name, columns, rows):
    lines = [",".join(f"{x:.8g}" for x in row) for row in rows]
    (here / name).write_text("\n".join([columns, *lines]) + "\n")


def measurement(count):
    draw = random.Random(2025)
    for _ in range(count):
        p, h = draw.uniform(*PRESSURE), draw.uniform(*GAP)
        readings = draw.randint(1, 4)
        truth = jet(p, h)
        force = truth[0] + draw.gauss(0, NOISE["force"] / math.sqrt(readings))
        flow = truth[5] + draw.gauss(0, NOISE["flow"] / math.sqrt(readings))
        yield round(p, 1), round(h, 8), round(force, 3), round(flow, 9), readings


def grid(count):
    steps = [i / (count - 1) for i in range(count)]
    for a in steps:
        for b in steps:
            p, h = PRESSURE[0] + a * (PRESSURE[1] - PRESSURE[0]), GAP[0] + b * (GAP[1] - GAP[0])
            yield p, h, *jet(p, h)


entries = ",".join(f"{u},d{u}_dp,d{u}_dh,d2{u}_dp2,d2{u}_dh2" for u in ("force", "flow"))
write("cushion.csv", "p,h,force,flow,readings", measurement(3000))
write("truth.csv", f"p,h,{entries}", grid(41))
