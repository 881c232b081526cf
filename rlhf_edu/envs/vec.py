"""Several copies of an environment at once, with the one kind of reset that our agents understand."""

from collections.abc import Callable

import gymnasium as gym
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv


def make_vec(
    env: str | Callable[[], gym.Env], n_envs: int = 1, *, processes: bool = False, **kwargs
) -> SyncVectorEnv | AsyncVectorEnv:
    """`n_envs` copies of an environment, given by its name (with keyword arguments) or by a function that makes one.

    When an episode ends, the same step starts the next (`AutoresetMode.SAME_STEP`): the observation returned already
    belongs to the new episode, and the state that the step truly led to is `info["final_obs"]`. `processes=True` runs
    each copy in a process of its own, which pays only for slow environments.
    """
    if n_envs < 1:
        raise ValueError(f"n_envs is {n_envs}, but at least 1 environment is needed")
    if callable(env):
        make = env
    else:
        # The checker repeats its tests at every step; `gymnasium.make` on its own keeps it.
        def make() -> gym.Env:
            return gym.make(env, disable_env_checker=True, **kwargs)

    kind = AsyncVectorEnv if processes else SyncVectorEnv
    return kind([make] * n_envs, autoreset_mode=AutoresetMode.SAME_STEP)
