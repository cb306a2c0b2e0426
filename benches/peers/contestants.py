"""Who takes part: jetfit as a process a turn, a peer as a process that answers lines."""

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# Problems and logs.
WORK = Path("target/peers")
OURS = "jetfit"
# On a GPU a training step of ours is timed by the host's clock, as the peers' steps are, and by the device's own.
OURS_BY_DEVICE = "jetfit, the device's clock"
# And with products on its matrix units.
OURS_OF_HALVES = {"jetfit, f16x2": "f16x2", "jetfit, f16": "f16"}
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
    "torch-jet, collapsed": ("peer_torch_jet.py", "collapsed Taylor mode"),
    "torch-jet, collapsed, torch.compile": ("peer_torch_jet.py", "collapsed Taylor mode, torch.compile"),
    "torch-jet, Taylor mode": ("peer_torch_jet.py", "Taylor mode"),
    "PyTorch, nested Hessians": ("peer_torch_jet.py", "nested Hessians"),
    "OpenBLAS sgemm": ("peer_blas.py", "OpenBLAS sgemm"),
    "cuBLAS sgemm": ("peer_blas.py", "cuBLAS sgemm"),
    "cuBLAS sgemm, weight gradient": ("peer_blas.py", "cuBLAS sgemm, weight gradient"),
}
BLAS = ["OpenBLAS sgemm", "cuBLAS sgemm", "cuBLAS sgemm, weight gradient"]
# Who knows derivatives above the second: the bi-Laplacian's channel alone, without a training step.
OF_FOURTH_ORDER = [name for name, (script, _) in CONTESTANTS.items() if script == "peer_torch_jet.py"]
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

# Words of a log that say in short why a peer failed.
REASONS = {
    "ModuleNotFoundError": "not installed", "out of memory": "out of memory", "RESOURCE_EXHAUSTED": "out of memory",
}  # fmt: skip


class Ours:
    """jetfit bench, a process a turn."""

    def __init__(self, options, case, mode, threads, clock=None, precision="f32"):
        self.command = [*bench(options, case), "--mode", mode, "--threads", str(threads), "--precision", precision]
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
        return {**turn, "clock": report["clock"], "of_halves_error": report["gradient_error"]}

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
        "--batch", str(batch_of(options, case)), "--second", case["second"], "--order", str(case.get("order", 2)), "--device", options.device,
    ]  # fmt: skip
