"""The product of the second layer for all channels of all points, what a step is made of: OpenBLAS through numpy, or
cuBLAS through PyTorch, there with the other two products of a step."""

import numpy as np

import common

# More rows than this make no product faster on a CPU.
ROWS = 1 << 16

FORMS = ["OpenBLAS sgemm", "cuBLAS sgemm", "cuBLAS sgemm, weight gradient"]


def on_cpu(problem):
    """A step, how to wait for it, its operations, and the memory on a device."""
    weights = problem.parameters[2]
    rows = min(problem.targets.size, ROWS)
    a = np.random.default_rng(1).random((rows, weights.shape[1]), np.float32)
    z = np.empty((rows, weights.shape[0]), np.float32)
    return lambda: np.matmul(a, weights.T, out=z), lambda: None, 2 * rows * weights.size, None


def on_gpu(problem, form, mode):
    """As on a CPU, of all rows: forward, back, and the weight gradient, or this alone."""
    import torch

    torch.set_float32_matmul_precision("highest")
    weights = torch.tensor(problem.parameters[2], device="cuda")
    rows, (outputs, inputs) = problem.targets.size, weights.shape
    a = torch.rand(rows, inputs, device="cuda")
    z = torch.rand(rows, outputs, device="cuda")
    to_z, to_a, to_weights = torch.empty_like(z), torch.empty_like(a), torch.empty_like(weights)
    forward = lambda: torch.matmul(a, weights.T, out=to_z)
    back = lambda: torch.matmul(z, weights, out=to_a)
    gradient = lambda: torch.matmul(z.T, a, out=to_weights)
    if form == "cuBLAS sgemm, weight gradient":
        products = [gradient]
    else:
        products = [forward] if mode == "evaluate" else [forward, back, gradient]

    def step():
        for product in products:
            product()

    flops = 2 * rows * weights.numel() * len(products)
    return step, torch.cuda.synchronize, flops, torch.cuda.max_memory_allocated


def main():
    options = common.arguments(FORMS)
    problem = common.Problem(options.problem)
    gpu = options.device == "gpu"
    step, wait, flops, memory = on_gpu(problem, options.form, options.mode) if gpu else on_cpu(problem)
    first = {"first_seconds": common.timed(step, wait), "flops": flops}
    common.serve(first, [(step, 1)], wait, memory)


if __name__ == "__main__":
    main()
