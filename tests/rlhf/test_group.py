"""Advantages of groups and the group loss against loops, what their biases are on paper, and the trainer from inside."""

import copy
import math
import statistics
from dataclasses import replace

import pytest
import tiny
import torch
from ppo_runs import likes_low_ids

from rlhf_edu.rlhf import group as module
from rlhf_edu.rlhf.group import (
    DR_GRPO,
    GRPO,
    RLOO,
    GroupConfig,
    group_centred,
    group_loss,
    group_relative,
    group_rl,
    leave_one_out,
)

G = torch.Generator().manual_seed(3)
SCORES = torch.randn(5, 4, generator=G)
LENGTHS = (5, 2, 1, 4)
MASK = torch.arange(5)[None, :] < torch.tensor(LENGTHS)[:, None]
OLD = torch.log(torch.rand(4, 5, generator=G))
NEW = OLD + 0.5 * torch.randn(4, 5, generator=G)
ADV = torch.tensor([1.3, -0.7, 0.4, -1.0])


def test_leave_one_out_compares_each_text_with_the_mean_of_the_others():
    found = leave_one_out(SCORES)
    for p in range(5):
        for i in range(4):
            others = [SCORES[p, j].item() for j in range(4) if j != i]
            assert found[p, i].item() == pytest.approx(SCORES[p, i].item() - sum(others) / 3, abs=1e-5)


def test_grpo_divides_by_the_groups_own_spread_and_its_correction_does_not():
    relative, centred = group_relative(SCORES), group_centred(SCORES)
    for p in range(5):
        row = SCORES[p].double().tolist()
        mean, spread = statistics.mean(row), statistics.stdev(row)
        for i in range(4):
            assert centred[p, i].item() == pytest.approx(row[i] - mean, abs=1e-5)
            assert relative[p, i].item() == pytest.approx((row[i] - mean) / (spread + 1e-4), abs=1e-4)


def test_leave_one_out_gives_the_true_gradient_on_average_and_a_baseline_with_itself_shrinks_it():
    """Two texts (p and 1 − p), all four groups of two enumerated: Σ P(group) · mean A_i ∇log π(y_i) against ∇E[r] = p(1−p)(r₁ − r₀)."""
    p, r = 0.3, (2.0, 5.0)
    grad = (-p, 1 - p)  # d log π(y)/d logit of text 1
    total = {leave_one_out: 0.0, group_centred: 0.0}
    for a in (0, 1):
        for b in (0, 1):
            chance = (p if a else 1 - p) * (p if b else 1 - p)
            for rule in total:
                adv = rule(torch.tensor([[r[a], r[b]]]))[0].tolist()
                total[rule] += chance * (adv[0] * grad[a] + adv[1] * grad[b]) / 2
    true = p * (1 - p) * (r[1] - r[0])
    assert total[leave_one_out] == pytest.approx(true, abs=1e-6)
    assert total[group_centred] == pytest.approx(true / 2, abs=1e-6)  # (G − 1)/G


def test_division_by_the_spread_makes_a_dull_group_count_as_much_as_a_lively_one():
    dull, lively = torch.tensor([[0.50, 0.51, 0.49, 0.50]]), torch.tensor([[5.0, 6.0, 4.0, 5.0]])
    assert torch.allclose(group_relative(dull, eps=0.0), group_relative(lively, eps=0.0), atol=1e-3)
    assert group_centred(lively).abs().sum() > 50 * group_centred(dull).abs().sum()


@pytest.mark.parametrize("rule", [leave_one_out, group_centred, group_relative])
def test_equal_scores_teach_nothing_and_one_text_alone_is_refused(rule):
    assert rule(torch.full((3, 4), 0.1)).abs().max() < 1e-3
    with pytest.raises(ValueError, match="a group needs at least two texts for each prompt"):
        rule(torch.randn(3, 1))


def slow_group_loss(new, average, clip=0.2):
    texts = []
    for b, n in enumerate(LENGTHS):
        row = []
        for t in range(n):
            ratio, a = math.exp(new[b][t] - OLD[b, t].item()), ADV[b].item()
            row.append(max(-a * ratio, -a * min(max(ratio, 1 - clip), 1 + clip)))
        texts.append(row)
    if average == "text":
        return sum(sum(row) / len(row) for row in texts) / 4
    return sum(map(sum, texts)) / (sum(LENGTHS) if average == "tokens" else 4 * 5)


@pytest.mark.parametrize("average", ["text", "tokens", "budget"])
def test_the_group_loss_and_its_gradient_are_those_of_the_loop(average):
    x = NEW.clone().requires_grad_(True)
    loss = group_loss(x, OLD, ADV, MASK, 0.2, average)
    assert loss.item() == pytest.approx(slow_group_loss(NEW.tolist(), average), abs=1e-5)
    (grad,) = torch.autograd.grad(loss, x)
    assert grad[~MASK].abs().sum() == 0
    eps = 1e-5
    for b, n in enumerate(LENGTHS):
        for t in range(n):
            up, down = NEW.double().tolist(), NEW.double().tolist()
            up[b][t] += eps
            down[b][t] -= eps
            slope = (slow_group_loss(up, average) - slow_group_loss(down, average)) / (2 * eps)
            assert grad[b, t].item() == pytest.approx(slope, abs=1e-4)


def test_a_long_wrong_text_gets_off_lightly_under_text_averages_only():
    """The pull on one token of a text with A = −1, by the text's length."""
    pull = {}
    for average in ("text", "budget"):
        for n in (1, 5):
            mask = torch.arange(5)[None, :] < n
            x = torch.zeros(1, 5, requires_grad=True)
            (grad,) = torch.autograd.grad(group_loss(x, torch.zeros(1, 5), torch.tensor([-1.0]), mask, 0.2, average), x)
            pull[average, n] = grad[0, 0].item()
    assert pull["text", 1] == pytest.approx(5 * pull["text", 5])
    assert pull["budget", 1] == pytest.approx(pull["budget", 5])


def test_padding_may_hold_anything():
    nan = [x.masked_fill(~MASK, float("nan")) for x in (NEW, OLD)]
    for average in ("text", "tokens", "budget"):
        assert torch.equal(group_loss(*nan, ADV, MASK, 0.2, average), group_loss(NEW, OLD, ADV, MASK, 0.2, average))


def run(config, policy=None, reward=likes_low_ids, reference=None, **kw):
    policy = policy or tiny.gpt2(1)
    reference = reference or copy.deepcopy(policy).requires_grad_(False)
    small = replace(config, **dict(steps=4, prompts=3, group=4, n_new=8, lr=3e-3) | kw.pop("settings", {}))
    g = torch.Generator().manual_seed(5)
    return group_rl(
        policy, reference, reward, tiny.prompts(1, 10), small, eos_id=tiny.EOS, pad_id=tiny.PAD, generator=g, **kw
    )


@pytest.mark.parametrize("config", [RLOO, GRPO, DR_GRPO])
def test_only_the_policy_learns_and_the_first_ratio_is_one(config):
    policy = tiny.gpt2(1)
    reference = copy.deepcopy(policy).requires_grad_(False)
    before = {k: w.clone() for k, w in policy.state_dict().items()}
    records = run(config, policy, reference=reference, settings=dict(minibatches=1)).run()
    assert records[0]["ratio"] == pytest.approx(1.0, abs=1e-5)
    assert records[0]["kl_nats"] == pytest.approx(0.0, abs=1e-4)
    assert all(torch.equal(w, before[k]) for k, w in reference.state_dict().items())
    assert not all(torch.equal(w, before[k]) for k, w in policy.state_dict().items())
    assert all(math.isfinite(x) for r in records for x in r.values())


def test_scores_are_compared_within_a_prompt_and_the_price_is_taken_off_where_the_config_says():
    """The groups that the advantages get are those of one prompt each, and hold score − β·KL for RLOO, the score for GRPO."""
    other = tiny.gpt2(9).requires_grad_(False)  # a reference that differs, so that the KL is not 0
    for config in (RLOO, GRPO):
        seen, texts = [], []
        note = lambda scores, seen=seen: seen.append(scores) or leave_one_out(scores)  # noqa: E731
        watch = lambda done, texts=texts: texts.append(done) or {}  # noqa: E731
        next(run(config, reference=other, advantages=note, watch_texts=watch, settings=dict(beta=0.5)))
        (groups,), (done,) = seen, texts
        width = done.ids.shape[1] - done.n_new
        assert all(len({tuple(row[:width]) for row in done.ids[4 * p : 4 * p + 4].tolist()}) == 1 for p in range(3))
        policy = tiny.gpt2(1)
        for b in range(12):
            score = likes_low_ids(done)[b].item() if tiny.EOS in done.new_ids[b].tolist() else -2.0
            with torch.no_grad():
                kl = sum(
                    (module.score_tokens(lm, done)[0][b] * sign).sum().item() for lm, sign in ((policy, 1), (other, -1))
                )
            expected = score - 0.5 * kl if config.kl == "reward" else score
            assert groups.flatten()[b].item() == pytest.approx(expected, abs=1e-3)


def test_a_text_without_end_gets_the_fixed_low_score_or_what_the_reward_says():
    for missing, seen in ((-7.0, []), (None, [])):
        note = lambda scores, seen=seen: seen.append(scores) or leave_one_out(scores)  # noqa: E731
        reward = lambda done: torch.arange(len(done)).float()  # noqa: E731
        texts = []
        watch = lambda done, texts=texts: texts.append(done) or {}  # noqa: E731
        next(run(RLOO, reward=reward, advantages=note, watch_texts=watch, settings=dict(beta=0.0, missing_eos=missing)))
        ended = [tiny.EOS in row for row in texts[0].new_ids.tolist()]
        assert {True, False} == set(ended)
        expected = [float(b) if end or missing is None else missing for b, end in enumerate(ended)]
        assert seen[0].flatten().tolist() == expected


def test_a_students_advantages_train_the_agent():
    none = run(RLOO, policy := tiny.gpt2(1), advantages=torch.zeros_like, settings=dict(beta=0.0)).run()
    assert none[0]["advantage_size"] == 0.0
    assert all(torch.equal(w, tiny.gpt2(1).state_dict()[k]) for k, w in policy.state_dict().items())


def test_groups_that_never_differ_stop_the_run_with_one_clear_sentence():
    ends_badly = lambda done: torch.full((len(done),), -2.0)  # noqa: E731
    training = run(RLOO, reward=ends_badly)
    assert [next(training)["flat"] for _ in range(2)] == [1.0, 1.0]
    with pytest.raises(ValueError, match="all 4 texts of every prompt got equal scores"):
        next(training)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(group=1), "group is 1, but a text is judged against others"),
        (dict(beta=-0.1), "beta is -0.1, but the price"),
        (dict(lr=0.0), "lr is 0.0, but it must be positive"),
        (dict(average="mean"), 'average is "mean"'),
    ],
)
def test_a_config_that_makes_no_sense_says_what_is_wrong(settings, words):
    with pytest.raises(ValueError, match=words):
        GroupConfig(**settings)


def test_a_reward_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN or infinity for 12 of 12 texts"):
        next(run(RLOO, reward=lambda done: torch.full((len(done),), float("nan"))))
