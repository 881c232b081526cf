"""Can a check be fooled? Every task is tried with wrong answers it must reject and right ones it must accept.

`python -m rlhf_edu.grading.mutants` prints the table. The answers are in `tests/mutants/eNN_topic.py`:

    MUTANTS = {"gae": {"lambda_forgotten": f, …}}     at least 5 a task, plausible; a label that is the name of one of
                                                      the judge's mistakes must be recognised as that mistake
    ALTERNATIVES = {"gae": {"as a matrix": g, …}}     at least 2 a task, right, and written differently

On top come the mistakes the judge itself knows, which must be told apart, and answers that would fool a careless check:
zeros, constants, an input handed back, NaN, objects that equal everything, the checker's own function.
"""

import argparse
import importlib.util
import sys
import zlib
from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rlhf_edu.grading import tasks
from rlhf_edu.grading.check import originals
from rlhf_edu.grading.compare import array_of, is_tensor
from rlhf_edu.grading.student import LocalStudent
from rlhf_edu.grading.task import Task, Verdict

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "mutants"
AT_LEAST_WRONG, AT_LEAST_RIGHT = 5, 2
SEEDS = (1, 2, 3)


@dataclass
class Trial:
    """What became of all the answers tried on one task; `faults` are the sentences that must be empty."""

    task: Task
    known: int = 0
    wrong: int = 0
    careless: int = 0
    right: int = 0
    faults: list[str] = field(default_factory=list)


def verdict_on(task: Task, answer: Any, seed: int, guard: bool = True, hidden: bool = True) -> Verdict:
    """The verdict on `answer` as if a student had given it."""
    namespace = {getattr(task.judge, "name", task.name): answer, "SEED": 0}
    student = LocalStudent(namespace, task.forbidden, originals(task), guard)
    return task.judge(student, np.random.default_rng([seed, zlib.crc32(task.name.encode())]), hidden)


def known_mistakes(task: Task) -> dict[str, Any]:
    """The mistakes the judge knows by name, as answers."""
    mistakes = getattr(task.judge, "mistakes", {})
    numbers = task.numbers(0) if task.numbers else {}
    return {name: wrong(**numbers) if task.kind == "number" else wrong for name, (wrong, _) in mistakes.items()}


class EqualsEverything:
    """An answer that any `==` would call right."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def careless_answers(task: Task) -> dict[str, Any]:
    """Answers that a careless check would let through."""
    if task.kind in ("function", "agent"):
        same = {
            "equals everything": lambda *a: EqualsEverything(),
            "none": lambda *a: None,
            "text": lambda *a: "correct",
        }
        if task.kind == "agent":
            return same
        oracle, inputs = task.judge.oracle, task.judge.draw(np.random.default_rng(0), 0, False)  # type: ignore[attr-defined]
        changes: dict[str, Callable] = {
            "zeros": lambda x: x * 0,
            "ones": lambda x: x * 0 + 1,
            "nan": lambda x: x * 0 + float("nan"),
            "negated": lambda x: -x,
            "ten percent more": lambda x: x * 1.1,
            "one more axis": lambda x: x[None] if x.ndim else x - 1,
        }
        made = {name: lambda *a, change=change: on_arrays(oracle(*a), change) for name, change in changes.items()}
        back = {f"hands back {key}": lambda *a, i=i: a[i] for i, key in enumerate(inputs)}
        cut = {"no way back": oracle} if task.judge.gradients else {}  # type: ignore[attr-defined]
        return same | made | back | cut
    return {"none": None, "empty": "", "nan": float("nan"), "list": [], "equals everything": EqualsEverything()}


def on_arrays(x: Any, change: Callable) -> Any:
    """`change` applied to every array in a result."""
    if isinstance(x, tuple | list):
        return type(x)(on_arrays(item, change) for item in x)
    if isinstance(x, dict):
        return {key: on_arrays(item, change) for key, item in x.items()}
    if is_tensor(x):
        return change(x)
    array = array_of(x)
    return EqualsEverything() if array is None else change(array.astype(float))


def written_answers(exercise: str, folder: Path = FOLDER) -> tuple[dict, dict]:
    """MUTANTS and ALTERNATIVES of an exercise; empty where nobody has written any."""
    path = folder / f"e{exercise}.py"
    if not path.is_file():
        return {}, {}
    spec = importlib.util.spec_from_file_location(f"mutants_of_{exercise}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MUTANTS, module.ALTERNATIVES


def try_out(task: Task, wrong: dict[str, Any], right: dict[str, Any]) -> Trial:
    """Try all answers on a task, each with several hidden seeds."""
    trial = Trial(task)
    if len(wrong) < AT_LEAST_WRONG:
        trial.faults.append(f"{len(wrong)} wrong answers are written down, at least {AT_LEAST_WRONG} are needed")
    if len(right) < AT_LEAST_RIGHT:
        trial.faults.append(f"{len(right)} right answers are written down, at least {AT_LEAST_RIGHT} are needed")
    names = known_mistakes(task)
    trial.known = _reject(trial, "known mistake", names, names)
    slopes = [mistake for gradient in getattr(task.judge, "gradients", ()) for mistake in gradient.mistakes]
    trial.wrong = _reject(trial, "wrong answer", wrong, [*names, *slopes])
    trial.careless = _reject(trial, "careless answer", careless_answers(task), ())
    if oracle := getattr(task.judge, "oracle", None):
        trial.careless += _reject(trial, "answer", {"the checker's own function": oracle}, (), guard=True)
    for label, answer in right.items():
        verdicts = [verdict_on(task, deepcopy(answer), seed) for seed in SEEDS]
        refused = [v.words for v in verdicts if v.score < 1]
        trial.right += not refused
        trial.faults += [f"right answer “{label}” is refused: {words}" for words in refused[:1]]
    return trial


def _reject(trial: Trial, what: str, answers: dict[str, Any], names: Collection[str], guard: bool = False) -> int:
    """How many of the answers are rejected on every seed, and named where they should be."""
    rejected = 0
    for label, answer in answers.items():
        verdicts = [verdict_on(trial.task, answer, seed, guard) for seed in SEEDS]
        if any(v.score == 1 for v in verdicts):
            trial.faults.append(f"{what} “{label}” is accepted")
        elif label in names and any(v.mistake != label for v in verdicts):
            said = next(v for v in verdicts if v.mistake != label)
            trial.faults.append(f"{what} “{label}” is taken for “{said.mistake}”: {said.words}")
        else:
            rejected += 1
    return rejected


def trials(exercise: str = "", folder: Path = FOLDER) -> list[Trial]:
    """Try out all tasks of an exercise, or of the whole course."""
    chosen = tasks.of_exercise(exercise) if exercise else tasks.all_tasks()
    out = []
    for task in chosen:
        wrong, right = written_answers(task.exercise, folder)
        out.append(try_out(task, wrong.get(task.name, {}), right.get(task.name, {})))
    return out


def table(done: list[Trial]) -> str:
    """The trials as a table in text."""
    head = f"{'exercise':<24}{'task':<24}{'kind':<11}{'known':>7}{'wrong':>7}{'careless':>10}{'right':>7}  result"
    lines = [head, "-" * len(head)]
    for t in done:
        numbers = f"{t.known:>7}{t.wrong:>7}{t.careless:>10}{t.right:>7}"
        lines.append(
            f"{t.task.exercise:<24}{t.task.name:<24}{t.task.kind:<11}{numbers}  {'FAULT' if t.faults else 'ok'}"
        )
        lines += [f"    {fault}" for fault in t.faults]
    note = "known: mistakes the judge names · wrong, careless: answers rejected · right: answers accepted; each on "
    return "\n".join([*lines, f"{note}{len(SEEDS)} hidden seeds"])


def main() -> int:
    """The table of all tasks, or of the exercise named on the command line; 1 if a check can be fooled."""
    parser = argparse.ArgumentParser(
        prog="python -m rlhf_edu.grading.mutants", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("exercise", nargs="?", default="", help="for example 14; all if left out")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the wrong and right answers are")
    options = parser.parse_args()
    if not options.folder.is_dir():
        print(
            f"there is no folder {options.folder}: run this in a clone of the repository, or give --folder",
            file=sys.stderr,
        )
        return 2
    done = trials(options.exercise, options.folder)
    print(table(done))
    return int(any(trial.faults for trial in done))


if __name__ == "__main__":
    sys.exit(main())
