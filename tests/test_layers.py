"""Imports point one way, heavy libraries stay out of light parts, and every module stands on its own."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rlhf_edu"
MODULES = sorted(PACKAGE.rglob("*.py"))

# What each part may import from the others, at the top of a module. `worlds` may take `lm` inside a function.
MAY: dict[str, set[str]] = {
    "core": set(),
    "ops": set(),
    "envs": {"core", "ops"},
    "rl": {"core", "ops", "envs"},
    "lm": {"core", "ops"},
    "worlds": {"core", "ops"},
    "feedback": {"core"},
    "reward": {"core", "ops", "rl", "lm", "feedback"},
    "rlhf": {"core", "ops", "rl", "lm", "feedback", "worlds", "reward"},
    "evaluate": {"core", "ops", "rl", "lm", "feedback", "worlds", "reward", "rlhf"},
}
LATE = {"worlds": {"lm"}}
OUTERMOST = {"widgets", "plots", "grading", "cli", "commands"}
FREE = {"cli", "commands"}  # may import anything
HEAVY = (
    "torch",
    "gymnasium",
    "jupyterlab",
    "ipywidgets",
    "anywidget",
    "sqlalchemy",
    "transformers",
    "matplotlib",
    "trl",
)


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ours(node: ast.AST) -> list[str]:
    """The parts of this package that an import statement names."""
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide where they point"
        whole = node.module == "rlhf_edu"
        names = [f"rlhf_edu.{alias.name}" for alias in node.names] if whole else [node.module or ""]
    return [name.split(".")[1] for name in names if name.startswith("rlhf_edu.")]


def imports(path: Path) -> tuple[set[str], set[str]]:
    """Parts imported anywhere in a module, and those of them imported when it loads (not for type checkers only)."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    everywhere = {name for node in ast.walk(tree) for name in ours(node)}
    loading, stack = set(), list(tree.body)
    while stack:
        node = stack.pop()
        loading |= set(ours(node))
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not typing_only and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            stack += list(ast.iter_child_nodes(node))
    return everywhere, loading


def in_a_new_process(code: str) -> str:
    env = {k: v for k, v in os.environ.items() if k != "COVERAGE_PROCESS_START"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def heavy_after(*modules: str) -> set[str]:
    """Which heavy libraries are loaded once these modules are."""
    lines = "\n".join(f"import {name}" for name in modules)
    found = in_a_new_process(f"import sys\n{lines}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])")
    return set(found.split())


def modules_of(*parts: str) -> list[str]:
    names = [p.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for p in MODULES if part(p) in parts]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("name", sorted(MAY))
def test_imports_point_one_way(name):
    found = [path for path in MODULES if part(path) == name]
    assert found, f"there is no {name} in the package any more: mend this table"
    for path in found:
        everywhere, loading = imports(path)
        allowed = MAY[name] | {name}
        assert loading <= allowed, f"{path.relative_to(ROOT)} imports {loading - allowed}"
        assert everywhere <= allowed | LATE.get(name, set()), f"{path.relative_to(ROOT)} imports {everywhere - allowed}"


def test_every_part_has_its_place_in_the_table():
    assert {part(path) for path in MODULES} <= set(MAY) | OUTERMOST | {"__init__"}


def test_rl_and_lm_never_meet():
    assert not {"lm"} & set().union(*(imports(p)[0] for p in MODULES if part(p) == "rl"))
    assert not {"rl"} & set().union(*(imports(p)[0] for p in MODULES if part(p) == "lm"))


def test_nothing_leans_on_the_outermost_parts_but_the_command_line():
    for path in MODULES:
        name = part(path)
        if name not in FREE:
            reached = imports(path)[0] & (OUTERMOST - {name})
            assert not reached, f"{path.relative_to(ROOT)} imports {reached}"


def test_peers_of_our_benchmarks_are_never_imported():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.split(".")[0] for n in names} & {"trl", "stable_baselines3", "imitation", "krippendorff"}, (
                path
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_parses_has_a_docstring_and_is_short(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, str(path), feature_version=(3, 11))
    assert not text.strip() or ast.get_docstring(tree), "say in one sentence what this module is for"
    assert len(text.splitlines()) <= 250
    assert "from __future__ import annotations" not in text


def test_feedback_and_widgets_load_without_torch():
    assert "torch" not in heavy_after(*modules_of("feedback", "widgets"))


def test_training_loads_on_a_bare_machine():
    loaded = heavy_after(*modules_of("core", "ops", "lm", "reward", "rlhf", "evaluate"))
    assert not loaded & {"gymnasium", "jupyterlab", "ipywidgets", "anywidget", "sqlalchemy", "trl", "matplotlib"}
    assert "torch" in loaded  # the question was put rightly


def test_worlds_and_the_command_line_load_nothing_heavy():
    assert not heavy_after("rlhf_edu.cli", *modules_of("worlds")) & {"torch", "gymnasium", "transformers", "matplotlib"}


def test_the_package_itself_loads_at_once():
    code = "import time; a = time.process_time(); import rlhf_edu; print(time.process_time() - a)"
    assert min(float(in_a_new_process(code)) for _ in range(3)) < 0.3
    assert heavy_after("rlhf_edu") == set()


def test_the_table_would_catch_an_import_the_wrong_way(tmp_path):
    """The reader of imports itself, on every form an import can take."""
    path = tmp_path / "m.py"
    path.write_text(
        "import rlhf_edu.rl.ppo\nfrom rlhf_edu import plots as p\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from rlhf_edu.grading import check\n"
        "try:\n    from rlhf_edu.envs import grid\nexcept ImportError:\n    pass\n"
        "class A:\n    from rlhf_edu.lm import gpt2\n    def f(self):\n        import rlhf_edu.widgets.panel\n"
    )
    everywhere, loading = imports(path)
    assert loading == {"rl", "plots", "envs", "lm"}
    assert everywhere == loading | {"grading", "widgets"}
