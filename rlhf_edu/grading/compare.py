"""Is the student's value the expected one? If not: in what way, in words with shapes."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Why = Literal["missing", "type", "shape", "dtype", "finite", "value"]
KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "float", "c": "complex"}


@dataclass(frozen=True)
class Difference:
    """The first difference between a value and the expected one."""

    why: Why
    words: str
    place: str = ""  # "at [0, 2]: yours 0.310, expected −0.120"


def array_of(x: Any) -> np.ndarray | None:
    """`x` as a plain NumPy array if it is a number, an array or a tensor, else None. Subclasses are not trusted."""
    if type(x) in (bool, int, float) or isinstance(x, np.generic):
        return np.asarray(x)
    if type(x) is np.ndarray:
        return x
    if is_tensor(x):
        x = x.detach().cpu()
        return (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()
    return None


def is_tensor(x: Any) -> bool:
    """Whether `x` is a torch tensor (asked without importing torch)."""
    return type(x).__module__ in ("torch", "torch.nn.parameter") and type(x).__name__ in ("Tensor", "Parameter")


def name_of(x: Any) -> str:
    """What `x` is, in words: "a tensor of shape (2, 3)"."""
    if x is None:
        return "nothing (None)"
    if is_tensor(x):
        return f"a tensor of shape {tuple(x.shape)}" if x.ndim else "a tensor with one number"
    if type(x) is np.ndarray:
        return f"an array of shape {x.shape}" if x.ndim else "an array with one number"
    if isinstance(x, list | tuple | dict | str | set):
        return f"a {type(x).__name__} of {len(x)}"
    return f"a {type(x).__name__}"


def show(x: Any, limit: int = 40) -> str:
    """`x` as a short text: small arrays whole, big ones by their shape alone."""
    array = array_of(x)
    if array is None:
        if isinstance(x, list | tuple) and len(x) <= limit and not isinstance(x, str):
            inside = ", ".join(show(item, limit) for item in x)
            return f"[{inside}]" if isinstance(x, list) else f"({inside})"
        text = repr(x)
        return text if len(text) <= 200 else text[:197] + "…"
    if array.ndim == 0:
        return f"{array.item():.4g}" if array.dtype.kind == "f" else str(array.item())
    head = name_of(x).removeprefix("an ").removeprefix("a ")
    if array.size > limit:
        return head
    numbers = np.array2string(array, precision=3, suppress_small=True, separator=", ", max_line_width=100)
    return f"{head}\n{numbers}"


def compare(got: Any, expected: Any, atol: float = 1e-4, rtol: float = 1e-4) -> Difference | None:
    """None if `got` equals `expected` up to the tolerances, else the first difference.

    The kind of container must agree (a list where a tensor is asked for is an error worth a sentence), but single
    numbers may come as Python, NumPy or torch numbers, a list may stand for a tuple, and any float width is fine.
    """
    if got is None and expected is not None:
        return Difference("missing", "your function returned nothing: is there a `return`?")
    if isinstance(expected, list | tuple | dict):
        return _compare_containers(got, expected, atol, rtol)
    if isinstance(expected, str) or expected is None:
        same = type(got) is type(expected) and got == expected
        return None if same else Difference("value", f"expected another answer than {show(got)}")
    a, b = array_of(got), array_of(expected)
    if b is None:  # an answer compared with itself may hold anything
        return Difference("type", f"{name_of(expected)} cannot be compared")
    if a is None or (b.ndim and type(got) is not type(expected) and is_tensor(got) != is_tensor(expected)):
        return Difference("type", f"expected {name_of(expected)}, got {name_of(got)}")
    if a.size == 1 and b.ndim == 0:
        a = a.reshape(())
    if a.shape != b.shape:
        return Difference("shape", f"expected {name_of(expected)}, got {name_of(got)}")
    return _compare_arrays(a, b, atol, rtol)


def _compare_containers(got: Any, expected: Any, atol: float, rtol: float) -> Difference | None:
    if isinstance(expected, dict):
        if type(got) is not dict or set(got) != set(expected):
            keys = ", ".join(map(str, expected))
            return Difference("type", f"expected a dict with the keys {keys}, got {name_of(got)}")
        pairs = [(f"under {key!r}", got[key], expected[key]) for key in expected]
    else:
        if type(got) not in (list, tuple):
            return Difference("type", f"expected {name_of(expected)} values, got {name_of(got)}")
        if len(got) != len(expected):
            return Difference("shape", f"expected {len(expected)} value{'s' * (len(expected) != 1)}, got {len(got)}")
        pairs = [(f"value number {i + 1}", g, e) for i, (g, e) in enumerate(zip(got, expected, strict=True))]
    for where, g, e in pairs:
        difference = compare(g, e, atol, rtol)
        if difference:
            return Difference(difference.why, f"{where}: {difference.words}", f"{where}, {difference.place}")
    return None


def _compare_arrays(a: np.ndarray, b: np.ndarray, atol: float, rtol: float) -> Difference | None:
    if a.dtype.kind not in KINDS:
        return Difference("dtype", f"expected numbers, got an array of {a.dtype}")
    if KINDS[a.dtype.kind] != KINDS[b.dtype.kind] and (b.dtype.kind == "b") != (a.dtype.kind == "b"):
        return Difference("dtype", f"expected {KINDS[b.dtype.kind]} values, got {KINDS[a.dtype.kind]} values")
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        near = np.isfinite(b) & (
            np.abs(a - b) <= atol + rtol * np.abs(b)
        )  # a share of infinity would forgive everything
        wrong = ~near & ~(a == b) & ~(np.isnan(a) & np.isnan(b))
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0]) if a.ndim else ()
    at = f"at {list(index)}: " if index else ""
    place = f"{at}yours {a[index]:.4g}, expected {b[index]:.4g}"
    if math.isnan(a[index]) or (math.isinf(a[index]) and not math.isinf(b[index])):
        return Difference("finite", f"your answer contains {a[index]}", place)
    return Difference("value", f"{int(wrong.sum())} of {wrong.size} values differ from the definition", place)
