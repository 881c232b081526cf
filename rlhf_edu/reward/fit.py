"""One fit for every kind of feedback and for mixtures of them: the same rewards explain ratings, pairs, edits and rankings.

Left out on purpose: a held-out set for early stopping (split with `train.split_by_prompt`, and look), dropout.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.reward.answers import People
from rlhf_edu.reward.labels import FIRST, TIE, Labels
from rlhf_edu.reward.scorers import Scorer, TrunkScorer, read

BUNCH = 16  # batches whose answers are sorted by length among themselves
TYPICAL = 512  # items that set centre and scale where the backbone learns; more would only cost time


@dataclass(frozen=True)
class FitRewardConfig:
    steps: int = 300
    lr: float = 0.05  # of the head and of what is learned about the people; falls to 0 in a straight line
    backbone_lr: float = 3e-5  # of a backbone that is trained too
    embedding_lr: float | None = None  # of its embeddings; None: as the rest of it
    embedding_eps: float = 1e-8  # Adam's ε for them; see `make_optimizer`
    batch: int | None = None  # answers a step; None: all of them
    prior: float = 0.01  # λ: how strongly the head's weights are drawn to 0, against the mean loss
    clip: float = 10.0  # gradient norm
    warmup: int = 0  # steps of linear rise before the fall; some 6 % of all for an encoder that is fine-tuned

    def __post_init__(self):
        for name in ("steps", "lr", "backbone_lr", "embedding_eps", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")
        if self.embedding_lr is not None and not self.embedding_lr > 0:
            raise ValueError(f"embedding_lr is {self.embedding_lr}, but it must be positive (or None for backbone_lr)")
        if self.prior < 0:
            raise ValueError(f"prior is {self.prior}, but it must be 0 or more")
        if self.batch is not None and self.batch < 1:
            raise ValueError(f"batch is {self.batch}, but a step needs at least one answer (or None for all)")
        if not 0 <= self.warmup < self.steps:
            raise ValueError(f"warmup is {self.warmup}, but it must be 0 or more, and below the {self.steps} steps")

    def share(self, step: int) -> float:
        """The learning rates' share of their highest at a step: up in a straight line, then down to 0 in another."""
        return min((step + 1) / max(self.warmup, 1), (self.steps - step) / (self.steps - self.warmup))


@trainer
def fit_reward(
    scorer: Scorer | TrunkScorer,
    labels: Labels,
    config: FitRewardConfig = FitRewardConfig(),
    *,
    people: People | None = None,
    weights: Mapping[str, float] | None = None,
    rng: np.random.Generator | None = None,
    settle: bool = True,
    anchored: bool = False,
):
    """Train `scorer` (and `people`) in place on answers of any kind; yield step, loss (nats an answer), each kind's, accuracy.

    minimise  Σ_kind w_kind n_kind L_kind / Σ_kind w_kind n_kind + λ |w − w₀|²        w: the head's weights, without biases

    `people` holds the rating scale and the fondness of ties; make it yourself (`People(labels, ratings=...)`) to choose the
    losses, or to read predicted ratings from it afterwards. `weights` by kind: "rating", "pair", "edit", "ranking".
    `rng` is needed for batches only. With `settle=False` the scorer keeps its centre and scale: so one that was fitted
    before goes on from where it stands. w₀ is 0; if `anchored`, it is where the head stands at first (see reward/ensemble.py).
    """
    labels = labels.check().compact()
    people = People(labels) if people is None else people
    if unknown := set(weights or {}) - set(labels.counts()):
        raise ValueError(f"weights names {sorted(unknown)}, but the kinds are {', '.join(labels.counts())}")
    seldom = max(1, len(labels.items) // TYPICAL) if scorer.trainable else 1
    features = read(scorer, labels.items[::seldom])
    if settle:
        scorer.settle(features)
    optimizer = make_optimizer(scorer, people, config)
    anchor = [w.detach().clone() if anchored else torch.zeros_like(w) for w in matrices(scorer.head)]
    everything = torch.arange(len(labels.items))
    first_lrs = [group["lr"] for group in optimizer.param_groups]
    for step, part in zip(range(config.steps), parts(labels, config.batch, rng), strict=False):
        for group, lr in zip(optimizer.param_groups, first_lrs, strict=True):
            group["lr"] = lr * config.share(step)
        rows = everything if part is labels else part.used()
        rewards = rewards_of(scorer, labels.items, features, rows)
        losses = people.losses(rewards, part)
        if not losses:
            continue
        loss = people.total(losses, part, weights)
        optimizer.zero_grad()
        (loss + config.prior * squared_distance(scorer.head, anchor)).backward()
        nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], config.clip)
        optimizer.step()
        yield dict(step=step, loss=loss.item(), **{f"{kind}_loss": x.item() for kind, x in losses.items()}) | accuracy(
            rewards, part
        )


def parts(labels: Labels, batch: int | None, rng: np.random.Generator | None) -> Iterator[Labels]:
    """Endless batches of answers in random order, each answer once a round; all answers at once where batch is None.

    Answers about texts of like length share a batch, so that a model that reads them reads little padding.
    """
    if batch is None or batch >= len(labels):
        while True:
            yield labels
    if rng is None:
        raise ValueError("batches are drawn at random, so fit_reward needs rng=np.random.default_rng(seed)")
    lengths = labels.lengths()
    while True:
        order = rng.permutation(len(labels))
        for start in range(0, len(order), batch * BUNCH):
            some = order[start : start + batch * BUNCH]
            near = some[np.argsort(lengths[some], kind="stable")]
            cuts = range(0, len(near), batch)
            for cut in rng.permutation(cuts):
                yield labels.take(near[cut : cut + batch])


def rewards_of(
    scorer: Scorer | TrunkScorer, items: Sequence[Any], features: Float[Tensor, "N F"], rows: Int[Tensor, " U"]
) -> Float[Tensor, " N"]:
    """Rewards of the items in `rows`, 0 for the others; a trainable backbone reads them anew."""
    if scorer.trainable:
        found = scorer([items[i] for i in rows.tolist()])
    else:
        found = scorer.reward(features[rows.to(features.device)])
    found = found.cpu()
    return torch.zeros(len(items), dtype=found.dtype).scatter(0, rows, found)


def make_optimizer(scorer: Scorer | TrunkScorer, people: People, config: FitRewardConfig) -> torch.optim.Optimizer:
    """Adam, with steps of their own for the head, the backbone and the backbone's embeddings.

    step = lr m / (√v + ε)        m, v: running means of the gradient and its square (Kingma and Ba 2015, algorithm 1)

    With a tiny ε a step has the size of lr, however small the gradient: a word that comes once moves about as far as one that
    comes often, and is learned by heart. With an ε well above √v a step is lr m / ε, in proportion to the gradient: a
    word moves as far as its texts together push it, and rare ones stay near where they began, as in ridge regression.
    """
    groups: list[dict[str, Any]] = [{"params": [*scorer.head.parameters(), *people.parameters()], "lr": config.lr}]
    if scorer.trainable:
        backbone: Any = scorer.backbone  # only a Scorer's can be trained
        tables = {id(p) for m in backbone.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
        learns = [p for p in backbone.parameters() if p.requires_grad]
        lr = config.backbone_lr if config.embedding_lr is None else config.embedding_lr
        groups.append({"params": [p for p in learns if id(p) not in tables], "lr": config.backbone_lr})
        groups.append({"params": [p for p in learns if id(p) in tables], "lr": lr, "eps": config.embedding_eps})
    return torch.optim.Adam([group for group in groups if group["params"]], betas=(0.9, 0.99))


def matrices(head: nn.Module) -> list[Tensor]:
    """The weights that have a prior: all matrices. Biases are free."""
    return [p for p in head.parameters() if p.dim() > 1]


def squared_distance(head: nn.Module, anchor: Sequence[Tensor]) -> Float[Tensor, ""]:
    """|w − w₀|² over all weight matrices."""
    return torch.stack([(w - a).square().sum() for w, a in zip(matrices(head), anchor, strict=True)]).sum()


def accuracy(rewards: Float[Tensor, " N"], labels: Labels) -> dict[str, float]:
    """Share of decided comparisons and edits in which the better item has the higher reward; nothing where there are none."""
    decided = labels.outcome != TIE
    first = labels.outcome[decided] == FIRST
    ahead = (rewards[labels.pairs[decided][:, 0]] > rewards[labels.pairs[decided][:, 1]]) == first
    ahead = torch.cat([ahead, rewards[labels.edits[:, 0]] > rewards[labels.edits[:, 1]]])
    return dict(accuracy=ahead.float().mean().item()) if len(ahead) else {}
