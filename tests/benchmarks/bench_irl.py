"""Maximum causal entropy IRL on random grid worlds: does it find what the expert does, and why?

    python tests/benchmarks/bench_irl.py [--worlds 20] [--demonstrations 100]

Each world has random walls, rewards, slip, start and goal. The expert is soft-optimal for the true reward. First its exact
occupancy is shown, then only a number of sampled episodes. Reported: the occupancy gap, and what the optimal policy for the
recovered reward truly earns, as a share of the best.
"""

import argparse
import time

import numpy as np
from machine import headline, spread

from rlhf_edu.envs.grid import GridWorld
from rlhf_edu.reward.irl import (
    IRLConfig,
    demonstrate,
    landing,
    max_ent_irl,
    observed_occupancy,
    occupancy,
    occupancy_gap,
    soft_value_iteration,
    world_of,
)
from rlhf_edu.rl.planning import Model, PlanningConfig, exact_values, greedy, model_of, q_values, value_iteration

GAMMA = 0.95
LETTERS = dict(zip(".#+-ab", (0.55, 0.15, 0.05, 0.1, 0.075, 0.075), strict=True))


def random_grid(seed: int) -> GridWorld:
    """5 to 7 cells a side. A world where even the best policy earns less than 0.5 has nothing to explain: draw again."""
    rng = np.random.default_rng(seed)
    while True:
        h, w = rng.integers(5, 8, size=2)
        cells = rng.choice(list(LETTERS), size=(h, w), p=list(LETTERS.values()))
        start, goal = rng.choice(h * w, 2, replace=False)
        cells.flat[start], cells.flat[goal] = "S", "G"
        rewards = {"G": 3.0, "a": 0.2, "b": -0.5}
        env = GridWorld(
            ["".join(row) for row in cells], slip=rng.choice([0, 0.1, 0.2]), step_reward=-0.1, rewards=rewards
        )
        if true_return(env, model_of(env)) > 0.5:
            return env


def true_return(env: GridWorld, model: Model) -> float:
    """What the best policy for `model` earns in `env`, from its starts."""
    v = np.zeros(len(model.reward))
    value_iteration(v, model, PlanningConfig(gamma=GAMMA)).run()
    return float(exact_values(env, greedy(q_values(model, v, GAMMA)), GAMMA)[env.starts].mean())


def recover(env: GridWorld, demonstrations: int, seed: int) -> dict:
    world, model = world_of(env.P, env.starts), model_of(env)
    _, policy = soft_value_iteration(world, model.reward, GAMMA)
    exact = occupancy(world, policy, GAMMA)
    shown, config = exact, IRLConfig(gamma=GAMMA)
    if demonstrations:
        episodes = demonstrate(world, policy, demonstrations, np.random.default_rng([seed, 1]))
        shown, config = observed_occupancy(world, episodes, GAMMA), IRLConfig(gamma=GAMMA, prior=1e-3)
    theta, start = np.zeros(len(world.starts)), time.perf_counter()
    records = max_ent_irl(theta, world, shown, landing(world), config).run()
    _, learned = soft_value_iteration(world, landing(world) @ theta, GAMMA)
    return dict(
        seconds=time.perf_counter() - start,
        steps=len(records),
        gap=occupancy_gap(occupancy(world, learned, GAMMA), exact),
        share=true_return(env, Model(world.reach, landing(world) @ theta)) / true_return(env, model),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--demonstrations", type=int, default=100)
    options = parser.parse_args()
    print(headline(1), f"\n{options.worlds} random grid worlds, γ = {GAMMA}: median (lowest to highest)\n")
    print(
        "| the expert is seen | occupancy gap, in thousandths | share of the best true return | worlds ≥ 0.99 | seconds |"
    )
    print("| --- | --- | --- | --- | --- |")
    for n in (0, options.demonstrations):
        found = [recover(random_grid(seed), n, seed) for seed in range(options.worlds)]
        gaps, shares, seconds = ([r[k] for r in found] for k in ("gap", "share", "seconds"))
        seen = f"in {n} episodes" if n else "exactly"
        good = sum(share >= 0.99 for share in shares)
        gap = spread([1e3 * g for g in gaps])
        print(f"| {seen} | {gap} | {spread(shares, 4)} | {good} of {len(found)} | {spread(seconds)} |", flush=True)


if __name__ == "__main__":
    main()
