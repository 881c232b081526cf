"""Our agents beside Stable-Baselines3 with its zoo's hyperparameters: same machine, same run, one thread each.

    python tests/benchmarks/bench_rl.py run cartpole-dqn --agent ours --seeds 0 1 2 3 4 --log runs/bench_rl.jsonl
    python tests/benchmarks/bench_rl.py run cartpole-dqn --agent sb3 --seeds 0 1 2 3 4 --log runs/bench_rl.jsonl
    python tests/benchmarks/bench_rl.py tabular --log runs/bench_rl.jsonl
    python tests/benchmarks/bench_rl.py report --log runs/bench_rl.jsonl

The clock runs while an agent trains and stands still while it is tested (100 greedy episodes, the same for both).
It counts processor seconds of the one thread: wall-clock time on an idle machine, and unchanged when something
else wants the machine too. The log keeps wall-clock seconds as well.
"""

import argparse
import json
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from bench_rl_report import report
from bench_rl_tasks import TASKS, Task

from rlhf_edu.envs import make_vec
from rlhf_edu.rl.nets import actor_critic, q_network
from rlhf_edu.rl.play import Act, greedy_actions
from rlhf_edu.rl.tabular import TabularConfig, make_table, q_learning

EPISODES = 100


class Clock:
    """Seconds spent in training."""

    def __init__(self):
        self.cpu = self.wall = 0.0
        self.go()

    def go(self) -> None:
        self.started = time.process_time(), time.perf_counter()

    def stop(self) -> None:
        self.cpu += time.process_time() - self.started[0]
        self.wall += time.perf_counter() - self.started[1]


def test_returns(act: Act, env_id: str) -> np.ndarray:
    """Returns of 100 greedy episodes, each the first of its environment, so that short ones are not favoured."""
    try:
        envs = gym.make_vec(env_id, EPISODES, vectorization_mode="vector_entry_point")
    except gym.error.Error:
        envs = make_vec(env_id, EPISODES)
    obs, _ = envs.reset(seed=10_000)
    returns, alive = np.zeros(EPISODES), np.ones(EPISODES, bool)
    while alive.any():
        obs, rew, terminated, truncated, _ = envs.step(act(obs.astype(np.float32)))
        returns += rew * alive
        alive &= ~(terminated | truncated)
    envs.close()
    return returns


class Watcher:
    """Stops the clock every so many steps, tests the agent, and remembers when it first was good enough."""

    def __init__(self, task: Task, agent: str, act: Act, stop_when_solved: bool):
        self.task, self.act, self.stop_when_solved = task, act, stop_when_solved
        self.steps = task.steps(agent)
        self.clock, self.due, self.tests = Clock(), task.test_every, []
        self.solved: tuple[int, float, float] | None = None

    def look(self, step: int) -> bool:
        """False when training can stop."""
        if step < min(self.due, self.steps) or (self.tests and self.tests[-1][0] == step):
            return True
        self.clock.stop()
        returns = test_returns(self.act, self.task.env_id)
        self.tests.append((step, float(returns.mean()), float(returns.std())))
        if self.solved is None and returns.mean() >= self.task.solved:
            self.solved = step, self.clock.cpu, self.clock.wall
        self.due += self.task.test_every
        self.clock.go()
        return not self.finished()

    def finished(self) -> bool:
        return self.tests[-1][0] >= self.steps or (self.stop_when_solved and self.solved is not None)


def train_ours(task: Task, seed: int, stop_when_solved: bool) -> Watcher:
    torch.manual_seed(seed)
    env = make_vec(task.env_id, task.n_envs)
    net = (q_network if task.algorithm == "dqn" else actor_critic)(env, task.hidden)
    watcher = Watcher(task, "ours", greedy_actions(net), stop_when_solved)
    for record in task.train(net, env, task.config, rng=np.random.default_rng(seed)):
        if not watcher.look(record["step"]):
            break
    if not watcher.tests or not watcher.finished():
        watcher.look(watcher.steps)
    return watcher


def train_sb3(task: Task, seed: int, stop_when_solved: bool) -> Watcher:
    from stable_baselines3 import DQN, PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env

    options = dict(task.zoo)
    steps = options.pop("n_timesteps")
    env = make_vec_env(task.env_id, n_envs=options.pop("n_envs", 1), seed=seed)
    model = (DQN if task.algorithm == "dqn" else PPO)("MlpPolicy", env, seed=seed, device="cpu", **options)
    watcher = Watcher(task, "sb3", lambda obs: model.predict(obs, deterministic=True)[0], stop_when_solved)

    class Look(BaseCallback):
        def _on_step(self) -> bool:
            return watcher.look(self.num_timesteps)

    model.learn(steps, callback=Look())
    if not watcher.tests or not watcher.finished():
        watcher.look(watcher.steps)
    return watcher


def warm_up() -> None:
    """The first optimiser step of a process imports half of torch; that is nobody's training time."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    torch.nn.utils.clip_grad_norm_([weight], 1.0)
    optimizer.step()


def run(task: Task, agent: str, seeds: list[int], stop_when_solved: bool, log: Path) -> None:
    torch.set_num_threads(1)
    warm_up()
    for seed in seeds:
        watcher = (train_ours if agent == "ours" else train_sb3)(task, seed, stop_when_solved)
        if not stop_when_solved:
            watcher.clock.stop()
        record = dict(task=task.name, agent=agent, seed=seed, tests=watcher.tests, solved=watcher.solved)
        write(log, record | dict(cpu=watcher.clock.cpu, wall=watcher.clock.wall, steps=watcher.tests[-1][0]))


def write(log: Path, record: dict) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(json.dumps(record) + "\n")
    print(json.dumps(record), flush=True)


def seconds_a_step(env: gym.Env, episodes: int, learn: bool, seed: int) -> float:
    steps, start = 0, time.process_time()
    if learn:
        config = TabularConfig(episodes=episodes, epsilon=1.0)  # ε = 1: the same random walk as the other one
        steps = q_learning(make_table(env), env, config, rng=np.random.default_rng(seed)).run()[-1]["step"]
        return (time.process_time() - start) / steps
    env.action_space.seed(seed)
    for episode in range(episodes):
        env.reset(seed=seed if episode == 0 else None)
        ended = False
        while not ended:
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            steps, ended = steps + 1, terminated or truncated
    return (time.process_time() - start) / steps


def tabular(log: Path, repeats: int = 5) -> None:
    """Processor time a step of Q-learning over that of the same environment under random actions."""
    kinds = [
        ("FrozenLake-v1", {}, 3000),
        ("CliffWalking-v1", dict(max_episode_steps=500), 50),
        ("Taxi-v4", {}, 100),
        ("Blackjack-v1", {}, 5000),
        ("rlhf_edu/GridWorld-v0", {}, 500),
    ]
    for env_id, options, episodes in kinds:
        env = gym.make(env_id, **options)
        for seed in range(repeats):
            random, ours = (seconds_a_step(env, episodes, learn, seed) for learn in (False, True))
            write(log, dict(task="tabular", env=env_id, seed=seed, random_us=1e6 * random, ours_us=1e6 * ours))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "tabular", "report"])
    parser.add_argument("task", nargs="?", choices=[*TASKS])
    parser.add_argument("--agent", choices=["ours", "sb3"], default="ours")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--stop-when-solved", action="store_true", help="for times only: the final score is not wanted")
    parser.add_argument("--log", type=Path, default=Path("runs/bench_rl.jsonl"))
    arguments = parser.parse_args()
    if arguments.what == "run":
        run(TASKS[arguments.task], arguments.agent, arguments.seeds, arguments.stop_when_solved, arguments.log)
    elif arguments.what == "tabular":
        tabular(arguments.log)
    else:
        print(report([json.loads(line) for line in arguments.log.read_text().splitlines()]))


if __name__ == "__main__":
    main()
