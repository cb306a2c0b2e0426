"""JAX under jit: nested jvp, `jet`, the jet recurrences by hand, and folx's forward Laplacian."""

import time

import jax
import jax.numpy as jnp
import numpy as np

import common

jax.config.update("jax_default_matmul_precision", "highest")

# On a GPU a step of fewer operations than SMALL is also tried as a loop of STEPS in one call.
STEPS, SMALL = 16, 5e10


def net(parameters, x):
    """u at one point x (D)."""
    a = x
    for weights, bias in parameters[:-1]:
        a = jnp.tanh(weights @ a + bias)
    weights, bias = parameters[-1]
    return (weights @ a + bias)[0]


def by_direction(of_direction):
    """Jets (C, B) from what gives (u, u', u'') at one point along one direction."""

    def jets(parameters, x, collapsed):
        directions = jnp.eye(x.shape[1], dtype=x.dtype)
        at_point = lambda point: jax.vmap(lambda v: of_direction(lambda y: net(parameters, y), point, v))(directions)
        u, first, second = jax.vmap(at_point)(x)  # (B, D) each
        second = second.sum(1, keepdims=True) if collapsed else second
        return jnp.concatenate([u[:, :1], first, second], 1).T

    return jets


def nested_jvp(f, x, v):
    """jvp over jvp."""
    along = lambda y: jax.jvp(f, (y,), (v,))
    (u, first), (_, second) = jax.jvp(along, (x,), (v,))
    return u, first, second


def taylor(f, x, v):
    """Taylor mode."""
    from jax.experimental import jet

    u, (first, second) = jet.jet(f, (x,), ((v, jnp.zeros_like(v)),))
    return u, first, second


def recurrence_jets(parameters, x, collapsed):
    """(C, B) by the jet rules, all channels of a layer in one product."""
    points, inputs = x.shape
    weights, bias = parameters[0]
    z = x @ weights.T + bias
    dz = jnp.broadcast_to(weights.T[:, None, :], (inputs, points, len(bias)))
    ddz = jnp.zeros((1 if collapsed else inputs, points, len(bias)), x.dtype)
    for weights, bias in parameters[1:]:
        a = jnp.tanh(z)
        slope = 1 - a * a
        square = (dz * dz).sum(0, keepdims=True) if collapsed else dz * dz
        stacked = jnp.concatenate([a[None], slope * dz, -2 * a * slope * square + slope * ddz])
        z_jets = stacked @ weights.T
        z, dz, ddz = z_jets[0] + bias, z_jets[1 : 1 + inputs], z_jets[1 + inputs :]
    return jnp.concatenate([z[None], dz, ddz])[:, :, 0]


def folx_jets(parameters, x, collapsed):
    """(C, B) by folx, which gives the Laplacian alone."""
    from folx import forward_laplacian

    if not collapsed:
        raise ValueError("folx gives the Laplacian, not its summands")

    def at_point(point):
        jets = forward_laplacian(lambda y: net(parameters, y))(point)
        return jnp.concatenate([jets.x[None], jets.jacobian.dense_array.reshape(-1), jets.laplacian[None]])

    return jax.vmap(at_point)(x).T


FORMS = {
    "nested jvp": by_direction(nested_jvp),
    "jet": by_direction(taylor),
    "recurrences by hand": recurrence_jets,
    "folx": folx_jets,
}


def main():
    options = common.arguments(FORMS)
    gpu = options.device == "gpu"
    jax.config.update("jax_platforms", "cuda" if gpu else "cpu")
    problem = common.Problem(options.problem)
    flat = [jnp.asarray(p) for p in problem.parameters]
    parameters = list(zip(flat[::2], flat[1::2]))
    x, targets = jnp.asarray(problem.inputs), jnp.asarray(problem.targets)
    baseline = common.memory("VmRSS")
    jets = FORMS[options.form]

    def loss(parameters, x, targets):
        return ((jets(parameters, x, problem.is_collapsed) - targets) ** 2).mean(1).sum()

    def train(state, x, targets):
        parameters, first, second, count = state
        value, gradient = jax.value_and_grad(loss)(parameters, x, targets)
        count = count + 1
        first = jax.tree.map(lambda m, g: common.BETA1 * m + (1 - common.BETA1) * g, first, gradient)
        second = jax.tree.map(lambda v, g: common.BETA2 * v + (1 - common.BETA2) * g * g, second, gradient)
        rate = common.LEARNING_RATE * jnp.sqrt(1 - common.BETA2**count) / (1 - common.BETA1**count)
        move = lambda p, m, v: p - rate * m / (jnp.sqrt(v) + common.EPSILON)
        return (jax.tree.map(move, parameters, first, second), first, second, count), value

    def train_often(state, x, targets):
        """As many steps as a call is worth, where starting one takes about as long as the step."""
        body = lambda _, both: train(both[0], x, targets)
        return jax.lax.fori_loop(0, STEPS, body, (state, jnp.zeros(())))

    last = None

    def stepping(compiled):
        def step():
            nonlocal state, last
            state, last = compiled(state, x, targets)

        return step

    def evaluate_step():
        nonlocal last
        last = evaluate(parameters, x)

    def wait():
        jax.block_until_ready((state, last))

    start = time.perf_counter()
    if options.mode == "train":
        zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
        state = (jax.tree.map(jnp.copy, parameters), zeros(), zeros(), jnp.zeros(()))
        forms = [(stepping(jax.jit(train, donate_argnums=0)), 1)]
        forms[0][0]()
        # Adam's first moment is the gradient, scaled.
        gradient = [np.asarray(part) / (1 - common.BETA1) for pair in state[1] for part in pair]
        distance = problem.distance(float(last), gradient)
        first_seconds = time.perf_counter() - start
        if gpu and problem.flops < SMALL:
            forms.append((stepping(jax.jit(train_often, donate_argnums=0)), STEPS))
            common.timed(forms[1][0], wait)
    else:
        state = None
        evaluate = jax.jit(lambda parameters, x: jets(parameters, x, problem.is_collapsed))
        forms = [(evaluate_step, 1)]
        evaluate_step()
        distance = problem.jets_distance(last)
        first_seconds = time.perf_counter() - start
    device_peak = None
    if gpu:
        device_peak = lambda: jax.devices()[0].memory_stats()["peak_bytes_in_use"]
    common.serve({"first_seconds": first_seconds, **distance}, forms, wait, device_peak, baseline=baseline)


if __name__ == "__main__":
    main()
