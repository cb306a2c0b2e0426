"""jetfit and its peers in one run, turn by turn: who agrees, how fast each is, and the memory that it takes.

The peers of a case live at the same time and get turns, round by round, ours among them; ratios are taken within a
round, so that a machine that slows down does so for all. A peer that fails, or whose loss or gradient is not ours, is
reported as that, and the others go on. On a GPU those of several cases start at once, as many as its memory takes.
"""

import argparse
import json
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contestants import (
    BLAS, CONTESTANTS, HERE, NESTED, OF_FOURTH_ORDER, ON_CPU, ON_GPU, OURS, OURS_BY_DEVICE, OURS_OF_HALVES, WORK, Failed, Ours, Peer,
    batch_of, bench, problem_file,
)  # fmt: skip
from tables import summarise, tables

# What the peers that live on a GPU at the same time may take there.
GPU_BYTES = 72e9


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jetfit", default="target/release/jetfit")
    parser.add_argument("--cases", default="A,B,C,D,E,F")
    parser.add_argument("--modes", default="train,evaluate")
    parser.add_argument("--threads", default="1,2", help="CPU threads, one table each")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="a turn")
    parser.add_argument("--skip", default="", help="contestants to leave out, by a part of their names")
    parser.add_argument("--patience", type=float, default=240, help="seconds until a peer that says nothing is left out")
    parser.add_argument("--at-once", type=int, default=16, help="peers that start at the same time on a GPU")
    parser.add_argument("--out", default="target/peers/results.json", help="all numbers; logs of failures go beside it")
    parser.add_argument("--write", help="a file for the tables, as far as they are known")
    return parser.parse_args()


def is_skipped(options, name):
    return any(part in name for part in options.skip.split(",") if part)


def peers_of(options, case):
    """Who takes part in a case."""
    elsewhere = ON_GPU if options.device == "cpu" else ON_CPU
    for peer in CONTESTANTS:
        leaves = is_skipped(options, peer) or peer in elsewhere
        leaves = leaves or (peer in OF_FOURTH_ORDER) != (case.get("order", 2) == 4)
        if not (leaves or (peer == "JAX, folx" and case["second"] != "laplacian")):
            yield peer


def ours_of(options, case, mode, threads):
    """Ours in all its forms, by name."""
    if options.device == "cpu":
        return {OURS: Ours(options, case, mode, threads)}
    clock = "host" if mode == "train" else None
    own = {OURS: Ours(options, case, mode, threads, clock)}
    if clock:
        own[OURS_BY_DEVICE] = Ours(options, case, mode, threads)
    # Narrower layers stay in f32: LEAST_WIDTH of src/gpu/halves.rs.
    if max(case["hidden"]) >= 192:
        for name, precision in OURS_OF_HALVES.items():
            own[name] = Ours(options, case, mode, threads, clock, precision)
    # "jet" is a peer's name.
    leaves = lambda name: name != OURS and is_skipped(options, name.removeprefix(OURS))
    return {name: ours for name, ours in own.items() if not leaves(name)}


def gpu_bytes(options, peer, case):
    """About what a peer takes on a GPU: its context, and four tensors of all channels of each layer."""
    # Nested forms go through all second derivatives even where their sum is asked.
    inputs = case["inputs"]
    is_collapsed = case["second"] == "laplacian" and peer not in NESTED
    channels = 1 + inputs + (1 if is_collapsed else inputs)
    width = max(case["hidden"]) if peer in BLAS else 4 * sum(case["hidden"])
    return 0.7e9 + 4 * channels * batch_of(options, case) * width


def lots(options, cases):
    """Who lives at the same time: lists of (case, its peers). A CPU is given one case, a GPU as many as it has memory
    for, or a part of one."""
    lot, left = [], GPU_BYTES
    for name, case in cases.items():
        peers = list(peers_of(options, case))
        if options.device == "cpu":
            yield [(name, peers)]
            continue
        lot.append((name, []))
        for peer in peers:
            takes = gpu_bytes(options, peer, case)
            if takes > left and any(of_case for _, of_case in lot):
                yield [(case, of_case) for case, of_case in lot if of_case]
                lot, left = [(name, [])], GPU_BYTES
            lot[-1][1].append(peer)
            left -= takes
    if lot:
        yield lot


def run_lot(options, cases, lot, mode, threads):
    """What every contestant did, by case and name, case by case."""
    started = {}

    def start(case, peer):
        try:
            started[case, peer] = Peer(options, peer, case, mode, threads)
        except Failed as why:
            started[case, peer] = why

    with ThreadPoolExecutor(1 if options.device == "cpu" else options.at_once) as pool:
        for _ in pool.map(lambda both: start(*both), [(case, peer) for case, peers in lot for peer in peers]):
            pass
    for name, peers in lot:
        own = ours_of(options, cases[name], mode, threads)
        yield name, run_case(options, name, own | {peer: started[name, peer] for peer in peers})


def run_case(options, name, contestants):
    """What every contestant did, by name."""
    results = {}

    def fails(who, why):
        results[who] = {"failed": why.args[0]}
        contestants.pop(who)
        with open(Path(options.out).with_suffix(".log"), "a") as log:
            print(f"{name}, {who}: {why.args[0]}", *why.args[1:], sep="\n", file=log)
        print(f"{name}, {who}: {why.args[0]}", file=sys.stderr)

    for who, contestant in list(contestants.items()):
        if isinstance(contestant, Failed):
            fails(who, contestant)
        else:
            results[who] = {**contestant.first, "turns": []}
    for _ in range(options.rounds):
        ours = None
        for who, contestant in list(contestants.items()):
            try:
                turn = contestant.turn(options.seconds)
            except Failed as why:
                fails(who, why)
                continue
            ours = turn if who == OURS else ours
            if ours:
                turn["ratio"] = turn["milliseconds"] / ours["milliseconds"]
            results[who]["turns"].append(turn)
    for contestant in contestants.values():
        contestant.close()
    return results


def main():
    options = parse()
    WORK.mkdir(parents=True, exist_ok=True)
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    workloads = tomllib.loads((HERE.parent / "workloads.toml").read_text())
    cases = {name: workloads[name] for name in options.cases.split(",")}
    for name, case in cases.items():
        subprocess.run([*bench(options, case), "--export", problem_file(name)], check=True)
    threads = [int(t) for t in options.threads.split(",")] if options.device == "cpu" else [0]
    all_results = {}
    for count in threads:
        for mode in options.modes.split(","):
            who = f"{count} thread{'s' * (count > 1)}" if count else "GPU"
            results = all_results[mode, who] = {name: {} for name in cases}
            for lot in lots(options, cases):
                start = time.time()
                for name, of_case in run_lot(options, cases, lot, mode, count):
                    keep(results[name], of_case)
                    print(f"{mode}, {who}, case {name}: {time.time() - start:.0f} s", file=sys.stderr)
                    start = time.time()
                    flat = {" ".join(key): value for key, value in all_results.items()}
                    Path(options.out).write_text(json.dumps(flat, indent=1))
                    if options.write:
                        Path(options.write).write_text(tables(all_results, options.device))
    print(tables(all_results, options.device))
    failed = [result for results in all_results.values() for case in results.values() for result in case.values()]
    sys.exit(any(result.get("failed", "").startswith("differs") for result in failed))


def keep(results, new):
    """Adds what a part of a case's contestants did: ours took part in each."""
    for who, result in new.items():
        if "turns" in result and "turns" in results.get(who, {}):
            result["turns"] = results[who]["turns"] + result["turns"]
        if result.get("turns"):
            summarise(result)
        results[who] = result


if __name__ == "__main__":
    main()
