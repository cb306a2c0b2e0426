"""TensorFlow: nested tapes in a tf.function, with and without XLA."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

import common

tf.config.experimental.enable_tensor_float_32_execution(False)
FORMS = {"nested tapes": False, "nested tapes, XLA": True}


def net(parameters, x):
    """u (B) at x (B, D)."""
    a = x
    for l in range(0, len(parameters) - 2, 2):
        a = tf.tanh(tf.matmul(a, parameters[l], transpose_b=True) + parameters[l + 1])
    return (tf.matmul(a, parameters[-2], transpose_b=True) + parameters[-1])[:, 0]


def tape_jets(parameters, x, collapsed):
    """(C, B) by a tape over a tape, a reverse pass for each input."""
    inputs = x.shape[1]
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = net(parameters, x)
        first = inner.gradient(u, x)
        columns = [first[:, k] for k in range(inputs)]
    second = tf.stack([outer.gradient(columns[k], x)[:, k] for k in range(inputs)])
    if collapsed:
        second = tf.reduce_sum(second, 0, keepdims=True)
    return tf.concat([u[None], tf.transpose(first), second], 0)


def main():
    options = common.arguments(FORMS)
    # The driver's taskset decides on how many cores it runs.
    cores = len(os.sched_getaffinity(0))
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    problem = common.Problem(options.problem)
    parameters = [tf.Variable(p) for p in problem.parameters]
    x, targets = tf.constant(problem.inputs), tf.constant(problem.targets)
    moments = [(tf.Variable(tf.zeros_like(p)), tf.Variable(tf.zeros_like(p))) for p in parameters]
    count = tf.Variable(0.0)
    baseline = common.memory("VmRSS")
    xla = FORMS[options.form]

    def loss_and_gradient():
        with tf.GradientTape() as tape:
            jets = tape_jets(parameters, x, problem.is_collapsed)
            loss = tf.reduce_sum(tf.reduce_mean((jets - targets) ** 2, 1))
        return loss, tape.gradient(loss, parameters)

    @tf.function(jit_compile=xla)
    def train_step():
        loss, gradient = loss_and_gradient()
        count.assign_add(1.0)
        rate = common.LEARNING_RATE * tf.sqrt(1 - common.BETA2**count) / (1 - common.BETA1**count)
        for parameter, (first, second), g in zip(parameters, moments, gradient):
            first.assign(common.BETA1 * first + (1 - common.BETA1) * g)
            second.assign(common.BETA2 * second + (1 - common.BETA2) * g * g)
            parameter.assign_sub(rate * first / (tf.sqrt(second) + common.EPSILON))
        return loss

    @tf.function(jit_compile=xla)
    def evaluate_step():
        return tape_jets(parameters, x, problem.is_collapsed)

    if options.mode == "train":
        loss, gradient = tf.function(loss_and_gradient, jit_compile=xla)()
        distance = problem.distance(float(loss), [g.numpy() for g in gradient])
        call = train_step
    else:
        distance = problem.jets_distance(evaluate_step().numpy())
        call = evaluate_step
    last = None

    def step():
        nonlocal last
        last = call()

    def wait():
        last.numpy()

    first = {"first_seconds": common.timed(step, wait), **distance}
    device_peak = None
    if options.device == "gpu":
        device_peak = lambda: tf.config.experimental.get_memory_info("GPU:0")["peak"]
    common.serve(first, [(step, 1)], wait, device_peak, baseline=baseline)


if __name__ == "__main__":
    main()
