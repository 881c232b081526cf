"""Teach a hidden behaviour by choosing between clips, and compare with training on the hidden reward itself.

    python tests/benchmarks/bench_clips.py [--tasks cartpole pendulum acrobot] [--seeds 5 6 7 8 9] [--last 1.0]

The simulated person sees two clips and prefers the one with more of the hidden reward, wavering when they are close
(log-odds = difference of the clips' hidden returns). Score: the hidden reward of the trained agent's greedy episodes, from
0 (untrained agent) to 1 (the same PPO trained on the hidden reward itself). Comparisons are what is scarce, so the agent
taught by clips plays 45 % longer: a tenth of a training before each round of questions but the first (5 %), and a whole
one after the last (`--last`). Seeds 0 to 2 were used for tuning.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from machine import headline

from rlhf_edu.envs import make_vec
from rlhf_edu.reward.labels import FIRST, SECOND
from rlhf_edu.reward.segments import ClipsConfig, Segment, SegmentScorer, learn_from_clips
from rlhf_edu.rl.nets import ActorCritic, actor_critic
from rlhf_edu.rl.play import episode_returns, greedy_actions
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.relabel import Relabelled


@dataclass(frozen=True)
class Task:
    env_id: str
    behaviour: str
    hidden: Callable[[np.ndarray], np.ndarray]  # observations -> reward of being there
    ppo: PPOConfig
    n_actions: int  # numbers that an action takes: one-hot, or the size of a continuous one
    n_obs: int


def near(x: np.ndarray, wanted: float, width: float) -> np.ndarray:
    """1 where x is what is wanted, 0 where it is off by `width` or more."""
    return np.maximum(0.0, 1 - np.abs(x - wanted) / width)


FAST = PPOConfig(steps=60_000, n_steps=64, epochs=10, batch_size=256, gamma=0.98, lam=0.9)
TASKS = {
    "cartpole": Task(
        "CartPole-v1", "stay left: one metre off the middle", lambda o: near(o[..., 0], -1.0, 2.0), FAST, 2, 4
    ),
    "pendulum": Task(
        "Pendulum-v1",
        "swing slowly: at one radian a second",
        lambda o: near(np.abs(o[..., 2]), 1.0, 1.0),
        replace(FAST, n_steps=256, batch_size=128, gamma=0.9, lam=0.95),
        1,
        3,
    ),
    "acrobot": Task("Acrobot-v1", "fold up: the lower arm beside the upper", lambda o: (1 - o[..., 2]) / 2, FAST, 3, 6),
}


def hidden_score(task: Task, policy: ActorCritic) -> float:
    """Hidden reward of an episode, mean over 40 greedy episodes."""
    env = Relabelled(make_vec(task.env_id, 20), lambda steps: task.hidden(steps.reached))
    return float(episode_returns(greedy_actions(policy), env, 40, seed=10_000).mean())


def person(task: Task, rng: np.random.Generator) -> Callable[[Segment, Segment], int]:
    def judge(a: Segment, b: Segment) -> int:
        left, right = (float(task.hidden(clip.x[: clip.n, : task.n_obs]).sum()) for clip in (a, b))
        return FIRST if rng.random() < 1 / (1 + np.exp(right - left)) else SECOND

    return judge


def by_clips(task: Task, seed: int, config: ClipsConfig, last: float) -> tuple[ActorCritic, list[dict]]:
    torch.manual_seed(seed)
    rng, env = np.random.default_rng(seed), Relabelled(make_vec(task.env_id, 8))
    policy = actor_critic(env)
    scorers = [SegmentScorer(task.n_obs + task.n_actions) for _ in range(3)]

    def train(turn: int) -> Any:
        share = 0.05 if turn == 0 else last if turn == config.rounds else 0.1
        return ppo(policy, env, replace(task.ppo, steps=round(share * task.ppo.steps)), rng=rng)

    run = learn_from_clips(scorers, env, train, person(task, rng), config, n_actions=task.n_actions, rng=rng)
    return policy, run.run()


def by_hidden_reward(task: Task, seed: int) -> ActorCritic:
    torch.manual_seed(seed)
    env = Relabelled(make_vec(task.env_id, 8), lambda steps: task.hidden(steps.reached))
    policy = actor_critic(env)
    ppo(policy, env, task.ppo, rng=np.random.default_rng(seed)).run()
    return policy


def quartiles(values: Sequence[float], digits: int) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=[*TASKS], choices=[*TASKS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 6, 7, 8, 9])
    parser.add_argument(
        "--last", type=float, default=1.0, help="the last stretch, in trainings; 0.55: as many steps in all"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = ClipsConfig()
    print(headline(1), f"\n{config.rounds * config.comparisons} comparisons of clips of {config.length} steps")
    print(f"median (middle half) of seeds {options.seeds}\n")
    print("| behaviour | untrained | trained on the hidden reward | taught by clips | score | processor seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in options.tasks:
        task, rows = TASKS[name], []
        for seed in options.seeds:
            torch.manual_seed(seed)
            none, goal = actor_critic(make_vec(task.env_id, 1)), by_hidden_reward(task, seed)
            start = time.process_time()
            taught, records = by_clips(task, seed, config, options.last)
            seconds = time.process_time() - start
            assert records[-1]["comparisons"] <= 200
            low, high, ours = (hidden_score(task, policy) for policy in (none, goal, taught))
            rows.append((low, high, ours, (ours - low) / (high - low), seconds))
            print(f"<!-- {name}, seed {seed}: {low:.0f} {high:.0f} {ours:.0f} -->", file=sys.stderr, flush=True)
        cells = [
            quartiles(column, digits) for column, digits in zip(zip(*rows, strict=True), (0, 0, 0, 2, 0), strict=True)
        ]
        print(f"| {name}, {task.behaviour} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
