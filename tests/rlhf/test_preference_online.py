"""Pairs out of the policy's own texts: which are picked, what is left out, and that learning from them raises the score."""

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tiny
import tiny_studio
import torch
from ppo_runs import likes_low_ids

from rlhf_edu.lm.interface import Completions, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.rlhf.preference import dpo, kto, simpo
from rlhf_edu.rlhf.preference_online import OnlineConfig, judged_pairs, online_preference
from rlhf_edu.rlhf.preference_train import PreferenceConfig
from rlhf_edu.rlhf.texts import texts_of

TOKENIZER = tiny_studio.tokenizer()
SMALL = OnlineConfig(rounds=3, prompts=6, group=6, n_new=8, train=PreferenceConfig(steps=3, batch=6, lr=3e-3))


def written(n_prompts: int = 8, group: int = 5) -> Completions:
    ids, mask = left_pad(tiny.prompts(1, n_prompts), tiny.PAD)
    g = torch.Generator().manual_seed(3)
    return sample(tiny.gpt2(1), ids, mask, 8, eos_id=tiny.EOS, pad_id=tiny.PAD, samples=group, generator=g)


def test_of_each_prompts_finished_texts_the_best_and_the_worst_are_paired():
    done = written()
    scores = torch.randn(40, generator=torch.Generator().manual_seed(4))
    pairs, expected = judged_pairs(done, scores, 5, TOKENIZER), []
    prompts, outputs = texts_of(done, TOKENIZER)
    for p in range(8):
        rows = [i for i in range(5 * p, 5 * p + 5) if tiny.EOS in done.new_ids[i].tolist() and outputs[i]]
        ranked = sorted(rows, key=lambda i: scores[i].item())
        if len(ranked) > 1 and outputs[ranked[-1]] != outputs[ranked[0]]:
            expected.append((prompts[5 * p], outputs[ranked[-1]], outputs[ranked[0]]))
    assert [(p.prompt, p.better, p.worse) for p in pairs] == expected
    unfinished = [i for i in range(40) if tiny.EOS not in done.new_ids[i].tolist()]
    assert expected
    assert unfinished
    assert not {outputs[i] for i in unfinished} & {text for pair in pairs for text in pair[1:]}


def test_equal_scores_make_no_pair():
    assert judged_pairs(written(), torch.zeros(40), 5, TOKENIZER) == []


def run(policy, reward=likes_low_ids, config=SMALL, **kw):
    reference = copy.deepcopy(policy).requires_grad_(False)
    return online_preference(
        policy,
        reference,
        TOKENIZER,
        reward,
        tiny.prompts(1, 10),
        config,
        generator=torch.Generator().manual_seed(5),
        rng=np.random.default_rng(0),
        **kw,
    )


@pytest.mark.parametrize("loss", [partial(dpo, beta=0.3), partial(kto, beta=0.3), simpo])
def test_the_score_rises_and_every_round_reads_texts_of_the_policy_as_it_is(loss):
    seen = []
    config = replace(SMALL, rounds=8, prompts=24, train=PreferenceConfig(steps=6, batch=12, lr=3e-3))
    records = run(tiny.gpt2(1), config=config, loss=loss, watch_texts=lambda done: seen.append(done) or {}).run()
    assert len(seen) == len(records) == 8
    assert np.mean([r["score"] for r in records[-2:]]) > records[0]["score"] + 0.3
    assert [r["score"] for r in records] == pytest.approx([likes_low_ids(done).mean().item() for done in seen])
    assert all(0 < r["pairs"] <= 24 for r in records)


def test_a_reward_function_that_cannot_tell_texts_apart_stops_the_run_and_leaves_the_policy_alone():
    policy = tiny.gpt2(1)
    with pytest.raises(ValueError, match="round 0 gave no pair"):
        next(run(policy, reward=lambda done: torch.zeros(len(done))))
    assert all(torch.equal(w, tiny.gpt2(1).state_dict()[k]) for k, w in policy.state_dict().items())


@pytest.mark.parametrize(
    ("settings", "words"), [(dict(group=1), "group is 1, but a pair needs"), (dict(rounds=0), "rounds is 0")]
)
def test_a_config_that_makes_no_sense_says_what_is_wrong(settings, words):
    with pytest.raises(ValueError, match=words):
        OnlineConfig(**settings)
