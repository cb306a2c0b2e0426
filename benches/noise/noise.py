"""Derivatives of noisy signals: jetfit's default job against PyNumDiff, a smoothing spline and a Gaussian process.

    pip install -r benches/noise/requirements.txt
    python benches/noise/noise.py peers results.jsonl            # each case once; what is there is kept
    python benches/noise/noise.py jetfit results.jsonl [--ensemble 5] [--binary target/release/jetfit]
    python benches/noise/noise.py table results.jsonl
"""

import argparse
import csv
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import signals

HERE = Path(__file__).resolve().parent


def jetfit(binary, ensemble, times, noisy):
    """Columns of the predictions of a job without a key but where they are wanted, and the report."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, columns in (("data", {"t": times, "y": noisy}), ("points", {"t": times})):
            with open(folder / f"{name}.csv", "w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(columns)
                writer.writerows(zip(*(column.tolist() for column in columns.values())))
        (folder / "job.toml").write_text(
            '[data]\nfile = "data.csv"\ninputs = ["t"]\noutputs = ["y"]\n[predictions]\npoints = "points.csv"\n'
        )
        command = [binary, "train", "job.toml", "--out", "run", "--quiet", "--format", "json", "--device", "cpu", "--threads", "1"]
        if ensemble > 1:
            command += ["--ensemble", str(ensemble)]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr)
        with open(folder / "run/predictions.csv", newline="") as file:
            header, *rows = csv.reader(file)
        columns = np.array(rows, float).T
        return dict(zip(header, columns)), json.loads(ran.stdout)


def judge(case, first, second, truth):
    record = dict(case=case, first=signals.relative(first, truth[0]))
    if case[0] != "triangle":  # whose second derivative is 0 wherever there is one
        record["second"] = signals.relative(second, truth[1])
    return record


def measure(arguments):
    done = set()
    if Path(arguments.results).exists():
        done = {(tuple(r["case"]), r["by"]) for r in map(json.loads, open(arguments.results))}
    by = "peers" if arguments.what == "peers" else f"jetfit {arguments.ensemble}"
    for case in signals.cases(arguments.seeds):
        name, level, count, sampling, _ = case
        is_wanted = count in arguments.counts and sampling in arguments.samplings and level in arguments.levels
        if (case, by) in done or not is_wanted:
            continue
        times, noisy, signal, *truth = signals.case(*case)
        records = []
        started = time.time()
        if arguments.what == "peers":
            import peers

            for method, first, second in peers.all_of(
                name, sampling, times, noisy, truth[0], arguments.methods, arguments.with_truth
            ):
                if first is None:
                    records.append(dict(case=case, failed=second, method=method))
                else:
                    records.append(dict(judge(case, first, second, truth), method=method))
        else:
            found, report = jetfit(arguments.binary, arguments.ensemble, times, noisy)
            record = judge(case, found["dy_dt"], found["d2y_dt2"], truth)
            method = "jetfit" if arguments.ensemble == 1 else f"jetfit, {arguments.ensemble} members"
            if arguments.ensemble > 1:
                for entry, exact in (("y", signal), ("dy_dt", truth[0]), ("d2y_dt2", truth[1])):
                    inside = np.abs(found[entry] - exact) <= 2 * found[f"{entry}_spread"]
                    record[f"covered_{entry}"] = float(np.mean(inside))
            record.update(method=method, optimizer=report.get("stages", [{}])[-1].get("optimizer"))
            records.append(record)
        with open(arguments.results, "a") as file:
            for record in records:
                file.write(json.dumps(dict(record, by=by, seconds=time.time() - started)) + "\n")
        print(*case, " ".join(f"{r['method']}: {r.get('first', np.nan):.3f}/{r.get('second', np.nan):.3f}" for r in records), flush=True)


def table(arguments):
    records = [json.loads(line) for line in open(arguments.results)]
    for count in signals.COUNTS:
        for sampling in signals.SAMPLINGS:
            chosen = [r for r in records if r["case"][2:4] == [count, sampling] and "first" in r]
            if not chosen:
                continue
            print(f"\n{count} points, {sampling}\n\n| | cases | y' | y'' | covered y, y', y'' |\n|---|---|---|---|---|")
            methods = sorted({r["method"] for r in chosen})
            median = lambda own, key: np.median([r[key] for r in own if key in r])
            rows = []
            for method in methods:
                own = [r for r in chosen if r["method"] == method]
                covered = ", ".join(
                    f"{100 * np.mean([r[f'covered_{entry}'] for r in own]):.0f} %"
                    for entry in ("y", "dy_dt", "d2y_dt2") if f"covered_{entry}" in own[0]
                )
                rows.append((median(own, "first"), median(own, "second"), method, len(own), covered))
            for first, second, method, cases, covered in sorted(rows):
                print(f"| {method} | {cases} | {first:.3f} | {second:.3f} | {covered} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["peers", "jetfit", "table"])
    parser.add_argument("results")
    parser.add_argument("--ensemble", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--counts", type=int, nargs="+", default=signals.COUNTS)
    parser.add_argument("--levels", type=float, nargs="+", default=signals.LEVELS)
    parser.add_argument("--samplings", nargs="+", default=signals.SAMPLINGS)
    parser.add_argument("--methods", nargs="*", default=["butterdiff", "savgoldiff", "kerneldiff", "polydiff",
                        "spectraldiff", "splinediff", "rtsdiff", "tvrdiff"], help="those of PyNumDiff")
    parser.add_argument("--with-truth", action="store_true", help="tune these by the true derivative, too")
    parser.add_argument("--binary", default=str(HERE.parents[1] / "target/release/jetfit"))
    arguments = parser.parse_args()
    table(arguments) if arguments.what == "table" else measure(arguments)
