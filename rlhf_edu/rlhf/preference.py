"""Learning from comparisons without a reward model and without sampling: the DPO family as pure functions of log-probs.

Write π*(y|x) ∝ π_ref(y|x) exp(r(x, y)/β) for the best policy under a reward r. Solved for the reward, r = β log π*/π_ref + c(x): every
policy implies a reward, and a loss on rewards becomes a loss on the policy (Rafailov et al. 2023).

Each loss reads `AnswerLogps` and returns one number in which lower is better. Choose its settings with functools.partial.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def not_read() -> Tensor:
    raise ValueError("this loss needs a KL estimate, but none was read: pass kl=lambda: torch.tensor(...)")


@dataclass(frozen=True)
class AnswerLogps:
    """What the policy makes of a batch of answers. Paired: the first half are chosen, the second half rejected, in the same order."""

    logp: Float[Tensor, " B"]  # log π(y | x), summed over the answer's tokens, its end included
    logp_ref: Float[Tensor, " B"] | None  # the same under the reference; None without one
    n: Float[Tensor, " B"]  # tokens of the answer
    good: Bool[Tensor, " B"]
    paired: bool = True
    kl: Callable[[], Tensor] = not_read  # KL(π ‖ π_ref) in nats a text, estimated on demand (only KTO asks)

    def ratio(self) -> Float[Tensor, " B"]:
        """log π − log π_ref: how much likelier training has made each answer, in nats."""
        if self.logp_ref is None:
            raise ValueError("this loss measures from a reference, but there is none: pass reference=a frozen copy")
        return self.logp - self.logp_ref

    def halves(self, x: Float[Tensor, " B"]) -> tuple[Tensor, Tensor]:
        """x of the chosen and of the rejected answers, pair by pair."""
        if not self.paired:
            good = int(self.good.sum())
            raise ValueError(
                f"{good} good and {len(self.good) - good} bad answers came without partners, but this loss compares pairs: use kto"
            )
        chosen, rejected = x.chunk(2)
        return chosen, rejected


Loss = Callable[[AnswerLogps], Float[Tensor, ""]]


def margin(a: AnswerLogps) -> Float[Tensor, " P"]:
    """How much more training has favoured the chosen answer: log π/π_ref (chosen) − log π/π_ref (rejected), in nats."""
    chosen, rejected = a.halves(a.ratio())
    return chosen - rejected


def dpo(a: AnswerLogps, beta: float = 0.1) -> Float[Tensor, ""]:
    """Direct preference optimisation: Bradley-Terry on the rewards that the policy implies.

    L = −mean log σ( β (log π(y_w)/π_ref(y_w) − log π(y_l)/π_ref(y_l)) )        (Rafailov et al. 2023, eq. 7)

    β is the price of a nat of KL of the problem this solves. The data must be answers that the reference might have written.
    """
    return -F.logsigmoid(positive("beta", beta) * margin(a)).mean()


def conservative_dpo(a: AnswerLogps, beta: float = 0.1, flipped: float = 0.1) -> Float[Tensor, ""]:
    """DPO for answers of which a share ε is thought to be the wrong way round; stops at P(chosen ≻ rejected) = 1 − ε.

    L = −mean [ (1 − ε) log σ(β m) + ε log σ(−β m) ]        m: the margin        (Mitchell 2023, "A note on DPO with noisy preferences")
    """
    if not 0 <= flipped < 0.5:
        raise ValueError(f"flipped is {flipped}, but it must lie in [0, 0.5): with half of them wrong nothing is left")
    m = positive("beta", beta) * margin(a)
    return -((1 - flipped) * F.logsigmoid(m) + flipped * F.logsigmoid(-m)).mean()


def ipo(a: AnswerLogps, beta: float = 0.1, per_token: bool = False) -> Float[Tensor, ""]:
    """Identity preference optimisation: a margin to hit, not to widen for ever, even when every comparison came out alike.

    L = mean ( m − 1/(2τ) )²        m: the margin, τ: β        (Azar et al. 2024, eq. 17)

    `per_token` divides each log-ratio by its answer's length first, as TRL does: then τ means the same for texts of all lengths.
    """
    per = a.ratio() / a.n if per_token else a.ratio()
    chosen, rejected = a.halves(per)
    return (chosen - rejected - 1 / (2 * positive("beta", beta))).square().mean()


def kto(a: AnswerLogps, beta: float = 0.1, weight_good: float = 1.0, weight_bad: float = 1.0) -> Float[Tensor, ""]:
    """Kahneman-Tversky optimisation: thumbs up and down, each judged on its own against what the policy gives on average.

    L = mean λ_y (1 − v),   v = σ(β (log π/π_ref − z₀)) for good answers,  σ(β (z₀ − log π/π_ref)) for bad ones
    z₀ = max(0, KL(π ‖ π_ref)), no gradient flows through it        (Ethayarajh et al. 2024, eq. 7)

    Very good and very bad answers hardly move it (σ is flat there), which forgives wrong labels and gives up on hard ones.
    """
    z = a.kl().detach().clamp(min=0)
    surplus = positive("beta", beta) * (a.ratio() - z)
    value = torch.sigmoid(torch.where(a.good, surplus, -surplus))
    weight = torch.where(a.good, positive("weight_good", weight_good), positive("weight_bad", weight_bad))
    return (weight * (1 - value)).mean()


def log_odds(mean_logp: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """log p/(1 − p) of p = exp(mean log-prob a token), a text's likelihood per token; p is kept below 1 − 10⁻⁶.

    log(1 − eˣ) is written as log(−expm1 x), which keeps its digits where p is close to 1.
    """
    x = mean_logp.clamp(max=-1e-6)
    return x - torch.log(-torch.expm1(x))


def orpo(a: AnswerLogps, beta: float = 0.1) -> Float[Tensor, ""]:
    """Odds-ratio preference optimisation: fine-tuning on the chosen answers, and a push between the two. No reference.

    L = mean [ −1/n Σ log π(y_w) + λ · −log σ( log odds(y_w) − log odds(y_l) ) ]        λ: β        (Hong et al. 2024, eq. 6 and 7)
    """
    per_token = a.logp / a.n
    chosen, rejected = a.halves(log_odds(per_token))
    return (-a.halves(per_token)[0] - positive("beta", beta) * F.logsigmoid(chosen - rejected)).mean()


def simpo(a: AnswerLogps, beta: float = 2.0, gamma: float = 1.0) -> Float[Tensor, ""]:
    """Simple preference optimisation: the mean log-prob a token is the reward, to be won by a margin. No reference.

    L = −mean log σ( β/n_w log π(y_w) − β/n_l log π(y_l) − γ )        (Meng et al. 2024, eq. 6)

    Nothing ties the policy to where it began but the learning rate and the number of steps.
    """
    if not gamma >= 0:
        raise ValueError(f"gamma is {gamma}, but the margin to win by must be 0 or more")
    chosen, rejected = a.halves(positive("beta", beta) * a.logp / a.n)
    return -F.logsigmoid(chosen - rejected - gamma).mean()


def positive(name: str, x: float) -> float:
    if not 0 < x < float("inf"):
        raise ValueError(f"{name} is {x}, but it must be positive and finite")
    return x
