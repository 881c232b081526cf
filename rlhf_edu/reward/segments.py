"""Preferences over trajectory clips: teach a behaviour that nobody can write down by choosing the better of two short films.

Christiano et al. (2017), "Deep reinforcement learning from human preferences". The environment is a `rl.relabel.Relabelled`, the agent
any learner of `rl/`; both are passed in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.reward.ensemble import fit_ensemble
from rlhf_edu.reward.fit import FitRewardConfig
from rlhf_edu.reward.labels import Labels
from rlhf_edu.reward.scorers import Numbers, Scorer


@dataclass(frozen=True)
class Segment:
    """A clip of L steps as numbers. Steps after the episode terminated are 0 and count for nothing; `n` is how many happened.

    `start` and `column` say where it came from (step and environment), to film it or to look up its true rewards.
    """

    x: Float[np.ndarray, "L F"]  # observation and action of each step
    n: int
    start: int = 0
    column: int = 0


Judge = Callable[[Segment, Segment], int | None]  # FIRST, SECOND, TIE; None: no answer


def inputs(obs: np.ndarray, act: np.ndarray, n_actions: int) -> Float[np.ndarray, "*S F"]:
    """Observation and action side by side; whole-numbered actions one-hot.

    `n_actions=0` leaves actions out: r̂(o), for a person who looks at where things are and not at what was done. All steps of a
    clip share its answer, so what the agent happened to do in the better clips is easily taken for what made them better.
    """
    if n_actions == 0:
        return obs.astype(np.float32)
    if np.issubdtype(act.dtype, np.integer):
        act = np.eye(n_actions, dtype=np.float32)[act]
    return np.concatenate([obs, act], -1).astype(np.float32)


def cut(steps: Any, length: int, n: int, n_actions: int, rng: np.random.Generator) -> list[Segment]:
    """n clips of `length` steps from T × E steps, at random places.

    One that terminates early is filled up with nothing: the judge sees it end, and it earns no more. (So that clips fix the zero of the
    reward, and ending pays exactly when going on would cost.) One cut off by a time limit is not used: that says nothing.
    """
    T, E = steps.terminated.shape
    if length < 1 or length > T:
        raise ValueError(
            f"a clip of {length} steps was asked for, but there are {T} steps to cut it from: shorten it or play on"
        )
    clips = []
    for _ in range(100 * n):
        if len(clips) == n:
            break
        t, e = int(rng.integers(T - length + 1)), int(rng.integers(E))
        window = slice(t, t + length)
        ends = np.flatnonzero(steps.terminated[window, e])
        k = int(ends[0]) + 1 if len(ends) else length
        if steps.truncated[t : t + k - 1, e].any():
            continue
        x = inputs(steps.obs[window, e], steps.act[window, e], n_actions)
        x[k:] = 0
        clips.append(Segment(x, k, t, e))
    if len(clips) < n:
        raise ValueError(
            f"only {len(clips)} of {n} clips fit between time limits: use clips shorter than {length} steps"
        )
    return clips


class SegmentScorer(Scorer):
    """The reward of a clip is the sum of the rewards of its steps: R(clip) = Σ_{t < n} r̂(o_t, a_t).

    With Bradley and Terry, P(clip 1 ≻ clip 2) = exp Σ r̂(1) / ( exp Σ r̂(1) + exp Σ r̂(2) )        Christiano et al. (2017), eq. 1

    It is a `Scorer`, so `fit_reward` trains it on comparisons of clips, and as well on ratings or rankings of them.
    """

    def __init__(self, width: int, hidden: Sequence[int] = (32, 32)):
        super().__init__(Numbers(), width, hidden)

    def features(self, items: Sequence[Segment]) -> Float[Tensor, "B LF"]:
        """All steps in one row, each with a flag that says whether it happened."""
        rows = []
        for clip in items:
            there = (np.arange(len(clip.x)) < clip.n)[:, None]
            rows.append(np.concatenate([clip.x, there], 1).ravel())
        return torch.as_tensor(np.stack(rows).astype(np.float32))

    def steps_of(self, features: Float[Tensor, "B LF"]) -> Float[Tensor, "B L F"]:
        return features.view(len(features), -1, len(self.centre) + 1)

    def reward(self, features: Float[Tensor, "B LF"]) -> Float[Tensor, " B"]:
        steps = self.steps_of(features)
        return (self.step_reward(steps[..., :-1]) * steps[..., -1]).sum(1)

    def step_reward(self, x: Float[Tensor, "*S F"]) -> Float[Tensor, "*S"]:
        """r̂(o, a)"""
        return self.head(((x - self.centre) / self.scale).clamp(-10, 10))

    def settle(self, features: Float[Tensor, "N LF"]) -> None:
        """Centre and scale from the steps that happened."""
        steps = self.steps_of(features)
        super().settle(steps[steps[..., -1] > 0][:, :-1])


@dataclass(frozen=True)
class ClipsConfig:
    rounds: int = 5
    comparisons: int = 40  # a round
    length: int = 25  # steps of a clip
    candidates: int = 10  # pairs looked at for each one asked: those are asked about which the models disagree most
    fit: FitRewardConfig = field(default_factory=lambda: FitRewardConfig(steps=150, lr=0.01, prior=0.03))

    def __post_init__(self):
        for name in ("rounds", "comparisons", "length", "candidates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 1")


def disagreement(
    scorers: Sequence[SegmentScorer], clips: Sequence[Segment], pairs: Int[np.ndarray, "P 2"]
) -> np.ndarray:
    """How much the models differ about each comparison: the variance of their P(first ≻ second). Christiano et al., section 2.2.4."""
    with torch.no_grad():
        r = torch.stack([scorer(clips) for scorer in scorers])
    return torch.sigmoid(r[:, pairs[:, 0]] - r[:, pairs[:, 1]]).var(0, correction=0).numpy()


def pairs_to_ask(
    scorers: Sequence[SegmentScorer], clips: Sequence[Segment], n: int, candidates: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """n comparisons of two different clips: of n · candidates random ones, those the models disagree about most."""
    if len(clips) < 2:
        raise ValueError(f"{len(clips)} clip came, but a comparison needs two")
    first = rng.integers(len(clips), size=n * candidates)
    second = (first + rng.integers(1, len(clips), size=len(first))) % len(clips)
    pairs = np.stack([first, second], 1)
    order = np.argsort(-disagreement(scorers, clips, pairs), kind="stable")[:n]
    return [(int(a), int(b)) for a, b in pairs[order]]


class Pay:
    """What an agent earns for a step: the mean of the models' step rewards, each divided by its root mean square on typical steps.

    Only the unit is changed, never the zero, which says whether it is better to go on or to end. (Standard deviations would not
    do as a unit: where all steps of an early agent are worth nearly the same, rewards would be hundreds of them, and so large
    that the value function never catches up: 290 in place of 373 on CartPole, one seed.)

    Where no clip has ended early (`zero_known=False`) choices say nothing about the zero, as every sum has as many terms: each
    model's mean is then taken off first. What is left of it only costs: the value function would have to learn it, and its
    gradient, far larger than the policy's, would fill the clipped norm.
    """

    def __init__(self, scorers: Sequence[SegmentScorer], n_actions: int, typical: Any, zero_known: bool = True):
        self.scorers, self.n_actions = scorers, n_actions
        self.zeros, self.units = np.zeros((len(scorers), 1, 1)), np.ones((len(scorers), 1, 1))
        raw = self.opinions(typical)
        if not zero_known:
            self.zeros = raw.mean((1, 2), keepdims=True)
        self.units = np.maximum(np.sqrt(((raw - self.zeros) ** 2).mean((1, 2), keepdims=True)), 1e-6)

    def opinions(self, steps: Any) -> Float[np.ndarray, "M T E"]:
        x = torch.as_tensor(inputs(steps.obs, steps.act, self.n_actions))
        with torch.no_grad():
            raw = np.stack([scorer.step_reward(x).numpy() for scorer in self.scorers])
        return (raw - self.zeros) / self.units

    def __call__(self, steps: Any) -> Float[np.ndarray, "T E"]:
        return self.opinions(steps).mean(0)


@trainer
def learn_from_clips(
    scorers: Sequence[SegmentScorer],
    env: Any,
    train: Callable[[int], Iterable[dict]],
    judge: Judge,
    config: ClipsConfig = ClipsConfig(),
    *,
    n_actions: int,
    rng: np.random.Generator,
):
    """Play, ask, fit, and again: yield the learner's records with round, comparisons and true_ret (which nobody learns from).

    `train(round)` starts a stretch of training of one agent on `env`, as `lambda round: ppo(policy, env, config, rng=rng)`.
    In round 0 every reward is 0, so that it shows what the agent does untaught; after the last round it trains once more.
    """
    items, pairs, outcome = [], [], []
    env.reward = None
    for turn in range(config.rounds + 1):
        for record in train(turn):
            yield dict(round=turn, comparisons=len(pairs), **record, true_ret=env.true_ret)
        if turn == config.rounds:
            return
        history = env.take()
        clips = cut(history, config.length, 4 * config.comparisons, n_actions, rng)
        for a, b in pairs_to_ask(scorers, clips, config.comparisons, config.candidates, rng):
            answer = judge(clips[a], clips[b])
            if answer is not None:
                pairs.append((len(items), len(items) + 1))
                items += [clips[a], clips[b]]
                outcome.append(answer)
        labels = Labels(items, pairs=torch.tensor(pairs).view(-1, 2), outcome=torch.tensor(outcome, dtype=torch.long))
        fit_ensemble(scorers, labels, config.fit, rng=rng).run()
        env.reward = Pay(scorers, n_actions, history, zero_known=any(clip.n < config.length for clip in items))
