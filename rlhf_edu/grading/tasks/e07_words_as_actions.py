"""Tasks of exercise 07, words as actions: sampling, log-probs, what fine-tuning learns, REINFORCE, and a bug hunt.

Every oracle goes token by token in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import slopes
from rlhf_edu.grading.tasks import wrong_words as wrong
from rlhf_edu.grading.tensors import ragged_mask, tensor

EXERCISE = "07_words_as_actions"
LIBRARY = ("rlhf_edu.lm.", "rlhf_edu.ops.", "rlhf_edu.rl.", "rlhf_edu.rlhf.")
SIZES = ((2, 4), (2, 5), (3, 6), (4, 8), (6, 12))  # texts and tokens of case 0, 1, …


def nucleus_by_token(probs, P: float):
    """Take tokens from the likeliest down until they have P together; scale them to 1."""
    out = np.zeros(tuple(probs.shape))
    for b, row in enumerate(probs.tolist()):
        left, kept = sorted(range(len(row)), key=row.__getitem__), []
        while left and math.fsum(row[v] for v in kept) < P:
            kept.append(left.pop())
        for v in kept:
            out[b, v] = row[v] / math.fsum(row[u] for u in kept)
    return tensor(out)


def action_logp_by_token(logits, ids, n_new: int, temperature: float):
    """log softmax(logits[t − 1] / T)[ids[t]] for the last N tokens of each text."""
    B, T = ids.shape
    out = np.zeros((B, n_new))
    for b in range(B):
        for n, t in enumerate(range(T - n_new, T)):
            z = [x / temperature for x in logits[b, t - 1].tolist()]
            out[b, n] = z[int(ids[b, t])] - max(z) - math.log(math.fsum(math.exp(x - max(z)) for x in z))
    return tensor(out)


def learn_mask_by_token(ids, n_prompt, eos_id: int, pad_id: int):
    """After the prompt, everything through the end token."""
    out = []
    for row, n in zip(ids.tolist(), n_prompt.tolist(), strict=True):
        stop = row.index(eos_id, n) if eos_id in row[n:] else len(row) - 1
        out.append([n <= t <= stop for t in range(len(row))])
    return tensor(out)


def reinforce_by_text(logp, logp_ref, rewards, mask, beta: float):
    """L = −mean of (R_b − mean of the other R) · Σ_t log π over the real tokens of text b."""
    B = len(rewards)
    real = [[t for t, m in enumerate(row) if m] for row in mask.tolist()]
    said = [math.fsum(logp[b, t].item() for t in real[b]) for b in range(B)]
    drift = [math.fsum(logp[b, t].item() - logp_ref[b, t].item() for t in real[b]) for b in range(B)]
    total = [rewards[b].item() - beta * drift[b] for b in range(B)]
    advantage = [total[b] - math.fsum(total[c] for c in range(B) if c != b) / (B - 1) for b in range(B)]
    return tensor(-math.fsum(a * s for a, s in zip(advantage, said, strict=True)) / B)


def draw_nucleus(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    B, V = ((1, 4), (2, 5), (3, 8), (2, 12), (4, 30))[i]
    P = (0.8, 0.6, 0.9, 0.5, 0.95)[i]
    if hidden and i > 2:
        P = (0.01, 0.999)[i - 3]
    weights = np.exp(rng.normal(0, 1.5, (B, V)))
    return {"probs": tensor(weights / weights.sum(1, keepdims=True)), "P": P}


def draw_actions(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    B, T, V, n_new = ((1, 5, 3, 2), (2, 6, 4, 3), (2, 8, 9, 3), (3, 10, 6, 7), (4, 9, 20, 5))[i]
    if hidden and i == 3:
        n_new = 1
    temperature = (0.5, 2.0, 0.8, 1.5, 0.7)[i]
    logits = rng.normal(0, 200 if hidden and i == 4 else 2, (B, T, V))
    ids = rng.integers(0, V, (B, T))
    return {"logits": tensor(logits), "ids": tensor(ids), "n_new": n_new, "temperature": temperature}


def draw_learning(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Prompts and answers of unequal length; the hidden ones hold an empty answer and a row without padding."""
    B, T = SIZES[i]
    eos_id, pad_id = ((1, 0), (0, 3), (7, 1), (2, 9), (5, 0))[i]
    tokens = [v for v in range(30) if v not in (eos_id, pad_id)]
    ids, n_prompt = np.full((B, T), pad_id), rng.integers(1, T - 2, size=B)
    n_prompt[0] = 1
    n_prompt[1] = 2 if T < 5 else 3
    for b in range(B):
        end = int(rng.integers(n_prompt[b] + 1, T))
        end = T - 1 if b == B - 1 else min(end, T - 2) if b == 0 else end
        if hidden and b == 1:
            end = int(n_prompt[b])
        ids[b, :end], ids[b, end] = rng.choice(tokens, size=end), eos_id
    return {"ids": tensor(ids), "n_prompt": tensor(n_prompt), "eos_id": eos_id, "pad_id": pad_id}


def draw_reinforce(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    B, N = SIZES[i]
    logp = -rng.exponential(1.5, (B, N)) - 0.05
    logp_ref = np.minimum(logp + rng.normal(0, 0.7, (B, N)), -0.01)
    beta = (0.1, 0.5, 0.3, 0.2, 0.05)[i] if not (hidden and i == 4) else 0.0
    return {
        "logp": tensor(logp),
        "logp_ref": tensor(logp_ref),
        "rewards": tensor(rng.normal(1, 2, B)),
        "mask": tensor(ragged_mask(rng, B, N, hidden)),
        "beta": beta,
    }


TASKS = [
    Task(
        name="nucleus",
        exercise=EXERCISE,
        kind="function",
        title="Nucleus sampling",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("nucleus", nucleus_by_token, draw_nucleus, wrong.NUCLEUS),
        hints=(
            "Sort each row from the likeliest down. A token is kept when those *before* it have less than P together: "
            "cumsum minus the token's own probability.",
            "sort gives the order as well; zeros_like(probs).scatter(-1, order, kept) puts numbers back in their places.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="action_logp",
        exercise=EXERCISE,
        kind="function",
        title="Log-probs of the actions",
        points=5,
        minutes=10,
        difficulty=3,
        judge=FunctionJudge("action_logp", action_logp_by_token, draw_actions, wrong.ACTION_LOGP),
        hints=(
            "The first new token stands in column T − N. Which column had the model read when it chose it?",
            "Cut the logits to N columns, divide by the temperature, log_softmax over the last axis, then gather.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="learn_mask",
        exercise=EXERCISE,
        kind="function",
        title="What fine-tuning learns",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("learn_mask", learn_mask_by_token, draw_learning, wrong.LEARN_MASK),
        hints=(
            "torch.arange(T)[None, :] >= n_prompt[:, None] compares every column with every row's prompt length.",
            "Of what is after the prompt, only padding is not learned. The end token is.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="reinforce_loss",
        exercise=EXERCISE,
        kind="function",
        title="REINFORCE with the mean of the others",
        points=6,
        minutes=15,
        difficulty=3,
        judge=FunctionJudge(
            "reinforce_loss", reinforce_by_text, draw_reinforce, wrong.REINFORCE_LOSS, gradients=slopes.REINFORCE_LOSS
        ),
        hints=(
            "Go in three steps: R from the rewards and the summed, masked log-ratios; A from R; L from A.",
            "The mean of the others, for all texts at once: (R.sum() − R) / (B − 1).",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="falling_nicely",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: the loss falls nicely",
        points=4,
        minutes=8,
        difficulty=2,
        judge=DiagnosisJudge(
            "falling_nicely",
            options={"fault": tuple("abcde"), "evidence": ("train", "held_out", "grammatical", "ended")},
            key={"fault": "42eee7bbf4b91531", "evidence": "2a6d44995a8b35f1"},
            why={
                "cfbd92795b332002": "a learning rate that is too large shows after the first step; something is wrong before it",
                "4db20fc710205baf": "prompts are ordinary story beginnings, and learning them, too, would not spoil the writing",
                "525d7af24239c3f0": "a model that learns by heart loses a little on held-out stories; it does not forget how to write a sentence",
                "26caf34102cd7f39": "without the end token texts would not end, but their sentences would stay well formed",
                "c106cdbd431a0eca": "the held-out loss starts where it should, and rises only as the model is spoiled",
                "90e4c27241a18203": "what the model writes starts out well formed, and breaks only later",
                "35a09d156c2dee93": "the share of texts that end within 70 tokens starts where the storyteller's is, and goes up and down after",
            },
        ),
        hints=(
            "Before the first update this is the model of lesson 07. How surprised should it be by its own kind of story?",
        ),
    ),
]
