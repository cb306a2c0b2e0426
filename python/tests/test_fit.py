"""Arrays to networks, and the estimator."""

import warnings

import numpy as np
import pytest

import jetfit


def sine(count=33):
    x = np.linspace(0, 6, count)
    return x, np.sin(x)


FAST = {"hidden": [16], "optimizer": "lbfgs", "steps": 100, "precision": "f64", "seed": 1}


def test_measured_derivatives_are_fitted():
    x, y = sine()
    plain = jetfit.fit(x, y, **FAST)
    first = jetfit.fit(x, y, dy=np.cos(x), **FAST)
    both = jetfit.fit(x, y, dy=np.cos(x)[:, None], d2y=-np.sin(x)[:, None, None], **FAST)
    assert set(plain.report["terms"]) == {"y"}
    assert set(first.report["terms"]) == {"y", "dy_dx"}
    assert set(both.report["terms"]) == {"y", "dy_dx", "d2y_dx2"}
    between = x[:-1] + 0.05
    error = lambda net: np.abs(net.jets(between)[2][:, 0, 0] + np.sin(between)).max()
    assert error(both) < error(plain) / 3, (error(both), error(plain))


def test_third_and_fourth_derivatives_are_fitted():
    x, y = sine()
    plain = jetfit.fit(x, y, **FAST)
    more = jetfit.fit(x, y, d3y=-np.cos(x), d4y=np.sin(x)[:, None, None], **FAST)
    assert set(more.report["terms"]) == {"y", "d3y_dx3", "d4y_dx4"}
    between = x[:-1] + 0.05
    error = lambda net: np.abs(net.jets(between, order=3)[3][:, 0, 0] + np.cos(between)).max()
    assert error(more) < error(plain) / 3, (error(more), error(plain))
    with pytest.raises(jetfit.InputError, match=r"pass \(33, 1, 1\) or \(33, 1, 1, 1, 1\)"):
        jetfit.fit(x, y, d3y=np.ones((33, 2)), **FAST)


def test_shapes_of_derivatives(rows):
    points, values = rows
    names = dict(inputs=["x", "t"], outputs=["u", "v"])
    dy = np.zeros((129, 2, 2))
    dy[:, 1, 0] = np.nan
    net = jetfit.fit(points, values, dy=dy, d2y=np.ones((129, 2, 2, 2)), hidden=[3], steps=2, **names)
    assert set(net.report["terms"]) == {
        *("u", "v", "du_dx", "du_dt", "dv_dt"),
        *("d2u_dx2", "d2u_dxdt", "d2u_dt2", "d2v_dx2", "d2v_dxdt", "d2v_dt2"),
    }
    assert set(jetfit.fit(points, values[:, 0], dy=dy[:, 0], hidden=[3], steps=2).report["terms"]) == {
        *("y", "dy_dx0", "dy_dx1"),
    }
    for wrong in (np.zeros((129, 2)), np.zeros((129, 4)), np.zeros((128, 2, 2)), np.zeros(129)):
        with pytest.raises(jetfit.InputError, match=r"pass \(129, 2, 2\)"):
            jetfit.fit(points, values, dy=wrong, hidden=[3], steps=2)


def test_frames_name_everything():
    pandas = pytest.importorskip("pandas")
    x, y = sine()
    frame = pandas.DataFrame({"time": x, "height": y, "dheight_dtime": np.cos(x)})
    net = jetfit.fit(frame[["time"]], frame["height"], dy=frame[["dheight_dtime"]], **FAST)
    assert (net.inputs, net.outputs) == (["time"], ["height"])
    assert list(net.gradient(frame).columns) == ["dheight_dtime"]
    with pytest.raises(jetfit.InputError, match="'speed' is no derivative of order 1"):
        jetfit.fit(frame[["time"]], frame["height"], dy=frame[["time"]].rename(columns={"time": "speed"}), **FAST)


def test_what_is_nan_was_not_measured():
    x, y = sine(60)
    dy = np.cos(x)
    gaps = y.copy()
    gaps[3::4] = dy[::2] = np.nan
    net = jetfit.fit(x, gaps, dy=dy, **FAST)
    assert set(net.report["terms"]) == {"y", "dy_dx"}
    assert np.abs(net.value(x)[:, 0] - y).max() < 0.05
    with pytest.raises(jetfit.InputError, match='column "x" is NaN in row 3'):
        jetfit.fit(gaps, y, **FAST)


def test_the_same_seed_gives_the_same_bits():
    x, y = sine()
    one, other = (jetfit.fit(x, y, **FAST) for _ in range(2))
    np.testing.assert_array_equal(one.value(x), other.value(x))
    another = jetfit.fit(x, y, **{**FAST, "seed": 2})
    assert np.any(one.value(x) != another.value(x))


def test_weights_validation_and_equations():
    x, y = sine()
    spoilt = y.copy()
    spoilt[5] = 30.0
    weights = np.ones(33)
    weights[5] = 0.0
    net = jetfit.fit(x, spoilt, row_weights=weights, **FAST)
    assert abs(net.value([x[5]])[0, 0] - y[5]) < 0.5 and net.report["validation_loss"] is None
    net = jetfit.fit(x, y, validation=(x[:4] + 0.01, np.sin(x[:4] + 0.01)), **FAST)
    assert net.report["validation_loss"] < 1e-2
    # An unknown constant: y'' = -k y.
    net = jetfit.fit(
        x,
        y,
        variables={"x": [0, 6]},
        coefficients={"k": 0.5},
        term=[{"name": "wave", "residual": "d(y, x, x) = -k*y", "points": {"count": 65}}],
        hidden=[16],
        optimizer="gauss-newton",
        steps=60,
        seed=1,
    )
    assert net.coefficients["k"] == pytest.approx(1.0, abs=1e-3)


def test_a_trained_network_is_a_start():
    x, y = sine()
    first = jetfit.fit(x, y, **FAST)
    again = jetfit.fit(x, y, start=first, **{**FAST, "hidden": None, "steps": 1})
    afresh = jetfit.fit(x, y, **{**FAST, "steps": 1})
    assert again.hidden == [16] and again.report["training_loss"] <= first.report["training_loss"] * 1.01
    assert again.report["training_loss"] < afresh.report["training_loss"] / 100
    with pytest.raises(jetfit.InputError, match="inputs"):
        jetfit.fit(np.column_stack([x, x**2]), y, start=first)


def test_callbacks_hear_reports_and_may_end_the_training():
    x, y = sine()
    reports = []

    def callback(report):
        reports.append(report)
        if len(reports) == 3:
            raise StopIteration

    net = jetfit.fit(x, y, hidden=[8], steps=100_000, report_every=10, callback=callback)
    assert [report.step for report in reports[:3]] == [10, 20, 30]
    assert net.report["stop"] == "interrupted" and net.report["steps"] < 1000
    assert all(np.isfinite(report.loss) and len(report.terms) == 1 for report in reports)

    def broken(report):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        jetfit.fit(x, y, hidden=[8], steps=100_000, report_every=10, callback=broken)


def test_bad_input_says_what_to_do():
    x, y = sine()
    with pytest.raises(jetfit.InputError, match="unknown activation|did you mean|tanh"):
        jetfit.fit(x, y, activation="tan")
    with pytest.raises(jetfit.InputError, match='column "y" has 32 numbers'):
        jetfit.fit(x, y[:-1])
    with pytest.raises(TypeError, match="did you mean 'hidden'"):
        jetfit.fit(x, y, hiden=[3])
    with pytest.raises(jetfit.InputError, match="no value of a job"):
        jetfit.fit(x, y, hidden={1, 2})
    assert issubclass(jetfit.InputError, ValueError) and issubclass(jetfit.InputError, jetfit.Error)


def test_a_training_that_diverges_is_a_run_error():
    x, y = sine()
    with pytest.raises(jetfit.RunError, match="diverged") as caught:
        jetfit.fit(x, y, hidden=[16], activation="softplus", learning_rate=1e200, steps=20, seed=1, device="cpu")
    assert isinstance(caught.value, RuntimeError)


def test_warnings_are_pythons():
    x = np.linspace(0, 1, 12)
    with pytest.warns(jetfit.FitWarning):
        net = jetfit.fit(x, np.sin(40 * x), hidden=[8], steps=20, validation_fraction=0.5)
    assert net.warnings


def test_check_estimator():
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checks.check_estimator(jetfit.Regressor(hidden=(16,), optimizer="lbfgs", steps=100, precision="f64"))


def test_the_estimator_in_a_search_and_a_pipeline(rows):
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    points, values = rows
    regressor = jetfit.Regressor((8,), optimizer="lbfgs", steps=100, precision="f64", random_state=0)
    search = GridSearchCV(regressor, {"hidden": [(2,), (8,)]}, cv=2).fit(points, values)
    assert search.best_params_ == {"hidden": (8,)} and search.best_score_ > 0.9
    assert make_pipeline(StandardScaler(), regressor).fit(points, values).score(points, values) > 0.9


def test_the_estimator_gives_derivatives(rows):
    pytest.importorskip("sklearn")
    pandas = pytest.importorskip("pandas")
    points, values = rows
    frame = pandas.DataFrame(points, columns=["width (cm)", "t"])
    regressor = jetfit.Regressor((8,), optimizer="lbfgs", steps=100, precision="f64", random_state=0)
    regressor.fit(frame, values)
    assert list(regressor.feature_names_in_) == ["width (cm)", "t"] and regressor.n_features_in_ == 2
    assert regressor.predict(frame).shape == (129, 2)
    assert list(regressor.jets(frame)[1].columns)[:2] == ["dy0_dwidth (cm)", "dy0_dt"]
    flat = jetfit.Regressor((8,), optimizer="lbfgs", steps=100, precision="f64", random_state=0).fit(
        points, values[:, 0]
    )
    assert flat.predict(points).shape == (129,)
    assert flat.hessian(points).shape == (129, 1, 2, 2) and flat.laplacian(points).shape == (129, 1)
    np.testing.assert_array_equal(flat.gradient(points), flat.network_.gradient(points))
