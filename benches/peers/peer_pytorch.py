"""PyTorch: autograd twice, and the jet recurrences by hand, eager and compiled."""

import time

import torch

import common

torch.set_float32_matmul_precision("highest")


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


# Who computes the jets, whether it is compiled, and how its CUDA graphs are made.
FORMS = {
    "autograd twice": (autograd_jets, False, None),
    "recurrences by hand": (recurrence_jets, False, None),
    "recurrences, torch.compile": (recurrence_jets, True, None),
    "recurrences, torch.compile, reduce-overhead": (recurrence_jets, True, "reduce-overhead"),
    "recurrences, torch.compile, CUDA graph": (recurrence_jets, True, "whole step"),
}


def as_graph(step):
    """A step that has run before, as one CUDA graph, and what it gives."""
    for _ in range(3):
        step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
        output = step()
    return graph.replay, output


def main():
    options = common.arguments(FORMS)
    device = "cuda" if options.device == "gpu" else "cpu"
    jets, compiled, graphs = FORMS[options.form]
    if graphs == "whole step":
        # All of it on one stream, since the default one cannot be captured.
        torch.cuda.set_stream(torch.cuda.Stream())
    problem = common.Problem(options.problem)
    parameters = [torch.tensor(p, device=device).requires_grad_() for p in problem.parameters]
    x = torch.tensor(problem.inputs, device=device)
    targets = torch.tensor(problem.targets, device=device)
    baseline = common.memory("VmRSS")

    def loss(parameters, x, targets):
        return ((jets(parameters, x, problem.is_collapsed) - targets) ** 2).mean(1).sum()

    def evaluate(parameters, x):
        # Without a graph for the parameters; autograd needs one for x.
        if jets is autograd_jets:
            return jets([p.detach() for p in parameters], x, problem.is_collapsed).detach()
        with torch.no_grad():
            return jets(parameters, x, problem.is_collapsed)

    if compiled:
        mode = graphs if graphs == "reduce-overhead" else "default"
        if mode == "reduce-overhead":
            # Else every step copies them into the graph.
            for tensor in (*parameters, x, targets):
                torch._dynamo.mark_static_address(tensor)
        loss = torch.compile(loss, dynamic=False, mode=mode)
        evaluate = torch.compile(evaluate, dynamic=False, mode=mode)
    capturable = {"capturable": True} if graphs == "whole step" else {}
    optimizer = torch.optim.Adam(parameters, lr=common.LEARNING_RATE, fused=True, **capturable)

    def gradient():
        optimizer.zero_grad()
        value = loss(parameters, x, targets)
        value.backward()
        return value

    def train_step():
        value = gradient()
        optimizer.step()
        return value.detach()

    def evaluate_step():
        return evaluate(parameters, x)

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    def distance(output):
        if options.mode == "train":
            return problem.distance(output.item(), [p.grad.cpu() for p in parameters])
        return problem.jets_distance(output.detach().cpu())

    start = time.perf_counter()
    first, step = (gradient, train_step) if options.mode == "train" else (evaluate_step, evaluate_step)
    report = distance(first())
    report["first_seconds"] = time.perf_counter() - start
    if graphs == "whole step":
        step, output = as_graph(step)
        with torch.no_grad():
            for parameter, own in zip(parameters, problem.parameters):
                parameter.copy_(torch.tensor(own))
        step()
        report |= distance(output)
    if device == "cpu":
        common.serve(report, [(step, 1)], wait, baseline=baseline)
    else:
        common.serve(report, [(step, 1)], wait, torch.cuda.max_memory_allocated, torch.cuda.empty_cache)


if __name__ == "__main__":
    main()
