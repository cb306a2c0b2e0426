"""torch-jet: the bi-Laplacian by Taylor mode, collapsed or not, and by PyTorch's nested Hessians; eager and compiled.

It gives the bi-Laplacian alone, and of our jet that channel is compared. (Dangel, Siebert, Zeinhofer, Walther: Collapsing
Taylor Mode Automatic Differentiation, NeurIPS 2025.)
"""

import time

import torch
from torch.func import hessian, vmap

import common

torch.set_float32_matmul_precision("highest")

# How the bi-Laplacian is found, and whether that is compiled.
FORMS = {
    "collapsed Taylor mode": ("collapsed", False),
    "collapsed Taylor mode, torch.compile": ("collapsed", True),
    "Taylor mode": ("naive", False),
    "nested Hessians": ("nested", False),
}


def network(problem):
    layers = []
    for l in range(problem.layers):
        weights, bias = (torch.tensor(p) for p in problem.parameters[2 * l : 2 * l + 2])
        layer = torch.nn.Linear(weights.shape[1], weights.shape[0])
        layer.weight, layer.bias = torch.nn.Parameter(weights), torch.nn.Parameter(bias)
        layers += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def laplacian(f):
    """Σ ∂ᵢᵢ f of a function of one point."""
    return lambda x: torch.einsum("mii->m", hessian(f)(x))


def bilaplacian(net, point, how):
    if how == "nested":
        return laplacian(laplacian(net))
    from jet.bilaplacian import bilaplacian
    from jet.simplify import simplify

    return simplify(bilaplacian(net, point), point, pull_sum=how == "collapsed")


def main():
    options = common.arguments(FORMS)
    if options.mode == "train":
        raise ValueError("it is evaluated alone")
    device = "cuda" if options.device == "gpu" else "cpu"
    how, compiled = FORMS[options.form]
    problem = common.Problem(options.problem)
    net = network(problem).to(device).requires_grad_(False)
    x = torch.tensor(problem.inputs, device=device)
    baseline = common.memory("VmRSS")
    of_all = vmap(bilaplacian(net, x[0], how))
    if compiled:
        of_all = torch.compile(of_all)

    def step():
        with torch.no_grad():
            return of_all(x)

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    start = time.perf_counter()
    found = step().cpu()
    report = problem.last_distance(found[:, 0])
    report["first_seconds"] = time.perf_counter() - start
    if device == "cpu":
        common.serve(report, [(step, 1)], wait, baseline=baseline)
    else:
        common.serve(report, [(step, 1)], wait, torch.cuda.max_memory_allocated, torch.cuda.empty_cache)


if __name__ == "__main__":
    main()
