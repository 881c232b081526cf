"""Embeddings take steps of their own: of the size of the rate with a tiny ε, in proportion to the gradient with a large one."""

from dataclasses import replace

import pytest
import tiny
import tiny_studio
import torch

from rlhf_edu.feedback.types import Preference
from rlhf_edu.reward.answers import People
from rlhf_edu.reward.fit import FitRewardConfig, make_optimizer
from rlhf_edu.reward.labels import labels_of
from rlhf_edu.reward.scorers import LMFeatures, Scorer

LABELS = labels_of([Preference(" w3", " w4", " w5", choice="a")])


def moved(gradient: float, config: FitRewardConfig) -> tuple[float, float]:
    """How far one step moves a word, and a weight of the first block, where both have this gradient."""
    lm = tiny.gpt2(1)
    scorer = Scorer(LMFeatures(lm, tiny_studio.tokenizer(), trainable=True), tiny.WIDTH)
    optimizer = make_optimizer(scorer, People(LABELS), config)
    word, inner = lm.tokens.weight, lm.get_parameter("blocks.0.widen.weight")
    before = word[0, 0].item(), inner[0, 0].item()
    for p in (word, inner):
        p.grad = torch.full_like(p, gradient)
    optimizer.step()
    return before[0] - word[0, 0].item(), before[1] - inner[0, 0].item()


def test_a_tiny_eps_moves_a_word_by_the_rate_however_small_its_gradient():
    config = FitRewardConfig(backbone_lr=1e-2)
    assert moved(1e-4, config) == pytest.approx((1e-2, 1e-2), rel=1e-2)
    assert moved(1e-2, config) == pytest.approx((1e-2, 1e-2), rel=1e-2)


def test_a_large_eps_moves_a_word_in_proportion_to_its_gradient_and_nothing_else():
    config = FitRewardConfig(backbone_lr=1e-2, embedding_lr=0.5, embedding_eps=0.1)
    for gradient in (1e-3, 1e-2):  # the first step: m and √v, once corrected, are the gradient and its size
        word, inner = moved(gradient, config)
        assert word == pytest.approx(0.5 * gradient / (gradient + 0.1), rel=1e-2)
        assert inner == pytest.approx(1e-2, rel=1e-2)


def test_every_weight_that_learns_is_in_one_group_and_only_one():
    scorer = Scorer(LMFeatures(tiny.gpt2(1), tiny_studio.tokenizer(), trainable=True), tiny.WIDTH)
    people = People(LABELS)
    groups = make_optimizer(scorer, people, FitRewardConfig()).param_groups
    found = sorted(id(p) for group in groups for p in group["params"])
    assert found == sorted(id(p) for p in [*scorer.parameters(), *people.parameters()])


@pytest.mark.parametrize("name", ["embedding_lr", "embedding_eps"])
def test_steps_that_go_nowhere_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0.0, but it must be positive"):
        replace(FitRewardConfig(), **{name: 0.0})
