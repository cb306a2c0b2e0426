"""jetfit and its peers in one run, turn by turn: who agrees, how fast each is, and the memory that it takes.

All peers of a case live at the same time and get turns, round by round, ours among them; ratios are taken within a
round, so that a machine that slows down does so for all. A peer whose loss or gradient is not ours is an error.
"""

import argparse
import json
import math
import os
import selectors
import statistics
import subprocess
import sys
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
OURS = "jetfit"
BLAS = "OpenBLAS sgemm"
CONTESTANTS = {
    "PyTorch, autograd twice": ("peer_pytorch.py", "autograd twice"),
    "PyTorch, recurrences by hand": ("peer_pytorch.py", "recurrences by hand"),
    "PyTorch, recurrences, torch.compile": ("peer_pytorch.py", "recurrences, torch.compile"),
    "JAX, nested jvp": ("peer_jax.py", "nested jvp"),
    "JAX, jet": ("peer_jax.py", "jet"),
    "JAX, recurrences by hand": ("peer_jax.py", "recurrences by hand"),
    "JAX, folx": ("peer_jax.py", "folx"),
    "TensorFlow, nested tapes": ("peer_tensorflow.py", "nested tapes"),
    "TensorFlow, nested tapes, XLA": ("peer_tensorflow.py", "nested tapes, XLA"),
    BLAS: ("peer_blas.py", "OpenBLAS sgemm"),
}
COMPILED = "PyTorch, recurrences, torch.compile"
NESTED = [
    "PyTorch, autograd twice",
    "JAX, nested jvp",
    "JAX, jet",
    "TensorFlow, nested tapes",
    "TensorFlow, nested tapes, XLA",
]

# float32 rounds at 6e-8; over a sum of thousands of terms through five layers we saw up to 2e-6 in the norm. A wrong
# factor or a lost term shows in the first digits.
TOLERANCE = 2e-5

# jetfit bench times at least so many seconds of steps at once.
REPEAT = 0.02

# A peer that has not taken its first step by then is left out of the case.
PATIENCE = 240


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jetfit", default="target/release/jetfit")
    parser.add_argument("--cases", default="A,B,C,D,E,F")
    parser.add_argument("--modes", default="train,evaluate")
    parser.add_argument("--threads", default="1,2", help="CPU threads, one table each")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="a turn")
    parser.add_argument("--skip", default="", help="contestants to leave out, by a part of their names")
    parser.add_argument("--out", default="target/peers/results.json")
    return parser.parse_args()


class Ours:
    """jetfit bench, a process a turn."""

    def __init__(self, options, case, mode, threads):
        self.command = [*bench(options, case), "--mode", mode, "--threads", str(threads)]
        self.command += ["--format", "json", "--quiet", "--repeats"]
        self.cores = cores(options, threads)
        self.first = {}
        self.repeats = 3

    def turn(self, seconds):
        command = [*self.command, str(self.repeats)]
        out = subprocess.run(command, check=True, capture_output=True, preexec_fn=self.cores).stdout
        row = json.loads(out)["rows"][-1]
        # From the second turn on as long as a peer's.
        self.repeats = max(3, math.ceil(seconds / max(row["seconds_median"], REPEAT)))
        return {"milliseconds": 1e3 * row["seconds_median"], "bytes": row["working_bytes"], "gflops": row["gflops"]}

    def close(self):
        pass


class Peer:
    """A Python process that answers lines."""

    def __init__(self, options, name, problem, mode, threads):
        script, form = CONTESTANTS[name]
        command = [sys.executable, str(HERE / script), "--problem", problem, "--form", form]
        command += ["--mode", mode, "--device", options.device]
        environment = dict(os.environ)
        if options.device == "cpu":
            environment |= {key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
            environment["CUDA_VISIBLE_DEVICES"] = ""
        self.log = open(f"target/peers/{script}.log", "w+")
        self.process = subprocess.Popen(
            ["timeout", "3600", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=environment, preexec_fn=cores(options, threads),
        )
        start = time.perf_counter()
        self.first = self.answer(PATIENCE)
        self.first["start_seconds"] = time.perf_counter() - start

    def turn(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer(PATIENCE)

    def answer(self, patience):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                self.close()
                raise Failed(f"no step within {patience} s")
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            said = [line.strip() for line in self.log if "Error" in line]
            raise Failed(said[-1][:90] if said else "it ended without a word")
        return json.loads(line)

    def close(self):
        self.process.kill()
        self.process.wait()


class Failed(Exception):
    """Why a peer takes no part."""


def cores(options, threads):
    """Keeps a process to so many cores, as taskset does."""
    own = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, own) if options.device == "cpu" else None


def bench(options, case):
    batch = case.get("gpu_batch", case["batch"]) if options.device == "gpu" else case["batch"]
    hidden = ",".join(map(str, case["hidden"]))
    return [
        options.jetfit, "bench", "--inputs", str(case["inputs"]), "--hidden", hidden, "--batch", str(batch),
        "--second", case["second"], "--order", "2", "--device", options.device,
    ]  # fmt: skip


def run_case(options, name, case, mode, threads):
    """What every contestant did, by name."""
    problem = f"target/peers/{name}.safetensors"
    subprocess.run([*bench(options, case), "--export", problem], check=True)
    contestants, results = {OURS: Ours(options, case, mode, threads)}, {}
    skipped = [part for part in options.skip.split(",") if part]
    for peer in CONTESTANTS:
        if any(part in peer for part in skipped) or (peer == "JAX, folx" and case["second"] != "laplacian"):
            continue
        try:
            contestants[peer] = Peer(options, peer, problem, mode, threads)
        except Failed as why:
            results[peer] = {"failed": str(why)}
    for peer, contestant in contestants.items():
        results[peer] = {**contestant.first, "turns": []}
        for key in ("loss_error", "gradient_error", "jets_error"):
            if contestant.first.get(key, 0) > TOLERANCE:
                sys.exit(f"case {name}: {peer} does not agree: {key} {contestant.first[key]:.1e} > {TOLERANCE}")
    for _ in range(options.rounds):
        for peer, contestant in list(contestants.items()):
            try:
                results[peer]["turns"].append(contestant.turn(options.seconds))
            except Failed as why:
                results[peer] = {"failed": str(why)}
                contestants.pop(peer)
    for contestant in contestants.values():
        contestant.close()
    for result in results.values():
        if "turns" in result:
            summarise(result, results[OURS]["turns"])
    return results


def summarise(result, ours):
    """Medians over the rounds; the ratio to ours is taken round by round."""
    turns = result["turns"]
    result["milliseconds"] = statistics.median(turn["milliseconds"] for turn in turns)
    pairs = zip(turns, ours)
    result["ratio"] = statistics.median(turn["milliseconds"] / own["milliseconds"] for turn, own in pairs)
    result["mib"] = max(turn["bytes"] for turn in turns) / 2**20
    if "flops" in result:
        result["gflops"] = result["flops"] / result["milliseconds"] / 1e6
    if "gflops" in turns[0]:
        result["gflops"] = statistics.median(turn["gflops"] for turn in turns)


def table(results, title, cell):
    """Markdown: contestants by cases."""
    cases = list(results)
    names = [name for name in (OURS, *CONTESTANTS) if any(name in results[case] for case in cases)]
    lines = [f"| {title} | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for name in names:
        cells = [cell(name, results[case].get(name)) for case in cases]
        if any(c.strip("– ") for c in cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write(all_results):
    """The tables, one set a mode and number of threads."""
    for (mode, threads), results in all_results.items():
        worst = max(result.get("gradient_error", result.get("jets_error", 0))
                    for case in results.values() for result in case.values())  # fmt: skip
        print(f"\n### {mode}, {threads}\n\nLargest difference from our f64 answer: {worst:.1e}.\n")

        def time_cell(name, result):
            if result is None or name == BLAS:
                return "–"
            if "failed" in result:
                return result["failed"]
            ratio = "" if name == OURS else f" ({result['ratio']:.1f}×)"
            return f"{result['milliseconds']:.3g}{ratio}"

        print(table(results, "milliseconds (times ours)", time_cell))
        rate = lambda _, result: f"{result['gflops']:.0f}" if result and "gflops" in result else "–"
        print(table(results, "GFLOP/s", rate))
        mib = lambda name, result: f"{result['mib']:.0f}" if result and "mib" in result and name != BLAS else "–"
        print(table(results, "working MiB", mib))
        first = lambda _, result: f"{result['start_seconds']:.2g}" if result and "start_seconds" in result else "–"
        print(table(results, "seconds to import, compile and take a step", first))
        cases = [case for case in results.values()]
        ratios = [case[COMPILED]["ratio"] for case in cases if "ratio" in case.get(COMPILED, {})]
        if ratios:
            mean = math.exp(statistics.fmean(map(math.log, ratios)))
            print(f"torch.compile of the recurrences takes {mean:.2f} times ours (geometric mean; least {min(ratios):.2f}).")
        nested = [case[name]["ratio"] for case in cases for name in NESTED if "ratio" in case.get(name, {})]
        if nested:
            mean = math.exp(statistics.fmean(map(math.log, nested)))
            print(f"Nested autodiff takes {mean:.1f} times ours (geometric mean; least {min(nested):.1f}).")


def main():
    options = parse()
    Path("target/peers").mkdir(parents=True, exist_ok=True)
    workloads = tomllib.loads((HERE.parent / "workloads.toml").read_text())
    threads = [int(t) for t in options.threads.split(",")] if options.device == "cpu" else [0]
    all_results = {}
    for count in threads:
        for mode in options.modes.split(","):
            who = f"{count} thread{'s' * (count > 1)}" if count else "GPU"
            results = all_results[mode, who] = {}
            for name in options.cases.split(","):
                start = time.time()
                results[name] = run_case(options, name, workloads[name], mode, count)
                print(f"{mode}, {who}, case {name}: {time.time() - start:.0f} s", file=sys.stderr)
                flat = {" ".join(key): value for key, value in all_results.items()}
                Path(options.out).write_text(json.dumps(flat, indent=1))
    write(all_results)


if __name__ == "__main__":
    main()
