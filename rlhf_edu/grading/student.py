"""The student whose work is right here: the names in a namespace of this very process."""

import json
import linecache
import os
import sys
import traceback
import warnings
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any

from rlhf_edu.grading.own_work import borrowed, watched
from rlhf_edu.grading.task import StudentError


class LocalStudent:
    """A `Student` whose functions and values are in `namespace`, run in this process without any protection.

    `forbidden` are dotted names of functions that may neither be handed in nor called; `originals` are fingerprints
    (see `own_work`) of functions that may not be copied. `guard=False` allows all of that.
    """

    def __init__(
        self,
        namespace: Mapping[str, Any],
        forbidden: Iterable[str] = (),
        originals: Iterable[str] = (),
        guard: bool = True,
    ):
        self.namespace, self.guard = namespace, guard
        self.forbidden, self.originals = tuple(forbidden), tuple(originals)

    def get(self, name: str) -> Any:
        """The value of the variable `name`, or the text of the Markdown cell with this grade_id."""
        if name in self.namespace:
            return self.namespace[name]
        text = written_answer(name)
        if text is None:
            raise StudentError(f"there is no `{name}` yet: run the cell that sets it, then this one again", "missing")
        return text

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The result of `name(*args, **kwargs)`, on copies of the arguments."""
        return self._run(name, deepcopy(args), deepcopy(kwargs))

    def gradient(self, name: str, place: int, part: int, *args: Any) -> Any:
        """The gradient in argument `place` of the result of `name(*args)`; of `part` of it where it has several."""
        import torch  # only where a loss is differentiated

        given = [*deepcopy(args)]
        x = given[place] = given[place].detach().requires_grad_()
        with torch.enable_grad():  # a notebook may have switched it off
            result = self._run(name, given, {})
            loss = result[part] if isinstance(result, tuple | list) and len(result) > part else result
            if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
                raise StudentError(
                    f"`{name}` gives the right numbers, but no way back to what they were computed from (a detach, item, float, "
                    "NumPy or no_grad on the way): nothing could learn from this loss",
                    "detached",
                )
            try:
                (slope,) = torch.autograd.grad(loss.sum(), x, allow_unused=True)
            except Exception as error:
                raise StudentError(*said(name, error)) from None
        return torch.zeros_like(x) if slope is None else slope

    def _run(self, name: str, args: Any, kwargs: Any) -> Any:
        if name not in self.namespace:
            raise StudentError(
                f"there is no `{name}` yet: run the cell that defines it, then this one again", "missing"
            )
        function = self.namespace[name]
        if not callable(function):
            raise StudentError(f"`{name}` should be a function, but it is a {type(function).__name__}", "type")
        if self.guard and (words := borrowed(function, self.forbidden, self.originals)):
            raise StudentError(f"`{name}`: {words}", "library")
        watching = watched(self.forbidden) if self.guard else nullcontext([])
        try:
            with warnings.catch_warnings(), watching as calls:
                warnings.simplefilter("ignore")  # a warning on stderr would cost the points under nbgrader
                result = function(*args, **kwargs)
        except (Exception, SystemExit) as error:
            raise StudentError(*said(name, error)) from None
        if calls:
            raise StudentError(f"`{name}` calls `{calls[0]}`; the task is to write it yourself", "library")
        return result


def said(name: str, error: BaseException) -> tuple[str, str]:
    """An exception of the student's function `name`, as one sentence and its kind."""
    kind = type(error).__name__
    if isinstance(error, NotImplementedError):
        return f"`{name}` is not written yet: put your lines in place of `raise NotImplementedError()`", "missing"
    if isinstance(error, RecursionError):
        return f"`{name}` calls itself without end (RecursionError)", kind
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_ours_or_library(f.filename)]
    where = ""
    if frames:
        line = frames[-1].line or linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip()
        where = f", in line {frames[-1].lineno}" + (f": `{line}`" if line else "")
    text = str(error).strip().splitlines()
    return f"`{name}` stopped with {kind}{': ' + text[0][:200] if text else ''}{where}", kind


def _is_ours_or_library(filename: str) -> bool:
    path = filename.replace("\\", "/")
    return "/site-packages/" in path or "/rlhf_edu/" in path or path.startswith(f"{sys.base_prefix}/lib/python")


def written_answer(name: str) -> str | None:
    """The Markdown cell with grade_id `name` in the saved notebook this kernel belongs to, where that can be told."""
    path = os.environ.get("JPY_SESSION_NAME", "")
    if not path.endswith(".ipynb") or not Path(path).is_file():
        return None
    try:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        for cell in cells:
            if cell["cell_type"] == "markdown" and cell["metadata"].get("nbgrader", {}).get("grade_id") == name:
                return "".join(cell["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None
