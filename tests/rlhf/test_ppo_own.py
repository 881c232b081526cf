"""Rewards, advantages and loss written by the caller: they train as the library's do, and faults are told in a sentence."""

import pytest
import torch
from ppo_runs import Bench

NAN = float("nan")


def own_rewards(score, logp, logp_ref, mask, beta):
    paid = torch.where(mask, -beta * (logp - logp_ref), 0.0)
    for b in range(len(score)):
        paid[b, mask[b].nonzero()[-1]] += score[b]
    return paid


def own_advantages(rewards, values, mask):
    out = torch.zeros_like(rewards)
    for b, n in enumerate(mask.sum(1).tolist()):
        later = next_value = 0.0
        for t in reversed(range(n)):
            later = rewards[b, t] + next_value - values[b, t] + 0.95 * later
            next_value, out[b, t] = values[b, t], later
    return out


def own_loss(logp, logp_old, advantages, mask, clip):
    ratio = (logp - logp_old).exp()
    clipped = torch.where(advantages > 0, ratio.clamp(max=1 + clip), ratio.clamp(min=1 - clip))
    return -(advantages * clipped)[mask].mean()


def test_functions_of_ones_own_train_as_the_librarys_do():
    mine, theirs = Bench(), Bench()
    own = dict(rewards=own_rewards, advantages=own_advantages, policy_loss=own_loss)
    for ours, library in zip(mine.run(beta=0.3, **own).run(), theirs.run(beta=0.3).run(), strict=True):
        assert ours == pytest.approx(library, abs=1e-4)
    assert torch.allclose(mine.weights(), theirs.weights(), atol=1e-4)
    assert not torch.allclose(mine.weights(), Bench().weights(), atol=1e-3)  # something was learned


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (
            dict(rewards=lambda s, p, q, m, b: s),
            r"the rewards have shape \(12,\), but there must be one for each token",
        ),
        (dict(rewards=lambda s, p, q, m, b: p / 0), "rewards are NaN or infinite"),
        (dict(advantages=lambda r, v, m: None), "the advantages are 'None', but they must be a tensor of shape"),
        (dict(advantages=lambda r, v, m: r / 0), "advantages are NaN or infinite"),
        (dict(policy_loss=lambda p, q, a, m, c: -a * p), r"the policy loss is a tensor of shape .*: average over"),
        (dict(policy_loss=lambda p, q, a, m, c: -1.0), r"the policy loss is -1.0, but it must be one number"),
        (dict(policy_loss=lambda p, q, a, m, c: -(a * p).mean().detach()), "no way back to the log-probs"),
        (dict(policy_loss=lambda p, q, a, m, c: NAN * p.sum()), "the policy loss is nan"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_before_it_reaches_the_weights(own, words):
    bench = Bench()
    before = bench.weights()
    with pytest.raises(ValueError, match=words):
        bench.run(**own).run()
    assert torch.equal(bench.weights(), before)
