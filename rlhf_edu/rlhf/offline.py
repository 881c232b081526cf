"""ILQL: Q-learning on texts that somebody else wrote and rated, and a policy that leans on what was learned while it writes.

Snell et al. (2022), "Offline RL for natural language generation with implicit language Q learning"; its value learning is that of
Kostrikov et al. (2021), "Offline reinforcement learning with implicit Q-learning" (IQL).
Left out on purpose: rewards in the middle of a text, a second language model for the values (one trunk serves both here).
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.lm.interface import CausalLM, LMOutput
from rlhf_edu.lm.sampling import autocast
from rlhf_edu.lm.sft import encode_demonstration
from rlhf_edu.lm.tokenizer import Tokenizer
from rlhf_edu.lm.train import right_pad
from rlhf_edu.ops import masked_mean, token_logp


class Rated(NamedTuple):
    """A text that somebody wrote after `prompt`, and what it was worth."""

    prompt: str
    answer: str
    reward: float


@dataclass(frozen=True)
class ILQLConfig:
    steps: int = 400
    batch: int = 64
    lr: float = 1e-3  # at the first step; falls linearly to 0
    tau: float = 0.7  # of the expectile: 0.5 is the mean action of the data, towards 1 its best one
    gamma: float = 0.99
    cql: float = 0.1  # weight of conservatism
    imitation: float = 1.0  # weight of next-token prediction
    polyak: float = 0.01  # how far the target moves towards Q each step
    clip: float = 1.0  # gradient norm

    def __post_init__(self):
        for name in ("steps", "batch", "lr", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")
        for name, low in (("tau", 0.5), ("gamma", 0.0), ("polyak", 0.0)):
            if not low <= getattr(self, name) <= 1 or getattr(self, name) == 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must lie in ({low}, 1]")
        if self.tau == 1:
            raise ValueError("tau is 1, but an expectile of 1 is the maximum, which no finite data shows: use 0.9")
        if not (self.cql >= 0 and self.imitation >= 0):
            raise ValueError(f"cql is {self.cql} and imitation {self.imitation}, but weights must be 0 or more")


def expectile_loss(error: Float[Tensor, "*S"], tau: float) -> Float[Tensor, "*S"]:
    """An uneven square: its minimum over v of mean L(x − v) is the τ-expectile of x, the mean for τ = ½, near the maximum for τ → 1.

    L(u) = |τ − 1[u < 0]| u²        (Kostrikov et al. 2021, section 4.1)
    """
    return torch.where(error < 0, 1 - tau, tau) * error**2


def q_loss(
    q: Float[Tensor, "B N"],
    next_v: Float[Tensor, "B N"],
    rewards: Float[Tensor, "B N"],
    mask: Bool[Tensor, "B N"],
    gamma: float,
) -> Float[Tensor, ""]:
    """Mean squared Bellman error of the tokens that were written.

    L = mean_t ( r_t + γ V(s_{t+1}) − Q(s_t, a_t) )²        V after the last token is 0

    The next state's value, not max_a Q, which would ask about tokens nobody ever wrote there.
    """
    return masked_mean((rewards + gamma * next_v.detach() - q) ** 2, mask)


def v_loss(
    v: Float[Tensor, "B N"], target_q: Float[Tensor, "B N"], mask: Bool[Tensor, "B N"], tau: float
) -> Float[Tensor, ""]:
    """V(s) as the τ-expectile of Q̂(s, a) over the tokens a of the data: the best that the data shows, without a max.

    L = mean_t |τ − 1[Q̂ < V]| (Q̂(s_t, a_t) − V(s_t))²        Q̂: the smaller of two slow copies
    """
    return masked_mean(expectile_loss(target_q.detach() - v, tau), mask)


def cql_loss(q: Float[Tensor, "B N V"], actions: Int[Tensor, "B N"], mask: Bool[Tensor, "B N"]) -> Float[Tensor, ""]:
    """Conservatism: Q of the token that was written must stand out against all tokens that were not.

    L = mean_t ( log Σ_a exp Q(s_t, a) − Q(s_t, a_t) )        (Kumar et al. 2020, "Conservative Q-learning", eq. 4)
    """
    return masked_mean(-token_logp(q, actions), mask)


def next_values(v: Float[Tensor, "B N"], mask: Bool[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """V(s_{t+1}) beside V(s_t); 0 after the last real token of each row, where the text is over."""
    return F.pad(v.masked_fill(~mask, 0.0)[:, 1:], (0, 1))


def final_rewards(reward: Float[Tensor, " B"], mask: Bool[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """The whole reward at each row's last real token, 0 before."""
    last = mask & ~F.pad(mask[:, 1:], (0, 1))
    return reward[:, None] * last


def mlp(width: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, out))


class ILQLHeads(nn.Module):
    """Two Qs with their slow copies, and V, read from a language model's hidden states."""

    def __init__(self, width: int, vocab_size: int):
        super().__init__()
        self.q = nn.ModuleList(mlp(width, vocab_size) for _ in range(2))
        self.v = mlp(width, 1)
        self.target = copy.deepcopy(self.q).requires_grad_(False)

    def target_q(self, hidden: Float[Tensor, "*S D"]) -> Float[Tensor, "*S V"]:
        """The smaller of the two slow Qs: what both agree on (Fujimoto et al. 2018, against overestimation)."""
        first, second = (q(hidden) for q in self.target)
        return torch.minimum(first, second)

    def value(self, hidden: Float[Tensor, "*S D"]) -> Float[Tensor, "*S"]:
        return self.v(hidden).squeeze(-1)

    @torch.no_grad()
    def follow(self, polyak: float) -> None:
        """θ̂ ← θ̂ + α (θ − θ̂): the slow copies move a little."""
        for slow, fast in zip(self.target.parameters(), self.q.parameters(), strict=True):
            slow.lerp_(fast, polyak)


class Perturbed:
    """A language model whose predictions are tilted by what a token is worth: itself a `CausalLM`, so all that samples can use it.

    log π(a|s) = log π_β(a|s) + β (Q̂(s, a) − V(s)) + constant        (Snell et al. 2022)

    β = 0 writes like the data, a large β takes the best token among those the data makes plausible.
    """

    def __init__(self, lm: CausalLM, heads: ILQLHeads, beta: float = 4.0):
        if not 0 <= beta < float("inf"):
            raise ValueError(f"beta is {beta}, but the weight of values against habit must be finite and 0 or more")
        self.lm, self.heads, self.beta = lm, heads, beta
        self.config, self.context, self.vocab_size = lm.config, lm.context, lm.vocab_size

    def __call__(
        self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B S"], cache: Any = None, last: int | None = None
    ) -> LMOutput:
        out = self.lm(ids, mask, cache, last)
        advantage = self.heads.target_q(out.hidden) - self.heads.value(out.hidden)[..., None]
        return LMOutput(F.log_softmax(out.logits.float(), -1) + self.beta * advantage, out.hidden, out.cache)

    def new_cache(self, batch: int, length: int) -> Any:
        return self.lm.new_cache(batch, length)

    def parameters(self) -> Any:
        return self.lm.parameters()

    def eval(self) -> "Perturbed":
        self.lm.eval()
        return self


def encode_rated(
    tokenizer: Tokenizer, data: Sequence[Rated], context: int
) -> tuple[list[tuple[list[int], int]], Float[Tensor, " R"]]:
    """Token rows with the length of each prompt, and the rewards; a ValueError names what cannot be learned from."""
    if not data:
        raise ValueError("no rated texts came, but offline learning needs at least one (prompt, answer, reward)")
    rewards = torch.tensor([float(item[2]) for item in data])
    if bad := int((~torch.isfinite(rewards)).sum()):
        raise ValueError(f"{bad} of {len(rewards)} rewards are NaN or infinite: drop those texts or rate them again")
    if float(rewards.max() - rewards.min()) == 0:
        raise ValueError(f"all {len(rewards)} rewards are {rewards[0].item():g}, so no text is better than another")
    rows = [encode_demonstration(tokenizer, prompt, answer, context) for prompt, answer, _ in data]
    if any(n == 0 for _, n in rows):
        raise ValueError("a prompt is empty, but the model needs at least one token to start from")
    return rows, rewards


@trainer
def ilql(
    lm: CausalLM,
    heads: ILQLHeads,
    tokenizer: Tokenizer,
    data: Sequence[Rated],
    config: ILQLConfig = ILQLConfig(),
    *,
    rng: np.random.Generator,
    test: Callable[[Perturbed], dict] | None = None,
    test_every: int = 100,
):
    """Learn values and habits from rated texts, in place; yield one record a step. Then write with `Perturbed(lm, heads)`.

    L = Σ_i L_Q(Q_i) + L_V + cql Σ_i L_CQL(Q_i) + imitation · −mean log π_β        (Snell et al. 2022)
    """
    device = next(iter(lm.parameters())).device
    rows, rewards = encode_rated(tokenizer, data, lm.context)
    trained = [*lm.parameters(), *heads.q.parameters(), *heads.v.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=config.lr, weight_decay=0.0)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * (1 - step / config.steps)
        some = rng.integers(len(rows), size=min(config.batch, len(rows))).tolist()
        ids, mask = (x.to(device) for x in right_pad([rows[i][0] for i in some], tokenizer.pad_id))
        starts = torch.tensor([rows[i][1] for i in some], device=device)
        m = (mask & (torch.arange(ids.shape[1], device=device) >= starts[:, None]))[:, 1:]
        with autocast(device):
            out = lm(ids[:, :-1], mask[:, :-1])
        losses = ilql_losses(out, heads, ids[:, 1:], m, rewards[some].to(device), config)
        loss = losses["q"] + losses["v"] + config.cql * losses["cql"] + config.imitation * losses["imitation"]
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(trained, config.clip)
        optimizer.step()
        heads.follow(config.polyak)
        record = dict(step=step, loss=loss.item(), **{f"{k}_loss": x.item() for k, x in losses.items()})
        last = step + 1 == config.steps
        due = test is not None and (last or (step + 1) % test_every == 0)
        yield record | dict(grad_norm=norm.item()) | (test(Perturbed(lm, heads)) if test and due else {})


def ilql_losses(out: LMOutput, heads: ILQLHeads, actions, mask, reward, config: ILQLConfig) -> dict[str, Tensor]:
    """The four terms for one batch. `out` is aligned with `actions` "B N": out[:, t] is read before actions[:, t]."""
    hidden = out.hidden.float()
    v, qs = heads.value(hidden), [q(hidden) for q in heads.q]
    written = [q.gather(-1, actions[..., None]).squeeze(-1) for q in qs]
    slow = heads.target_q(hidden).gather(-1, actions[..., None]).squeeze(-1)
    rewards, after = final_rewards(reward, mask), next_values(v, mask)
    return dict(
        q=torch.stack([q_loss(q, after, rewards, mask, config.gamma) for q in written]).sum(),
        v=v_loss(v, slow, mask, config.tau),
        cql=torch.stack([cql_loss(q, actions, mask) for q in qs]).sum(),
        imitation=masked_mean(-token_logp(out.logits, actions), mask),
    )
