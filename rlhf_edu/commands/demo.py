"""`rlhf-edu demo`: the whole loop with a simulated person, and an honest account of what came of it."""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from rlhf_edu.core import pick_device, seed_everything
from rlhf_edu.evaluate import blind_test
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.lm.checkpoint import replace
from rlhf_edu.rlhf.loop import LoopConfig, reading_on, rlhf_loop
from rlhf_edu.rlhf.studio import Studio, open_studio
from rlhf_edu.worlds.world import world

HISTORY = "ppo.jsonl"
NOISE = 0.1  # temperature of the simulated person, in units of the taste
WORDS = {
    "pairs": "comparing pairs",
    "reward": "learning the reward",
    "ppo": "fine-tuning by PPO",
    "test": "testing blind",
}


def run_loop(studio: Studio, taste: str, config: LoopConfig, out: Path | None, on_record=lambda record: None) -> dict:
    """The loop with a simulated person of that taste; the test's numbers and the history of PPO."""
    gold = studio.world.taste(taste)
    person = reading_on(boltzmann(gold, NOISE, rng=np.random.default_rng([studio.seed, 7])))

    def gold_score(done) -> dict:
        return dict(gold=float(np.mean([gold(text) for text in studio.read(done)])))

    history, result = _kept(out), {}
    for record in rlhf_loop(
        studio,
        person,
        config,
        test=lambda studio, model, typical: blind_test(studio, model, typical, gold),
        watch_texts=gold_score,
        out=out,
    ):
        on_record(record)
        if record["stage"] == "ppo":
            history.append(record)
            if out is not None:
                with (out / HISTORY).open("a", encoding="utf-8") as log:
                    log.write(json.dumps(record) + "\n")
        if record["stage"] == "test":
            result = {k: v for k, v in record.items() if k not in ("stage", "step", "total")}
    return result | {"history": history}


def _kept(out: Path | None) -> list[dict]:
    """The PPO records of an earlier, interrupted run; a last line that was cut off is left out."""
    steps: dict[int, dict] = {}
    if out is not None and (out / HISTORY).exists():
        for line in (out / HISTORY).read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                record = json.loads(line)
                steps[record["step"]] = record
    return list(steps.values())


def demo(name: str, taste: str, pairs: int, seed: int, device_name: str, out: Path | None) -> int:
    console, start = Console(), time.perf_counter()
    place = world(name)
    if taste == "list":
        for key in place.gold:
            console.print(f"{key:<14} {place.describe(key)}", highlight=False, markup=False)
        return 0
    place.taste(taste)
    config, device = LoopConfig(pairs=pairs), pick_device(device_name)
    out = out or Path("runs") / f"{name}-{taste}-{pairs}-{seed}"
    _prepare(out, dict(world=name, taste=taste, pairs=pairs, seed=seed))
    seed_everything(seed)
    studio = open_studio(name, seed, device)
    console.print(f"A simulated person with a hidden taste ({taste}) answers {pairs} comparisons.", highlight=False)

    columns = (
        TextColumn("{task.description:<19}"),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=console) as bars:
        tasks = {}

        def show(record: dict) -> None:
            stage = record["stage"]
            if stage not in tasks:
                tasks[stage] = bars.add_task(WORDS[stage], total=record["total"], words="")
            bars.update(tasks[stage], completed=record["step"] + 1, words=_numbers(record))

        result = run_loop(studio, taste, config, out, show)
        samples, history = result.pop("samples"), result.pop("history")
        early = 0 < len(history) < config.ppo.steps
        if early and "ppo" in tasks:
            bars.update(tasks["ppo"], total=len(history))
    if early:
        enough = f"a mean score of {config.ppo.enough:g} standard deviations is enough"
        console.print(f"PPO ended after {len(history)} of {config.ppo.steps} steps: {enough}.", highlight=False)
    seconds = time.perf_counter() - start
    result = dict(
        world=name, taste=taste, pairs=pairs, seed=seed, device=str(device), seconds=round(seconds, 1), **result
    )
    write = json.dumps(result, indent=1)
    replace(out / "result.json", lambda new: new.write_text(write, encoding="utf-8"))
    _picture(history, out / "run.png")
    console.print(before_and_after(samples))
    console.print(table(result))
    console.print(f"{place.describe(taste)}  {seconds:.0f} s in all. Picture, labels and weights: {out}", markup=False)
    command = "rlhf-edu" if shutil.which("rlhf-edu") else sys.argv[0]
    console.print(f"Now teach it your own taste: {command} lab", highlight=False, markup=False)
    return 0


def _prepare(out: Path, asked: dict) -> None:
    """A folder for this run; one that holds another run is refused, not mixed with it."""
    path = out / "run.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"no folder can be made at {out} ({error.strerror}): choose another --out") from None
    if not path.exists():
        replace(path, lambda new: new.write_text(json.dumps(asked), encoding="utf-8"))
        return
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{path} is damaged: delete the folder {out}, or choose another --out") from None
    if kept != asked:
        raise ValueError(f"{out} holds another run ({kept}): choose another --out, or delete that folder")


def _numbers(record: dict) -> str:
    shown = {
        "reward": ("loss", "accuracy"),
        "ppo": ("score", "gold"),
        "test": ("win_rate",),
    }.get(record["stage"], ())
    return " ".join(f"{key.replace('_', ' ')} {record[key]:.2f}" for key in shown)


def before_and_after(samples: Sequence[tuple[str, str, str]]) -> Table:
    """Texts side by side. Model text is data: it goes in as plain Text, never as markup."""
    grid = Table(show_header=True, header_style="bold", show_lines=True, expand=True)
    grid.add_column("before", ratio=1)
    grid.add_column("after", ratio=1)
    for opening, before, after in samples:
        grid.add_row(*(Text.assemble((opening, "dim"), text.removeprefix(opening)) for text in (before, after)))
    return grid


def table(result: dict) -> Group:
    """The numbers, before beside after."""
    grid = Table(show_header=True, header_style="bold")
    for column in ("", "before", "after"):
        grid.add_column(column, justify="left" if not column else "right")
    rows = {
        "proxy reward (what was learned)": "proxy",
        "gold taste (what was hidden)": "gold",
        "grammatical share": "grammatical",
        "distinct-2": "distinct2",
    }
    for words, key in rows.items():
        grid.add_row(words, f"{result[f'{key}_before']:.3f}", f"{result[f'{key}_after']:.3f}")
    grid.add_row("KL to the reference, nats a text", "0", f"{result['kl_nats']:.1f}")
    win = f"win rate {result['win_rate']:.1%}   95 % interval {result['win_rate_low']:.1%} to {result['win_rate_high']:.1%}"
    return Group(grid, Panel(Text(win, style="bold"), expand=False, title="blind, by the hidden taste, same openings"))


def _picture(history: list[dict], path: Path) -> None:
    from rlhf_edu.plots.rlhf import run_picture

    if history:
        run_picture(history).save(path)
