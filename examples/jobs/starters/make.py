"""Writes the data of the starter jobs: curve.csv, sobolev.csv, inverse.csv."""

import math
import pathlib
import random

here = pathlib.Path(__file__).parent
random.seed(1)


def write(name, header, rows):
    lines = [",".join(f"{cell:.8g}" for cell in row) + "\n" for row in rows]
    (here / name).write_text(header + "\n" + "".join(lines))


# A cart on a rail: where it was, to about a centimetre.
times = sorted(random.uniform(0, 10) for _ in range(200))
write("curve.csv", "t,s", [(t, math.sin(0.8 * t) + 0.12 * t + random.gauss(0, 0.01)) for t in times])

# A function whose slope is known, too.
points = [-3 + 6 * k / 19 for k in range(20)]
write("sobolev.csv", "x,y,dy_dx", [
    (x, math.exp(-x * x / 4) * math.cos(2 * x),
     -math.exp(-x * x / 4) * (x / 2 * math.cos(2 * x) + 2 * math.sin(2 * x)))
    for x in points
])

# A damped oscillator, u_tt + 0.5 u_t + 4 u = 0, released from u = 1 at rest.
decay, omega = 0.25, math.sqrt(4 - 0.25**2)
swing = lambda t: math.exp(-decay * t) * (math.cos(omega * t) + decay / omega * math.sin(omega * t))
times = [8 * k / 79 for k in range(80)]
write("inverse.csv", "t,measured", [(t, swing(t) + random.gauss(0, 0.01)) for t in times])
