"""Sampling against `transformers.generate` with the same weights: ratios of wall clock, pair by pair, in one run.

python tests/benchmarks/bench_sampling.py [--pairs 7] [--threads 2] [--device cuda]

On a GPU also at GPT-2's 124 M (random weights), and with 256 prompts; there both compute in bfloat16.
"""

import argparse
import time

import torch
from machine import headline, spread

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.sampling import sample

NEW, PROMPT = 48, 12
EOS, PAD = 1, 0
SMALL, GPT2_SMALL = GPT2Config(512, 128, layers=4, heads=4, width=200), GPT2Config()
CASES = {"cpu": [(SMALL, 64)], "cuda": [(config, batch) for config in (SMALL, GPT2_SMALL) for batch in (64, 256)]}


def seconds(run, device: str) -> float:
    start = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def pair(config: GPT2Config, batch: int, samples: int, device: str):
    """How many weights; our writing and theirs, ready to be called: `batch` texts of `NEW` tokens, `samples` of each prompt."""
    torch.manual_seed(0)
    ours = GPT2(config).eval()
    theirs = ours.to_transformers(eos_token_id=EOS, pad_token_id=PAD).to(device)
    ours.to(device)
    if device == "cuda":
        theirs.to(torch.bfloat16)
    ids = torch.randint(3, config.vocab_size, (batch // samples, PROMPT), device=device)
    mask = torch.ones_like(ids, dtype=torch.bool)
    attention = mask.long()
    none = config.vocab_size + 1  # an end that never comes, so that both write all 48 tokens
    full = dict(max_new_tokens=NEW, min_new_tokens=NEW, do_sample=True, top_k=0, top_p=1.0)
    return (
        sum(p.numel() for p in ours.parameters()),
        lambda: sample(ours, ids, mask, NEW, eos_id=none, pad_id=PAD, samples=samples),
        lambda: theirs.generate(ids, attention_mask=attention, num_return_sequences=samples, **full),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=CASES, default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{headline(options.threads)}\n")
    print("| case | ours, s | transformers, s | ratio (theirs / ours) |\n| --- | --- | --- | --- |")
    for config, batch in CASES[options.device]:
        for samples in (1, 8):
            weights, mine, peer = pair(config, batch, samples, options.device)
            mine(), peer()  # warm up
            times = [(seconds(mine, options.device), seconds(peer, options.device)) for _ in range(options.pairs)]
            a, b = zip(*times, strict=True)
            name = f"{weights / 1e6:.1f} M weights, {batch // samples} prompts × {samples} samples × {NEW} tokens"
            print(f"| {name} | {spread(a, 3)} | {spread(b, 3)} | {spread([y / x for x, y in times])} |", flush=True)


if __name__ == "__main__":
    main()
