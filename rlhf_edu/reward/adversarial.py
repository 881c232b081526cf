"""Imitation by a game: a judge learns to tell the expert's steps from the agent's, and the agent is paid for passing.

Ho and Ermon (2016), "Generative adversarial imitation learning"; Fu et al. (2018), "Learning robust rewards with adversarial
inverse reinforcement learning". The agent is any learner of `rl/`, the environment a `rl.relabel.Relabelled`: both are passed in.
Left out on purpose: gradient penalties, replay of old steps.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rlhf_edu.core import trainer


@dataclass(frozen=True)
class Moves:
    """B steps as tensors, wherever they came from. `gone`: the step begins where an episode has ended, and stays there."""

    obs: Float[Tensor, "B D"]
    act: Tensor  # B whole numbers, or B A
    reached: Float[Tensor, "B D"]
    terminated: Bool[Tensor, " B"]
    gone: Bool[Tensor, " B"]

    def __len__(self) -> int:
        return len(self.obs)

    def __getitem__(self, rows: Any) -> "Moves":
        return Moves(*(x[rows] for x in vars(self).values()))

    def after_the_end(self) -> "Moves":
        """One step of staying where the episode ended, for each that terminated."""
        end = self[self.terminated]
        return Moves(end.reached, end.act, end.reached, end.terminated, torch.ones_like(end.gone))

    def with_ends(self) -> "Moves":
        """These steps, and those after the end."""
        end = self.after_the_end()
        pairs = [torch.cat([x, vars(end)[name]]) for name, x in vars(self).items()]
        return Moves(*pairs)


@dataclass(frozen=True)
class AdversarialConfig:
    lr: float = 3e-3  # of the judge
    updates: int = 8  # steps of the judge for each rollout of the agent
    batch: int = 256  # steps of either side in one of them
    gamma: float = 0.98  # discount a step, the agent's
    absorbing: bool = True  # give the end of an episode a value of its own (see `adversarial`)

    def __post_init__(self):
        if not 0 <= self.gamma < 1:
            raise ValueError(f"gamma is {self.gamma}, but it must lie in [0, 1)")
        if self.lr <= 0 or self.updates < 1 or self.batch < 1:
            raise ValueError(
                f"lr is {self.lr}, updates {self.updates} and batch {self.batch}, but all of them must be positive"
            )


def moves_of(steps: Any) -> Moves:
    """Steps of T × E (`rl.relabel.Steps`) as one long batch."""
    obs, act, reached = [
        np.asarray(x).reshape(-1, *np.asarray(x).shape[2:]) for x in (steps.obs, steps.act, steps.reached)
    ]
    terminated = torch.as_tensor(np.asarray(steps.terminated).ravel())
    obs, act, reached = map(torch.as_tensor, (obs, act, reached))
    return Moves(obs, act, reached, terminated, torch.zeros_like(terminated))


class Measure(nn.Module):
    """Observations in standard deviations of the expert's, cut at ±5, and a flag for "the episode is over" (then all else is 0)."""

    centre: Tensor
    scale: Tensor

    def __init__(self, obs_size: int):
        super().__init__()
        self.register_buffer("centre", torch.zeros(obs_size))
        self.register_buffer("scale", torch.ones(obs_size))

    def settle(self, obs: Float[Tensor, "B D"]) -> None:
        self.centre.copy_(obs.mean(0))
        self.scale.copy_(obs.std(0).clamp(min=1e-6))

    def forward(self, obs: Float[Tensor, "B D"], over: Bool[Tensor, " B"]) -> Float[Tensor, "B D_plus_1"]:
        x = ((obs - self.centre) / self.scale).clamp(-5, 5)
        return torch.cat([x * ~over[:, None], over[:, None].float()], -1)


class GAILJudge(nn.Module):
    """A classifier D(s, a) = σ(f(s, a)): the chance that a step is the expert's.

    reward = −log(1 − D(s, a)) = softplus(f)        Ho and Ermon (2016), algorithm 1, with D and 1 − D changed over

    Never negative: to stay alive is paid for in itself. That helps on CartPole and harms where an episode should end soon.
    """

    def __init__(self, obs_size: int, n_actions: int, hidden: int = 64, discrete: bool = True):
        super().__init__()
        self.measure = Measure(obs_size)
        self.n_actions, self.discrete = n_actions, discrete
        self.net = small_net(obs_size + 1 + n_actions, hidden)

    def logits(self, moves: Moves, logp: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        act = F.one_hot(moves.act.long(), self.n_actions) if self.discrete else moves.act
        seen = [self.measure(moves.obs, moves.gone), act * ~moves.gone[:, None]]
        return self.net(torch.cat(seen, -1))[:, 0]

    def reward(self, moves: Moves, logp: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        return F.softplus(self.logits(moves, logp))


class AIRLJudge(nn.Module):
    """A classifier that must contain a reward: D = exp f / (exp f + π(a|s)), with a reward of states g and a shaping term h.

    f(s, s') = g(s) + γ h(s') − h(s)        logit D = f − log π(a|s)        Fu et al. (2018), eq. 4

    reward = log D − log(1 − D) = f − log π. What shaping can explain ends up in h, so that g can be taken to another world.
    """

    def __init__(self, obs_size: int, gamma: float = 0.99, hidden: int = 64):
        super().__init__()
        self.gamma, self.measure = gamma, Measure(obs_size)
        self.g, self.h = small_net(obs_size + 1, hidden), small_net(obs_size + 1, hidden)

    def f(self, moves: Moves) -> Float[Tensor, " B"]:
        obs, reached = self.measure(moves.obs, moves.gone), self.measure(moves.reached, moves.terminated)
        return (self.g(obs) + self.gamma * self.h(reached) - self.h(obs))[:, 0]

    def logits(self, moves: Moves, logp: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        return self.f(moves) - logp

    def reward(self, moves: Moves, logp: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        return self.logits(moves, logp)


def small_net(n_in: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1))


def judge_loss(expert: Float[Tensor, " B"], agent: Float[Tensor, " C"]) -> Float[Tensor, ""]:
    """−½ mean log D(expert) − ½ mean log(1 − D(agent)), in nats: log 2 when nothing tells them apart."""
    return 0.5 * (F.softplus(-expert).mean() + F.softplus(agent).mean())


@trainer
def adversarial(
    judge: GAILJudge | AIRLJudge,
    env: Any,
    expert: Moves,
    learner: Iterable[dict],
    policy: Any,
    config: AdversarialConfig = AdversarialConfig(),
    *,
    rng: np.random.Generator,
    loss: Callable[[Tensor, Tensor], Tensor] = judge_loss,
):
    """Train `judge` and `learner`'s policy against each other, in place; yield the learner's records with the judge's numbers.

    `learner` is a run that has not started, on `env`, which pays whatever the judge says:
    `adversarial(judge, env, expert, ppo(policy, env, config, rng=rng), policy, rng=rng)`. Its "ret" is in the judge's reward;
    "true_ret" is the environment's own, which nobody learns from. "told_apart" is the share of steps the judge gets right.

    With `absorbing`, an episode that terminates goes on in a state of its own, which the judge judges too. Without it the rest is worth
    0, and where the judge's rewards are negative (AIRL early on) the agent learns to end it all: Kostrikov et al. (2019),
    "Discriminator-actor-critic", section 4.1.
    """
    if len(expert) < 2 or expert.obs.std(0).max() == 0:
        raise ValueError(f"{len(expert)} steps of the expert came, none or all the same: show some real episodes")
    judge.measure.settle(expert.obs)
    shown = expert.with_ends() if config.absorbing else expert
    after = config.gamma / (1 - config.gamma) if config.absorbing else 0.0
    env.reward = lambda steps: pay(judge, policy, moves_of(steps), after).view(steps.terminated.shape).numpy()
    optimizer = torch.optim.Adam(judge.parameters(), lr=config.lr)
    for record in learner:
        own = moves_of(env.take())
        own = own.with_ends() if config.absorbing else own
        numbers = {}
        for _ in range(config.updates):
            theirs, ours = (
                moves[torch.as_tensor(rng.integers(len(moves), size=config.batch))] for moves in (shown, own)
            )
            logits = [judge.logits(moves, log_policy(policy, moves)) for moves in (theirs, ours)]
            surprise = loss(*logits)
            optimizer.zero_grad()
            surprise.backward()
            optimizer.step()
            right = torch.cat([logits[0] > 0, logits[1] < 0]).float().mean()
            numbers = dict(judge_loss=surprise.item(), told_apart=right.item(), true_ret=env.true_ret)
        yield record | numbers


@torch.no_grad()
def log_policy(policy: Any, moves: Moves) -> Float[Tensor, " B"]:
    """log π(a|s) of steps, whoever made them; 0 after the end, where there is nothing to choose."""
    return policy.policy(moves.obs).logp(moves.act).masked_fill(moves.gone, 0.0)


@torch.no_grad()
def pay(judge: GAILJudge | AIRLJudge, policy: Any, moves: Moves, after: float) -> Float[Tensor, " B"]:
    """What the agent earns for its steps. One that terminates also earns, at once, what staying there for ever is worth.

    r'(s, a, end) = r(s, a, end) + γ/(1 − γ) · r(end, end)        `after` = γ/(1 − γ)
    """
    reward = judge.reward(moves, log_policy(policy, moves))
    if after and bool(moves.terminated.any()):
        end = moves.after_the_end()
        reward[moves.terminated] += after * judge.reward(end, log_policy(policy, end))
    return reward
