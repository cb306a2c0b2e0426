"""Writes sine.csv, the data, and truth.csv, what is known on the grid: plain Python, no packages."""

import math
import pathlib

here = pathlib.Path(__file__).parent


def write(name, count):
    xs = [-10 + 20 * i / (count - 1) for i in range(count)]
    rows = [f"{x:.10g},{math.sin(x):.10g},{math.cos(x):.10g},{-math.sin(x):.10g}\n" for x in xs]
    (here / name).write_text("x,y,dy_dx,d2y_dx2\n" + "".join(rows))


write("sine.csv", 1000)
write("truth.csv", 1001)
