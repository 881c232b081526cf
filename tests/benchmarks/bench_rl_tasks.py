"""What is compared: our settings, and those of Stable-Baselines3's zoo written out in full."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlhf_edu.rl.dqn import DQNConfig, dqn
from rlhf_edu.rl.ppo import PPOConfig, ppo

TRAIN = {"dqn": dqn, "ppo": ppo}


@dataclass(frozen=True)
class Task:
    name: str
    env_id: str
    solved: float  # mean of 100 greedy episodes
    test_every: int  # environment steps
    config: Any
    zoo: dict[str, Any]
    hidden: tuple[int, ...]
    n_envs: int = 8

    @property
    def algorithm(self) -> str:
        return self.name.split("-")[1]

    @property
    def train(self) -> Callable[..., Any]:
        return TRAIN[self.algorithm]

    def steps(self, agent: str) -> int:
        return self.config.steps if agent == "ours" else self.zoo["n_timesteps"]


def falling(start: float) -> Callable[[float], float]:
    """The zoo's `lin_`: from `start` to 0 over the run."""
    return lambda left: left * start


BIG = dict(policy_kwargs=dict(net_arch=[256, 256]))  # the zoo's network for both DQN tasks

CARTPOLE_DQN = Task(
    "cartpole-dqn",
    "CartPole-v1",
    solved=475,
    test_every=2500,
    config=DQNConfig(steps=50_000, n_step=3, replay_ratio=0.5),
    hidden=(128, 128),
    zoo=dict(
        n_timesteps=50_000,
        learning_rate=2.3e-3,
        batch_size=64,
        buffer_size=100_000,
        learning_starts=1000,
        gamma=0.99,
        target_update_interval=10,
        train_freq=256,
        gradient_steps=128,
        exploration_fraction=0.16,
        exploration_final_eps=0.04,
        **BIG,
    ),
)

CARTPOLE_PPO = Task(
    "cartpole-ppo",
    "CartPole-v1",
    solved=475,
    test_every=5000,
    config=PPOConfig(steps=100_000, n_steps=32, epochs=20, batch_size=256, gamma=0.98, lam=0.8),
    hidden=(64, 64),
    zoo=dict(
        n_timesteps=100_000,
        n_envs=8,
        n_steps=32,
        batch_size=256,
        gae_lambda=0.8,
        gamma=0.98,
        n_epochs=20,
        ent_coef=0.0,
        learning_rate=falling(1e-3),
        clip_range=falling(0.2),
    ),
)

ACROBOT_DQN = Task(
    "acrobot-dqn",
    "Acrobot-v1",
    solved=-85,
    test_every=10_000,
    config=DQNConfig(steps=100_000, capacity=100_000, replay_ratio=0.5, n_step=3, explore=0.2),
    hidden=(128, 128),
    zoo=dict(
        n_timesteps=100_000,
        learning_rate=6.3e-4,
        batch_size=128,
        buffer_size=50_000,
        learning_starts=0,
        gamma=0.99,
        target_update_interval=250,
        train_freq=4,
        gradient_steps=-1,
        exploration_fraction=0.12,
        exploration_final_eps=0.1,
        **BIG,
    ),
)

PENDULUM_PPO = Task(
    "pendulum-ppo",
    "Pendulum-v1",
    solved=-200,
    test_every=20_000,
    config=PPOConfig(steps=100_000, n_steps=256, epochs=10, batch_size=128, gamma=0.9, lam=0.95),
    hidden=(64, 64),
    zoo=dict(
        n_timesteps=100_000,
        n_envs=4,
        n_steps=1024,
        gae_lambda=0.95,
        gamma=0.9,
        n_epochs=10,
        ent_coef=0.0,
        learning_rate=1e-3,
        clip_range=0.2,
        use_sde=True,
        sde_sample_freq=4,
    ),
)

TASKS = {task.name: task for task in (CARTPOLE_DQN, CARTPOLE_PPO, ACROBOT_DQN, PENDULUM_PPO)}
