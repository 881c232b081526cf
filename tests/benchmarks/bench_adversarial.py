"""GAIL and AIRL on CartPole from ten demonstrations, beside plain behaviour cloning.

    python tests/benchmarks/bench_adversarial.py [--seeds 0 1 2] [--steps 100000]

The expert is our PPO after 100,000 steps. Every pupil sees the same ten episodes and is tested by 100 greedy
episodes. "ends unpaid" leaves out what the end of an episode is worth, and shows why it is there.
"""

import argparse
import time

import numpy as np
import torch
from machine import headline, spread

from rlhf_edu.envs import make_vec
from rlhf_edu.reward.adversarial import AdversarialConfig, AIRLJudge, GAILJudge, Moves, adversarial, moves_of
from rlhf_edu.rl.nets import ActorCritic, actor_critic
from rlhf_edu.rl.play import episode_returns, greedy_actions
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.relabel import Relabelled

ENV = "CartPole-v1"
PPO = PPOConfig(steps=100_000, n_steps=128, epochs=20, batch_size=256, gamma=0.98, lam=0.95)


def score(policy: ActorCritic) -> float:
    return float(episode_returns(greedy_actions(policy), make_vec(ENV, 20), 100, seed=10_000).mean())


def train_expert(seed: int, steps: int) -> ActorCritic:
    torch.manual_seed(seed)
    env = make_vec(ENV, 8)
    policy = actor_critic(env)
    ppo(policy, env, PPOConfig(**(vars(PPO) | dict(steps=steps))), rng=np.random.default_rng(seed)).run()
    return policy


def demonstrations(expert: ActorCritic, episodes: int, seed: int) -> tuple[Moves, float]:
    """The steps of so many greedy episodes, and their mean return."""
    env = Relabelled(make_vec(ENV, 1))
    episode_returns(greedy_actions(expert), env, episodes, seed)
    return moves_of(env.take()), env.true_ret


def clone(policy: ActorCritic, expert: Moves, epochs: int = 20) -> None:
    """Behaviour cloning: supervised learning of the expert's actions."""
    optimizer = torch.optim.Adam(policy.actor.parameters(), lr=1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(expert)).split(256):
            loss = -policy.policy(expert.obs[rows]).logp(expert.act[rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def learn(method: str, expert: Moves, seed: int, steps: int) -> ActorCritic:
    torch.manual_seed(seed)
    env, rng = Relabelled(make_vec(ENV, 8)), np.random.default_rng(seed)
    policy = actor_critic(env)
    if method == "cloning":
        clone(policy, expert)
        return policy
    judge = GAILJudge(4, 2) if method == "GAIL" else AIRLJudge(4, PPO.gamma)
    config = AdversarialConfig(gamma=PPO.gamma, absorbing=not method.endswith("unpaid"))
    learner = ppo(policy, env, PPOConfig(**(vars(PPO) | dict(steps=steps))), rng=rng)
    adversarial(judge, env, expert, learner, policy, config, rng=rng).run()
    return policy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--demonstrations", type=int, default=10)
    parser.add_argument("--methods", nargs="+", default=["cloning", "GAIL", "AIRL", "AIRL, ends unpaid"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    expert = train_expert(100, 100_000)
    shown, expert_return = demonstrations(expert, options.demonstrations, seed=1)
    print(
        headline(1),
        f"\nexpert: {score(expert):.0f}; its {options.demonstrations} demonstrations: {expert_return:.0f}\n",
    )
    print("| method | mean return: median of seeds (lowest to highest) | processor seconds |\n| --- | --- | --- |")
    for method in options.methods:
        scores, seconds = [], []
        for seed in options.seeds:
            start = time.process_time()
            policy = learn(method, shown, seed, options.steps)
            seconds.append(time.process_time() - start)
            scores.append(score(policy))
        print(f"| {method} | {spread(scores, 0)} | {spread(seconds, 0)} |", flush=True)


if __name__ == "__main__":
    main()
