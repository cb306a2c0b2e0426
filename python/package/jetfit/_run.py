"""Jobs and their run directories."""

from __future__ import annotations

import base64
import csv
import itertools
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from . import _jetfit, _job, _toml
from ._listen import Callback, Listener
from ._network import Network, html_table, load
from .errors import bad_input

if TYPE_CHECKING:
    import pandas

    from ._network import PathLike

    Table = Union[pandas.DataFrame, dict[str, np.ndarray]]

#: The pictures of a run directory, where outputs may have one each, as in `fit.u`; the first shows the run.
PICTURES = ("map", "fit", "loss", "parity", "animation")
#: What they are written as; the first shows them in a notebook.
FORMATS = (".png", ".svg", ".pdf")


class Picture:
    """A picture of a run, which notebooks show."""

    def __init__(self, files: dict[str, Path]):
        #: Its files, by their ending: ``.png``, ``.svg``, ``.pdf``.
        self.files = files

    def save(self, path: PathLike) -> None:
        """Copies the file with the ending of this name.

        Raises:
            jetfit.InputError: where it was not drawn in this format; the job's ``plots.format`` says in which it is.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in self.files:
            raise bad_input(
                os.fspath(path), f"the picture has no {suffix or 'such'} file", f"use {', '.join(self.files)}"
            )
        shutil.copyfile(self.files[suffix], path)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if ".png" in self.files:
            return {"image/png": base64.b64encode(self.files[".png"].read_bytes()).decode()}
        if ".svg" in self.files:
            return {"image/svg+xml": self.files[".svg"].read_text(encoding="utf-8")}
        return {"text/plain": repr(self)}

    def _img(self) -> str:
        """For HTML; empty without a format that it shows."""
        kinds = {".png": "image/png", ".svg": "image/svg+xml"}
        for suffix, kind in kinds.items():
            if suffix in self.files:
                data = base64.b64encode(self.files[suffix].read_bytes()).decode()
                return f'<img style="max-width:100%" alt="" src="data:{kind};base64,{data}">'
        return ""

    def __repr__(self) -> str:
        return f"<jetfit.Picture {str(next(iter(self.files.values())))!r}>"


class Run:
    """A run directory.

    Args:
        path: the directory, which :func:`train`, :func:`solve` or ``jetfit train`` wrote.

    Raises:
        jetfit.InputError: where no run is.
    """

    def __init__(self, path: PathLike):
        self.path = Path(path)
        self._model: Optional[Network] = None
        self._parent: Optional[Path] = None
        if not (self.path / "job.toml").is_file():
            raise bad_input(str(self.path), "this directory does not hold a run", "give a directory of `jetfit train`")

    def _goes_with(self, parent: Path) -> None:
        """Nobody has named a directory: it goes when the run does."""
        self._parent = parent
        self._finalizer = weakref.finalize(self, shutil.rmtree, parent, ignore_errors=True)

    @property
    def report(self) -> dict[str, Any]:
        """``report.json``: losses, scales, errors, coefficients, stages, device, warnings."""
        return json.loads(self._file("report.json").read_text(encoding="utf-8"))

    @property
    def metrics(self) -> Table:
        """``metrics.csv``, a row for each report: a DataFrame, or without pandas a dict of arrays."""
        return _table(self._file("metrics.csv"))

    @property
    def predictions(self) -> Table:
        """``predictions.csv``, a row for each point: the inputs, then each output with its derivatives."""
        return _table(self._file("predictions.csv"))

    @property
    def model(self) -> Network:
        """The trained network.

        Raises:
            jetfit.InputError: for an ensemble, which has :attr:`members`.
        """
        if self._member(1).is_dir():
            raise bad_input(str(self.path), "this is an ensemble of networks", "use run.members")
        if self._model is None:
            self._model = load(self.path)
        return self._model

    @property
    def members(self) -> list[Network]:
        """The trained networks: of an ensemble all, else the one."""
        if not self._member(1).is_dir():
            return [self.model]
        return [load(member) for member in itertools.takewhile(Path.is_dir, map(self._member, itertools.count(1)))]

    def _member(self, number: int) -> Path:
        return self.path / f"member-{number}"

    @property
    def job(self) -> str:
        """The job with all its defaults, as TOML."""
        return self._file("job.toml").read_text(encoding="utf-8")

    @property
    def warnings(self) -> list[str]:
        """Where the result may be wrong, and what to do about it."""
        return self.report["warnings"]

    @property
    def pictures(self) -> list[str]:
        """The names of the pictures that were drawn."""
        stems = {path.stem for path in self.path.iterdir() if path.suffix in FORMATS}
        return [stem for name in PICTURES for stem in sorted(stems) if stem == name or stem.startswith(f"{name}.")]

    def plot(self, name: Optional[str] = None) -> Picture:
        """A picture, which a notebook shows: one of :attr:`pictures`. By default the solution.

        Raises:
            jetfit.InputError: for one that was not drawn.
        """
        drawn = self.pictures
        name = name or next(iter(drawn), PICTURES[0])
        if name not in drawn:
            raise bad_input(
                str(self.path), f"there is no picture {name!r}", f"use one of: {', '.join(drawn) or 'none'}"
            )
        paths = {suffix: self.path / f"{name}{suffix}" for suffix in FORMATS}
        return Picture({suffix: path for suffix, path in paths.items() if path.is_file()})

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise bad_input(str(path), "there is no such file", "let the run end first, with jetfit.resume")
        return path

    def _rows(self) -> dict[str, str]:
        report = self.report
        losses = report.get("losses", {})
        rows = {"ended by": report["stop"], "seconds": f"{report['seconds']:.1f}"}
        if "steps" in report:
            rows["steps"] = f"{report['steps']} on {report['device']}"
        if losses:
            rows["training loss"] = f"{losses['training']:.3e}"
        if losses.get("validation") is not None:
            rows["validation loss"] = f"{losses['validation']:.3e}"
        for one in report["coefficients"]:
            error = "" if one["standard_error"] is None else f" ± {one['standard_error']:.1e}"
            rows[one["name"]] = f"{one['value']:.6g}{error}"
        for one in report.get("scores", []):
            r2 = "" if one["r2"] is None else f", R² {one['r2']:.4f}"
            rows[f"{one['name']} ({one['rows']})"] = f"RMSE {one['rmse']:.3g}{r2}"
        rows.update({f"relative error of {one['name']}": f"{one['value']:.3e}" for one in report["relative_errors"]})
        return rows

    def __repr__(self) -> str:
        if not (self.path / "report.json").is_file():
            return f"<jetfit.Run {str(self.path)!r}: not ended>"
        return f"<jetfit.Run {str(self.path)!r}: {', '.join(f'{key} {value}' for key, value in self._rows().items())}>"

    def _repr_html_(self) -> str:
        if not (self.path / "report.json").is_file():
            return html_table("jetfit.Run", {"directory": self.path, "state": "not ended"})
        rows = {"directory": str(self.path), **self._rows()}
        rows.update({"warning" if k == 0 else f"warning {k + 1}": text for k, text in enumerate(self.warnings)})
        picture = self.plot()._img() if self.pictures else ""
        return f"<div>{html_table('jetfit.Run', rows)}{picture}</div>"


def _table(path: Path) -> Table:
    try:
        import pandas
    except ImportError:
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            names = next(rows)
            cells = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows], dtype=np.float64)
        cells = cells.reshape(-1, len(names))
        return {name: cells[:, k].copy() for k, name in enumerate(names)}
    # The default reads the nearest number from pandas 3 on.
    options: dict[str, Any] = {} if int(pandas.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
    return pandas.read_csv(path, **options)


def train(
    job: Union[PathLike, Mapping[str, Any]],
    *,
    set: Optional[Mapping[str, Any]] = None,
    out: Optional[PathLike] = None,
    force: bool = False,
    callback: Optional[Callback] = None,
    verbose: bool = False,
) -> Run:
    """Trains a job and writes its run directory, as ``jetfit train`` does.

    Args:
        job: a job file, or a dict with its sections and keys. Relative paths in a dict start at the working directory.
        set: keys to replace, ``{"training.steps": 1000}``.
        out: the run directory. By default that of the job; for a dict, one that goes with the :class:`Run`.
        force: replaces a run that is there.
        callback: is called with a :class:`Report` at each report. An exception in it stops the training, which can be
            resumed; ``StopIteration`` is not raised again.
        verbose: shows progress on stderr.

    Raises:
        jetfit.InputError: before anything is written, for what is wrong with the job or its data.
        jetfit.RunError: if training diverges, or a device or the disk fails.
        KeyboardInterrupt: after Ctrl-C, once the run is saved; :func:`resume` continues it. A second Ctrl-C does not
            wait for that.
    """
    listener = Listener(callback, verbose)
    keys = [f"{key}={_toml.value(value, key)}" for key, value in (set or {}).items()]
    if not isinstance(job, Mapping):
        return Run(_jetfit.train(None, os.fspath(job), keys, _path(out), force, listener))
    text = _toml.text_of(job)
    if out is not None or "directory" in job.get("output", {}) or "output.directory" in (set or {}):
        return Run(_jetfit.train(text, "job.toml", keys, _path(out), force, listener))
    directory = Path(tempfile.mkdtemp(prefix="jetfit-"))
    try:
        run = Run(_jetfit.train(text, "job.toml", keys, str(directory / "run"), force, listener))
    except BaseException:
        # What was begun stays: it can be resumed.
        if not (directory / "run" / "job.toml").exists():
            shutil.rmtree(directory, ignore_errors=True)
        raise
    run._goes_with(directory)
    return run


def resume(
    run: Union[PathLike, Run],
    *,
    edited: bool = False,
    callback: Optional[Callback] = None,
    verbose: bool = False,
) -> Run:
    """Continues a stopped run from its checkpoint, to the bits of one that was never stopped.

    Args:
        run: the run or its directory.
        edited: accepts that the run's ``job.toml`` has been edited.
        callback, verbose: as for :func:`train`.

    Raises:
        jetfit.InputError: where no run is, or its data or job has changed.
    """
    path = run.path if isinstance(run, Run) else run
    again = Run(_jetfit.resume(os.fspath(path), edited, Listener(callback, verbose)))
    if isinstance(run, Run) and run._parent is not None:
        run._finalizer.detach()
        again._goes_with(run._parent)
    return again


def solve(
    equations: Union[str, Iterable[Any], Mapping[str, Any]],
    domain: Mapping[str, Sequence[float]],
    *,
    conditions: Optional[Mapping[str, Any]] = None,
    outputs: Union[str, Sequence[str]] = "u",
    points: int = 1000,
    set: Optional[Mapping[str, Any]] = None,
    out: Optional[PathLike] = None,
    force: bool = False,
    callback: Optional[Callback] = None,
    verbose: bool = False,
    **job: Any,
) -> Run:
    """Solves differential equations.

    >>> run = jetfit.solve(
    ...     "u_t = 0.1*u_xx",
    ...     {"x": (0, 1), "t": (0, 1)},
    ...     conditions={"boundary": "u = 0", "t = 0": "u = sin(pi*x)"},
    ...     optimizer="gauss-newton",
    ... )                                                                # doctest: +SKIP

    Args:
        equations: one or several, or a dict of them by name. Each is an equation, or a dict with the keys of a
            ``[[term]]`` of a job file. They hold inside the domain.
        domain: the interval of each input.
        conditions: equations by where they hold: ``"boundary"``, ``"x = 0"``, ``"t = low"``. Each is an equation, a
            list of equations, or a dict as above.
        outputs: the names of the unknown functions.
        points: how many points each equation has by default; conditions have a quarter.
        set, out, force, callback, verbose: as for :func:`train`. Without ``out`` the run directory goes with the run.
        **job: ``hidden``, ``activation``, ``optimizer``, ``steps``, ``seed`` …, and whole sections of a job file:
            ``coefficients={"k": 1.0}``, ``transforms={"u": "x*(1 - x)*net"}``, ``truth={"expressions": {…}}``.

    Raises:
        As :func:`train`.
    """
    terms = list(_terms(equations, None, points))
    for place, given in (conditions or {}).items():
        count = max(1, points // 4) if len(domain) > 1 else 2 if place == "boundary" else 1
        terms += _terms(given, place, count)
    _name(terms)
    network = {"outputs": [outputs] if isinstance(outputs, str) else list(outputs)}
    sections = _job.sections(job)
    whole = {"variables": {name: list(ends) for name, ends in domain.items()}, **sections}
    whole["network"] = {**network, **sections.get("network", {})}
    whole["term"] = [*terms, *sections.get("term", [])]
    return train(whole, set=set, out=out, force=force, callback=callback, verbose=verbose)


def _terms(given: Any, place: Optional[str], count: int) -> Iterable[dict[str, Any]]:
    """The terms of equations that hold at a place, or inside."""
    points: dict[str, Any] = {"count": count} if place is None else {"on": place, "count": count}
    if isinstance(given, str):
        yield {"residual": given, "points": points}
    elif isinstance(given, Mapping) and "residual" in given:
        yield {"points": points, **given}
    elif isinstance(given, Mapping):
        for name, one in given.items():
            for term in _terms(one, place, count):
                yield {"name": name, **term}
    else:
        for one in given:
            yield from _terms(one, place, count)


def _name(terms: list[dict[str, Any]]) -> None:
    """Gives a name to each term that has none."""
    for number, term in enumerate(terms, 1):
        on = term["points"].get("on")
        term.setdefault("name", f"equation {number}" if on is None else f"condition {number}: {on}")


def _path(path: Optional[PathLike]) -> Optional[str]:
    return None if path is None else os.fspath(path)
