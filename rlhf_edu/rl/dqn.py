"""Deep Q-network: Q-learning with a neural network, a memory, and targets that stand still for a while.

Mnih et al. (2015), "Human-level control through deep reinforcement learning".
Left out on purpose: pixels, noisy exploration, distributional targets.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import Env, spaces
from gymnasium.vector import VectorEnv
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.rl.nets import check_fits, obs_size, see
from rlhf_edu.rl.replay import Replay, Transitions
from rlhf_edu.rl.stepping import Stepper

Targets = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
Loss = Callable[..., Tensor]


@dataclass(frozen=True)
class DQNConfig:
    steps: int = 50_000  # environment steps, over all environments together
    gamma: float = 0.99  # discount a step
    lr: float = 1e-3
    batch_size: int = 128
    capacity: int = 50_000  # transitions remembered
    explore: float = 1.0  # share of the steps over which ε falls from 1
    epsilon: float = 0.05  # ε afterwards
    replay_ratio: float = 0.25  # gradient steps an environment step
    target_update: int | float = 100  # ≥ 1: copy the network every so many updates; < 1: move that share at each update
    double: bool = True
    n_step: int = 1
    priority: float = 0.0  # α of prioritised replay; 0 draws uniformly
    anneal: bool = True  # let lr shrink to 0 in a straight line

    def __post_init__(self):
        for name in ("gamma", "explore", "epsilon", "priority"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must lie in [0, 1]")
        for name in ("steps", "batch_size", "capacity", "n_step"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 1")
        for name in ("lr", "replay_ratio", "target_update"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be greater than 0")


def dqn_targets(
    rewards: Float[Tensor, " B"],
    discounts: Float[Tensor, " B"],
    next_target: Float[Tensor, "B A"],
    next_online: Float[Tensor, "B A"],
) -> Float[Tensor, " B"]:
    """y = r + γ max_a Q_target(s', a); `discounts` is γ, or 0 after a terminal step (Mnih et al. 2015, eq. 2)."""
    return rewards + discounts * next_target.max(dim=1).values


def double_targets(
    rewards: Float[Tensor, " B"],
    discounts: Float[Tensor, " B"],
    next_target: Float[Tensor, "B A"],
    next_online: Float[Tensor, "B A"],
) -> Float[Tensor, " B"]:
    """y = r + γ Q_target(s', argmax_a Q(s', a)): one network chooses, the other judges.

    van Hasselt et al. (2016), "Deep reinforcement learning with double Q-learning", eq. 4.

    The maximum of noisy values is too high on average; noise that only chooses does no such harm.
    """
    best = next_online.argmax(dim=1, keepdim=True)
    return rewards + discounts * next_target.gather(1, best)[:, 0]


@trainer
def dqn(
    net: nn.Module,
    env: Env | VectorEnv,
    config=DQNConfig(),
    *,
    rng: np.random.Generator,
    targets: Targets | None = None,
    loss: Loss = F.mse_loss,
):
    """Train `net` (observations → action values) in place; yield one record for each finished episode.

    loss = mean ( Q(s, a) − y )²            y = targets(rewards, discounts, next_target, next_online)

    `targets` is `double_targets` or `dqn_targets` as `config.double` says, or a function of your own. So is
    `loss(q, y, reduction="none")`; the Huber loss that Mnih et al. used is `F.smooth_l1_loss`. Beware of it where values
    are far above 1: it counts an error of 60 at the one step that failed like an error of 1 anywhere else.
    """
    targets = targets or (double_targets if config.double else dqn_targets)
    envs = Stepper(env, seed=int(rng.integers(2**31)))
    n_actions = check_actions(envs)
    device = next(net.parameters()).device
    check_fits(net, torch.from_numpy(envs.obs).to(device), n_actions, "q_network")
    replay = Replay(
        config.capacity,
        envs.n_envs,
        obs_size(envs.env.single_observation_space),
        gamma=config.gamma,
        n_step=config.n_step,
        priority=config.priority,
    )
    target_net = deepcopy(net).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=config.lr, fused=True)
    episode, updates, due, last_loss = 0, 0, 0.0, float("nan")
    while envs.steps < config.steps:
        epsilon = epsilon_at(envs.steps / config.steps, config)
        obs = envs.obs
        see(net, obs)
        act = choose(net, obs, epsilon, n_actions, rng)
        replay.add(obs, act, *envs.step(act))
        if len(replay) >= min(8 * config.batch_size, replay.size):  # first look around, then learn
            due += config.replay_ratio * envs.n_envs
            count, due = int(due), due % 1
            if config.anneal:
                optimizer.param_groups[0]["lr"] = config.lr * max(1 - envs.steps / config.steps, 0.0)
            beta = 0.4 + 0.6 * envs.steps / config.steps  # Schaul et al.: correct the bias fully only at the end
            for batch in replay.batches(count, config.batch_size, rng, beta):
                last_loss = update(net, target_net, optimizer, replay, batch, targets, loss)
                updates += 1
                move_target(target_net, net, updates, config.target_update)
        for ret, steps in envs.finished:
            yield dict(episode=episode, step=envs.steps, ret=ret, steps=steps, loss=float(last_loss), epsilon=epsilon)
            episode += 1


def update(
    net: nn.Module,
    target_net: nn.Module,
    optimizer: torch.optim.Optimizer,
    replay: Replay,
    batch: Transitions,
    targets: Targets,
    loss: Loss = F.mse_loss,
) -> Tensor:
    """One gradient step on one batch; also tells the replay what surprised."""
    device = next(net.parameters()).device
    obs, next_obs, rew, discount, act, weight = (
        torch.from_numpy(getattr(batch, name)).to(device)
        for name in ("obs", "next_obs", "rew", "discount", "act", "weight")
    )
    with torch.no_grad():
        # Plain targets never look at the online network: one forward pass saved.
        next_online = next_target = target_net(next_obs)
        if targets is not dqn_targets:
            next_online = net(next_obs)
        y = targets(rew, discount, next_target, next_online)
    q = net(obs).gather(1, act[:, None])[:, 0]
    mean_loss = (weight * loss(q, y, reduction="none")).mean()
    optimizer.zero_grad()
    mean_loss.backward()
    optimizer.step()
    if replay.tree:
        replay.set_priorities(batch.place, (y - q).detach().cpu().numpy())
    return mean_loss.detach()


def move_target(target_net: nn.Module, net: nn.Module, updates: int, how: int | float) -> None:
    """Copy the network every `how` updates, or, below 1, let the target follow it: θ' ← (1 − τ) θ' + τ θ."""
    with torch.no_grad():
        if how < 1:
            # Buffers move along: a target that sees the world on another scale is another function.
            theirs, ours = ([*n.parameters(), *n.buffers()] for n in (target_net, net))
            torch._foreach_lerp_(theirs, ours, how)
        elif updates % int(how) == 0:
            target_net.load_state_dict(net.state_dict())


def epsilon_at(done: float, config: DQNConfig) -> float:
    """ε after a share `done` of the steps: from 1 down to `config.epsilon` in a straight line, then level."""
    if done >= config.explore:
        return config.epsilon
    return 1 + (config.epsilon - 1) * done / config.explore


def choose(net: nn.Module, obs: np.ndarray, epsilon: float, n_actions: int, rng: np.random.Generator) -> np.ndarray:
    """ε-greedy actions for every environment."""
    act = rng.integers(n_actions, size=len(obs))
    keep = rng.random(len(obs)) >= epsilon
    if keep.any():
        device = next(net.parameters()).device
        with torch.no_grad():
            act[keep] = net(torch.from_numpy(obs[keep]).to(device)).argmax(dim=1).cpu().numpy()
    return act


def check_actions(envs: Stepper) -> int:
    if not isinstance(envs.act_space, spaces.Discrete):
        raise ValueError(f"DQN needs discrete actions to take the best of, but this space is {envs.act_space}: use ppo")
    return int(envs.act_space.n)
