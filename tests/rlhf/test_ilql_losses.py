"""The parts of ILQL against loops, root finding and value iteration."""

import math

import numpy as np
import pytest
import tiny
import torch
from scipy.optimize import minimize_scalar

from rlhf_edu.lm.interface import LMOutput, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.rlhf.offline import (
    ILQLConfig,
    ILQLHeads,
    Perturbed,
    cql_loss,
    expectile_loss,
    final_rewards,
    ilql_losses,
    next_values,
    q_loss,
    v_loss,
)

LENGTHS = (5, 2, 1, 4)
MASK = torch.arange(5)[None, :] < torch.tensor(LENGTHS)[:, None]
REAL = [(b, t) for b, n in enumerate(LENGTHS) for t in range(n)]
G = torch.Generator().manual_seed(4)
Q, V, SLOW = torch.randn(3, 4, 5, generator=G)
REWARD = torch.tensor([1.0, -0.5, 2.0, 0.25])


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def test_the_reward_comes_once_at_the_last_real_token():
    found = final_rewards(REWARD, MASK)
    for b, n in enumerate(LENGTHS):
        assert found[b].tolist() == [REWARD[b].item() if t == n - 1 else 0.0 for t in range(5)]
    with_prompt = torch.tensor([[False, True, True, False]])  # the answer does not begin at column 0
    assert final_rewards(torch.tensor([3.0]), with_prompt).tolist() == [[0.0, 0.0, 3.0, 0.0]]


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_q_and_v_losses_are_the_definitions_written_as_loops(gamma):
    rewards, tau = final_rewards(REWARD, MASK), 0.8
    squares, uneven = [], []
    for b, t in REAL:
        last = t == LENGTHS[b] - 1
        target = rewards[b, t].item() + (0.0 if last else gamma * V[b, t + 1].item())
        squares.append((target - Q[b, t].item()) ** 2)
        u = SLOW[b, t].item() - V[b, t].item()
        uneven.append((tau if u > 0 else 1 - tau) * u * u)
    assert q_loss(Q, next_values(V, MASK), rewards, MASK, gamma).item() == pytest.approx(mean(squares), rel=1e-4)
    assert v_loss(V, SLOW, MASK, tau).item() == pytest.approx(mean(uneven), rel=1e-4)


def test_gradients_flow_where_they_should():
    q, v, slow = (x.clone().requires_grad_(True) for x in (Q, V, SLOW))
    q_loss(q, next_values(v, MASK), final_rewards(REWARD, MASK), MASK, 0.9).backward()
    assert v.grad is None  # the target of Q is not pulled towards Q
    assert q.grad[~MASK].abs().sum() == 0
    v_loss(v, slow, MASK, 0.8).backward()
    assert slow.grad is None
    assert v.grad[MASK].abs().min() > 0


@pytest.mark.parametrize("tau", [0.5, 0.7, 0.95])
def test_the_minimum_of_the_expectile_loss_is_scipys(tau):
    from scipy.stats import expectile

    x = np.random.default_rng(1).normal(size=40)
    best = minimize_scalar(
        lambda v: expectile_loss(torch.tensor(x - v), tau).mean().item(), bounds=(-3, 3), method="bounded"
    )
    assert best.x == pytest.approx(expectile(x, tau), abs=1e-4)
    if tau == 0.5:
        assert best.x == pytest.approx(x.mean(), abs=1e-4)


def test_conservatism_is_a_cross_entropy_on_q():
    q = torch.randn(4, 5, 7, generator=G)
    actions = torch.randint(7, (4, 5), generator=G)
    slow = [math.log(sum(math.exp(x) for x in q[b, t].tolist())) - q[b, t, actions[b, t]].item() for b, t in REAL]
    assert cql_loss(q, actions, MASK).item() == pytest.approx(mean(slow), rel=1e-4)


def test_all_four_terms_read_the_state_before_the_token_from_both_heads():
    torch.manual_seed(0)
    heads, hidden = ILQLHeads(6, 7), torch.randn(4, 5, 6)
    for p in heads.target.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    out, actions = LMOutput(torch.randn(4, 5, 7), hidden, None), torch.randint(7, (4, 5))
    found = ilql_losses(out, heads, actions, MASK, REWARD, ILQLConfig(tau=0.8, gamma=0.9))
    terms = {name: [] for name in found}
    for b, t in REAL:
        v = heads.v(hidden[b, t]).item()
        last = t == LENGTHS[b] - 1
        target = REWARD[b].item() if last else 0.9 * heads.v(hidden[b, t + 1]).item()
        slow = min(head(hidden[b, t])[actions[b, t]].item() for head in heads.target)
        terms["q"].append(sum((target - head(hidden[b, t])[actions[b, t]].item()) ** 2 for head in heads.q))
        terms["v"].append((0.8 if slow > v else 0.2) * (slow - v) ** 2)
        terms["cql"].append(sum(-head(hidden[b, t]).log_softmax(0)[actions[b, t]].item() for head in heads.q))
        terms["imitation"].append(-out.logits[b, t].log_softmax(0)[actions[b, t]].item())
    for name, numbers in terms.items():
        assert found[name].item() == pytest.approx(mean(numbers), rel=1e-3), name


def test_the_slow_copies_start_equal_follow_slowly_and_are_never_trained():
    heads = ILQLHeads(6, 7)
    hidden = torch.randn(3, 6)
    assert torch.equal(heads.q[0](hidden), heads.target[0](hidden))
    assert not torch.equal(heads.q[0](hidden), heads.q[1](hidden))  # two opinions, not one twice
    assert not any(p.requires_grad for p in heads.target.parameters())
    old = heads.target[0][0].weight.clone()
    with torch.no_grad():
        heads.q[0][0].weight.add_(1.0)
    heads.follow(0.25)
    assert torch.allclose(heads.target[0][0].weight, old + 0.25)
    assert torch.equal(heads.target_q(hidden), torch.minimum(heads.target[0](hidden), heads.target[1](hidden)))


@pytest.mark.parametrize("beta", [0.0, 1.5])
def test_perturbed_predictions_are_habit_times_e_to_the_beta_advantage(beta):
    torch.manual_seed(0)
    lm, heads = tiny.gpt2(1), ILQLHeads(tiny.WIDTH, tiny.VOCAB)
    ids = torch.tensor([[3, 4, 5]])
    mask = torch.ones_like(ids, dtype=torch.bool)
    out = lm(ids, mask)
    found = Perturbed(lm, heads, beta)(ids, mask).logits[0, -1].softmax(0)
    h = out.hidden[0, -1]
    p = out.logits[0, -1].softmax(0).tolist()
    gain = [min(head(h)[a].item() for head in heads.target) - heads.v(h).item() for a in range(tiny.VOCAB)]
    weights = [p[a] * math.exp(beta * gain[a]) for a in range(tiny.VOCAB)]
    assert found.tolist() == pytest.approx([w / sum(weights) for w in weights], abs=1e-5)


def test_a_perturbed_model_is_a_language_model_that_sample_can_use():
    torch.manual_seed(0)
    heads = ILQLHeads(tiny.WIDTH, tiny.VOCAB)
    lm = Perturbed(tiny.gpt2(1), heads, 2.0)
    ids, mask = left_pad(tiny.prompts(1, 4), tiny.PAD)
    done = sample(lm, ids, mask, 6, eos_id=tiny.EOS, pad_id=tiny.PAD, generator=torch.Generator().manual_seed(0))
    for b in range(4):
        for t in range(6):
            if done.new_mask[b, t]:
                before = slice(None), slice(0, ids.shape[1] + t)
                logits = lm(done.ids[b : b + 1][before], done.mask[b : b + 1][before]).logits[0, -1]
                assert done.logp[b, t].item() == pytest.approx(
                    logits.log_softmax(0)[done.new_ids[b, t]].item(), abs=1e-4
                )
    with pytest.raises(ValueError, match="beta is -1"):
        Perturbed(tiny.gpt2(1), heads, -1.0)
