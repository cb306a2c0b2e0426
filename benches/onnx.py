"""onnxruntime on exported networks beside jetfit's own evaluation on the CPU: prints the table of benches/RESULTS.md.

Needs numpy and onnxruntime: python benches/onnx.py [--jetfit target/release/jetfit] [--threads 1] [--rounds 5]
Both are timed alternately, a round each; the smallest time counts.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime

CASES = [
    # inputs, hidden, activation, second, precision, batch
    (2, "64,64,64,64", "tanh", "diagonal", "f32", 4096),
    (2, "64,64,64,64", "tanh", "diagonal", "f64", 4096),
    (2, "64,64,64,64", "tanh", "laplacian", "f32", 4096),
    (2, "64,64,64,64", "sin", "diagonal", "f32", 4096),
    (2, "64,64,64,64", "gelu", "diagonal", "f32", 4096),
    (2, "64,64,64,64", "gelu", "diagonal", "f64", 4096),
    (2, "64,64,64,64", "silu", "diagonal", "f64", 4096),
    (3, "256,256,256,256", "tanh", "diagonal", "f32", 1024),
    (3, "256,256,256,256", "tanh", "full", "f32", 1024),
    (10, "128,128,128,128", "tanh", "diagonal", "f32", 1024),
    (1, "16,16", "tanh", "diagonal", "f32", 256),
]


def trained(jetfit, folder, inputs, hidden, activation, precision):
    """A run of one step: its weights do not matter here."""
    names = [f"x{k}" for k in range(inputs)]
    rows = np.random.default_rng(0).uniform(-1, 1, (64, inputs))
    lines = [",".join(names + ["u"])] + [",".join(map(str, [*row, np.sin(row.sum())])) for row in rows]
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    widths = ", ".join(hidden.split(","))
    (folder / "job.toml").write_text(
        f'[data]\nfile = "data.csv"\ninputs = {json.dumps(names)}\noutputs = ["u"]\n'
        f'[network]\nhidden = [{widths}]\nactivation = "{activation}"\n[optimizer]\nname = "adam"\nlearning_rate = 1e-6\n'
        f'[training]\nsteps = 1\n[device]\nname = "cpu"\nprecision = "{precision}"\n'
    )
    run = folder / "run"
    subprocess.run([jetfit, "train", folder / "job.toml", "--out", run, "--quiet"], check=True, capture_output=True)
    return run


def least(repeat, seconds=0.5):
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        repeat()
        best = min(best, time.perf_counter() - start)
    return best


def case(arguments, inputs, hidden, activation, second, precision, batch):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = trained(arguments.jetfit, folder, inputs, hidden, activation, precision)
        file = folder / "model.onnx"
        export = [arguments.jetfit, "export", run, "--format", "onnx", "--second", second, "--precision", precision]
        subprocess.run([*export, "--out", file], check=True, capture_output=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        session = onnxruntime.InferenceSession(file, options)
        dtype = np.float64 if precision == "f64" else np.float32
        x = np.random.default_rng(1).uniform(-1, 1, (batch, inputs)).astype(dtype)
        session.run(None, {"x": x})
        bench = [arguments.jetfit, "bench", "--mode", "evaluate", "--device", "cpu", "--threads", arguments.threads]
        bench += ["--inputs", inputs, "--hidden", hidden, "--activation", activation, "--second", second]
        bench += ["--precision", precision, "--batch", batch, "--order", 2, "--format", "json", "--quiet"]
        ours = theirs = float("inf")
        for _ in range(arguments.rounds):
            report = subprocess.run([str(word) for word in bench], check=True, capture_output=True, text=True)
            rows = [row for row in json.loads(report.stdout)["rows"] if row["order"] == 2]
            ours = min(ours, rows[0]["seconds_min"])
            theirs = min(theirs, least(lambda: session.run(None, {"x": x})))
        return ours, theirs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jetfit", default="target/release/jetfit")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"onnxruntime {onnxruntime.__version__}, threads: {arguments.threads}")
    print("| network | points | jetfit, ms | onnxruntime, ms | ratio |")
    print("|---|---|---|---|---|")
    for inputs, hidden, activation, second, precision, batch in CASES:
        ours, theirs = case(arguments, inputs, hidden, activation, second, precision, batch)
        name = f"{inputs}-{hidden.replace(',', '-')}-1 {activation}, {second}, {precision}"
        print(f"| {name} | {batch} | {1e3 * ours:.2f} | {1e3 * theirs:.2f} | {theirs / ours:.2f} |", flush=True)


main()
