"""jetfit and its peers in one run, turn by turn: who agrees, how fast each is, and the memory that it takes.

The peers of a case live at the same time and get turns, round by round, ours among them; ratios are taken within a
round, so that a machine that slows down does so for all. A peer that fails, or whose loss or gradient is not ours, is
reported as that, and the others go on. On a GPU those of several cases start at once, as many as its memory takes.
"""

import argparse
import json
import math
import os
import selectors
import signal
import statistics
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
# Problems and logs.
WORK = Path("target/peers")
OURS = "jetfit"
# On a GPU a training step of ours is timed by the host's clock, as the peers' steps are, and by the device's own.
OURS_BY_DEVICE = "jetfit, the device's clock"
CONTESTANTS = {
    "PyTorch, autograd twice": ("peer_pytorch.py", "autograd twice"),
    "PyTorch, recurrences by hand": ("peer_pytorch.py", "recurrences by hand"),
    "PyTorch, recurrences, torch.compile": ("peer_pytorch.py", "recurrences, torch.compile"),
    "PyTorch, recurrences, reduce-overhead": ("peer_pytorch.py", "recurrences, torch.compile, reduce-overhead"),
    "PyTorch, recurrences, torch.compile, CUDA graph": ("peer_pytorch.py", "recurrences, torch.compile, CUDA graph"),
    "JAX, nested jvp": ("peer_jax.py", "nested jvp"),
    "JAX, jet": ("peer_jax.py", "jet"),
    "JAX, recurrences by hand": ("peer_jax.py", "recurrences by hand"),
    "JAX, folx": ("peer_jax.py", "folx"),
    "TensorFlow, nested tapes": ("peer_tensorflow.py", "nested tapes"),
    "TensorFlow, nested tapes, XLA": ("peer_tensorflow.py", "nested tapes, XLA"),
    "OpenBLAS sgemm": ("peer_blas.py", "OpenBLAS sgemm"),
    "cuBLAS sgemm": ("peer_blas.py", "cuBLAS sgemm"),
    "cuBLAS sgemm, weight gradient": ("peer_blas.py", "cuBLAS sgemm, weight gradient"),
}
BLAS = ["OpenBLAS sgemm", "cuBLAS sgemm", "cuBLAS sgemm, weight gradient"]
COMPILED = [
    "PyTorch, recurrences, torch.compile",
    "PyTorch, recurrences, reduce-overhead",
    "PyTorch, recurrences, torch.compile, CUDA graph",
]
NESTED = [
    "PyTorch, autograd twice",
    "JAX, nested jvp",
    "JAX, jet",
    "TensorFlow, nested tapes",
    "TensorFlow, nested tapes, XLA",
]

# On one kind of device only.
ON_CPU, ON_GPU = ["OpenBLAS sgemm"], [*COMPILED[1:], *BLAS[1:]]

# float32 rounds at 6e-8; over a sum of thousands of terms through five layers we saw up to 2e-6 in the norm. A wrong
# factor or a lost term shows in the first digits.
TOLERANCE = 2e-5

# jetfit bench times at least so many seconds of steps at once.
REPEAT = 0.02

# What the peers that live on a GPU at the same time may take there.
GPU_BYTES = 72e9

# Words of a log that say in short why a peer failed.
REASONS = {
    "ModuleNotFoundError": "not installed", "out of memory": "out of memory", "RESOURCE_EXHAUSTED": "out of memory",
}  # fmt: skip


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
    parser.add_argument("--patience", type=float, default=240, help="seconds until a peer that says nothing is left out")
    parser.add_argument("--at-once", type=int, default=16, help="peers that start at the same time on a GPU")
    parser.add_argument("--out", default="target/peers/results.json", help="all numbers; logs of failures go beside it")
    parser.add_argument("--write", help="a file for the tables, as far as they are known")
    return parser.parse_args()


class Ours:
    """jetfit bench, a process a turn."""

    def __init__(self, options, case, mode, threads, clock=None):
        self.command = [*bench(options, case), "--mode", mode, "--threads", str(threads)]
        self.command += ["--format", "json", "--quiet", *(["--clock", clock] if clock else []), "--repeats"]
        self.start = {"preexec_fn": cores(threads)} if options.device == "cpu" else {}
        self.patience = options.patience
        self.is_long = options.device == "cpu"
        self.first = {}
        self.repeats = 3

    def turn(self, seconds):
        command = [*self.command, str(self.repeats)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=self.patience, **self.start)
        except subprocess.TimeoutExpired:
            raise Failed(f"nothing within {self.patience:.0f} s") from None
        if run.returncode:
            raise Failed((run.stderr.strip().splitlines() or ["it ended without a word"])[0][:90], run.stderr)
        report = json.loads(run.stdout)
        row = report["rows"][-1]
        # From the second turn on as long as a peer's; on a GPU, whose times scatter less, a few timings will do.
        self.repeats = max(3, math.ceil(seconds / max(row["seconds_median"], REPEAT)))
        self.repeats = self.repeats if self.is_long else min(self.repeats, 5)
        turn = {"milliseconds": 1e3 * row["seconds_median"], "bytes": row["working_bytes"], "gflops": row["gflops"]}
        return {**turn, "clock": report["clock"]}

    def close(self):
        pass


class Peer:
    """A Python process that answers lines."""

    def __init__(self, options, name, case, mode, threads):
        script, form = CONTESTANTS[name]
        command = [sys.executable, str(HERE / script), "--problem", problem_file(case), "--form", form]
        command += ["--mode", mode, "--device", options.device]
        self.patience = options.patience
        environment, start = dict(os.environ), {}
        if options.device == "cpu":
            environment |= {key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
            environment["CUDA_VISIBLE_DEVICES"] = ""
            start = {"preexec_fn": cores(threads)}
        else:
            # They share the device, round in f32 as we do, and all start at once.
            environment |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "NVIDIA_TF32_OVERRIDE": "0"}
            environment |= {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
        self.log = open(WORK / f"{case}, {mode}, {name}.log", "w+")
        self.process = subprocess.Popen(
            ["timeout", "3600", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=environment, start_new_session=True, **start,
        )  # fmt: skip
        begin = time.perf_counter()
        self.first = self.answer()
        self.first["start_seconds"] = time.perf_counter() - begin
        for key in ("loss_error", "gradient_error", "jets_error"):
            # Also where it is not a number.
            if not self.first.get(key, 0) <= TOLERANCE:
                self.close()
                raise Failed(f"differs: {key} {self.first[key]:.1e}")

    def turn(self, seconds):
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        return self.answer()

    def answer(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(self.patience):
                self.close()
                raise Failed(f"nothing within {self.patience:.0f} s", self.said())
        line = self.process.stdout.readline()
        if not line:
            self.close()
            errors = [line.strip() for line in self.said().splitlines() if "Error" in line]
            why = errors[-1] if errors else "it ended without a word"
            raise Failed(next((short for word, short in REASONS.items() if word in why), why[:90]), self.said())
        return json.loads(line)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def close(self):
        """Ends it with all that it has started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Failed(Exception):
    """Why a contestant takes no part, in short, and all that it said."""


def cores(threads):
    """Keeps a process to so many cores, as taskset does."""
    own = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, own)


def problem_file(case):
    return str(WORK / f"{case}.safetensors")


def batch_of(options, case):
    return case.get("gpu_batch", case["batch"]) if options.device == "gpu" else case["batch"]


def bench(options, case):
    hidden = ",".join(map(str, case["hidden"]))
    return [
        options.jetfit, "bench", "--inputs", str(case["inputs"]), "--hidden", hidden,
        "--batch", str(batch_of(options, case)), "--second", case["second"], "--order", "2", "--device", options.device,
    ]  # fmt: skip


def peers_of(options, case):
    """Who takes part in a case."""
    skipped = [part for part in options.skip.split(",") if part]
    elsewhere = ON_GPU if options.device == "cpu" else ON_CPU
    for peer in CONTESTANTS:
        is_skipped = any(part in peer for part in skipped) or peer in elsewhere
        if not (is_skipped or (peer == "JAX, folx" and case["second"] != "laplacian")):
            yield peer


def gpu_bytes(options, peer, case):
    """About what a peer takes on a GPU: its context, and four tensors of all channels of each layer."""
    # Nested forms go through all second derivatives even where their sum is asked.
    inputs = case["inputs"]
    is_collapsed = case["second"] == "laplacian" and peer not in NESTED
    channels = 1 + inputs + (1 if is_collapsed else inputs)
    width = max(case["hidden"]) if peer in BLAS else 4 * sum(case["hidden"])
    return 0.7e9 + 4 * channels * batch_of(options, case) * width


def lots(options, cases):
    """Who lives at the same time: lists of (case, its peers). A CPU is given one case, a GPU as many as it has memory
    for, or a part of one."""
    lot, left = [], GPU_BYTES
    for name, case in cases.items():
        peers = list(peers_of(options, case))
        if options.device == "cpu":
            yield [(name, peers)]
            continue
        lot.append((name, []))
        for peer in peers:
            takes = gpu_bytes(options, peer, case)
            if takes > left and any(of_case for _, of_case in lot):
                yield [(case, of_case) for case, of_case in lot if of_case]
                lot, left = [(name, [])], GPU_BYTES
            lot[-1][1].append(peer)
            left -= takes
    if lot:
        yield lot


def run_lot(options, cases, lot, mode, threads):
    """What every contestant did, by case and name, case by case."""
    started = {}

    def start(case, peer):
        try:
            started[case, peer] = Peer(options, peer, case, mode, threads)
        except Failed as why:
            started[case, peer] = why

    with ThreadPoolExecutor(1 if options.device == "cpu" else options.at_once) as pool:
        for _ in pool.map(lambda both: start(*both), [(case, peer) for case, peers in lot for peer in peers]):
            pass
    for name, peers in lot:
        by_host = options.device == "gpu" and mode == "train"
        own = {OURS: Ours(options, cases[name], mode, threads, "host" if by_host else None)}
        if by_host:
            own[OURS_BY_DEVICE] = Ours(options, cases[name], mode, threads)
        yield name, run_case(options, name, own | {peer: started[name, peer] for peer in peers})


def run_case(options, name, contestants):
    """What every contestant did, by name."""
    results = {}

    def fails(who, why):
        results[who] = {"failed": why.args[0]}
        contestants.pop(who)
        with open(Path(options.out).with_suffix(".log"), "a") as log:
            print(f"{name}, {who}: {why.args[0]}", *why.args[1:], sep="\n", file=log)
        print(f"{name}, {who}: {why.args[0]}", file=sys.stderr)

    for who, contestant in list(contestants.items()):
        if isinstance(contestant, Failed):
            fails(who, contestant)
        else:
            results[who] = {**contestant.first, "turns": []}
    for _ in range(options.rounds):
        ours = None
        for who, contestant in list(contestants.items()):
            try:
                turn = contestant.turn(options.seconds)
            except Failed as why:
                fails(who, why)
                continue
            ours = turn if who == OURS else ours
            if ours:
                turn["ratio"] = turn["milliseconds"] / ours["milliseconds"]
            results[who]["turns"].append(turn)
    for contestant in contestants.values():
        contestant.close()
    return results


def summarise(result):
    """Medians over the rounds; the ratio to ours is taken round by round."""
    turns = result["turns"]
    result["milliseconds"] = statistics.median(turn["milliseconds"] for turn in turns)
    if all("ratio" in turn for turn in turns):
        result["ratio"] = statistics.median(turn["ratio"] for turn in turns)
    result["mib"] = max(turn["bytes"] for turn in turns) / 2**20
    if "flops" in result:
        result["gflops"] = result["flops"] / result["milliseconds"] / 1e6
    if "gflops" in turns[0]:
        result["gflops"] = statistics.median(turn["gflops"] for turn in turns)


def table(results, title, cell):
    """Markdown: contestants by cases."""
    cases = list(results)
    names = [name for name in (OURS, OURS_BY_DEVICE, *CONTESTANTS) if any(name in results[case] for case in cases)]
    lines = [f"| {title} | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for name in names:
        cells = [cell(name, results[case].get(name)) for case in cases]
        if any(c.strip("– ") for c in cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def tables(all_results, device):
    """The tables, one set a mode and number of threads."""
    lines = []
    for (mode, threads), results in all_results.items():
        worst = max((result.get("gradient_error", result.get("jets_error", 0))
                     for case in results.values() for result in case.values()), default=0)  # fmt: skip
        lines.append(f"\n### {mode}, {threads}\n\nLargest difference from our f64 answer: {worst:.1e}.\n")

        def time_cell(name, result):
            if result is None or (name in BLAS and "failed" not in result):
                return "–"
            if "failed" in result:
                return result["failed"].replace("|", "/")
            ratio = f" ({result['ratio']:.1f}×)" if name != OURS and "ratio" in result else ""
            return f"{result['milliseconds']:.3g}{ratio}"

        lines.append(table(results, "milliseconds (times ours)", time_cell))
        rate = lambda _, result: f"{result['gflops']:.0f}" if result and "gflops" in result else "–"
        lines.append(table(results, "GFLOP/s", rate))
        mib = lambda name, result: f"{result['mib']:.0f}" if result and "mib" in result and name not in BLAS else "–"
        lines.append(table(results, "working MiB", mib))
        first = lambda _, result: f"{result['start_seconds']:.2g}" if result and "start_seconds" in result else "–"
        together = ", many at once" if device == "gpu" else ""
        lines.append(table(results, f"seconds to import, compile and take a step{together}", first))
        lines += [
            compared(results, "torch.compile of the recurrences", COMPILED, min),
            compared(results, "Nested autodiff", NESTED, list),
            compared(results, "The fastest peer", [name for name in CONTESTANTS if name not in BLAS], min),
        ]
    return "\n".join(line for line in lines if line)


def compared(results, who, names, of_case):
    """A sentence on the ratios of some contestants: each of them, or the least in every case."""
    ratios = []
    for case in results.values():
        own = [case[name]["ratio"] for name in names if "ratio" in case.get(name, {})]
        if own:
            ratios += [min(own)] if of_case is min else own
    if not ratios:
        return ""
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    return f"{who} takes {mean:.2f} times ours (geometric mean; least {min(ratios):.2f})."


def main():
    options = parse()
    WORK.mkdir(parents=True, exist_ok=True)
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    workloads = tomllib.loads((HERE.parent / "workloads.toml").read_text())
    cases = {name: workloads[name] for name in options.cases.split(",")}
    for name, case in cases.items():
        subprocess.run([*bench(options, case), "--export", problem_file(name)], check=True)
    threads = [int(t) for t in options.threads.split(",")] if options.device == "cpu" else [0]
    all_results = {}
    for count in threads:
        for mode in options.modes.split(","):
            who = f"{count} thread{'s' * (count > 1)}" if count else "GPU"
            results = all_results[mode, who] = {name: {} for name in cases}
            for lot in lots(options, cases):
                start = time.time()
                for name, of_case in run_lot(options, cases, lot, mode, count):
                    keep(results[name], of_case)
                    print(f"{mode}, {who}, case {name}: {time.time() - start:.0f} s", file=sys.stderr)
                    start = time.time()
                    flat = {" ".join(key): value for key, value in all_results.items()}
                    Path(options.out).write_text(json.dumps(flat, indent=1))
                    if options.write:
                        Path(options.write).write_text(tables(all_results, options.device))
    print(tables(all_results, options.device))
    failed = [result for results in all_results.values() for case in results.values() for result in case.values()]
    sys.exit(any(result.get("failed", "").startswith("differs") for result in failed))


def keep(results, new):
    """Adds what a part of a case's contestants did: ours took part in each."""
    for who, result in new.items():
        if "turns" in result and "turns" in results.get(who, {}):
            result["turns"] = results[who]["turns"] + result["turns"]
        if result.get("turns"):
            summarise(result)
        results[who] = result


if __name__ == "__main__":
    main()
