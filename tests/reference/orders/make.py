"""Reference values of derivatives up to the fourth order, in float64 by nested automatic differentiation (JAX).

    python make.py        # needs jax; writes NAME.json beside itself

It knows nothing of jets: a network is a function, `jacfwd` derives it four times, `grad` the loss over all of that.
"""

import json
from itertools import combinations_with_replacement
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

ACTIVATIONS = {
    "tanh": jnp.tanh,
    "sin": jnp.sin,
    "gelu": lambda z: z * (1 + jax.scipy.special.erf(z / np.sqrt(2))) / 2,
    "softplus": jax.nn.softplus,
}
CASES = [
    ("tanh_1d", 1, [7, 5], 2, "tanh"),
    ("sin_2d", 2, [6, 4], 2, "sin"),
    ("gelu_2d", 2, [9], 2, "gelu"),
    ("softplus_3d", 3, [5, 4], 2, "softplus"),
]
POINTS, ORDER = 5, 4


def network(parameters, scaling, activation, x):
    x_mean, x_scale, y_mean, y_scale = scaling
    h = (x - x_mean) / x_scale
    for weights, biases in parameters[:-1]:
        h = ACTIVATIONS[activation](weights @ h + biases)
    weights, biases = parameters[-1]
    return y_mean + y_scale * (weights @ h + biases)


def derivatives(parameters, scaling, activation, points, indices):
    """(derivatives, M, B)"""
    function = lambda x: network(parameters, scaling, activation, x)
    orders = [function]
    for _ in range(ORDER):
        orders.append(jax.jacfwd(orders[-1]))
    tensors = [jax.vmap(order)(points) for order in orders]
    return jnp.stack([tensors[len(by)][(slice(None), slice(None), *by)].T for by in indices])


def case(name, inputs, hidden, outputs, activation):
    random = np.random.default_rng(sum(map(ord, name)))
    widths = [inputs, *hidden, outputs]
    uniform = lambda low, high, *shape: random.uniform(low, high, shape)
    parameters = [
        (uniform(-1, 1, b, a) * np.sqrt(3 / a), uniform(-0.5, 0.5, b)) for a, b in zip(widths, widths[1:])
    ]
    scaling = (uniform(-2, 2, inputs), uniform(0.3, 3, inputs), uniform(-5, 5, outputs), uniform(0.5, 20, outputs))
    points = scaling[0] + scaling[1] * uniform(-1.5, 1.5, POINTS, inputs)
    indices = [by for order in range(ORDER + 1) for by in combinations_with_replacement(range(inputs), order)]
    values = derivatives(parameters, scaling, activation, points, indices)
    # Residuals of the size of what they are of, so that each order has its part in the loss.
    weights = 1 / (values**2).mean(axis=-1)
    targets = values * uniform(0.5, 1.5, *values.shape)

    def loss(parameters):
        apart = derivatives(parameters, scaling, activation, points, indices) - targets
        return (weights * (apart**2).mean(axis=-1)).sum()

    block = lambda layers: np.concatenate([np.concatenate([np.ravel(w), np.ravel(b)]) for w, b in layers])
    value, gradient = jax.value_and_grad(loss)(parameters)
    lists = lambda array: np.asarray(array).tolist()
    x_mean, x_scale, y_mean, y_scale = map(lists, scaling)
    return {
        "name": name,
        "hidden": hidden,
        "activation": activation,
        "parameters": lists(block(parameters)),
        "normalizer": {"x_mean": x_mean, "x_scale": x_scale, "y_mean": y_mean, "y_scale": y_scale},
        "points": lists(points.T),
        "by": [list(by) for by in indices],
        "values": lists(values),
        "weights": lists(weights),
        "targets": lists(targets),
        "loss": float(value),
        "gradient": lists(block(gradient)),
    }


for arguments in CASES:
    path = Path(__file__).with_name(f"{arguments[0]}.json")
    path.write_text(json.dumps(case(*arguments), separators=(",", ":")) + "\n")
