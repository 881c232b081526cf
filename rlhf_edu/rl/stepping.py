"""Step several environments without mixing up episodes, and keep their scores."""

from collections import deque
from typing import Any

import numpy as np
from gymnasium import Env, spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from jaxtyping import Bool, Float


def as_vector(env: Any) -> VectorEnv:
    """A vector environment that starts the next episode in the same step; a single environment becomes one of them."""
    if isinstance(env, Env):
        return SyncVectorEnv([lambda: env], autoreset_mode=AutoresetMode.SAME_STEP)
    if not isinstance(env, VectorEnv):
        raise ValueError(f"env is {type(env).__name__}, but it must be a Gymnasium environment: make_vec(name, n)")
    if env.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
        raise ValueError(
            f"this vector environment resets with {env.metadata.get('autoreset_mode')}, which hides the last state of "
            "an episode: make it with rlhf_edu.envs.make_vec (AutoresetMode.SAME_STEP)"
        )
    return env


class Stepper:
    """E environments that are stepped for ever; each step says where it truly led, and which episodes ended."""

    def __init__(self, env: Env | VectorEnv, seed: int, window: int = 20):
        self.env = as_vector(env)
        self.n_envs = self.env.num_envs
        self.obs = self.as_floats(self.env.reset(seed=seed)[0])
        self.act_space = self.env.single_action_space
        self.first_act = int(getattr(self.act_space, "start", 0))
        self.steps = 0  # over all environments
        self.running = np.zeros((2, self.n_envs))  # return and length of the episodes going on
        self.finished: list[tuple[float, int]] = []  # of the last step: (return, length)
        self.recent: deque[tuple[float, int]] = deque(maxlen=window)

    def as_floats(self, obs: Any) -> Float[np.ndarray, "E D"]:
        return np.asarray(obs, dtype=np.float32).reshape(self.n_envs, -1)

    def step(
        self, act: np.ndarray
    ) -> tuple[np.ndarray, Float[np.ndarray, "E D"], Bool[np.ndarray, " E"], Bool[np.ndarray, " E"]]:
        """Returns (rewards, the states truly reached, terminated, truncated); `self.obs` is what to act on next."""
        if isinstance(self.act_space, spaces.Box):
            act = np.clip(act, self.act_space.low, self.act_space.high)
        elif self.first_act:
            act = act + self.first_act
        obs, rew, terminated, truncated, info = self.env.step(act)
        if not np.isfinite(rew).all():
            raise ValueError(f"the environment gave the rewards {rew.tolist()}: rewards must be finite numbers")
        self.obs = reached = self.as_floats(obs)
        self.steps += self.n_envs
        self.running[0] += rew
        self.running[1] += 1
        self.finished = []
        ended = terminated | truncated
        if ended.any():
            reached = reached.copy()
            for i in np.flatnonzero(ended):
                reached[i] = np.asarray(info["final_obs"][i], dtype=np.float32).ravel()
                self.finished.append((float(self.running[0, i]), int(self.running[1, i])))
            self.running[:, ended] = 0
            self.recent += self.finished
        return rew, reached, terminated, truncated

    def score(self) -> dict[str, float]:
        """Mean return and length of the last finished episodes; NaN before the first one."""
        if not self.recent:
            return dict(ret=float("nan"), steps=float("nan"))
        ret, steps = np.mean(self.recent, axis=0)
        return dict(ret=float(ret), steps=float(steps))
