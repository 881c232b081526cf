"""What a reward model minimises: feedback on one side, rewards on the other, one number of surprise between them."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def bradley_terry(chosen: Float[Tensor, " P"], rejected: Float[Tensor, " P"]) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of P choices, in nats.

    P(x ≻ y) = σ(r_x − r_y)        L = −mean log σ(r_chosen − r_rejected)

    Bradley and Terry (1952), "Rank analysis of incomplete block designs"; for language models Ziegler et al. (2019), eq. 1
    with two options. Only differences count: a constant added to every reward changes nothing.
    """
    return -F.logsigmoid(chosen - rejected).mean()
