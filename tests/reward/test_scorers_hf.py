"""Reward models read from Hugging Face's encoders and decoders: tiny random ones, the same code as for large ones."""

import pytest
import tiny
import tiny_studio
import torch
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from rlhf_edu.feedback.types import Preference
from rlhf_edu.lm.hf import HFCausalLM
from rlhf_edu.reward.fit import FitRewardConfig, fit_reward
from rlhf_edu.reward.labels import labels_of
from rlhf_edu.reward.scorers import EncoderFeatures, LMFeatures, Scorer, read

TOKENIZER = tiny_studio.tokenizer()
THEIRS = PreTrainedTokenizerFast(tokenizer_object=TOKENIZER.rust, pad_token="<pad>", eos_token="<eos>")
LABELS = labels_of(
    Preference(" w3", f" w{4 + i % 9}" * (1 + i % 4), f" w{5 + i % 7} w{14 + i % 5}", choice="a" if i % 9 < 5 else "b")
    for i in range(40)
)


def encoder(seed: int = 0) -> BertModel:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=TOKENIZER.vocab_size,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=tiny.CONTEXT,
        pad_token_id=tiny.PAD,
    )
    return BertModel(config).eval()


def test_an_encoder_is_read_as_if_each_text_stood_alone():
    model = encoder()
    found = read(Scorer(EncoderFeatures(model, THEIRS), 16), LABELS.items)
    for i in (0, 5, 20):
        with torch.no_grad():
            alone = model(input_ids=torch.tensor([TOKENIZER.encode(LABELS.items[i])])).last_hidden_state[0].mean(0)
        assert torch.allclose(found[i], alone, atol=1e-5)


@pytest.mark.parametrize("trainable", [False, True])
def test_an_encoder_is_fine_tuned_only_where_you_say_so(trainable):
    model = encoder(1)
    before = [p.clone() for p in model.parameters()]
    scorer = Scorer(EncoderFeatures(model, THEIRS, trainable=trainable), 16, scale="all")
    assert scorer.trainable == trainable
    records = fit_reward(scorer, LABELS, FitRewardConfig(steps=25, lr=0.02, backbone_lr=3e-3, prior=1e-3)).run()
    assert records[-1]["loss"] < records[0]["loss"]
    changed = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert any(changed) == trainable
    assert any(name.startswith("backbone") for name in scorer.state_dict()) == trainable


def test_a_decoder_comes_through_the_language_model_interface():
    torch.manual_seed(2)
    config = GPT2Config(vocab_size=TOKENIZER.vocab_size, n_positions=40, n_embd=16, n_layer=1, n_head=2)
    scorer = Scorer(LMFeatures(HFCausalLM(GPT2LMHeadModel(config).eval()), TOKENIZER, pool="last"), 16)
    records = fit_reward(scorer, LABELS, FitRewardConfig(steps=100, prior=1e-3)).run()
    assert records[-1]["loss"] < records[0]["loss"] - 0.05


def test_a_text_too_long_for_the_encoder_is_refused_or_cut():
    long = [" w4" * (tiny.CONTEXT + 5), " w5"]
    with pytest.raises(ValueError, match=f"a text has {tiny.CONTEXT + 5} tokens, but the model reads {tiny.CONTEXT}"):
        EncoderFeatures(encoder(), THEIRS).features(long)
    assert EncoderFeatures(encoder(), THEIRS, cut=True).features(long).shape == (2, 16)
