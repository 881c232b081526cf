"""The one call: which method it chooses, what judges and metrics are shown, and what it refuses."""

import numpy as np
import pytest
import tiny
import tiny_studio
import torch

from rlhf_edu.lm.checkpoint import load, load_state
from rlhf_edu.lm.interface import left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.lm.sft import SFTConfig
from rlhf_edu.rlhf.offline import ILQLConfig, Perturbed
from rlhf_edu.rlhf.ppo import PPOConfig, score_tokens
from rlhf_edu.rlhf.texts import AlwaysEnds, call_with_texts, cut, split_sample, texts_of
from rlhf_edu.rlhf.train import choose, train

MODEL = tiny.gpt2(7), tiny_studio.tokenizer()
PROMPTS = tiny_studio.openings(6, 1)
SAMPLES = tiny_studio.openings(30, 2)


def count_w5(samples, **kwargs):
    return [sample.count(" w5") for sample in samples]


def test_a_reward_function_means_ppo_and_texts_come_to_hold_what_it_counts():
    """trlX's own example ("count the cats"), in a world of two dozen words."""
    config = PPOConfig(steps=40, batch=32, n_new=8, epochs=2, lr=5e-3, beta=0.02)
    result = train(MODEL, reward_fn=count_w5, prompts=PROMPTS, config=config, eval_prompts=PROMPTS * 4)
    before, after = result.history[0]["eval/reward"], result.history[-1]["eval/reward"]
    assert after > before + 1.0
    assert np.mean(count_w5(result.generate(PROMPTS * 4, seed=5))) > 1.0
    assert all(torch.equal(w, tiny.gpt2(7).state_dict()[k]) for k, w in MODEL[0].state_dict().items())  # left as it was
    assert [r["step"] for r in result.history if "eval/reward" in r] == [-1, 19, 39]
    assert {r.get("ended", 1.0) for r in result.history} == {1.0}


def test_rated_samples_mean_ilql_and_samples_alone_mean_sft(tmp_path):
    rewards = [tiny_studio.low(text) for text in SAMPLES]
    metric = lambda samples, prompts, outputs: {"low": [tiny_studio.low(text) for text in samples]}  # noqa: E731
    seen = []
    ilql = train(
        MODEL, samples=SAMPLES, rewards=rewards, metric_fn=metric, config=ILQLConfig(steps=6), n_new=5, log=seen.append
    )
    assert isinstance(ilql.lm, Perturbed)
    assert "v_loss" in ilql.history[-1]
    assert 0 <= ilql.history[-1]["eval/low"] <= 1
    assert len(seen) == 6
    folder = ilql.save_pretrained(tmp_path / "ilql")
    assert load(folder)[0].config == MODEL[0].config
    assert load_state(folder / "ilql_heads.pt").keys() == ilql.heads.state_dict().keys()

    sft = train(MODEL, samples=[(" w3", " w4 w5")] * 8, config=SFTConfig(steps=40, lr=3e-3, batch=8), n_new=5)
    assert sft.history[-1]["loss"] < sft.history[1]["loss"]
    assert sft.generate([" w3"]) == [" w4 w5"]


def test_without_prompts_a_text_begins_after_the_end_token():
    config = PPOConfig(steps=1, batch=8, n_new=4)
    assert isinstance(train(MODEL, reward_fn=count_w5, config=config).generate([""])[0], str)


def test_judges_are_shown_what_they_name_cut_at_stop_sequences():
    seen = {}

    def named(outputs, prompts):
        seen.update(outputs=outputs, prompts=prompts)
        return [float(len(output)) for output in outputs]

    train(
        MODEL,
        reward_fn=named,
        prompts=PROMPTS,
        stop_sequences=[" w5", " w9"],
        config=PPOConfig(steps=1, batch=16, n_new=8),
    )
    assert set(seen["prompts"]) <= set(PROMPTS)
    assert not any(" w5" in output or " w9" in output for output in seen["outputs"])
    assert call_with_texts(lambda texts: [len(texts)], ["a", "b"], ["", ""], ["a", "b"]) == [2]
    assert call_with_texts(lambda samples, **kw: sorted(kw), ["a"], [""], ["a"]) == ["outputs", "prompts"]
    assert cut("one two three", ["three", " two"]) == "one"
    assert cut("one", ["x", ""]) == "one"


def test_samples_are_split_into_prompt_and_output():
    assert split_sample(" w3 w4 w5", MODEL[1]) == (" w3", " w4 w5")
    assert split_sample([" w3 w4", " w5"], MODEL[1]) == (" w3 w4", " w5")


def test_texts_that_are_made_to_end_are_scored_as_they_were_written():
    lm = AlwaysEnds(tiny.gpt2(1), tiny.EOS)
    ids, mask = left_pad(tiny.prompts(1, 8), tiny.PAD)
    done = sample(lm, ids, mask, 6, eos_id=tiny.EOS, pad_id=tiny.PAD, generator=torch.Generator().manual_seed(0))
    assert (done.new_ids == tiny.EOS).any(1).all()
    forced = done.new_mask[:, -1]
    assert forced.any()
    assert done.logp[forced, -1].abs().max() < 1e-6
    logp, _, _ = score_tokens(lm, done)
    assert torch.allclose(logp, done.logp, atol=1e-4)
    free, _, _ = score_tokens(tiny.gpt2(1), done)
    assert torch.allclose(free[:, :-1], done.logp[:, :-1], atol=1e-4)  # all other tokens are the model's own
    prompts, outputs = texts_of(done, MODEL[1])
    assert prompts == [MODEL[1].decode(row) for row in tiny.prompts(1, 8)]
    assert outputs == [MODEL[1].decode(i[m].tolist()) for i, m in zip(done.new_ids, done.new_mask, strict=True)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (dict(), "nothing to learn from came: give reward_fn with prompts, samples with rewards, or samples"),
        (dict(prompts=PROMPTS), "prompts came without samples"),
        (dict(rewards=[1.0]), "rewards came without samples"),
        (dict(reward_fn=count_w5, samples=SAMPLES), "both reward_fn and samples came"),
        (dict(samples=[]), "samples is empty"),
        (dict(samples=SAMPLES, rewards=[1.0, 2.0]), "30 samples came with 2 rewards"),
        (dict(samples=SAMPLES[:2], rewards=[1.0, float("nan")]), "1 of 2 rewards are NaN"),
        (
            dict(samples=SAMPLES, config=PPOConfig()),
            "config is a PPOConfig, but what came calls for SFT: use SFTConfig",
        ),
        (dict(samples=[" w3"]), "has fewer than two tokens"),
        (dict(samples=[(" w3", " w4", " w5")]), r"it must be a text or \(prompt, output\)"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_sentence(given, words):
    with pytest.raises(ValueError, match=words):
        train(MODEL, **given)


def test_rewards_in_words_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"rewards is \['good', 'bad'\], but it must be one number for each sample"):
        choose(None, None, SAMPLES[:2], ["good", "bad"], None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda n: [0.0] * (n + 1), r"numbers for \d+ texts, but there must be one for each"),
        (lambda n: None, r"came as 'None' for \d+ texts, but there must be one number for each"),
        (lambda n: 1.0, r"came as '1.0' for \d+ texts"),
        (lambda n: [float("nan")] * n, r"NaN or infinite for (\d+) of \1 texts"),
    ],
)
def test_a_judge_that_answers_wrongly_is_told_so(answer, words):
    with pytest.raises(ValueError, match=words):
        train(MODEL, reward_fn=lambda samples: answer(len(samples)), prompts=PROMPTS)
