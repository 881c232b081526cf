"""How many answers until policies taught by PPO win 75 % by a hidden taste: questions asked at random against chosen ones.

    python tests/benchmarks/bench_queries_ppo.py                                (three hours; --seeds 35 36 … splits it over processes)
    python tests/benchmarks/bench_queries_ppo.py --report                       the tables of what is in --log

One policy's win rate is mostly luck of the questions (standard deviation 0.13 over tastes and seeds, where one more answer
adds 0.02), so that no single policy says how many answers are needed, nor does the median of five. Here every number in NUMBERS
is asked of each seed and taste, each time of another person; the mean win rate is fitted by a line in ln(answers), and
the answers needed are where it crosses the bar. Its noise is lowered by a control variate: the same beliefs' win rate by best of
28 (`bench_queries.py`), which costs next to nothing and is known from PEOPLE people instead of one. Intervals: 95 %, bootstrap
over seeds, which share their stories and dice. Way and prior were chosen on seeds 10 to 12 by best of 28; numbers, the seeds 35
to 44 and what is reported were fixed before the first of these runs, and 45 to 49 were added after those.
"""

import argparse
import functools
import itertools
import json
from pathlib import Path

import numpy as np
import torch
from bench_queries import BARS, Desk, beliefs, best_of_wins
from jaxtyping import Float
from machine import headline

from rlhf_edu.commands.demo import NOISE
from rlhf_edu.evaluate import win_rate
from rlhf_edu.feedback.beliefs import Belief
from rlhf_edu.rlhf.loop import ENOUGH, teach
from rlhf_edu.rlhf.ppo import PPOConfig
from rlhf_edu.rlhf.studio import open_studio
from rlhf_edu.worlds.world import world

NUMBERS = dict(
    random=(4, 6, 9, 13), ahead=(2, 3, 5, 8)
)  # answers after which a policy is taught; what is needed lies inside
PEOPLE, FRESH, TYPICAL = 8, 256, 240  # of each seed and taste; openings to test on; stories that set the reward's scale
BAR, DRAWS = BARS[0], 2000

Wins = Float[np.ndarray, "S T N"]  # seeds, tastes, numbers of answers
Crowd = Float[np.ndarray, "S T P N"]  # people besides


class Tester:
    """What the reference writes on a seed's fresh openings, and the dice as they lie after it."""

    def __init__(self, seed: int):
        studio = open_studio("stories", seed)
        self.openings, dice = studio.openings(FRESH, "test"), studio.generator("test")
        self.old = studio.read(studio.write(studio.reference, self.openings, dice))
        self.state = dice.get_state()


def by_ppo(desk: Desk, tester: Tester, taste: str, belief: Belief) -> dict:
    """Teach a policy with the reward believed in, and let it meet the reference on fresh openings."""
    studio, gold = open_studio("stories", desk.seed), desk.studio.world.taste(taste)
    with torch.no_grad():
        desk.model.head.linear.weight.copy_(torch.as_tensor(desk.axes @ belief.mean)[None])
        desk.model.head.linear.bias.zero_()
    typical = desk.pool[torch.linspace(0, len(desk.pool) - 1, TYPICAL).long()]
    records = teach(studio, desk.model, typical, PPOConfig(enough=ENOUGH)).run()
    dice = torch.Generator()
    dice.set_state(tester.state)
    new = studio.read(studio.write(studio.policy, tester.openings, dice))
    win = win_rate(np.array([gold(t) for t in new]), np.array([gold(t) for t in tester.old]))
    return dict(win=win.rate, steps=len(records), kl_nats=records[-1]["kl_nats"])


def judged(desk: Desk, taste: str, how: str, person: int) -> dict[int, tuple[Belief, float]]:
    """After each number of answers: what is believed, and how often the best of 28 by it wins."""
    gold = np.array([desk.studio.world.taste(taste)(text) for text in desk.fresh_texts])
    found = enumerate(beliefs(desk, taste, how, NOISE, max(NUMBERS[how]), person), start=1)
    return {n: (b, best_of_wins(desk.fresh @ b.mean, gold)) for n, (b, _) in found if n in NUMBERS[how]}


def levels(win: Wins, found: Wins, crowd: Crowd, slope: float) -> Float[np.ndarray, " N"]:
    """Mean win rate after each number of answers, with `found` as control variate: w̄ − slope · (f̄ − f̄ of the crowd)."""
    return win.mean((0, 1)) - slope * (found.mean((0, 1)) - crowd.mean((0, 1, 2)))


def needed(numbers: tuple[int, ...], level: Float[np.ndarray, " N"], bar: float = BAR) -> float:
    """Where the line through `level` against ln n crosses the bar. ValueError when it does not rise."""
    rise, start = np.polyfit(np.log(numbers), level, 1)
    if not rise > 0:
        raise ValueError(f"after {numbers} answers the win rates are {np.round(level, 3)}: they do not rise")
    return float(np.exp((bar - start) / rise))


def control_slope(*ways: tuple[Wins, Wins]) -> float:
    """Least squares of win rates on their control, both about their means at each way and number of answers."""
    win, found = (np.concatenate([(w - w.mean((0, 1))).ravel() for w in side]) for side in zip(*ways, strict=True))
    return float(win @ found / (found @ found))


def compare(data: dict[str, tuple[Wins, Wins, Crowd]], controlled: bool = True) -> dict[str, float]:
    """Answers needed by each way, and the share of what random questions need."""
    slope = control_slope(*(d[:2] for d in data.values())) if controlled else 0.0
    out = {how: needed(NUMBERS[how], levels(*d, slope)) for how, d in data.items()}
    return out | dict(share=out["ahead"] / out["random"])


def interval(data: dict[str, tuple[Wins, Wins, Crowd]], controlled: bool = True) -> dict[str, tuple[float, float]]:
    """Of what `compare` says, where 95 % lie when the seeds are drawn again; the same seeds for both ways."""
    rng, seeds = np.random.default_rng(0), len(data["random"][0])
    drawn = [
        compare({how: (win[rows], found[rows], crowd[rows]) for how, (win, found, crowd) in data.items()}, controlled)
        for rows in rng.integers(seeds, size=(DRAWS, seeds))
    ]
    ends = {key: np.percentile([d[key] for d in drawn], [2.5, 97.5]) for key in drawn[0]}
    return {key: (float(low), float(high)) for key, (low, high) in ends.items()}


def gather(kept: dict[tuple, dict], seeds: list[int], tastes: list[str]) -> dict[str, tuple[Wins, Wins, Crowd]]:
    """The kept runs as arrays. KeyError when one is missing."""
    data = {}
    for how, numbers in NUMBERS.items():
        grid = [[[kept["ppo", s, t, how, n] for n in numbers] for t in tastes] for s in seeds]
        crowd = [[[kept["crowd", s, t, how, p]["found"] for p in range(PEOPLE)] for t in tastes] for s in seeds]
        win, found = (np.array([[[r[key] for r in row] for row in rows] for rows in grid]) for key in ("win", "found"))
        data[how] = win, found, np.array(crowd)
    return data


def report(data: dict[str, tuple[Wins, Wins, Crowd]], tastes: list[str]) -> None:
    slope = control_slope(*(d[:2] for d in data.values()))
    for how, (win, found, crowd) in data.items():
        print(f"\n{how}, {len(win)} seeds\n\n| answers | {' | '.join(map(str, NUMBERS[how]))} |")
        print(f"|{' --- |' * (len(NUMBERS[how]) + 1)}")
        rows = {taste: win[:, i].mean(0) for i, taste in enumerate(tastes)} | {"mean": win.mean((0, 1))}
        rows |= {"mean, controlled": levels(win, found, crowd, slope), "median": np.median(win, (0, 1))}
        rows |= {f"at {BAR:.0%} or above": (win >= BAR).mean((0, 1)), "best of 28": found.mean((0, 1))}
        rows |= {f"best of 28, {PEOPLE} people": crowd.mean((0, 1, 2))}
        for name, row in rows.items():
            print(f"| {name} | {' | '.join(f'{value:.3f}' for value in row)} |")
    every = [np.concatenate([d[k].ravel() for d in data.values()]) for k in (0, 1)]
    print(f"\ncorrelation with the control {np.corrcoef(every)[0, 1]:.2f}, slope {slope:.2f}")
    for controlled in (True, False):
        found, between = compare(data, controlled), interval(data, controlled)
        said = ", ".join(f"{key} {v:.2f} ({between[key][0]:.2f} to {between[key][1]:.2f})" for key, v in found.items())
        print(f"answers until PPO's mean win rate is {BAR:.0%}, {'with' if controlled else 'without'} control: {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=list(range(35, 50)),
        help="each gives stories, people and dice of its own",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("runs/bench_queries_ppo.jsonl"))
    parser.add_argument("--report", action="store_true", help="print the tables of what is in --log")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.log.parent.mkdir(parents=True, exist_ok=True)
    lines = options.log.read_text().splitlines() if options.log.exists() else []
    kept = {tuple(run["key"]): run for run in map(json.loads, lines)}
    tastes, desk, tester = list(world("stories").gold), functools.cache(Desk), functools.cache(Tester)

    def keep(key: tuple, result: dict) -> None:
        kept[key] = dict(key=key) | result
        with options.log.open("a") as log:
            log.write(json.dumps(kept[key]) + "\n")

    for seed, taste, how in [] if options.report else itertools.product(options.seeds, tastes, NUMBERS):
        for person in range(PEOPLE):
            n = dict(enumerate(NUMBERS[how])).get(
                person
            )  # the number of answers that this person's policy is taught after
            keys = [("crowd", seed, taste, how, person)] + ([("ppo", seed, taste, how, n)] if n else [])
            if all(key in kept for key in keys):
                continue
            after = judged(desk(seed), taste, how, person)
            if n:
                belief, found = after[n]
                keep(keys[1], by_ppo(desk(seed), tester(seed), taste, belief) | dict(found=found))
                print(f"done: {kept[keys[1]]}", flush=True)
            keep(keys[0], dict(found=[found for _, found in after.values()]))
    print(headline(options.threads))
    report(gather(kept, options.seeds, tastes), tastes)


if __name__ == "__main__":
    main()
