"""Jobs, run directories, the command line."""

import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time

import numpy as np
import pytest

import jetfit

JOB = """
[data]
file = "data.csv"
inputs = ["x"]
outputs = ["y"]

[network]
hidden = [8]

[optimizer]
name = "lbfgs"

[training]
steps = 100
report_every = 20
seed = 1

[device]
name = "cpu"
"""


@pytest.fixture
def job(tmp_path):
    x = np.linspace(0, 3, 60)
    np.savetxt(tmp_path / "data.csv", np.column_stack([x, np.sin(x)]), delimiter=",", header="x,y", comments="")
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    return path


def test_a_job_file_becomes_a_run(job, tmp_path):
    reports = []
    run = jetfit.train(job, out=tmp_path / "run", callback=reports.append)
    assert [report.step for report in reports] == [20, 40, 60, 80, 100]
    assert run.report["steps"] == 100 and run.report["stop"] == "steps"
    assert list(run.metrics["step"]) == [20, 40, 60, 80, 100]
    assert np.allclose(run.metrics["loss"], [report.loss for report in reports], rtol=0, atol=0)
    predictions = run.predictions
    assert len(predictions["x"]) == 1001
    for name, column in zip(("y", "dy_dx", "d2y_dx2"), run.model.jets(np.asarray(predictions["x"]))):
        # The file has the run's f32.
        np.testing.assert_allclose(predictions[name], column.ravel(), atol=1e-4)
    assert run.pictures == ["fit", "loss"]
    html = run._repr_html_()
    assert "data:image/png;base64," in html and "training loss" in html and "R²" in html and str(run.path) in html
    assert run.plot()._repr_mimebundle_()["image/png"].startswith("iVBOR")
    run.plot("loss").save(tmp_path / "loss.svg")
    assert "<svg" in (tmp_path / "loss.svg").read_text()
    with pytest.raises(jetfit.InputError, match="no picture 'map'"):
        run.plot("map")
    assert "steps 100" in repr(jetfit.Run(run.path)) and "[training]" in run.job
    with pytest.raises(jetfit.InputError, match="already holds a run"):
        jetfit.train(job, out=tmp_path / "run")
    jetfit.train(job, out=tmp_path / "run", force=True)


def test_keys_are_set(job, tmp_path):
    keys = {"training.steps": 40, "network.hidden": [4, 3], "network.activation": "sin", "loss.weights": {"y": 2.0}}
    run = jetfit.train(job, out=tmp_path / "run", set=keys)
    assert run.report["steps"] == 40 and run.model.hidden == [4, 3] and run.model.activations == ["sin"] * 2
    assert "y = 2.0" in run.job
    with pytest.raises(jetfit.InputError, match="steps") as caught:
        jetfit.train(job, out=tmp_path / "other", set={"training.stepps": 40})
    assert "--set" in str(caught.value) and not (tmp_path / "other").exists()


def test_pictures_have_the_formats_of_the_job(job, tmp_path):
    run = jetfit.train(job, out=tmp_path / "run", set={"plots.format": ["svg", "pdf"], "plots.what": ["fit"]})
    assert run.pictures == ["fit"] and list(run.plot().files) == [".svg", ".pdf"]
    assert "<svg" in run.plot()._repr_mimebundle_()["image/svg+xml"]
    assert "image/svg+xml;base64," in run._repr_html_()
    run.plot().save(tmp_path / "fit.pdf")
    assert (tmp_path / "fit.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(jetfit.InputError, match="no .png file"):
        run.plot().save(tmp_path / "fit.png")


def test_an_ensemble_has_members(job, tmp_path):
    run = jetfit.train(job, out=tmp_path / "run", set={"training.ensemble": 3})
    x = np.linspace(0, 3, 7)
    values = [net.value(x) for net in run.members]
    assert len(values) == 3 and np.ptp(values, axis=0).max() > 0
    assert "y_spread" in run.predictions and "ended by" in run._repr_html_()
    with pytest.raises(jetfit.InputError, match="use run.members"):
        run.model


def test_tables_without_pandas(job, tmp_path, monkeypatch):
    run = jetfit.train(job, out=tmp_path / "run")
    frame = run.metrics
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = run.metrics
    assert isinstance(table, dict) and list(table) == list(frame.columns)
    for name in table:
        np.testing.assert_array_equal(table[name], frame[name])


def test_a_dict_is_a_job(job):
    data = {"file": job.parent / "data.csv", "inputs": ["x"], "outputs": ["y"]}
    run = jetfit.train(
        {
            "data": data,
            "network": {"hidden": np.array([8])},
            "training": {"steps": np.int64(20)},
            "device": {"name": "cpu"},
        },
        set={"training.seed": 5, "optimizer.name": "lbfgs", "data.validation_fraction": 0.2},
    )
    assert run.report["steps"] == 20 and "seed = 5" in run.job and "validation_fraction = 0.2" in run.job
    assert run.path.exists()
    path = run.path
    del run
    assert not path.exists()
    with pytest.raises(jetfit.InputError, match='unknown key "hiden"\n.*did you mean \S*hidden'):
        jetfit.train({"data": data, "network": {"hiden": [8]}})


def test_an_equation_is_solved():
    run = jetfit.solve(
        {"load": "u_xx = -1"},
        {"x": (0, 1)},
        conditions={"boundary": "u = 0"},
        points=64,
        hidden=[8],
        optimizer="gauss-newton",
        steps=30,
        seed=1,
    )
    x = np.linspace(0, 1, 11)
    np.testing.assert_allclose(run.model.value(x)[:, 0], x * (1 - x) / 2, atol=1e-4)
    names = [term["name"] for term in run.report["losses"]["training_terms"]]
    assert names == ["load", "condition 2: boundary"]
    with pytest.raises(jetfit.InputError, match="v"):
        jetfit.solve("v_xx = -1", {"x": (0, 1)})


def test_coefficients_conditions_and_order_of_inputs():
    run = jetfit.solve(
        ["u_t = k*u_zz", {"name": "known", "residual": "u = exp(-t)*sin(z)", "points": {"count": 50}}],
        {"z": (0, 3), "t": (0, 1)},
        conditions={"t = 0": ["u = sin(z)"], "z = 0": {"residual": "u = 0", "weight": 2.0}},
        coefficients={"k": 0.3},
        points=100,
        hidden=[12],
        optimizer="gauss-newton",
        steps=40,
        seed=1,
    )
    assert run.model.inputs == ["z", "t"]
    assert run.model.coefficients["k"] == pytest.approx(1.0, abs=1e-2)
    assert "k</th>" in run._repr_html_()


def test_a_stopped_run_is_resumed_to_the_same_bits(job, tmp_path):
    def stop(report):
        if report.step == 40:
            raise StopIteration

    run = jetfit.train(job, out=tmp_path / "stopped", callback=stop)
    assert run.report["stop"] == "interrupted"
    again = jetfit.resume(run)
    whole = jetfit.train(job, out=tmp_path / "whole")
    assert again.report["steps"] == 100
    for one, other in zip(again.model.parameters, whole.model.parameters):
        np.testing.assert_array_equal(one[0], other[0])


def test_an_exception_in_a_callback_leaves_a_run_that_goes_on(job, tmp_path):
    def broken(report):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        jetfit.train(job, out=tmp_path / "run", callback=broken)
    assert jetfit.resume(tmp_path / "run").report["steps"] == 100


def test_a_thread_goes_on_while_a_network_is_trained(job, tmp_path):
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    start = time.perf_counter()
    x = np.linspace(0, 1, 4096)
    jetfit.fit(x, np.sin(9 * x), hidden=[64, 64], steps=300, seed=1, device="cpu")
    seconds = time.perf_counter() - start
    done.set()
    thread.join()
    assert counted[0] > 1000 * seconds / 10, (counted, seconds)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("kind", ["train", "fit"])
def test_ctrl_c_ends_a_training_in_order(job, tmp_path, kind):
    program = f"""
        import numpy as np, jetfit
        def ready(report):
            if report.step == 20:
                print("ready", flush=True)
        try:
            if {kind!r} == "train":
                jetfit.train({str(job)!r}, out={str(tmp_path / "run")!r}, set=None, callback=ready)
            else:
                x = np.linspace(0, 1, 50)
                jetfit.fit(x, np.sin(9*x), hidden=[16], steps=10**8, report_every=20, callback=ready)
        except KeyboardInterrupt as error:
            print("interrupted", error, flush=True)
    """
    # L-BFGS would be at its end too soon.
    job.write_text(job.read_text().replace('"lbfgs"', '"adam"').replace("steps = 100", "steps = 100000000"))
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert out.startswith("interrupted") and process.returncode == 0
    if kind == "train":
        assert "jetfit.resume" in out
        run = jetfit.Run(tmp_path / "run")
        assert run.report["stop"] == "interrupted" and (run.path / "checkpoint.safetensors").is_file()


def command_line(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "jetfit", *arguments], capture_output=True, text=True, **options)


def test_the_command_line_is_in_the_package(job, tmp_path):
    done = command_line("--version")
    assert (done.returncode, done.stdout) == (0, f"jetfit {jetfit.__version__}\n")
    done = command_line("train", str(job), "--out", str(tmp_path / "run"), "--quiet", "--format", "json")
    assert done.returncode == 0 and '"stop":"steps"' in done.stdout, done
    done = command_line("predict", str(tmp_path / "run"), "--points", str(job.parent / "data.csv"))
    assert len(done.stdout.splitlines()) == 61 and done.stdout.endswith("\n")
    done = command_line("train", str(tmp_path / "none.toml"))
    assert done.returncode == 2 and "none.toml" in done.stderr and "Traceback" not in done.stderr
    assert command_line("trian").returncode == 2
    script = os.path.join(sysconfig.get_path("scripts"), "jetfit")
    assert subprocess.run([script, "--help"], capture_output=True, text=True).stdout.count("Usage") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_ctrl_c_on_the_command_line_has_its_exit_code(job, tmp_path):
    job.write_text(job.read_text().replace('"lbfgs"', '"adam"').replace("steps = 100", "steps = 100000000"))
    command = [sys.executable, "-m", "jetfit", "train", str(job), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        metrics = tmp_path / "run" / "metrics.csv"
        end = time.monotonic() + 30
        while time.monotonic() < end and not (metrics.is_file() and metrics.read_text().count("\n") > 1):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130 and "interrupted by SIGINT" in error and "Traceback" not in error, error
