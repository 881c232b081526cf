"""The table: medians and interquartile ranges over seeds, never the best run."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from bench_rl_tasks import TASKS


def spread(values: list[float], digits: int = 0) -> str:
    """Median and interquartile range; a run that never got there counts as infinitely long."""
    low, middle, high = np.percentile(values, [25, 50, 75], method="nearest")
    if not np.isfinite(middle):
        return "not reached"
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def report(records: list[dict]) -> str:
    import os

    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores ({platform.machine()}), one thread a run, "
        f"Python {platform.python_version()}, torch {version('torch')}, gymnasium {version('gymnasium')}, "
        f"stable-baselines3 {version('stable-baselines3')}. Medians (interquartile range) over seeds.",
        "",
        "| task | agent | seeds | steps to the bar | CPU s to the bar | µs a step | final return | SD of episodes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    runs = [r for r in records if r["task"] != "tabular"]
    for task, agent in sorted({(r["task"], r["agent"]) for r in runs}):
        group = list({r["seed"]: r for r in runs if (r["task"], r["agent"]) == (task, agent)}.values())
        steps, cpu = ([r["solved"][k] if r["solved"] else float("inf") for r in group] for k in (0, 1))
        cost = [1e6 * r["cpu"] / r["steps"] for r in group]
        whole = [r for r in group if r["steps"] >= TASKS[task].steps(agent) * 0.98]
        final = spread([r["tests"][-1][1] for r in whole], 1) if len(whole) == len(group) else "stopped at the bar"
        noise = spread([r["tests"][-1][2] for r in whole], 1) if len(whole) == len(group) else "–"
        cells = [task, agent, str(len(group)), spread(steps), spread(cpu, 1), spread(cost), final, noise]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines + tabular_lines([r for r in records if r["task"] == "tabular"]))


def tabular_lines(records: list[dict]) -> list[str]:
    if not records:
        return []
    lines = [
        "",
        "| tabular | random stepping (µs a step) | Q-learning (µs a step) | ratio |",
        "| --- | --- | --- | --- |",
    ]
    for env in dict.fromkeys(r["env"] for r in records):
        group = [r for r in records if r["env"] == env]
        random, ours = [r["random_us"] for r in group], [r["ours_us"] for r in group]
        ratio = [b / a for a, b in zip(random, ours, strict=True)]
        lines.append(f"| {env} | {spread(random, 1)} | {spread(ours, 1)} | {spread(ratio, 2)} |")
    return lines
