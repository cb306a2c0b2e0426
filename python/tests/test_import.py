"""Networks of Keras, PyTorch and ONNX, from the fixtures that these programs wrote."""

import json
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import jetfit

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"


def known(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())


def check(net, fixture):
    points = np.array(fixture["points"])
    pairs = [(net.value(points), fixture["values"]), (net.gradient(points), fixture["gradients"])]
    if not {"relu", "leaky_relu", "elu", "selu"} & set(net.activations):
        pairs.append((net.hessian(points), fixture["hessians"]))
    for ours, theirs in pairs:
        # Both compute in float64 from the same weights.
        np.testing.assert_allclose(ours, theirs, atol=1e-10 * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize(
    "name", ["keras_sine", "keras_residual", "keras2", "torch_double", "torch_sequential", "onnx_double"]
)
def test_files_of_other_programs(name):
    fixture = known(name)
    check(jetfit.from_file(FIXTURES / fixture["file"]), fixture)


def test_names_activations_and_scaling():
    fixture = known("torch_state")
    options = dict(inputs=["a", "b"], outputs="u", activation=["tanh", "silu"])
    net = jetfit.from_file(FIXTURES / fixture["file"], **options)
    check(net, fixture)
    assert (net.inputs, net.outputs, net.activations) == (["a", "b"], ["u"], ["tanh", "silu"])
    # The same network of (x - 5)/2, whose result is (y - 1)/10.
    scaling = dict(input_mean=np.full(2, 5.0), input_scale=[2.0, 2.0], output_mean=1, output_scale=10)
    scaled = jetfit.from_file(FIXTURES / fixture["file"], **options, **scaling)
    points = np.array(fixture["points"])
    np.testing.assert_allclose(scaled.value(5 + 2 * points), 1 + 10 * net.value(points), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scaled.gradient(5 + 2 * points), 5 * net.gradient(points), rtol=1e-9, atol=1e-9)


def test_models_are_handed_over_by_files(monkeypatch):
    fixture = known("keras_sine")
    model = types.SimpleNamespace(save=lambda path: shutil.copy(FIXTURES / fixture["file"], path))
    net = jetfit.from_keras(model, inputs=["t"], outputs=["angle"])
    check(net, fixture)
    assert (net.inputs, net.outputs) == (["t"], ["angle"])
    fixture = known("torch_sequential")
    torch = types.SimpleNamespace(save=lambda module, path: shutil.copy(FIXTURES / fixture["file"], path))
    monkeypatch.setitem(sys.modules, "torch", torch)
    check(jetfit.from_torch(object()), fixture)


def test_what_cannot_be_imported_is_named():
    with pytest.raises(jetfit.InputError, match="(?i)softmax"):
        jetfit.from_file(FIXTURES / "refused" / "keras_softmax.h5")
    with pytest.raises(jetfit.InputError, match="no such file"):
        jetfit.from_file("none.keras")


def test_an_imported_network_is_a_start():
    net = jetfit.from_file(FIXTURES / "keras_sine.keras")
    x = np.linspace(0, 10, 200)
    tuned = jetfit.fit(x, np.sin(x), start=net, optimizer="gauss-newton", steps=20)
    error = lambda one: np.abs(one.value(x)[:, 0] - np.sin(x)).max()
    assert tuned.hidden == net.hidden and error(tuned) < error(net) / 3


def test_real_keras():
    keras = pytest.importorskip("keras")
    layers = [
        keras.layers.Input((2,)),
        keras.layers.Dense(7, "tanh"),
        keras.layers.Dense(3, "silu"),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    points = np.random.default_rng(1).normal(size=(33, 2)).astype(np.float32)
    # Keras computes in single precision.
    np.testing.assert_allclose(jetfit.from_keras(model).value(points), model(points), atol=1e-5)


def test_real_torch():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 7), torch.nn.Tanh(), torch.nn.Linear(7, 1)).double()
    points = torch.randn(33, 2, dtype=torch.float64)
    np.testing.assert_allclose(jetfit.from_torch(module).value(points.numpy()), module(points).detach(), atol=1e-12)
    net = jetfit.from_torch(module.state_dict(), activation="tanh")
    np.testing.assert_allclose(net.value(points.numpy()), module(points).detach(), atol=1e-12)
