"""Numbers to watch while a policy learns: does the critic know anything, does the policy still have something to say?"""

from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_edu.lm.interface import Completions
from rlhf_edu.ops import masked_var


def explained_variance(values: Float[Tensor, "B N"], returns: Float[Tensor, "B N"], mask: Bool[Tensor, "B N"]) -> float:
    """1 − Var(R − V) / Var(R) over real tokens: 1 is a perfect critic, 0 one that knows only the mean."""
    return float(1 - masked_var(returns - values, mask) / masked_var(returns, mask).clamp(min=1e-8))


def distinct_pairs(done: Completions) -> float:
    """distinct-2 on token ids: different pairs of neighbours / all pairs, over the whole batch."""
    real, ids = done.new_mask[:, 1:], done.new_ids.long()
    pairs = (ids[:, :-1] * (ids.max() + 1) + ids[:, 1:])[real]  # one number for each pair: quicker to sort
    return len(pairs.unique()) / max(1, len(pairs))
