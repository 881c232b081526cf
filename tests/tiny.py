"""A tiny random language model and texts to try things on: big enough to go wrong, small enough for milliseconds."""

import torch

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.interface import Completions, left_pad
from rlhf_edu.lm.sampling import sample

VOCAB, CONTEXT, WIDTH = 24, 40, 16
PAD, EOS = 0, 1


def gpt2(seed: int, spread: float = 0.15) -> GPT2:
    """Weights large enough that predictions differ from place to place."""
    torch.manual_seed(seed)
    model = GPT2(GPT2Config(VOCAB, CONTEXT, layers=2, heads=2, width=WIDTH)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(spread * torch.randn_like(p))
    return model


def prompts(seed: int, n: int = 6) -> list[list[int]]:
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 8, (n,), generator=g).tolist()
    return [torch.randint(3, VOCAB, (length,), generator=g).tolist() for length in lengths]


def written(model: GPT2, seed: int, n: int = 6, n_new: int = 12, temperature: float = 1.0) -> Completions:
    ids, mask = left_pad(prompts(seed, n), PAD)
    g = torch.Generator().manual_seed(seed + 1000)
    return sample(model, ids, mask, n_new, eos_id=EOS, pad_id=PAD, temperature=temperature, generator=g)
