"""Pretraining against a plain PyTorch loop around the same GPT-2 of `transformers`: tokens a second, pair by pair, in one run.

python tests/benchmarks/bench_pretrain.py [--pairs 5] [--threads 2]

Both learn the same weights from the same full batches with AdamW, the same learning rates and gradient clipping. Theirs is
the loop that tutorials show: labels shifted inside the model, no padding, `fused` AdamW as ours has it. The losses after
the last step are printed too: the same work was done.
"""

import argparse
import copy
import statistics
import time

import torch
from machine import headline, spread

from rlhf_edu.core import pick_device
from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.sampling import autocast
from rlhf_edu.lm.train import PretrainConfig, adamw, cosine_lr, pretrain

VOCAB, LENGTH, BATCH, STEPS = 2048, 96, 32, 12


def ours(model: GPT2, data: list[torch.Tensor], config: PretrainConfig) -> float:
    mask = torch.ones(BATCH, LENGTH, dtype=torch.bool)
    return pretrain(model, ((ids, mask) for ids in data), config).run()[-1]["loss"]


def theirs(model, data: list[torch.Tensor], config: PretrainConfig) -> float:
    device, loss = next(model.parameters()).device, torch.zeros(())
    optimizer = adamw(model, config.lr, config.weight_decay)
    for step, ids in enumerate(data):
        for group in optimizer.param_groups:
            group["lr"] = cosine_lr(step, config)
        ids = ids.to(device)
        with autocast(device):
            loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
    return loss.item()


def seconds(run) -> tuple[float, float]:
    start = time.perf_counter()
    loss = run()
    return time.perf_counter() - start, loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    device, config = pick_device(), PretrainConfig(steps=options.steps, batch=BATCH, lr=1e-3, warmup=4)
    first = GPT2(GPT2Config(VOCAB, LENGTH, layers=4, heads=4, width=160)).to(device)
    data = [torch.randint(VOCAB, (BATCH, LENGTH)) for _ in range(options.steps)]
    tokens = options.steps * BATCH * (LENGTH - 1)

    rates: list[tuple[float, float]] = []
    losses = (0.0, 0.0)
    for pair in range(options.pairs + 1):
        mine, peer = copy.deepcopy(first), first.to_transformers().train()
        sides = [lambda mine=mine: ours(mine, data, config), lambda peer=peer: theirs(peer, data, config)]
        order = (0, 1) if pair % 2 else (1, 0)  # who goes first changes, so that a machine growing warm favours nobody
        found = {side: seconds(sides[side]) for side in order}
        losses = found[0][1], found[1][1]
        if pair:  # the first pair warms up
            rates.append((tokens / found[0][0], tokens / found[1][0]))
    size = sum(p.numel() for p in first.parameters()) / 1e6
    print(
        f"{headline(options.threads)}; {size:.1f} M weights, {BATCH} rows of {LENGTH} tokens, {options.pairs} pairs\n"
    )
    print("| | tokens a second | loss after the last step |\n| --- | --- | --- |")
    for name, side in (("ours", 0), ("transformers + PyTorch loop", 1)):
        print(f"| {name} | {statistics.median(r[side] for r in rates):,.0f} | {losses[side]:.4f} |")
    print(f"\nratio ours / theirs: {spread([a / b for a, b in rates])}")


if __name__ == "__main__":
    main()
