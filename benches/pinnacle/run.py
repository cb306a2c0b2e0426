"""run.py JETFIT SECONDS THREADS [TASK...]: trains the jobs of examples/pinnacle, evaluates them at the points of their truth, and
prints the table. The error is the benchmark's: relative L2 over all points and outputs. NumPy alone."""
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tasks import TASKS

JOBS = Path(__file__).parents[2] / "examples" / "pinnacle"
RUNS = Path("runs/pinnacle")


def table(text):
    lines = text.strip().split("\n")
    names = lines[0].split(",")
    return names, np.array([[float(cell or "nan") for cell in line.split(",")] for line in lines[1:]]).reshape(-1, len(names))


def write(path, names, rows):
    np.savetxt(path, rows, delimiter=",", header=",".join(names), comments="", fmt="%.12g")


def jetfit(*arguments):
    done = subprocess.run([JETFIT, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode not in (0, 75):       # 75: the limit in time
        raise SystemExit(f"{' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stdout


def predict(run, names, rows, order=0):
    points = RUNS / "points.csv"
    write(points, names, rows)
    return table(jetfit("predict", run, "--points", points, "--order", order, "--out", "-"))


def train(job, run, seconds, *more):
    jetfit("train", job, "--out", run, "--force", "--threads", THREADS, "--max-seconds", f"{seconds:.0f}", *more)


def columns(names, rows, wanted):
    return rows[:, [names.index(name) for name in wanted]]


def single(task, names, truth, inputs, outputs):
    run = RUNS / task.name
    train(JOBS / f"{task.name}.toml", run, SECONDS)
    return columns(*predict(run, names[:inputs], truth[:, :inputs]), outputs)


def continued(job, run):
    """The job beside itself with the network of `run`, which brings its shape and transforms, as its start."""
    text = re.sub(r"\[transforms\]\n(?:(?!\[).*\n)*", "", job.read_text())
    network = re.search(r"\[network\]\n(?:(?!\[).*\n)*", text)
    kept = re.findall(r"(?m)^(?:outputs|scales) = .*\n", network[0])
    section = "[network]\n" + "".join(kept) + f'start = "{run.resolve()}"\n\n'
    path = job.with_suffix(".now.toml")
    path.write_text(text[: network.start()] + section + text[network.end() :])
    return path


def windows(task, names, truth, inputs, outputs):
    """Trains one window of time after another. Each goes on from the one before: from its network, if `task.warm`, and from
    its end, whose values at the points of NAME_start.csv it reads from NAME_now.csv. After the last window the last `task.period` repeats, or if there is none 0 stands."""
    began, ends, period = time.time(), task.windows, task.period
    start = JOBS / "data" / f"{task.name}_start.csv"
    start_names, state = table(start.read_text())
    t = truth[:, inputs - 1].copy()
    if period:
        late = t > ends[-1]
        t[late] = ends[-1] - period + (t[late] - ends[-1]) % period
    found = np.zeros((len(truth), len(outputs)))
    run = None
    for number, (low, high) in enumerate(zip(ends, ends[1:])):
        state[:, inputs - 1] = low
        if run:
            said = predict(run, names[:inputs], state[:, :inputs], 1)
            state[:, inputs:] = columns(*said, [name.removesuffix("_start") for name in start_names[inputs:]])
        write(start.with_name(f"{task.name}_now.csv"), start_names, state)
        job = JOBS / f"{task.name}.toml"
        if run and task.warm:
            job = continued(job, run)
        run = RUNS / task.name / str(number)
        left = (SECONDS - (time.time() - began)) / (len(ends) - 1 - number)
        train(job, run, max(left, 1), "--set", f"variables.t=[{low},{high}]")
        here = (t >= low if number == 0 else t > low) & (t <= high)
        if here.any():
            found[here] = columns(*predict(run, names[:inputs], np.c_[truth[here, : inputs - 1], t[here]]), outputs)
    return found


def main():
    RUNS.mkdir(parents=True, exist_ok=True)
    print("| task | error | best published | seconds | truth | |\n|---|---|---|---|---|---|")
    for task in TASKS:
        if NAMES and task.name not in NAMES:
            continue
        names, truth = table((JOBS / "data" / f"{task.name}.csv").read_text())
        outputs = [name for name in names if name in ("u", "v", "p", "a")]
        inputs = len(names) - len(outputs)
        began = time.time()
        found = (windows if task.windows else single)(task, names, truth, inputs, outputs)
        seconds = time.time() - began
        error = np.linalg.norm(found - truth[:, inputs:]) / np.linalg.norm(truth[:, inputs:])
        source = (JOBS / "data" / f"{task.name}.source").read_text().strip()
        print(f"| {task.title} | {error:.2e} | {task.best} | {seconds:.0f} | {source} | {task.note} |", flush=True)


if __name__ == "__main__":
    JETFIT, SECONDS, THREADS, *NAMES = sys.argv[1:]
    SECONDS = float(SECONDS)
    main()
