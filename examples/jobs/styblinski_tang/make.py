"""Writes samples of the Styblinski-Tang function with its exact derivatives: twenty.csv, hundred.csv.

    f(x, y) = g(x) + g(y),  g(t) = (t^4 - 16 t^2 + 5 t)/2,  on [-5, 5]^2

The points are the first ones of the R2 sequence (Roberts 2018), which spreads any number of points evenly,
drawn towards the edges as Chebyshev's nodes are: a fit is at its worst beyond its outermost samples.
"""

import csv
import math

PLASTIC = 1.32471795724474602596  # the root of t^3 = t + 1


def g(t):
    return (t**4 - 16 * t**2 + 5 * t) / 2, (4 * t**3 - 32 * t + 5) / 2, (12 * t**2 - 32) / 2


def write(name, count, seconds):
    with open(name, "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["x", "y", "u", "du_dx", "du_dy"] + (["d2u_dx2", "d2u_dy2"] if seconds else []))
        for k in range(1, count + 1):
            x, y = (-5 * math.cos(math.pi * ((0.5 + k / PLASTIC**power) % 1)) for power in (1, 2))
            (a, da, dda), (b, db, ddb) = g(x), g(y)
            rows.writerow([x, y, a + b, da, db] + ([dda, ddb] if seconds else []))


write("twenty.csv", 20, True)
write("hundred.csv", 100, False)
