"""Putting a handed-in notebook back into the shape in which it was released, and telling what had to be done."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rlhf_edu.grading.submission import Cell, Submission


@dataclass
class Repaired:
    """The cells to run, in order, the written answers, and what was repaired."""

    cells: list[Cell] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)  # grade_id → text
    problems: list[str] = field(default_factory=list)


def repair(submission: Submission, released: Sequence[Cell], seed: int) -> Repaired:
    """Restore locked cells, add missing ones, keep one of each; the student's own cells stay in their order."""
    original = {cell.grade_id: with_seed(cell, seed) for cell in released if cell.grade_id}
    out = Repaired()
    seen: set[str] = set()
    for cell in submission.cells:
        known = original.get(cell.grade_id)
        if known is None:
            out.cells.append(replace(cell, grade_id="", grade=False, solution=False, locked=False))
        elif known.solution:
            if cell.grade_id in seen and (known.kind == "code" or cell.source.strip()):
                out.problems.append(f'the cell "{cell.grade_id}" is there more than once; all of them count, in order')
            out.cells.append(replace(known, kind=cell.kind, source=cell.source))
        elif cell.grade_id in seen:
            out.problems.append(f'a second copy of the cell "{cell.grade_id}" was left out')
        else:
            if _plain(cell.source) != _plain(known.source):
                out.problems.append(f'the locked cell "{cell.grade_id}" had been edited; it was restored')
            out.cells.append(known)
        seen.add(cell.grade_id)
    _add_missing(out, list(original.values()), seen)
    for cell in out.cells:
        if cell.solution and cell.grade:
            out.texts[cell.grade_id] = "\n\n".join(filter(None, [out.texts.get(cell.grade_id), cell.source.strip()]))
    return out


def _add_missing(out: Repaired, original: list[Cell], seen: set[str]) -> None:
    """Put each missing cell behind the nearest earlier one that is there."""
    place = 0
    for cell in original:
        if cell.grade_id in seen:
            place = 1 + max(i for i, other in enumerate(out.cells) if other.grade_id == cell.grade_id)
            continue
        out.problems.append(f'the cell "{cell.grade_id}" is missing' + ("" if cell.solution else "; it was put back"))
        if not cell.solution:
            out.cells.insert(place, cell)
            place += 1


def with_seed(cell: Cell, seed: int) -> Cell:
    """The released cell that sets the student's seed, with this student's."""
    if cell.grade_id != "seed":
        return cell
    return replace(cell, source=re.sub(r"^SEED = \d+", f"SEED = {seed}", cell.source, flags=re.M))


def _plain(source: str) -> list[str]:
    return [line.rstrip() for line in source.strip().splitlines()]
