"""Tasks of exercise 14, RLHF with PPO: the four formulas of the inner loop, a bug hunt, and six runs to diagnose.

Every oracle goes token by token in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import slopes
from rlhf_edu.grading.tasks import wrong_ppo as wrong
from rlhf_edu.grading.tensors import SIZES, ragged_mask, tensor

EXERCISE = "14_rlhf_ppo"
LIBRARY = ("rlhf_edu.rlhf.", "rlhf_edu.ops.", "rlhf_edu.rl.")
# The names in rlhf/faults.py, which this file must load without, and "healthy"; no curve shows "eos_as_padding".
SUSPECTS = (
    *("healthy", "advantage_sign", "bootstrap_at_end", "dropout", "kl_over_padding", "kl_sign", "moving_reference"),
    *("pad_edge", "rollout_temperature", "shifted_logp", "stale_scale", "top_k", "whitened_early", "whitened_rewards"),
)


def shaped_rewards_by_token(score, logp, logp_ref, mask, beta: float):
    """r_t = −β (log π − log π_ref), and the score once, where the next position is no longer a token."""
    out = [[0.0] * logp.shape[1] for _ in range(logp.shape[0])]
    for b, row in enumerate(mask.tolist()):
        for t, real in enumerate(row):
            if real:
                out[b][t] = -beta * (logp[b, t].item() - logp_ref[b, t].item())
                if t + 1 == len(row) or not row[t + 1]:
                    out[b][t] += score[b].item()
    return tensor(out)


def kl_estimates_by_token(logp, logp_ref, mask):
    """k1, k2 and k3 of Schulman (2020), "Approximating KL divergence", each a mean over all real tokens."""
    k1, k2, k3 = [], [], []
    for p, q, real in zip(logp.flatten().tolist(), logp_ref.flatten().tolist(), mask.flatten().tolist(), strict=True):
        if real:
            ratio = math.exp(q - p)
            k1.append(-math.log(ratio))
            k2.append(math.log(ratio) ** 2 / 2)
            k3.append(ratio - 1 - math.log(ratio))
    return tuple(tensor(math.fsum(k) / len(k)) for k in (k1, k2, k3))


def response_gae_by_definition(rewards, values, mask, gamma: float, lam: float):
    """A_t = Σ_k (γλ)^k δ_{t+k} over the tokens that are left, the value after the last one being 0."""
    out = [[0.0] * values.shape[1] for _ in range(values.shape[0])]
    for b, row in enumerate(mask.tolist()):
        length = sum(row)
        value = [*values[b, :length].tolist(), 0.0]
        delta = [rewards[b, t].item() + gamma * value[t + 1] - value[t] for t in range(length)]
        for t in range(length):
            out[b][t] = sum((gamma * lam) ** (u - t) * delta[u] for u in range(t, length))
    return tensor(out)


def policy_loss_by_token(logp, logp_old, adv, mask, clip: float):
    """Mean over real tokens of max(−A r, −A clip(r, 1 ± ε)), and the share of them with |r − 1| > ε."""
    losses, outside = [], []
    flat = [x.flatten().tolist() for x in (logp, logp_old, adv, mask)]
    for p, old, a, real in zip(*flat, strict=True):
        if real:
            r = math.exp(p - old)
            losses.append(max(-a * r, -a * min(max(r, 1 - clip), 1 + clip)))
            outside.append(abs(r - 1) > clip)
    return tensor(math.fsum(losses) / len(losses)), tensor(sum(outside) / len(outside))


def draw_logps(rng: np.random.Generator, i: int, hidden: bool, spread: float = 0.6) -> dict:
    """Log-probs of a policy and of another one, and a mask; what stands under padding is large nonsense."""
    rows, n_new = SIZES[i]
    mask = ragged_mask(rng, rows, n_new, hidden)
    logp = -rng.exponential(1.5, (rows, n_new)) - 0.05
    other = logp + rng.normal(0, spread, (rows, n_new))
    other[~mask] += rng.normal(0, 1, int((~mask).sum()))
    return {"logp": tensor(logp), "other": tensor(np.minimum(other, -0.01)), "mask": tensor(mask)}


def draw_shaped(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    d = draw_logps(rng, i, hidden)
    beta = (0.1, 0.5, 0.2, 0.05, 0.3)[i] if not (hidden and i == 4) else 0.0
    score = tensor(rng.normal(0, 1, len(d["logp"])))
    return {"score": score, "logp": d["logp"], "logp_ref": d["other"], "mask": d["mask"], "beta": beta}


def draw_kl(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    d = draw_logps(rng, i, hidden)
    return {"logp": d["logp"], "logp_ref": d["other"], "mask": d["mask"]}


def draw_gae(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    rows, n_new = SIZES[i]
    gamma, lam = ((1.0, 0.95), (1.0, 0.8), (0.9, 0.7), (1.0, 0.5), (0.97, 0.9))[i]
    if hidden and i > 2:
        gamma, lam = ((0.5, 0.0), (1.0, 1.0))[i - 3]
    return {
        "rewards": tensor(rng.normal(0, 1, (rows, n_new))),
        "values": tensor(rng.normal(0, 1, (rows, n_new))),
        "mask": tensor(ragged_mask(rng, rows, n_new, hidden)),
        "gamma": gamma,
        "lam": lam,
    }


def draw_loss(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    d = draw_logps(rng, i, hidden, spread=0.35)
    adv = tensor(rng.normal(0.3, 1, tuple(d["logp"].shape)))
    clip = (0.2, 0.2, 0.1, 0.3, 0.2)[i]
    return {"logp": d["logp"], "logp_old": d["other"], "adv": adv, "mask": d["mask"], "clip": clip}


TASKS = [
    Task(
        name="shaped_rewards",
        exercise=EXERCISE,
        kind="function",
        title="Rewards for every token",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("shaped_rewards", shaped_rewards_by_token, draw_shaped, wrong.SHAPED_REWARDS),
        hints=(
            "Write −β (logp − logp_ref) first and multiply by the mask. The score comes afterwards, once a row.",
            "A response of n real tokens has its last one in column n − 1, and n = mask.sum(1).",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="kl_estimates",
        exercise=EXERCISE,
        kind="function",
        title="Three estimates of the KL divergence",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("kl_estimates", kl_estimates_by_token, draw_kl, wrong.KL_ESTIMATES),
        hints=(
            "The samples come from the policy, so the ratio in k2 and k3 is π_ref / π, and its logarithm is "
            "logp_ref − logp.",
            "A mean over real tokens: sum what the mask keeps, divide by the number of True in the mask, once for the "
            "whole batch.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="response_gae",
        exercise=EXERCISE,
        kind="function",
        title="Advantages over the tokens of a response",
        points=5,
        minutes=12,
        difficulty=3,
        judge=FunctionJudge("response_gae", response_gae_by_definition, draw_gae, wrong.RESPONSE_GAE),
        hints=(
            "Go from the last column to the first and carry A_{t+1} along, as in lesson 04.",
            "What stands under padding must not leak in. If you multiply rewards and values by the mask before "
            "anything else, the value after the last real token is 0 all by itself.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="policy_loss",
        exercise=EXERCISE,
        kind="function",
        title="The clipped policy loss",
        points=5,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge(
            "policy_loss", policy_loss_by_token, draw_loss, wrong.POLICY_LOSS, gradients=slopes.POLICY_LOSS
        ),
        hints=(
            "The ratio is exp(logp − logp_old). There are two candidates for each token, with and without clipping.",
            "The loss is what you minimise, so the pessimistic candidate is the larger one.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="silent_fault",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: everything goes up",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "silent_fault",
            options={"fault": tuple("abcde"), "evidence": ("score", "kl", "entropy", "distinct")},
            key={"fault": "ae9bac8bf1e99131", "evidence": "c88ada64ba45650d"},
            why={
                "a798510def63e624": "a large β holds the policy back; this one ran far away",
                "e66edad1c212ce26": "then the score would not reach the tokens it is for, and could hardly rise so",
                "3794af8fb5a9873b": "the entropy falls and the score rises, so the policy does change",
                "5c891bdd99c57354": "a wrong sign drives the score down",
                "3d9ef2d280f16166": "a healthy run has a rising score too",
                "94fbb1ef02883e29": "entropy may fall to almost nothing when β is small; it is no contradiction",
                "355839be05e237cf": "few distinct openings are a sign of collapse, but possible without this fault",
            },
        ),
        hints=("The policy has clearly changed. Which number claims that it has not, and what is it compared with?",),
    ),
    Task(
        name="diagnose",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Six runs without a name",
        points=6,
        minutes=15,
        difficulty=3,
        judge=DiagnosisJudge(
            "diagnose",
            options={f"run_{i}": SUSPECTS for i in range(1, 7)},
            key={
                "run_1": "f7513152b1293a00",
                "run_2": "bfab640d0c1d50c1",
                "run_3": "ce1e017a47211e7d",
                "run_4": "ccce69d7838352c5",
                "run_5": "cb5a66844b68c256",
                "run_6": "6aa117f87bdf631f",
            },
            why={
                "5917c38f8e805357": "run_1: with this fault the KL would not be 0 at the first step, and it is",
                "e649fea175b4bee7": "run_2: compare its value loss with the band",
                "a5e8192b7dd5f514": "run_2: with this fault the value loss would begin as a healthy one, and grow",
                "3088c1af3bbe6483": "run_3: with this fault the books would balance, and they do not",
                "06c473de2ab76636": "run_5: with this fault the KL would be 0 at the first step, and it is not",
                "54453ff8aca4e4a8": "run_5: with this fault the KL would be 0 at the first step, and it is not",
                "5f4abcac650f877c": "run_6: what does a healthy score do in twelve steps?",
            },
        ),
        hints=(
            "Look at the first step first. Are the first ratio 1, the KL 0 and the score near 0? Then at the books. "
            "Whatever is left is broken learning: which line leaves the band, and which stays?",
            "Two runs are clipped far too often from their first step to their last. For one of them the policy that "
            "wrote was not the policy; for the other, the policy that is updated is not.",
        ),
    ),
]
