"""Writes measurements.csv: 500 values of the solution in ../burgers/truth.csv at places drawn at random,
with 1 % of their spread as noise."""

import csv
import pathlib
import random
import statistics

here = pathlib.Path(__file__).parent
random.seed(5)
with open(here.parent / "burgers" / "truth.csv") as file:
    rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
noise = 0.01 * statistics.pstdev(u for _, _, u in rows)
text = "x,t,u_measured\n"
for x, t, u in random.sample(rows, 500):
    text += f"{x:.10g},{t:.10g},{u + random.gauss(0, noise):.10g}\n"
(here / "measurements.csv").write_text(text)
