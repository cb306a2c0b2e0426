"""Derivatives of arrays and frames."""

import copy
import pickle
import threading
import time

import numpy as np
import pytest

import jetfit

BATCHES = (1, 7, 129)


def differences(net, points):
    """Extrapolated central differences of the values: gradient and Hessian, (B, M, D) and (B, M, D, D)."""
    wide, near = central(net, points, 1e-3), central(net, points, 5e-4)
    return [(4 * by_near - by_wide) / 3 for by_wide, by_near in zip(wide, near)]


def central(net, points, step):
    count = points.shape[1]
    at = lambda *moves: net.value(points + sum(moves))
    unit = step * np.eye(count)
    first = np.stack([(at(unit[i]) - at(-unit[i])) / (2 * step) for i in range(count)], axis=-1)
    second = np.empty((*first.shape, count))
    for i in range(count):
        for j in range(count):
            ends = at(unit[i], unit[j]) - at(unit[i], -unit[j]) - at(-unit[i], unit[j]) + at(-unit[i], -unit[j])
            second[..., i, j] = ends / (4 * step**2)
    return first, second


@pytest.mark.parametrize("count", BATCHES)
def test_derivatives_are_those_of_central_differences(net, rows, count):
    points = rows[0][:count]
    value, first, second = net.jets(points)
    hessian = net.hessian(points)
    assert value.shape == (count, 2) and first.shape == second.shape == (count, 2, 2)
    assert hessian.shape == (count, 2, 2, 2)
    by_first, by_second = differences(net, points)
    scale = np.abs(rows[1]).max(axis=0)[:, None]
    # Rounding over the step and over its square, 1e-16/5e-4 and 1e-16/2.5e-7; the fourth power of the step, 1e-12,
    # times derivatives of order 5 and 6.
    np.testing.assert_allclose(first / scale, by_first / scale, atol=1e-7)
    np.testing.assert_allclose(hessian / scale[..., None], by_second / scale[..., None], atol=1e-5)
    # The same numbers by other layouts, to rounding.
    np.testing.assert_allclose(np.einsum("bmii->bmi", hessian), second, rtol=1e-10, atol=1e-8)
    np.testing.assert_array_equal(hessian, hessian.transpose(0, 1, 3, 2))
    np.testing.assert_allclose(net.laplacian(points), second.sum(axis=-1), rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(net.gradient(points), first, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(net(points), value, rtol=1e-12, atol=1e-12)


def test_third_and_fourth_derivatives_are_differences_of_second_ones(net, rows):
    points = rows[0][:33]
    parts = net.jets(points, order=4, second="full")
    assert [part.shape for part in parts] == [(33, 2), *((33, 2, *(2,) * order) for order in range(1, 5))]
    third, fourth = parts[3:]
    # The step's square is 4e-10, times the square of the steepest wave; rounding over the step 1e-11.
    step, scale = 2e-5, np.abs(third).max(axis=(0, 2, 3, 4))[:, None, None]
    for i in range(2):
        apart = np.eye(2)[i] * step
        ahead, behind = net.hessian(points + apart), net.hessian(points - apart)
        np.testing.assert_allclose(third[..., i] / scale, (ahead - behind) / (2 * step) / scale, atol=1e-6)
        ahead, behind = (net.jets(points + side * apart, 3, "full")[3] for side in (1, -1))
        size = np.abs(fourth).max(axis=(0, 2, 3, 4, 5))[:, None, None, None]
        np.testing.assert_allclose(fourth[..., i] / size, (ahead - behind) / (2 * step) / size, atol=1e-6)
    for tensor in (third, fourth):
        np.testing.assert_array_equal(tensor, np.swapaxes(tensor, 2, -1))
    # The same numbers by other layouts, to rounding.
    close = dict(rtol=1e-9, atol=1e-9 * np.abs(fourth).max())
    *_, d3, d4 = net.jets(points, order=4)
    np.testing.assert_allclose(d3, np.einsum("bmiii->bmi", third), **close)
    np.testing.assert_allclose(d4, np.einsum("bmiiii->bmi", fourth), **close)
    _, _, laplacian, slope, biharmonic = net.jets(points, order=4, second="laplacian")
    np.testing.assert_allclose(laplacian, net.laplacian(points), **close)
    np.testing.assert_allclose(slope, np.einsum("bmiij->bmj", third), **close)
    np.testing.assert_allclose(biharmonic, np.einsum("bmiijj->bm", fourth), **close)
    for wrong in ({"order": 5}, {"second": "diagnal"}):
        with pytest.raises(jetfit.InputError):
            net.jets(points, **wrong)


def test_memory_order_and_type_change_nothing(net, rows):
    points = rows[0]
    expected = net.jets(points)
    strided = np.zeros((129, 5))
    strided[:, 1::2] = points
    read_only = points.copy()
    read_only.flags.writeable = False
    for same in (np.asfortranarray(points), strided[:, 1::2], points[::-1][::-1], points.tolist(), read_only):
        for one, other in zip(expected, net.jets(same)):
            np.testing.assert_array_equal(one, other)
    rounded = points.astype(np.float32)
    for one, other in zip(net.jets(rounded.astype(np.float64)), net.jets(rounded)):
        np.testing.assert_array_equal(one, other)
    assert net.value(rounded).dtype == np.float64


def test_results_are_views_of_one_array(net, rows):
    value, first, second = net.jets(rows[0])
    roots = {id(_root(part)) for part in (value, first, second)}
    assert len(roots) == 1


def _root(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def test_no_points_are_no_error(net):
    value, first, second = net.jets(np.empty((0, 2)))
    assert value.shape == (0, 2) and first.shape == second.shape == (0, 2, 2)
    assert net.hessian(np.empty((0, 2))).shape == (0, 2, 2, 2)


def test_one_input_may_be_flat():
    x = np.linspace(0, 3, 33)
    net = jetfit.fit(x, np.sin(x), hidden=[8], optimizer="lbfgs", steps=50, precision="f64", seed=1)
    assert (net.inputs, net.outputs) == (["x"], ["y"])
    for one, other in zip(net.jets(x), net.jets(x[:, None])):
        np.testing.assert_array_equal(one, other)


def test_frames_have_names_and_index(net, rows):
    pandas = pytest.importorskip("pandas")
    points = rows[0][:7]
    index = pandas.Index(list("abcdefg"))
    # In another order, with a column too many.
    frame = pandas.DataFrame({"t": points[:, 1], "name": list("gfedcba"), "x": points[:, 0]}, index=index)
    value, first, second = net.jets(frame)
    assert list(value.columns) == ["u", "v"]
    assert list(first.columns) == ["du_dx", "du_dt", "dv_dx", "dv_dt"]
    assert list(second.columns) == ["d2u_dx2", "d2u_dt2", "d2v_dx2", "d2v_dt2"]
    expected = net.jets(points)
    for one, other in zip((value, first, second), expected):
        assert one.index.equals(index)
        np.testing.assert_array_equal(one.to_numpy(), other.reshape(7, -1))
    hessian = net.hessian(frame)
    assert list(hessian.columns)[:3] == ["d2u_dx2", "d2u_dxdt", "d2u_dt2"]
    np.testing.assert_array_equal(hessian["d2v_dxdt"], net.hessian(points)[:, 1, 0, 1])
    assert list(net.laplacian(frame).columns) == ["laplacian_u", "laplacian_v"]
    with pytest.raises(jetfit.InputError, match="no column 'x'"):
        net.value(frame.rename(columns={"x": "y"}))


def test_bad_points_say_what_to_do(net):
    for points, part in [
        (np.zeros((3, 3)), "3 columns for 2 inputs"),
        (np.zeros(3), "1 columns for 2 inputs"),
        (np.zeros((3, 2, 1)), "has no rows and columns"),
        (np.zeros((3, 2), dtype=complex), "complex"),
        ([["a", "b"]], "not numbers"),
    ]:
        with pytest.raises(jetfit.InputError, match=part) as caught:
            net.value(points)
        assert isinstance(caught.value, (ValueError, jetfit.Error)) and caught.value.help
        assert pickle.loads(pickle.dumps(caught.value)).help == caught.value.help


def test_derivatives_that_do_not_exist_are_refused():
    x = np.linspace(0, 1, 33)
    net = jetfit.fit(x, x, hidden=[4], activation="relu", steps=10)
    assert net.value(x).shape == (33, 1)
    with pytest.raises(jetfit.InputError, match="relu"):
        net.jets(x)


def test_networks_are_saved_loaded_pickled_and_copied(net, rows, tmp_path):
    path = tmp_path / "net.safetensors"
    net.save(path)
    for same in (jetfit.load(path), jetfit.load(str(path)), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        for one, other in zip(net.jets(rows[0]), same.jets(rows[0])):
            np.testing.assert_array_equal(one, other)
    assert pickle.loads(pickle.dumps(net)).report == net.report
    with pytest.raises(jetfit.InputError, match="no such file"):
        jetfit.load(tmp_path / "none")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(jetfit.InputError, match="safetensors"):
        jetfit.load(path)


def test_a_network_is_exported(net, rows, tmp_path):
    net.export(tmp_path / "exported.py", "numpy", second="full")
    names = {}
    exec((tmp_path / "exported.py").read_text(), names)
    value, first, second = names["jets"](rows[0])
    np.testing.assert_allclose(value, net.value(rows[0]), rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(first, net.gradient(rows[0]), rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(second, net.hessian(rows[0]), rtol=1e-10, atol=1e-8)
    net.export(tmp_path / "net.c", name="wave", order=1)
    assert "void wave_jet(" in (tmp_path / "net.c").read_text()
    net.export(tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").stat().st_size > 1000
    for wrong, part in [({}, "does not tell"), ({"format": "onx"}, "onnx"), ({"format": "c", "order": 3}, "order")]:
        with pytest.raises(jetfit.InputError, match=part):
            net.export(tmp_path / "net", **wrong)
    assert not (tmp_path / "net").exists()


def test_a_network_can_be_computed_by_hand(net, rows):
    scaling = net.scaling
    inside = (rows[0] - scaling["inputs"]["mean"]) / scaling["inputs"]["scale"]
    *hidden, (weights, biases) = net.parameters
    for more, shift in hidden:
        inside = np.tanh(inside @ more.T + shift)
    outside = (inside @ weights.T + biases) * scaling["outputs"]["scale"] + scaling["outputs"]["mean"]
    np.testing.assert_allclose(net.value(rows[0]), outside, rtol=1e-12, atol=1e-12)
    assert (
        net.hidden == [12, 7] and net.activations == ["tanh"] * 2 and net.skips == {} and set(net.ranges) == {"x", "t"}
    )
    assert "12 → 7" in repr(net) and "tanh" in net._repr_html_()


def test_other_devices(net, rows):
    single = net.on("cpu", "f32")
    assert "f32" in single.device and "f64" in net.device
    scale = np.abs(net.value(rows[0])).max()
    # Single precision has 24 bits.
    np.testing.assert_allclose(single.value(rows[0]), net.value(rows[0]), atol=1e-5 * scale)
    with pytest.raises(jetfit.InputError, match="toaster"):
        net.on("toaster")


def test_the_gil_is_free_while_jets_are_computed(net):
    points = np.random.default_rng(1).uniform(size=(400_000, 2))
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    before, start = counted[0], time.perf_counter()
    net.hessian(points)
    seconds, steps = time.perf_counter() - start, counted[0] - before
    done.set()
    thread.join()
    # With the GIL held there would be hardly any; a tenth of the time is enough for a busy machine.
    assert steps > 1000 * seconds / 10, (steps, seconds)


def test_threads_may_share_a_network(net, rows):
    expected, results = net.jets(rows[0]), [None] * 4

    def work(k):
        results[k] = net.jets(rows[0])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for result in results:
        for one, other in zip(expected, result):
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_opens_its_own_threads(net, rows):
    import multiprocessing

    expected = net.value(rows[0])
    with multiprocessing.get_context("fork").Pool(1) as pool:
        result = pool.apply_async(net.value, (rows[0],)).get(timeout=60)
        inherited = pool.apply_async(_inherited).get(timeout=60)
    np.testing.assert_array_equal(expected, result)
    assert inherited is None


def _inherited():
    return None
