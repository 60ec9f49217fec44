"""Metrics, parameters and tags from inside a run of Enclos.

    import enclos
    enclos.log_param("trees", 200)
    enclos.log_metric("auc", 0.97, step=3)

Each call is one write(2) of one JSON line to the descriptor named by ENCLOS_METRICS_FD. Lines are at
most PIPE_BUF bytes long, so the kernel keeps each whole whatever other threads and processes write.
Outside a run the calls do nothing, and say so once on standard error.
"""

import errno
import json
import math
import numbers
import os
import stat
import sys
import time
from typing import Any, Dict, Mapping, Optional, Union

__all__ = [
    "descriptor",
    "inside_run",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "seed",
    "set_tag",
    "set_tags",
]
__version__ = "0.1.0"

_LINE_MAX = 4096  # PIPE_BUF on Linux: an atomic write
_NAME_MAX = 250  # bytes of UTF-8
_STEP_MAX = 2**53 - 1
_said = set()  # type: ignore[var-annotated]

Scalar = Union[str, int, float, bool]


def _say_once(key: str, text: str) -> None:
    if key in _said:
        return
    _said.add(key)
    try:
        sys.stderr.write("enclos: " + text + "\n")
    except (OSError, ValueError, AttributeError):
        pass  # no standard error: nobody to tell


def descriptor() -> Optional[int]:
    """The descriptor that lines are written to, or None outside a run."""
    text = os.environ.get("ENCLOS_METRICS_FD", "")
    return int(text) if text.isascii() and text.isdigit() else None


def inside_run() -> bool:
    """True inside a run of Enclos."""
    return descriptor() is not None


def seed(otherwise: int = 0) -> int:
    """The seed of the run (`--seed`, or the one that the lab chose): a rerun has the same one. 0 to 2**32-1, as
    random.seed, numpy.random.default_rng and scikit-learn's random_state take it. Outside a run: `otherwise`."""
    text = os.environ.get("ENCLOS_SEED", "")
    return int(text) if text.isascii() and text.isdigit() else otherwise


def _is_channel(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _write(record: Dict[str, Any]) -> None:
    fd = descriptor()
    if fd is None:
        _say_once("outside", "not inside a run: metrics, params and tags are not recorded")
        return
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    data = line.encode("utf-8", "replace") + b"\n"
    if len(data) > _LINE_MAX:
        _say_once("long", "a line of more than %d bytes was not recorded" % _LINE_MAX)
        return
    while True:
        try:
            # In a child that lost the descriptor, its number may be anything by now: a file opened
            # since must not get our lines.
            if not _is_channel(os.fstat(fd).st_mode):
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            os.write(fd, data)
            return
        except InterruptedError:
            continue
        except BlockingIOError:
            time.sleep(0.001)  # somebody made the pipe non-blocking; the lab reads it soon
        except OSError as error:
            if error.errno == errno.EBADF:
                _say_once(
                    "closed",
                    "this process does not have descriptor %d (started with close_fds?): "
                    "what it logs is not recorded" % fd,
                )
            else:
                _say_once("failed", "cannot record: %s" % error)
            return


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError("a name is a str, not %s" % type(name).__name__)
    if not 1 <= len(name.encode("utf-8", "replace")) <= _NAME_MAX:
        raise ValueError("a name has 1 to %d bytes" % _NAME_MAX)
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in name):
        raise ValueError("a name has no control characters")
    return name


def _number(value: Any) -> Union[int, float, str]:
    """A metric's value as JSON has it: NaN and infinities are strings."""
    if isinstance(value, (int, float)):
        number = value
    elif isinstance(value, numbers.Number) or hasattr(value, "__float__"):
        number = float(value)  # numpy scalars, tensors of one element, Decimal, Fraction
    else:
        raise TypeError("a metric's value is a number, not %s" % type(value).__name__)
    try:
        real = float(number)
    except OverflowError:
        return "Infinity" if number > 0 else "-Infinity"
    if math.isnan(real):
        return "NaN"
    if math.isinf(real):
        return "Infinity" if real > 0 else "-Infinity"
    if isinstance(number, int) and abs(number) <= _STEP_MAX:
        return int(number)  # bool becomes 0 or 1
    return real


def _step(step: Any) -> Optional[int]:
    if step is None:
        return None
    whole = step.__index__() if hasattr(step, "__index__") else None
    if whole is None or isinstance(step, bool):
        raise TypeError("a step is an int, not %s" % type(step).__name__)
    if abs(whole) > _STEP_MAX:
        raise ValueError("a step is at most 2**53 - 1")
    return int(whole)


def _scalar(value: Any) -> Scalar:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) <= _STEP_MAX):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return str(value)


def log_metric(name: str, value: Any, step: Optional[int] = None) -> None:
    """Records one value of a metric. Without a step it is step 0."""
    record: Dict[str, Any] = {"metric": _name(name), "value": _number(value)}
    whole = _step(step)
    if whole is not None:
        record["step"] = whole
    _write(record)


def log_metrics(metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
    """Records several metrics of one step."""
    for name, value in metrics.items():
        log_metric(name, value, step)


def log_param(name: str, value: Any) -> None:
    """Records a parameter; the lab keeps its text."""
    _write({"param": _name(name), "value": _scalar(value)})


def log_params(params: Mapping[str, Any]) -> None:
    """Records several parameters."""
    for name, value in params.items():
        log_param(name, value)


def set_tag(name: str, value: Any) -> None:
    """Sets a tag of the run; the last value stays."""
    _write({"tag": _name(name), "value": _scalar(value)})


def set_tags(tags: Mapping[str, Any]) -> None:
    """Sets several tags."""
    for name, value in tags.items():
        set_tag(name, value)
