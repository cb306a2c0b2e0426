"""PyTorch: autograd twice, and the jet recurrences by hand, eager and compiled."""

import time

import torch

import common

torch.backends.cuda.matmul.allow_tf32 = False


def net(parameters, x):
    """u (B) at x (B, D)."""
    a = x
    for l in range(0, len(parameters) - 2, 2):
        a = torch.tanh(torch.nn.functional.linear(a, parameters[l], parameters[l + 1]))
    return torch.nn.functional.linear(a, parameters[-2], parameters[-1])[:, 0]


def autograd_jets(parameters, x, collapsed):
    """(C, B) by autograd over autograd, a reverse pass for each input."""
    x = x.requires_grad_()
    u = net(parameters, x)
    (first,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    second = [
        torch.autograd.grad(first[:, k].sum(), x, create_graph=True)[0][:, k] for k in range(x.shape[1])
    ]
    second = torch.stack(second)
    if collapsed:
        second = second.sum(0, keepdim=True)
    return torch.cat([u[None], first.T, second])


def recurrence_jets(parameters, x, collapsed):
    """(C, B) by the jet rules, all channels of a layer in one product."""
    points, inputs = x.shape
    weights, bias = parameters[0], parameters[1]
    z = torch.nn.functional.linear(x, weights, bias)
    dz = weights.T[:, None, :].expand(inputs, points, len(bias))
    ddz = None
    for l in range(2, len(parameters), 2):
        a = torch.tanh(z)
        slope = 1 - a * a
        bend = -2 * a * slope
        square = dz * dz
        if collapsed:
            square = square.sum(0, keepdim=True)
        second = bend * square if ddz is None else bend * square + slope * ddz
        stacked = torch.cat([a[None], slope * dz, second])
        weights, bias = parameters[l], parameters[l + 1]
        z_jets = (stacked.reshape(-1, stacked.shape[2]) @ weights.T).reshape(len(stacked), points, -1)
        z, dz, ddz = z_jets[0] + bias, z_jets[1 : 1 + inputs], z_jets[1 + inputs :]
    return torch.cat([z[None], dz, ddz])[:, :, 0]


FORMS = {
    "autograd twice": (autograd_jets, False),
    "recurrences by hand": (recurrence_jets, False),
    "recurrences, torch.compile": (recurrence_jets, True),
}


def main():
    options = common.arguments(FORMS)
    device = "cuda" if options.device == "gpu" else "cpu"
    problem = common.Problem(options.problem)
    parameters = [torch.tensor(p, device=device).requires_grad_() for p in problem.parameters]
    x = torch.tensor(problem.inputs, device=device)
    targets = torch.tensor(problem.targets, device=device)
    baseline = common.memory("VmRSS")
    jets, compiled = FORMS[options.form]

    def loss(parameters, x, targets):
        return ((jets(parameters, x, problem.is_collapsed) - targets) ** 2).mean(1).sum()

    def evaluate(parameters, x):
        # Without a graph for the parameters; autograd needs one for x.
        if jets is autograd_jets:
            return jets([p.detach() for p in parameters], x, problem.is_collapsed).detach()
        with torch.no_grad():
            return jets(parameters, x, problem.is_collapsed)

    if compiled:
        # On a GPU the strongest form keeps the step as a CUDA graph.
        options_of_compile = {"mode": "reduce-overhead"} if device == "cuda" else {}
        loss = torch.compile(loss, dynamic=False, **options_of_compile)
        evaluate = torch.compile(evaluate, dynamic=False, **options_of_compile)
    optimizer = torch.optim.Adam(parameters, lr=common.LEARNING_RATE, fused=True)

    def gradient():
        optimizer.zero_grad()
        value = loss(parameters, x, targets)
        value.backward()
        return value

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    def train_step():
        gradient()
        optimizer.step()
        wait()

    def evaluate_step():
        return evaluate(parameters, x).cpu()

    start = time.perf_counter()
    if options.mode == "train":
        value = gradient()
        distance = problem.distance(value.item(), [p.grad.cpu() for p in parameters])
        step = train_step
    else:
        distance, step = problem.jets_distance(evaluate_step()), evaluate_step
    wait()
    first_seconds = time.perf_counter() - start
    device_peak = torch.cuda.max_memory_allocated if device == "cuda" else None
    common.serve(distance, first_seconds, step, device_peak, baseline)


if __name__ == "__main__":
    main()
