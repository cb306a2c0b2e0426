"""Keyword arguments as the sections of a job."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

#: The sections of a job file, and those that are lists.
SECTIONS = (
    "data variables network coefficients definitions transforms loss optimizer schedule balance training device "
    "predictions truth output term stage plots"
).split()

#: Keys that have a keyword of their own, and their sections.
KEYS = {
    "hidden": "network",
    "activation": "network",
    "frequency": "network",
    "learning_rate": "optimizer",
    "steps": "training",
    "epochs": "training",
    "batch_size": "training",
    "report_every": "training",
    "max_seconds": "training",
    "early_stopping": "training",
    "seed": "training",
    "precision": "device",
    "threads": "device",
    "validation_fraction": "data",
}


def sections(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The job of keywords: sections by their names, and keys that stand for themselves. None leaves a key out; a text
    for a section is its ``name``, as in ``optimizer="lbfgs"``.
    """
    job: dict[str, Any] = {}
    for name, value in keywords.items():
        if value is None:
            continue
        if name in KEYS:
            put(job, f"{KEYS[name]}.{name}", value)
        elif name not in SECTIONS:
            near = difflib.get_close_matches(name, [*SECTIONS, *KEYS], 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            known = f"Keywords are the sections of a job: {', '.join(SECTIONS)}; and its keys {', '.join(KEYS)}"
            raise TypeError(f"unexpected keyword {name!r}{hint} {known}")
        elif isinstance(value, str):
            put(job, f"{name}.name", value)
        elif isinstance(value, Mapping):
            job.setdefault(name, {}).update(value)
        else:
            job[name] = list(value)
    return job


def put(job: dict[str, Any], key: str, value: Any) -> None:
    """Sets ``section.key``, also deeper."""
    *path, last = key.split(".")
    for name in path:
        job[name] = dict(job.get(name) or {})
        job = job[name]
    job[last] = value
