"""Probe environments: each asks an agent for exactly one ability, and the right answer is known beforehand.

Climb them like a ladder. An agent that fails "Observation" but passes "Constant" ignores what it sees; one that fails
only "TimeLimit" treats a cut-off episode as a finished one.
"""

from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import Float32, UInt8


class Probe(gym.Env):
    """A probe: `value(obs, gamma)` is the best agent's expected discounted return, `best(obs)` its action (or None)."""

    metadata: ClassVar[dict] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}
    n_actions = 1
    size = 1  # numbers in an observation
    time_limit: int | None = None

    def __init__(self, render_mode: str | None = None):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f'render_mode is {render_mode!r}, but it must be None, "ansi" or "rgb_array"')
        self.render_mode = render_mode
        self.observation_space = spaces.Box(-1.0, 1.0, (self.size,), np.float32)
        self.action_space = spaces.Discrete(self.n_actions)
        self.time, self.coin, self.first_act = 0, 1.0, 0

    def look(self) -> list[float]:
        return [0.0]

    def judge(self, act: int) -> tuple[float, bool]:
        """Reward of this step, and whether it was the last."""
        raise NotImplementedError(f"{type(self).__name__} must say how it rewards an action")

    def value(self, obs: np.ndarray, gamma: float) -> float:
        raise NotImplementedError(f"{type(self).__name__} must know its own answer")

    def best(self, obs: np.ndarray) -> int | None:
        return None

    def _obs(self) -> Float32[np.ndarray, " size"]:
        return np.array(self.look(), dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        self.time, self.coin = 0, float(self.np_random.choice([-1.0, 1.0]))
        return self._obs(), {}

    def step(self, action):
        if self.time == 0 and self.n_actions > 1:
            self.first_act = int(action)
        reward, terminated = self.judge(action)
        self.time += 1
        return self._obs(), float(reward), terminated, False, {}

    def render(self) -> str | UInt8[np.ndarray, "height width 3"] | None:
        if self.render_mode == "ansi":
            return f"step {self.time}: sees {self._obs().tolist()}"
        return self._picture() if self.render_mode == "rgb_array" else None

    def _picture(self, size: int = 96) -> UInt8[np.ndarray, "height width 3"]:
        """A bar for each number seen: up from the middle is positive, down negative."""
        picture = np.full((size, size * self.size, 3), 250, np.uint8)
        middle = size // 2
        for column, number in enumerate(self._obs()):
            end = middle - round(float(number) * 0.45 * size)
            left, right = round((column + 0.3) * size), round((column + 0.7) * size)
            picture[min(middle, end) : max(middle, end), left:right] = (0, 60, 140)
        picture[middle] = 120
        return picture


class Constant(Probe):
    """One action, one step, reward 1. Fails: the value function does not learn at all."""

    def judge(self, act):
        return 1.0, True

    def value(self, obs, gamma):
        return 1.0


class Observation(Probe):
    """The reward is the observation, −1 or 1. Fails: the value does not depend on what is seen."""

    def look(self):
        return [self.coin]

    def judge(self, act):
        return self.coin, True

    def value(self, obs, gamma):
        return float(obs[0])


class Discount(Probe):
    """Two steps, reward 1 after the second: worth γ, then 1. Fails: discount or bootstrap wrong."""

    def look(self):
        return [float(self.time == 1)]

    def judge(self, act):
        return float(self.time == 1), self.time == 1

    def value(self, obs, gamma):
        return 1.0 if obs[0] > 0.5 else gamma


class Action(Probe):
    """Action 1 earns 1 and action 0 earns −1. Fails: the policy does not learn from its actions."""

    n_actions = 2

    def judge(self, act):
        return 2.0 * act - 1, True

    def value(self, obs, gamma):
        return 1.0

    def best(self, obs):
        return 1


class ObservationAction(Probe):
    """The right action is the one that agrees with the coin seen. Fails: the policy does not look."""

    n_actions = 2

    def look(self):
        return [self.coin]

    def judge(self, act):
        return self.coin * (2.0 * act - 1), True

    def value(self, obs, gamma):
        return 1.0

    def best(self, obs):
        return int(obs[0] > 0)


class Credit(Probe):
    """Only the first of four actions counts, and pays at the end. Fails: credit does not travel back in time."""

    n_actions = 2
    size = 2
    horizon = 4

    def look(self):
        return [self.time / self.horizon, 0.0 if self.time == 0 else 2.0 * self.first_act - 1]

    def judge(self, act):
        last = self.time == self.horizon - 1
        return (2.0 * self.first_act - 1 if last else 0.0), last

    def value(self, obs, gamma):
        steps_left = self.horizon - 1 - round(float(obs[0]) * self.horizon)
        return gamma**steps_left * (1.0 if obs[0] < 1e-6 else float(obs[1]))

    def best(self, obs):
        return 1 if obs[0] < 1e-6 else None


class TimeLimit(Probe):
    """Reward 1 a step for ever, cut off after 5: worth 1/(1 − γ). Fails: truncation is taken for termination."""

    time_limit = 5

    def judge(self, act):
        return 1.0, False

    def value(self, obs, gamma):
        return 1 / (1 - gamma)


class Aim(Probe):
    """A continuous action must hit half of what is seen; the reward is minus the squared miss."""

    def __init__(self, render_mode: str | None = None):
        super().__init__(render_mode)
        # Wide, so that clipping does not matter: at a narrow edge a noisy policy does better by pressing against it.
        self.action_space = spaces.Box(-3.0, 3.0, (1,), np.float32)

    def look(self):
        return [self.coin]

    def judge(self, act):
        return -((float(np.asarray(act).reshape(-1)[0]) - self.coin / 2) ** 2), True

    def value(self, obs, gamma):
        return 0.0


PROBES: dict[str, type[Probe]] = {
    cls.__name__: cls for cls in (Constant, Observation, Discount, Action, ObservationAction, Credit, TimeLimit, Aim)
}
