"""OpenBLAS: the product of the second layer for all channels of all points, what a step is made of."""

import time

import numpy as np

import common

# More rows than this make no product faster.
ROWS = 1 << 16

FORMS = {"OpenBLAS sgemm": None}


def main():
    options = common.arguments(FORMS)
    problem = common.Problem(options.problem)
    weights = problem.parameters[2]
    rows = min(problem.targets.size, ROWS)
    a = np.random.default_rng(1).random((rows, weights.shape[1]), np.float32)
    z = np.empty((rows, weights.shape[0]), np.float32)
    step = lambda: np.matmul(a, weights.T, out=z)
    start = time.perf_counter()
    step()
    common.serve({"flops": 2 * rows * weights.size}, time.perf_counter() - start, step)


if __name__ == "__main__":
    main()
