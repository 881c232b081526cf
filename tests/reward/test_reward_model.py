"""The reward model against plain readings of one text at a time."""

import pytest
import tiny
import torch

from rlhf_edu.lm.interface import Completions
from rlhf_edu.lm.train import right_pad
from rlhf_edu.reward import models
from rlhf_edu.reward.models import RewardModel

POLICY = tiny.gpt2(1)
DONE = tiny.written(POLICY, seed=2, n=12)
THEMES = torch.randn(tiny.VOCAB, 5, generator=torch.Generator().manual_seed(8))


@pytest.fixture(autouse=True)
def short_memory(monkeypatch):
    """So short that most of these texts are longer, and "the last few tokens" are not simply all of them."""
    monkeypatch.setattr(models, "RECENT", 9)


@pytest.fixture
def model(short_memory):
    model = RewardModel(POLICY, THEMES).settle(DONE)
    torch.nn.init.normal_(model.head.linear.weight, generator=torch.Generator().manual_seed(3))
    torch.nn.init.constant_(model.head.linear.bias, 0.4)
    return model


def rows(done: Completions) -> list[list[int]]:
    return [done.ids[b][done.mask[b]].tolist() for b in range(len(done))]


def slow_feature(ids: list[int]) -> torch.Tensor:
    """The means of all hidden states and of the last few of one text, read without padding, and its themes word by word."""
    x = torch.tensor([ids])
    with torch.no_grad():
        hidden = POLICY(x, torch.ones_like(x, dtype=torch.bool)).hidden[0]
    recent = hidden[-models.RECENT :]
    themes = sum((THEMES[i] for i in set(ids)), torch.zeros(5))
    return torch.cat([sum(hidden[1:], hidden[0]) / len(ids), sum(recent[1:], recent[0]) / len(recent), themes])


def slow_head(model: RewardModel, x: torch.Tensor) -> float:
    return float(sum(w * v for w, v in zip(model.head.linear.weight[0].tolist(), x.tolist(), strict=True)) + 0.4)


def slow_reward(model: RewardModel, ids: list[int]) -> float:
    return slow_head(model, (slow_feature(ids) - model.centre) / model.scale)


def test_rewards_equal_a_reading_of_each_text_alone(model):
    found = model(DONE)
    for b, ids in enumerate(rows(DONE)):
        share = min(1.0, len(ids) / model.shortest.item())
        assert found[b].item() == pytest.approx(slow_reward(model, ids) * share, abs=1e-4)
    lengths = {len(ids) for ids in rows(DONE)}
    assert len(lengths) > 3
    assert min(lengths) < models.RECENT < max(lengths)


def test_padding_on_either_side_changes_no_reward(model):
    ids, mask = right_pad(rows(DONE), tiny.PAD)
    left = model.features(DONE.ids, DONE.mask)
    assert torch.allclose(model.features(ids, mask), left, atol=1e-4)
    wider = torch.nn.functional.pad(DONE.ids, (3, 2)), torch.nn.functional.pad(DONE.mask, (3, 2))
    assert torch.allclose(model.features(*wider), left, atol=1e-4)
    for b in range(len(DONE)):
        alone = Completions(DONE.ids[b : b + 1], DONE.mask[b : b + 1], DONE.logp[b : b + 1])
        assert model(alone).item() == pytest.approx(model(DONE)[b].item(), abs=1e-4)


def test_what_follows_the_end_of_a_text_is_not_read(model):
    noise = torch.randint(3, tiny.VOCAB, DONE.ids.shape, generator=torch.Generator().manual_seed(4))
    changed = Completions(torch.where(DONE.mask, DONE.ids, noise), DONE.mask, DONE.logp)
    assert torch.allclose(model(changed), model(DONE), atol=1e-5)


def test_the_first_guess_before_each_token_supposes_that_the_rest_will_be_average(model):
    """Features of what is written, completed by the average text's; and nothing where there is no token."""
    found, start = model.expected(DONE), DONE.ids.shape[1] - DONE.n_new
    for b, ids in enumerate(rows(DONE)):
        prompt = int(DONE.mask[b, :start].sum())
        for t in range(DONE.n_new):
            if not DONE.new_mask[b, t]:
                assert found[b, t] == 0
                continue
            f, share = slow_feature(ids[: prompt + t]), min(1.0, (prompt + t) / model.length.item())
            whole = f + (1 - share) * model.centre  # a sum grows by what is still to come
            whole[:-5] = share * f[:-5] + (1 - share) * model.centre[:-5]  # a mean is mixed with it
            expected = slow_head(model, (whole - model.centre) / model.scale)
            assert found[b, t].item() == pytest.approx(expected, abs=1e-4)


def test_themes_of_another_vocabulary_are_refused():
    with pytest.raises(ValueError, match="themes of 7 tokens came, but the trunk knows 24"):
        RewardModel(POLICY, torch.zeros(7, 3))


def test_settled_features_have_mean_zero_and_unit_spread(model):
    f = (model.features(DONE.ids, DONE.mask) - model.centre) / model.scale
    assert f.mean(0).abs().max() < 1e-5
    assert f.square().sum(1).mean().item() == pytest.approx(1.0, abs=1e-4)
    hidden, themes = f[:, :-5].square().sum(1).mean(), f[:, -5:].square().sum(1).mean()
    assert (themes / hidden).sqrt().item() == pytest.approx(models.THEMES, abs=1e-3)
    lengths = sorted(len(ids) for ids in rows(DONE))
    assert model.length.item() == pytest.approx(sum(lengths) / len(lengths))
    assert lengths[0] <= model.shortest.item() <= lengths[2]


def test_it_is_a_frozen_copy_that_training_the_policy_does_not_move():
    policy = tiny.gpt2(5)
    model = RewardModel(policy).settle(DONE)
    torch.nn.init.ones_(model.head.linear.weight)
    before = model(tiny.written(policy, seed=6))
    with torch.no_grad():
        for p in policy.parameters():
            p.add_(1.0)
    assert torch.equal(model(tiny.written(tiny.gpt2(5), seed=6)), before)
    assert not model.trunk.training
    assert not any(p.requires_grad for p in model.trunk.parameters())
    assert [n for n, p in model.named_parameters() if p.requires_grad] == ["head.linear.weight", "head.linear.bias"]


def test_a_new_opinion_is_heard_at_once_about_texts_already_read(model):
    before = model(DONE).clone()
    with torch.no_grad():
        model.head.linear.weight.mul_(-1)
        model.head.linear.bias.mul_(-1)
    assert torch.allclose(model(DONE), -before, atol=1e-5)
    other = tiny.written(POLICY, seed=7, n=12)
    assert not torch.allclose(model(other), model(DONE), atol=1e-3)


def test_before_it_has_learned_anything_it_has_no_opinion():
    assert torch.equal(RewardModel(POLICY)(DONE), torch.zeros(12))


def test_its_state_comes_back_from_disk_whole(model):
    again = RewardModel(tiny.gpt2(9), torch.zeros_like(THEMES))
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(DONE), model(DONE))
