"""What a reward model minimises: feedback on one side, rewards on the other, one number of surprise between them.

Most are mean negative log-likelihoods in nats, so that kinds of feedback can be added up; the others say what they are.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def bradley_terry(chosen: Float[Tensor, " P"], rejected: Float[Tensor, " P"]) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of P choices, in nats.

    P(x ≻ y) = σ(r_x − r_y)        L = −mean log σ(r_chosen − r_rejected)

    Bradley and Terry (1952), "Rank analysis of incomplete block designs"; for language models Ziegler et al. (2019), eq. 1
    with two options. Only differences count: a constant added to every reward changes nothing.
    """
    return -F.logsigmoid(chosen - rejected).mean()


def margin_bradley_terry(
    chosen: Float[Tensor, " P"], rejected: Float[Tensor, " P"], margin: Float[Tensor, " P"] | float
) -> Float[Tensor, ""]:
    """Bradley-Terry that is content only when the chosen text is ahead by a margin.

    L = −mean log σ(r_chosen − r_rejected − m)        m: larger the surer the person was

    Touvron et al. (2023), "Llama 2", eq. 2. No longer a likelihood: with m > 0 the two answers' "chances" sum to less than 1.
    """
    return -F.logsigmoid(chosen - rejected - margin).mean()


def noisy_bradley_terry(
    chosen: Float[Tensor, " P"], rejected: Float[Tensor, " P"], lapse: float = 0.1
) -> Float[Tensor, ""]:
    """Bradley-Terry for people who now and then press any button: a share ε of the answers is a coin toss.

    P(x ≻ y) = (1 − ε) σ(r_x − r_y) + ε/2

    Christiano et al. (2017), section 2.2.3 (ε = 0.1). One wrong label then costs at most −log(ε/2), however sure the model is;
    plain Bradley-Terry charges the whole difference.
    """
    if not 0 <= lapse < 1:
        raise ValueError(f"lapse is {lapse}, but it is the share of random answers: it must lie in [0, 1)")
    knows = F.logsigmoid(chosen - rejected) + math.log1p(-lapse)
    if lapse == 0:
        return -knows.mean()
    return -torch.logaddexp(knows, torch.full_like(knows, math.log(lapse / 2))).mean()


def davidson(
    first: Float[Tensor, " P"],
    second: Float[Tensor, " P"],
    outcome: Int[Tensor, " P"],
    log_nu: Float[Tensor, ""] | float,
) -> Float[Tensor, ""]:
    """Bradley-Terry with ties; `outcome` is 0 (first better), 1 (second better) or 2 (a tie).

    P(x ≻ y), P(y ≻ x), P(tie)  =  softmax( r_x, r_y, log ν + (r_x + r_y)/2 )

    Davidson (1970), "On extending the Bradley-Terry model to accommodate ties", with π = exp(r). ν says how fond people are
    of ties: between equals P(tie) = ν/(2 + ν). Unlike Rao and Kupper's (1967) threshold model, ties leave the odds of the two wins
    alone, so that dropping the ties leaves plain Bradley-Terry.
    """
    if len(outcome) and not bool(((outcome >= 0) & (outcome <= 2)).all()):
        raise ValueError(
            f"outcome holds {outcome.unique().tolist()}, but it must be 0 (first), 1 (second) or 2 (a tie)"
        )
    logits = torch.stack([first, second, log_nu + (first + second) / 2], -1)
    return F.cross_entropy(logits, outcome.long())


def edit_preference(
    edited: Float[Tensor, " P"], original: Float[Tensor, " P"], changed: Float[Tensor, " P"]
) -> Float[Tensor, ""]:
    """Bradley-Terry on (edited ≻ original), each edit weighted by the share of the text that was changed.

    L = − Σ_i w_i log σ(r_edited,i − r_original,i) / Σ_i w_i

    Who changes one comma of a page says less than who writes it anew: Gao et al. (2024), "Aligning LLM agents by learning latent
    preference from user edits", take the edit distance as the person's cost. An untouched text (w = 0) names no better one.
    """
    if bool((changed < 0).any()) or not float(changed.sum()) > 0:
        raise ValueError("no edit changed anything, so none says what is better: edit at least one text")
    return -(changed * F.logsigmoid(edited - original)).sum() / changed.sum()


def plackett_luce(
    ranked: Float[Tensor, "M K"], sizes: Int[Tensor, " M"] | None = None, top: int | None = None
) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of M rankings, the best item's reward first: pick the best, then the best of the rest, …

    P(1 ≻ 2 ≻ … ≻ K) = Π_k exp r_k / Σ_{j ≥ k} exp r_j

    Plackett (1975), "The analysis of permutations"; Luce (1959). `sizes` is how many items each row really has (what stands
    behind them is not read); with `top` only the first picks count, the order of the rest is unknown or not trusted.
    With two items this is Bradley-Terry.
    """
    K = ranked.shape[1]
    sizes = torch.full((len(ranked),), K, device=ranked.device) if sizes is None else sizes
    if K < 2 or bool((sizes < 2).any()) or bool((sizes > K).any()):
        raise ValueError(
            f"rankings have {sorted(set(sizes.tolist()))} of {K} items, but each needs at least two: rank more"
        )
    if top is not None and top < 1:
        raise ValueError(f"top is {top}, but at least the first pick must count")
    place = torch.arange(K, device=ranked.device)
    there = place < sizes[:, None]
    r = ranked.masked_fill(~there, -1e9)
    pick = r - r.flip(1).logcumsumexp(1).flip(1)
    counts = there if top is None else there & (place < top)
    return -pick.masked_fill(~counts, 0.0).sum(1).mean()


def squared_error(rewards: Float[Tensor, " R"], scores: Float[Tensor, " R"]) -> Float[Tensor, ""]:
    """Mean (r − y)²: regression on ratings as if a 5 were as far from a 4 as a 2 from a 1 (Gauss 1809).

    With Gaussian noise of known size it is a negative log-likelihood up to constants. Its minimum predicts the mean rating.
    """
    return (rewards - scores).square().mean()


def level_logp(rewards: Float[Tensor, " R"], cuts: Float[Tensor, " C"]) -> Float[Tensor, "R K"]:
    """log P(level k | r) under the cumulative logit model with K = C + 1 levels.

    P(y ≤ k) = σ(c_k − r)        P(y = k) = σ(c_k − r) − σ(c_{k−1} − r),   c_{−1} = −∞, c_{K−1} = +∞

    McCullagh (1980), "Regression models for ordinal data" (proportional odds). The difference is taken as
    σ(a) σ(−b) (1 − e^{b−a}), which keeps its digits where both terms round to 0 or 1.
    """
    if not len(cuts) or bool((cuts.diff() <= 0).any()):
        raise ValueError(
            f"the cuts are {[round(c, 3) for c in cuts.tolist()]}, but there must be one or more, ascending"
        )
    low, high = F.pad(cuts, (1, 0), value=-math.inf), F.pad(cuts, (0, 1), value=math.inf)
    above, below = high - rewards[:, None], low - rewards[:, None]
    return F.logsigmoid(above) + F.logsigmoid(-below) + torch.log1p(-torch.exp(low - high))


def ordinal(rewards: Float[Tensor, " R"], levels: Int[Tensor, " R"], cuts: Float[Tensor, " C"]) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of ratings 0 … C that know an order, but no distances: −mean log P(y | r), see `level_logp`."""
    return F.nll_loss(level_logp(rewards, cuts), check_levels(levels, len(cuts) + 1))


def classification(logits: Float[Tensor, "R K"], levels: Int[Tensor, " R"]) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of ratings as K classes without an order: −mean log softmax(logits)[y].

    The most flexible and the hungriest: it has to learn from data that a 4 lies between a 3 and a 5.
    """
    return F.cross_entropy(logits, check_levels(levels, logits.shape[1]))


def check_levels(levels: Int[Tensor, " R"], n_levels: int) -> Int[Tensor, " R"]:
    if len(levels) and (int(levels.min()) < 0 or int(levels.max()) >= n_levels):
        raise ValueError(
            f"ratings run from level {int(levels.min())} to {int(levels.max())}, but this scale has {n_levels} levels: "
            f"they must lie in 0 … {n_levels - 1}"
        )
    return levels.long()
