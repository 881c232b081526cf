"""RLOO, GRPO, DPO, ILQL and rejection fine-tuning on five families of `transformers`, with nothing changed for them."""

import copy

import hf_models
import numpy as np
import pytest
import torch
from hf_models import TEXTS, VOCAB, make

from rlhf_edu.feedback.types import Pair
from rlhf_edu.lm.checkpoint import load
from rlhf_edu.rlhf.best_of_n import RFTConfig, rejection_finetune
from rlhf_edu.rlhf.group import GRPO, RLOO, GroupConfig, group_rl
from rlhf_edu.rlhf.offline import ILQLConfig, ILQLHeads, Rated, ilql
from rlhf_edu.rlhf.preference_train import PreferenceConfig, train_preference


@pytest.fixture(scope="module", params=list(hf_models.CONFIGS))
def folder(request, tmp_path_factory):
    return make(request.param, tmp_path_factory.mktemp("family") / request.param)


@pytest.fixture
def opened(folder):
    return load(folder)


def low_ids(done):
    return ((done.new_ids < VOCAB // 2) * done.new_mask).sum(1) / done.new_mask.sum(1) * 4 - 2


def prompts_of(tokenizer):
    return [tokenizer.encode(text)[:3] for text in TEXTS]


def special(tokenizer):
    g = torch.Generator().manual_seed(3)
    return dict(eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id, generator=g)


@pytest.mark.parametrize("base", [RLOO, GRPO])
def test_groups_raise_the_score(opened, base):
    lm, tokenizer = opened
    changed = dict(steps=12, prompts=4, group=8, n_new=8, lr=1e-2, beta=0.01, missing_eos=None)
    config = GroupConfig(**{**base.__dict__, **changed})
    reference = copy.deepcopy(lm).requires_grad_(False)
    history = group_rl(lm, reference, low_ids, prompts_of(tokenizer), config, **special(tokenizer)).run()
    assert history[0]["kl_nats"] == pytest.approx(0.0, abs=1e-3)
    first, last = (np.mean([record["score"] for record in part]) for part in (history[:3], history[-3:]))
    assert last > first + 0.4


def test_dpo_prefers_what_was_chosen(opened):
    lm, tokenizer = opened
    pairs = [Pair("the", f" {good}", f" {bad}") for good, bad in [("fox", "tree"), ("bird", "old"), ("red", "small")]]
    config = PreferenceConfig(steps=25, batch=3, lr=3e-3)
    reference = copy.deepcopy(lm).requires_grad_(False)
    history = train_preference(lm, reference, tokenizer, pairs, config, rng=np.random.default_rng(0)).run()
    assert history[0]["accuracy"] == 0.0  # nothing has moved yet
    assert history[-1]["accuracy"] == 1.0
    assert history[-1]["margin"] > 1.0


def test_ilql_learns_what_texts_are_worth(opened):
    lm, tokenizer = opened
    data = [Rated("the", " fox", 1.0), Rated("the", " tree", 0.0), Rated("a", " bird", 1.0), Rated("a", " old", 0.0)]
    heads = ILQLHeads(lm.config.width, lm.vocab_size)
    history = ilql(lm, heads, tokenizer, data, ILQLConfig(steps=80, lr=3e-3), rng=np.random.default_rng(0)).run()
    early, late = (np.mean([record["imitation_loss"] for record in part]) for part in (history[:5], history[-5:]))
    assert late < early
    assert np.mean([record["q_loss"] for record in history[-5:]]) < np.mean(
        [record["q_loss"] for record in history[:5]]
    )


def test_the_best_of_its_own_texts_teach_it(opened):
    lm, tokenizer = opened
    config = RFTConfig(rounds=3, n=8, n_new=8)
    rng = np.random.default_rng(0)
    history = rejection_finetune(lm, low_ids, prompts_of(tokenizer) * 4, config, rng=rng, **special(tokenizer)).run()
    assert history[0]["score_kept"] > history[0]["score"]
    assert history[-1]["score"] > history[0]["score"]
