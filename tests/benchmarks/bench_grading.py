"""How long grading takes: python tests/benchmarks/bench_grading.py [SUBMISSIONS] [EXERCISE] [JOBS]

Grades that many copies of a solved exercise that uses torch, sandboxed, and prints the seconds. Each copy is made
different by a comment, so that nothing is skipped as unchanged.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from rlhf_edu.grading.classroom import default_plan, grade_class
from rlhf_edu.grading.gradebook import Gradebook

ROOT = Path(__file__).resolve().parents[2]


def main(submissions: int = 30, exercise: str = "14_rlhf_ppo", jobs: int = 2) -> None:
    """Grade the copies and print one line."""
    solved = json.loads((ROOT / "solutions" / f"{exercise}.ipynb").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(submissions):
            solved["cells"][0]["source"] = f"# Copy {i}"
            (folder / "in" / f"student{i}").mkdir(parents=True)
            (folder / "in" / f"student{i}" / f"{exercise}.ipynb").write_text(json.dumps(solved))
        book = Gradebook(folder / "out" / "gradebook.db")
        plan = default_plan(folder / "out" / "gradebook.db", jobs=jobs)
        start = time.perf_counter()
        states = [step.state for step in grade_class(folder / "in", book, plan)]
        seconds = time.perf_counter() - start
        shares = [score.share for handin in book.handins() for score in handin.scores]
    assert states == ["graded"] * submissions, states
    print(
        f"{submissions} submissions of {exercise}, {jobs} jobs: {seconds:.1f} s, "
        f"{seconds / submissions:.2f} s each; mean share of the points {sum(shares) / len(shares):.3f}"
    )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(*(int(a) if a.isdigit() else a for a in arguments))
