"""A synthetic class for exercise 00: right, wrong in each named way, damaged, hostile; and the scores each must get."""

import json
import os
from pathlib import Path

import hostile

ROOT = Path(__file__).resolve().parents[2]
NAME = "00_start"
FULL = {"preference": 4.0, "gap": 2.0, "shift": 2.0, "falling_loss": 3.0, "corridor": 3.0, "taste": 0.0}
NOTHING = dict.fromkeys(FULL, 0.0)
ESSAY = " ".join(f"word{i} about what I like in a story and why others may not" for i in range(8))
RIGHT = {
    "preference": hostile.RIGHT,
    "gap": "p = numbers('gap', SEED)['percent'] / 100\ngap = np.log(p / (1 - p))",
    "shift": "shift = 'a b d'",
    "falling_loss": "falling_loss = {'fault': 'b', 'evidence': 'train'}",
    "corridor": "def walk(obs):\n    return np.sign(obs[:, 1] - obs[:, 0])",
}
WRONG = {  # task → mistake → code
    "preference": {
        "swapped": "def preference(r_a, r_b):\n    return 1 / (1 + np.exp(r_a - r_b))",
        "no_exponential": "def preference(r_a, r_b):\n    return r_a / (r_a + r_b)",
        "not_squashed": "def preference(r_a, r_b):\n    return r_a - r_b",
        "hard": "def preference(r_a, r_b):\n    return np.where(r_a > r_b, 1.0, 0.0)",
        "one_sided": "def preference(r_a, r_b):\n    return 1 / (1 + np.exp(-abs(r_a - r_b)))",
        "only_a": "def preference(r_a, r_b):\n    return 1 / (1 + np.exp(-r_a))",
        "overflow": "def preference(r_a, r_b):\n    e = np.exp(r_a - r_b)\n    return e / (1 + e)",
        "base_two": "def preference(r_a, r_b):\n    return 1 / (1 + 2.0 ** (r_b - r_a))",
    },
    "gap": {
        "sign": "p = numbers('gap', SEED)['percent'] / 100\ngap = np.log((1 - p) / p)",
        "no_logarithm": "p = numbers('gap', SEED)['percent'] / 100\ngap = p / (1 - p)",
        "base_ten": "p = numbers('gap', SEED)['percent'] / 100\ngap = np.log10(p / (1 - p))",
        "log_p": "gap = np.log(numbers('gap', SEED)['percent'] / 100)",
        "forward": "p = numbers('gap', SEED)['percent'] / 100\ngap = 1 / (1 + np.exp(-p))",
    },
    "shift": {"chose c": "shift = 'c'", "chose a": "shift = ['a']", "type": "shift = 7"},
    "corridor": {
        "away": "def walk(obs):\n    return np.sign(obs[:, 0] - obs[:, 1])",
        "always_right": "def walk(obs):\n    return np.ones(len(obs))",
        "always_left": "def walk(obs):\n    return -np.ones(len(obs))",
        "stays": "def walk(obs):\n    return np.zeros(len(obs))",
    },
}


def notebook(answers=RIGHT, essay: str = ESSAY, extra: str = "") -> dict:
    """The released exercise with these answers filled in, and an extra cell right behind the set-up."""
    book = json.loads((ROOT / "exercises" / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    for cell in book["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if grade_id.removesuffix("_answer") in answers and grade_id.endswith("_answer"):
            cell["source"] = answers[grade_id.removesuffix("_answer")]
        elif grade_id == "taste":
            cell["source"] = essay
    if extra:
        book["cells"].insert(3, {"cell_type": "code", "metadata": {}, "outputs": [], "source": extra, "id": "extra"})
    return book


def cells_of(book: dict, grade_id: str) -> list[dict]:
    """The cells with this grade_id."""
    return [c for c in book["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id]


def write_class(folder: Path, fill: dict[str, str]) -> dict[str, tuple[dict, dict]]:
    """Write everybody's files; for each student the points of each task, and {task: mistake} where it is known."""
    expected: dict[str, tuple[dict, dict]] = {}

    def hand_in(student: str, book: dict, points: dict, mistakes: dict | None = None, name: str = "") -> Path:
        path = folder / (name or f"{student}/{NAME}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(book)
        for key, value in fill.items():
            text = text.replace(key, value)
        path.write_text(text, encoding="utf-8")
        expected[student] = (points, mistakes or {})
        return path

    hand_in("right", notebook(), FULL)
    other = "def preference(r_a, r_b):\n    z = r_a - r_b\n    return 0.5 * (1 + np.tanh(z / 2))"
    hand_in("right_otherwise", notebook(RIGHT | {"preference": other}), FULL, name="right_otherwise.ipynb")
    for i in range(8):  # the named mistakes of all tasks, side by side
        wrong = {task: list(ways.items())[i] for task, ways in WRONG.items() if i < len(ways)}
        points = FULL | dict.fromkeys(wrong, 0.0)
        mistakes = {task: mistake for task, (mistake, _) in wrong.items()}
        hand_in(f"wrong_{i}", notebook(RIGHT | {task: code for task, (_, code) in wrong.items()}), points, mistakes)
    for name, (code, mistake) in hostile.ANSWERS.items():
        book = notebook(RIGHT | {"preference": code})
        hand_in(name, book, FULL | {"preference": 0.0}, {"preference": mistake} if mistake else {})
    for name, code in hostile.CELLS.items():
        hand_in(name, notebook(extra=code), FULL)
    hand_in("endless_cell", notebook(extra="while True: pass"), FULL)
    looping = RIGHT | {"gap": "gap = 0\nwhile True: pass"}
    hand_in("endless_answer", notebook(looping), FULL | {"gap": 0.0}, {"gap": "time-out"})
    script = (
        "print('<script>alert(1)</script><img src=x onerror=alert(2)>')\nraise ValueError('<script>alert(3)</script>')"
    )
    hand_in("script", notebook(RIGHT | {"gap": f"{RIGHT['gap']}\n{script}"}), FULL)
    _damaged(hand_in, folder)
    _unreadable(hand_in, folder, expected)
    return expected


def _damaged(hand_in, folder: Path) -> None:
    """Notebooks that can be put right."""
    edited = notebook(RIGHT | {"preference": "def preference(r_a, r_b):\n    return r_a"})
    for task in FULL:
        for cell in cells_of(edited, task):
            if cell["cell_type"] == "code":
                cell["source"] = "pass"
    hand_in("edited_tests", edited, FULL | {"preference": 0.0}, {"preference": "input"})
    deleted = notebook()
    deleted["cells"] = [c for c in deleted["cells"] if c["metadata"].get("nbgrader", {}).get("locked") is not True]
    hand_in("deleted_tests", deleted, FULL)
    twice = notebook()
    twice["cells"] += cells_of(twice, "preference") + cells_of(twice, "preference_answer") + cells_of(twice, "seed")
    hand_in("duplicated_cells", twice, FULL)
    gone = notebook()
    gone["cells"] = [c for c in gone["cells"] if c not in cells_of(gone, "gap_answer")]
    hand_in("missing_answer", gone, FULL | {"gap": 0.0}, {"gap": "missing"})
    kernel = notebook()
    kernel["metadata"]["kernelspec"] = {"name": "julia-1.10", "language": "julia", "display_name": "Julia"}
    hand_in("wrong_kernel", kernel, FULL)
    odd = notebook()
    odd["cells"] += [
        7,
        None,
        {"cell_type": "code"},
        {"cell_type": 3, "source": []},
        {"source": {}, "cell_type": "code"},
    ]
    hand_in("odd_cells", odd, FULL)
    latin = hand_in("latin", notebook(extra="# pâté"), FULL)
    text = json.dumps(json.loads(latin.read_text(encoding="utf-8")), ensure_ascii=False)
    latin.write_bytes(text.encode("latin-1", "replace"))
    hand_in("<b>&'x'", notebook(essay=ESSAY + "<script>alert(4)</script>"), FULL)
    hand_in("twin (2)", notebook(), FULL, name="twin.ipynb")
    hand_in("twin", notebook(RIGHT | {"shift": "shift = 'c'"}), FULL | {"shift": 0.0}, name=f"twin/{NAME}.ipynb")


def _unreadable(hand_in, folder: Path, expected: dict) -> None:
    """Files that cannot be graded at all."""
    for name in ("broken", "empty", "huge", "link", "not_a_notebook", "deeply_nested"):
        path = hand_in(name, notebook(), NOTHING, dict.fromkeys(FULL, "unreadable"))
        if name == "broken":
            path.write_text(path.read_text()[:3000])
        elif name == "empty":
            path.write_text("")
        elif name == "huge":
            os.truncate(path, 200 << 20)
        elif name == "not_a_notebook":
            path.write_text("[1, 2, 3]")
        elif name == "deeply_nested":
            path.write_text("[" * 200_000)
        else:
            outside = folder.parent / "outside.ipynb"
            outside.write_text(path.read_text())
            path.unlink()
            path.symlink_to(outside)
