"""The small networks of the course: action values, and a policy with a value function."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from gymnasium import Space, spaces
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_edu.rl.distributions import Categorical, Gaussian


def mlp(sizes: Sequence[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of the given sizes with an activation between them, none at the end."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


class Standardise(nn.Module):
    """(x − mean) / std, each number of an observation by what has been seen of it so far; at first x itself.

    A pole that leans by 0.1 is about to fall, a cart that stands at 0.1 has not moved: a network that starts from
    small random weights hears the second as loudly as the first, unless they are put on one scale.
    """

    count: Tensor
    mean: Tensor
    var: Tensor

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("var", torch.ones(size))

    def see(self, obs: Float[Tensor, "E D"]) -> None:
        """Mean and (population) variance of everything seen, updated by one batch (Chan et al. 1979, eq. 2.1)."""
        n, total = len(obs), self.count + len(obs)
        delta = obs.mean(0) - self.mean
        spread = self.count * self.var + n * obs.var(0, correction=0) + delta.square() * self.count * n / total
        self.var.copy_(spread / total)
        self.mean += delta * n / total
        self.count.copy_(total)

    def forward(self, obs: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        if obs.shape[-1] != len(self.mean):  # one number would be broadcast in silence
            raise RuntimeError(f"observations of {obs.shape[-1]} numbers came, but the network is for {len(self.mean)}")
        return (obs - self.mean) * torch.rsqrt(self.var + 1e-6)  # what never changes stays near 0


def see(net: nn.Module, obs: Float[np.ndarray, "E D"]) -> None:
    """Show new observations to every `Standardise` in a network; other networks do not care."""
    for module in net.modules():
        if isinstance(module, Standardise):
            module.see(torch.from_numpy(obs).to(module.mean.device))


class QNetwork(nn.Module):
    """Q(s, ·) for every action at once; `dueling` splits it as in Wang et al. (2016), eq. 9.

    Q(s, a) = V(s) + A(s, a) − mean_a' A(s, a')
    """

    def __init__(
        self,
        obs_size: int,
        n_actions: int,
        hidden: Sequence[int] = (64, 64),
        dueling: bool = False,
        standardise: bool = True,
    ):
        super().__init__()
        self.dueling = dueling
        self.scale = Standardise(obs_size) if standardise else nn.Identity()
        self.body = mlp([obs_size, *hidden, n_actions + dueling])

    def forward(self, obs: Float[Tensor, "B D"]) -> Float[Tensor, "B A"]:
        out = self.body(self.scale(obs))
        if not self.dueling:
            return out
        value, advantage = out[:, :1], out[:, 1:]
        return value + advantage - advantage.mean(dim=1, keepdim=True)


class ActorCritic(nn.Module):
    """A policy π(·|s) and a value function V(s), two networks apart.

    Weights start orthogonal, the last policy layer near zero, so that the first policy hardly prefers anything
    (Andrychowicz et al. 2021 measured that this matters).
    """

    def __init__(self, obs_size: int, n_out: int, hidden: Sequence[int] = (64, 64), continuous: bool = False):
        super().__init__()
        self.actor = mlp([obs_size, *hidden, n_out], nn.Tanh)
        self.critic = mlp([obs_size, *hidden, 1], nn.Tanh)
        self.log_std = nn.Parameter(torch.zeros(n_out)) if continuous else None
        for net, last_gain in ((self.actor, 0.01), (self.critic, 1.0)):
            linear = [layer for layer in net if isinstance(layer, nn.Linear)]
            for layer in linear:
                nn.init.orthogonal_(layer.weight, last_gain if layer is linear[-1] else 2**0.5)
                nn.init.zeros_(layer.bias)

    def policy(self, obs: Float[Tensor, "B D"]) -> Categorical | Gaussian:
        out = self.actor(obs)
        return Categorical(out) if self.log_std is None else Gaussian(out, self.log_std)

    def value(self, obs: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
        return self.critic(obs)[:, 0]


def q_network(env: Any, hidden: Sequence[int] = (64, 64), dueling: bool = False, standardise: bool = True) -> QNetwork:
    """A Q-network whose sizes fit an environment with vectors as observations and discrete actions.

    With `standardise` the network puts its inputs on one scale, and training shows it what there is to see.
    """
    obs_space, act_space = single_spaces(env)
    if not isinstance(act_space, spaces.Discrete):
        raise ValueError(f"DQN needs discrete actions to take the best of, but this space is {act_space}: use ppo")
    return QNetwork(obs_size(obs_space), int(act_space.n), hidden, dueling, standardise)


def actor_critic(env: Any, hidden: Sequence[int] = (64, 64)) -> ActorCritic:
    """A policy and a value function whose sizes fit an environment, for discrete or continuous actions."""
    obs_space, act_space = single_spaces(env)
    if isinstance(act_space, spaces.Discrete):
        return ActorCritic(obs_size(obs_space), int(act_space.n), hidden)
    if isinstance(act_space, spaces.Box) and len(act_space.shape) == 1:
        return ActorCritic(obs_size(obs_space), act_space.shape[0], hidden, continuous=True)
    raise ValueError(f"actions must be Discrete or a Box with one axis, but this space is {act_space}")


def check_fits(outputs: Callable[[Tensor], Tensor], obs: Float[Tensor, "E D"], n_out: int, made_by: str) -> None:
    """Raise a ValueError where a network was made for another environment; `n_out` is what this one needs."""
    try:
        with torch.no_grad():
            found = outputs(obs).shape[-1]
    except RuntimeError:  # the sizes inside do not go together
        found = None
    if found != n_out:
        raise ValueError(
            f"the network does not fit this environment, which shows {obs.shape[-1]} numbers and needs {n_out} outputs: "
            f"make it with {made_by}(env)"
        )


def single_spaces(env: Any) -> tuple[Space, Space]:
    """Observation and action space of one environment, whether `env` is one or a vector of them."""
    if hasattr(env, "single_observation_space"):
        return env.single_observation_space, env.single_action_space
    return env.observation_space, env.action_space


def obs_size(space: Space) -> int:
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or not np.issubdtype(space.dtype, np.floating):
        raise ValueError(
            f"a network needs observations that are vectors of floats, but this space is {space}: wrap it with "
            "gymnasium.wrappers.FlattenObservation, or use q_learning where it is small and discrete"
        )
    return space.shape[0]
