"""Writes curve.csv: 200 values of sin x with noise of 5 %, and truth.csv without it."""

import math
import pathlib
import random

here = pathlib.Path(__file__).parent
random.seed(3)
xs = [random.uniform(-4, 4) for _ in range(200)]
rows = [f"{x:.10g},{math.sin(x) + random.gauss(0, 0.05):.10g}\n" for x in xs]
(here / "curve.csv").write_text("x,y\n" + "".join(rows))
xs = [-4 + 8 * i / 400 for i in range(401)]
rows = [f"{x:.10g},{math.sin(x):.10g},{math.cos(x):.10g},{-math.sin(x):.10g}\n" for x in xs]
(here / "truth.csv").write_text("x,y,dy_dx,d2y_dx2\n" + "".join(rows))
