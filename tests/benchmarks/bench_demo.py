"""The demo's promise, measured: every taste, several seeds, a blind test on 512 fresh openings each.

python tests/benchmarks/bench_demo.py [--seeds 5] [--tastes happy_ending kind …] [--log FILE] [--report]

Runs are appended to --log as they end, and those already there are not run again; --report only prints the tables.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from machine import headline, spread

from rlhf_edu.commands.demo import run_loop
from rlhf_edu.rlhf.loop import LoopConfig
from rlhf_edu.rlhf.studio import open_studio
from rlhf_edu.worlds.world import world


def one(taste: str, seed: int, pairs: int) -> dict:
    start = time.perf_counter()
    result = run_loop(open_studio("stories", seed), taste, LoopConfig(pairs=pairs), None)
    numbers = {k: v for k, v in result.items() if isinstance(v, float)}
    return dict(taste=taste, seed=seed, pairs=pairs, seconds=time.perf_counter() - start, **numbers)


def report(runs: list[dict]) -> None:
    print("| taste | win rate | gold before → after | grammatical | distinct-2 kept | KL, nats | proxy after |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    medians = []
    for taste in dict.fromkeys(run["taste"] for run in runs):
        of = [run for run in runs if run["taste"] == taste]
        medians.append(statistics.median(run["win_rate"] for run in of))
        gold = " → ".join(f"{statistics.median(run[f'gold_{when}'] for run in of):.2f}" for when in ("before", "after"))
        kept = spread([run["distinct2_after"] / run["distinct2_before"] for run in of])
        columns = [
            spread([run[key] for run in of]) for key in ("win_rate", "grammatical_after", "kl_nats", "proxy_after")
        ]
        print(f"| {taste} | {columns[0]} | {gold} | {columns[1]} | {kept} | {columns[2]} | {columns[3]} |")
    seeds = len({run["seed"] for run in runs})
    print(
        f"\nMedian (lowest to highest) over {seeds} seeds. Tastes at 80 % or more: {sum(m >= 0.8 for m in medians)} of {len(medians)}."
    )
    print(
        f"Median of all {len(runs)} runs: {statistics.median(run['win_rate'] for run in runs):.3f}. Seconds a run: {spread([run['seconds'] for run in runs], 0)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[20, 21, 22, 23, 24])  # never used while tuning
    parser.add_argument("--tastes", nargs="+", default=list(world("stories").gold))
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--log", type=Path, default=Path("runs/bench_demo.jsonl"))
    parser.add_argument("--report", action="store_true", help="print the tables of what is in --log")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.log.parent.mkdir(parents=True, exist_ok=True)
    lines = options.log.read_text().splitlines() if options.log.exists() else []
    runs = [json.loads(line) for line in lines]
    done = {(run["taste"], run["seed"], run["pairs"]) for run in runs}
    wanted = [(taste, seed, options.pairs) for seed in options.seeds for taste in options.tastes]
    for key in [] if options.report else [key for key in wanted if key not in done]:
        runs.append(one(*key))
        with options.log.open("a") as log:
            log.write(json.dumps(runs[-1]) + "\n")
        print(
            f"{key[0]:<14} seed {key[1]}: win rate {runs[-1]['win_rate']:.3f}, {runs[-1]['seconds']:.0f} s", flush=True
        )
    print(f"\n{headline(options.threads)}\n")
    report(runs)


if __name__ == "__main__":
    main()
