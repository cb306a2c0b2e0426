"""What a run's turns come to: medians, ratios within a round, and tables in Markdown."""

import math
import statistics

from contestants import BLAS, COMPILED, CONTESTANTS, NESTED, OURS, OURS_BY_DEVICE, OURS_OF_HALVES


def summarise(result):
    """Medians over the rounds; the ratio to ours is taken round by round."""
    turns = result["turns"]
    result["milliseconds"] = statistics.median(turn["milliseconds"] for turn in turns)
    if all("ratio" in turn for turn in turns):
        result["ratio"] = statistics.median(turn["ratio"] for turn in turns)
    result["mib"] = max(turn["bytes"] for turn in turns) / 2**20
    if turns[0].get("of_halves_error") is not None:
        result["of_halves_error"] = max(turn["of_halves_error"] for turn in turns)
    if "flops" in result:
        result["gflops"] = result["flops"] / result["milliseconds"] / 1e6
    if "gflops" in turns[0]:
        result["gflops"] = statistics.median(turn["gflops"] for turn in turns)


def table(results, title, cell):
    """Markdown: contestants by cases."""
    cases = list(results)
    names = [name for name in (OURS, OURS_BY_DEVICE, *OURS_OF_HALVES, *CONTESTANTS) if any(name in results[case] for case in cases)]
    lines = [f"| {title} | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for name in names:
        cells = [cell(name, results[case].get(name)) for case in cases]
        if any(c.strip("– ") for c in cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def tables(all_results, device):
    """The tables, one set a mode and number of threads."""
    lines = []
    for (mode, threads), results in all_results.items():
        worst = max((result.get("gradient_error", result.get("jets_error", 0))
                     for case in results.values() for result in case.values()), default=0)  # fmt: skip
        lines.append(f"\n### {mode}, {threads}\n\nLargest difference from our f64 answer: {worst:.1e}.\n")

        def time_cell(name, result):
            if result is None or (name in BLAS and "failed" not in result):
                return "–"
            if "failed" in result:
                return result["failed"].replace("|", "/")
            ratio = f" ({result['ratio']:.1f}×)" if name != OURS and "ratio" in result else ""
            return f"{result['milliseconds']:.3g}{ratio}"

        lines.append(table(results, "milliseconds (times ours)", time_cell))
        rate = lambda _, result: f"{result['gflops']:.0f}" if result and "gflops" in result else "–"
        lines.append(table(results, "GFLOP/s", rate))
        mib = lambda name, result: f"{result['mib']:.0f}" if result and "mib" in result and name not in BLAS else "–"
        lines.append(table(results, "working MiB", mib))
        error = lambda _, result: f"{result['of_halves_error']:.1e}" if result and "of_halves_error" in result else ""
        of_halves = table(results, "gradient, from f64", error)
        lines += [of_halves] if of_halves.count("\n") > 2 else []
        first = lambda _, result: f"{result['start_seconds']:.2g}" if result and "start_seconds" in result else "–"
        together = ", many at once" if device == "gpu" else ""
        lines.append(table(results, f"seconds to import, compile and take a step{together}", first))
        lines += [
            compared(results, "torch.compile of the recurrences", COMPILED, min),
            compared(results, "Nested autodiff", NESTED, list),
            compared(results, "The fastest peer", [name for name in CONTESTANTS if name not in BLAS], min),
        ]
    return "\n".join(line for line in lines if line)


def compared(results, who, names, of_case):
    """A sentence on the ratios of some contestants: each of them, or the least in every case."""
    ratios = []
    for case in results.values():
        own = [case[name]["ratio"] for name in names if "ratio" in case.get(name, {})]
        if own:
            ratios += [min(own)] if of_case is min else own
    if not ratios:
        return ""
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    return f"{who} takes {mean:.2f} times ours (geometric mean; least {min(ratios):.2f})."
