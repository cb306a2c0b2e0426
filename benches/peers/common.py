"""What every peer shares: the problem as jetfit wrote it, the check against its answer, and the clock.

A peer is a process that solves one case in one form. It prints one line of JSON when it is ready (what the first
step cost, and how far its loss and gradient are from ours), then one line for every number of seconds that it
reads: how long a step took in that time. So the driver can give the peers turns.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-4, 0.9, 0.999, 1e-8

# Steps on a GPU are timed in batches of at least so long, as jetfit bench does.
BATCH_SECONDS = 0.02


class Problem:
    """Weights, points and targets of `jetfit bench --export`, with our answer in float64."""

    def __init__(self, path: str):
        self.tensors = read_safetensors(Path(path))
        self.layers = sum(name.startswith("weights.") for name in self.tensors)
        self.inputs = self.tensors["inputs"]  # (B, D)
        self.targets = self.tensors["targets"][0]  # (C, B): value, tangents, seconds
        self.dimensions = self.inputs.shape[1]
        self.is_collapsed = self.dimensions > 1 and len(self.targets) == self.dimensions + 2
        weights = [self.tensors[f"weights.{l}"] for l in range(self.layers)]
        biases = [self.tensors[f"biases.{l}"] for l in range(self.layers)]
        self.parameters = [pair for both in zip(weights, biases) for pair in both]  # W (out, in), b (out), …
        # Forward, and twice as much on the way back.
        self.flops = 6 * self.targets.size * sum(w.size for w in weights)

    def distance(self, loss: float, gradient: list) -> dict:
        """How far a loss and a gradient (as `parameters`) are from ours: relative, and relative in the norm."""
        names = [f"{kind}_bar.{l}" for l in range(self.layers) for kind in ("weights", "biases")]
        ours = np.concatenate([self.tensors[name].ravel() for name in names])
        theirs = np.concatenate([np.asarray(g, np.float64).ravel() for g in gradient])
        own_loss = float(self.tensors["loss"][0])
        return {
            "loss_error": abs(loss - own_loss) / own_loss,
            "gradient_error": float(np.linalg.norm(theirs - ours) / np.linalg.norm(ours)),
        }

    def jets_distance(self, jets) -> dict:
        """How far jets (C, B) are from ours, relative in the norm, of the worst channel."""
        ours, theirs = self.tensors["jets"][0], np.asarray(jets, np.float64)
        error = np.linalg.norm(theirs - ours, axis=1) / np.linalg.norm(ours, axis=1)
        return {"jets_error": float(error.max())}

    def last_distance(self, channel) -> dict:
        """How far the last channel (B) of the jets is from ours, relative in the norm."""
        ours, theirs = self.tensors["jets"][0][-1], np.asarray(channel, np.float64)
        return {"jets_error": float(np.linalg.norm(theirs - ours) / np.linalg.norm(ours))}


def read_safetensors(path: Path) -> dict:
    """The tensors of a file: an 8-byte length, a JSON header, the numbers."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    kinds = {"F32": np.float32, "F64": np.float64}
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def arguments(forms) -> argparse.Namespace:
    """The command line of a peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problem", required=True, help="a file of jetfit bench --export")
    parser.add_argument("--form", required=True, choices=forms)
    parser.add_argument("--mode", choices=["train", "evaluate"], default="train")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    return parser.parse_args()


def memory(key: str) -> int:
    """Bytes that this process holds (VmRSS) or has held at most (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def serve(first: dict, forms: list, wait, device_peak=None, rest=None, baseline: int = 0):
    """Answers the driver until it hangs up.

    Each of `forms` is a call that starts work and the number of steps in it, of which the faster is taken; `wait` waits
    until it is done. On a GPU, `device_peak` gives the bytes that the framework has had there at most, and `rest` gives
    back what others may need in the meantime."""
    rest = rest or (lambda: None)
    rest()
    answer(first)
    for line in sys.stdin:
        seconds = float(line)
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the most that it has held starts again
        except OSError:
            pass
        # On a CPU, starting a step costs nothing beside it: one by one.
        calls, (call, steps) = 1, forms[0]
        if device_peak:
            _, calls, (call, steps) = min((paced(form, wait) for form in forms), key=lambda pace: pace[0])
        times, start = [], time.perf_counter()
        while not times or time.perf_counter() - start < seconds:
            times.append(timed(call, wait, calls) / (calls * steps))
        peak = device_peak() if device_peak else memory("VmHWM") - baseline
        answer({"milliseconds": 1e3 * statistics.median(times), "steps": calls * steps * len(times), "bytes": peak})
        rest()


def timed(call, wait, calls: int = 1) -> float:
    """Seconds of so many calls, of which only the last is waited for."""
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    wait()
    return time.perf_counter() - begin


def paced(form, wait):
    """Seconds a step, and how many calls at once take BATCH_SECONDS, so that one is started while others run. Those
    that are taken to find it warm up."""
    call, steps = form
    calls = 1
    timed(call, wait)
    while (seconds := timed(call, wait, calls)) < BATCH_SECONDS:
        calls = math.ceil(calls * min(10, 1.2 * BATCH_SECONDS / seconds))
    return seconds / (calls * steps), calls, form


def answer(fields: dict):
    """One line of JSON on the true stdout."""
    print(json.dumps(fields), file=OUT, flush=True)


# What frameworks print must not mix with the answers.
OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
