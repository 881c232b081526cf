"""Shortest walks learned from random ones: PPO, RLOO and GRPO with a reward, ILQL from rated walks alone, best-of-n and RFT beside them.

Graphs of 21 nodes. The data are 3000 random walks from 15 of the 20 starts. Nobody rates a walk from the other 5 before the
test, nor has a method write one; but other walks pass them. A small language model first reads the walks and their tails,
unrated: a tail of a random walk is one too, and so each node has been seen at each place of a text. Without that, nothing
learned about a node in passing is of use where it comes first. Prompts of the online methods are the first one to four nodes
of the walks. Optimality 1 is a shortest walk, 0 one that never arrives.

python tests/benchmarks/bench_walks.py [--graphs 3] [--threads 2] [--only ppo ilql]
"""

import argparse
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from machine import headline, spread

from rlhf_edu.envs.graph import LETTERS, WalkGraph
from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import CausalLM, Completions, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.lm.sft import SFTConfig
from rlhf_edu.lm.tokenizer import Tokenizer, word_tokenizer
from rlhf_edu.lm.train import PretrainConfig, batches, pretrain
from rlhf_edu.rlhf.best_of_n import RFTConfig, best_of_n, rejection_finetune
from rlhf_edu.rlhf.group import GRPO, RLOO, group_rl
from rlhf_edu.rlhf.offline import ILQLConfig, ILQLHeads, Perturbed, Rated, ilql
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.rlhf.shaping import Scale, reference_scale

WALKS, HELD_OUT, TESTS = 3000, 5, 64  # walks in the data, starts kept for the test, walks written from each of them


@dataclass
class Task:
    """A graph, its walks as text (one word a node), and a model that has read them."""

    graph: WalkGraph
    tokenizer: Tokenizer
    walks: list[list[int]]
    model: GPT2
    seen: list[int]
    fresh: list[int]

    def text(self, nodes: list[int]) -> str:
        return "".join(f" {LETTERS[node]}" for node in nodes)

    def prompts(self, starts: list[int]) -> list[list[int]]:
        return [self.tokenizer.encode(self.text([start])) for start in starts]

    def beginnings(self) -> list[list[int]]:
        """The first one to four nodes of every walk, the goal not among them: prompts from which each node is left again."""
        found = {tuple(w[:n]) for w in self.walks for n in range(1, 5) if n < len(w) and 0 not in w[:n]}
        return [self.tokenizer.encode(self.text(list(walk))) for walk in sorted(found)]

    def rewards(self, done: Completions) -> torch.Tensor:
        """Optimality of each walk."""
        rows = zip(done.ids, done.mask, strict=True)
        return torch.tensor([self.graph.score(self.tokenizer.decode(ids[m].tolist())) for ids, m in rows])

    def scale(self) -> Scale:
        """Rewards of the model's first walks get mean 0 and standard deviation 1."""
        ids, mask = left_pad(self.beginnings() * 4, self.tokenizer.pad_id)
        g = torch.Generator().manual_seed(7)
        return reference_scale(
            self.rewards, sample(self.model, ids, mask, self.graph.max_length, generator=g, **self.ends)
        )

    def test(self, lm: CausalLM, starts: list[int], seed: int = 99) -> float:
        ids, mask = left_pad(self.prompts(starts), self.tokenizer.pad_id)
        g = torch.Generator().manual_seed(seed)
        done = sample(lm, ids, mask, self.graph.max_length, samples=TESTS, generator=g, **self.ends)
        return self.rewards(done).mean().item()

    @property
    def ends(self) -> dict[str, int]:
        return dict(eos_id=self.tokenizer.eos_id, pad_id=self.tokenizer.pad_id)


def make(seed: int) -> Task:
    graph, rng = WalkGraph(seed=seed), np.random.default_rng(seed)
    while True:  # a node that no walk passes cannot be learned about by anybody
        order = rng.permutation(np.arange(1, graph.n_nodes)).tolist()
        fresh, seen = order[:HELD_OUT], order[HELD_OUT:]
        walks = [walk for walk in graph.random_walks(2 * WALKS, rng) if walk[0] in seen][:WALKS]
        if all(sum(node in walk for walk in walks) >= WALKS / 50 for node in fresh):
            break
    tokenizer = word_tokenizer(f" {letter}" for letter in LETTERS[: graph.n_nodes])
    torch.manual_seed(seed)
    model = GPT2(GPT2Config(tokenizer.vocab_size, graph.max_length + 4, layers=2, heads=4, width=64)).eval()
    task = Task(graph, tokenizer, walks, model, seen, fresh)
    # A tail of a random walk is a random walk; one that ran out of time has no end, or the model would stop anywhere.
    tails = [walk[i:] for walk in walks for i in range(len(walk) - 1)]
    rows = [[*tokenizer.encode(task.text(walk)), *[tokenizer.eos_id] * (walk[-1] == 0)] for walk in tails]
    pretrain(model, batches(rows, 64, tokenizer.pad_id, rng), PretrainConfig(steps=600, lr=2e-3)).run()
    return task


def run_ppo(task: Task, seed: int) -> CausalLM:
    policy, scale = copy.deepcopy(task.model), task.scale()
    endless = float(-scale.bias / scale.gain)  # a walk that does not end is worth 0
    ppo(
        policy,
        ScalarHead(policy.config.width),
        task.model,
        scale(task.rewards),
        task.beginnings(),
        PPOConfig(steps=300, batch=128, n_new=10, epochs=2, minibatches=2, lr=1e-3, beta=0.06, missing_eos=endless),
        generator=torch.Generator().manual_seed(seed),
        **task.ends,
    ).run()
    return policy


def run_group(task: Task, seed: int, config=RLOO) -> CausalLM:
    policy = copy.deepcopy(task.model)
    settings = replace(
        config, steps=300, prompts=16, group=8, n_new=10, epochs=2, minibatches=2, lr=1e-3, beta=0.06, missing_eos=None
    )
    group_rl(
        policy,
        task.model,
        task.scale()(task.rewards),
        task.beginnings(),
        settings,
        generator=torch.Generator().manual_seed(seed),
        **task.ends,
    ).run()
    return policy


def run_ilql(task: Task, seed: int) -> CausalLM:
    lm, tokenizer = copy.deepcopy(task.model), task.tokenizer
    torch.manual_seed(seed)
    heads = ILQLHeads(lm.config.width, lm.vocab_size)
    data = [Rated(task.text(w[:1]), task.text(w[1:]), task.graph.optimality(w)) for w in task.walks]
    config = ILQLConfig(steps=1000, batch=128, lr=1e-3, tau=0.8, gamma=1.0, cql=0.01, polyak=0.02)
    ilql(lm, heads, tokenizer, data, config, rng=np.random.default_rng(seed)).run()
    return Perturbed(lm, heads, beta=30.0)


def run_rft(task: Task, seed: int) -> CausalLM:
    policy = copy.deepcopy(task.model)
    config = RFTConfig(rounds=8, prompts=64, n=16, keep=2, n_new=10, sft=SFTConfig(steps=40, lr=1e-3, batch=64))
    rejection_finetune(
        policy,
        task.rewards,
        task.beginnings(),
        config,
        generator=torch.Generator().manual_seed(seed),
        rng=np.random.default_rng(seed),
        **task.ends,
    ).run()
    return policy


METHODS: dict[str, Callable[[Task, int], CausalLM]] = {
    "ppo": run_ppo,
    "rloo": run_group,
    "grpo": lambda task, seed: run_group(task, seed, GRPO),
    "ilql": run_ilql,
    "rft": run_rft,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[*METHODS, "best of 16"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results: dict[str, list[tuple[float, float, float]]] = {}

    def note(name: str, held_out: float, seen: float, seconds: float) -> None:
        results.setdefault(name, []).append((held_out, seen, seconds))
        print(f"{name}: held out {held_out:.3f}, seen {seen:.3f}, {seconds:.0f} s", flush=True)

    for seed in range(options.graphs):
        start = time.perf_counter()
        task = make(seed)
        behaviour = float(np.mean([task.graph.optimality(walk) for walk in task.walks]))
        note("behaviour data", float("nan"), behaviour, 0.0)
        note(
            "the model that read it",
            *(task.test(task.model, s) for s in (task.fresh, task.seen)),
            time.perf_counter() - start,
        )
        for name in [name for name in METHODS if name in options.only]:
            start = time.perf_counter()
            lm = METHODS[name](task, seed)
            seconds = time.perf_counter() - start
            note(name, task.test(lm, task.fresh), task.test(lm, task.seen), seconds)
        if "best of 16" in options.only:
            g, start, scores = torch.Generator().manual_seed(seed), time.perf_counter(), []
            for starts in (task.fresh, task.seen):
                prompts = task.prompts(starts) * 16
                done = best_of_n(task.model, task.rewards, prompts, 16, 10, generator=g, **task.ends)
                scores.append(task.rewards(done).mean().item())
            note("best of 16", *scores, time.perf_counter() - start)
    print(f"\n{headline(options.threads)}, {options.graphs} graphs: median (lowest to highest)\n")
    print("| | optimality from 5 held-out starts | from 15 seen starts | seconds |\n| --- | --- | --- | --- |")
    for name, rows in results.items():
        held_out, seen, seconds = zip(*rows, strict=True)
        first = "" if name == "behaviour data" else spread(held_out)
        print(f"| {name} | {first} | {spread(seen)} | {spread(seconds, 0)} |")


if __name__ == "__main__":
    main()
