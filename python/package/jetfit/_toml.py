"""A job as a dict, in the text that the one reader of jobs reads."""

from __future__ import annotations

import json
import numbers
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import bad_input


def text_of(job: Mapping[str, Any]) -> str:
    """The TOML of a job: a section for each key, in the order of the dict."""
    lines = []
    for name, section in job.items():
        if isinstance(section, Mapping):
            lines.append(f"[{_string(name)}]")
            lines += [
                f"{_string(key)} = {value(one, f'{name}.{key}')}" for key, one in section.items() if one is not None
            ]
        elif isinstance(section, (list, tuple)):
            for one in section:
                lines.append(f"[[{_string(name)}]]")
                lines += [f"{_string(key)} = {value(it, f'{name}.{key}')}" for key, it in one.items() if it is not None]
        elif section is not None:
            lines.insert(0, f"{_string(name)} = {value(section, name)}")
    return "\n".join(lines) + "\n"


def value(one: Any, place: str) -> str:
    """A value in TOML."""
    if isinstance(one, np.ndarray):
        one = one.tolist()
    if isinstance(one, (bool, np.bool_)):
        return "true" if one else "false"
    if isinstance(one, numbers.Integral):
        return str(int(one))
    if isinstance(one, numbers.Real):
        return repr(float(one))
    if isinstance(one, (str, os.PathLike)):
        return _string(os.fspath(one))
    if isinstance(one, (list, tuple)):
        return f"[{', '.join(value(item, place) for item in one)}]"
    if isinstance(one, Mapping):
        return f"{{ {', '.join(f'{_string(key)} = {value(item, place)}' for key, item in one.items())} }}"
    problem = f"{type(one).__name__} is no value of a job"
    raise bad_input(place, problem, "use numbers, strings, lists, dicts, True or False")


def _string(text: str) -> str:
    """A basic string, which JSON's is, but for one character that TOML wants escaped."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")
