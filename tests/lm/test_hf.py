"""Five families of `transformers` behind our interface: padding, cache, hidden states, disk, LoRA, every trainer."""

import copy
import math

import hf_models
import numpy as np
import pytest
import torch
from hf_models import CONTEXT, TEXTS, VOCAB, make
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf_edu.feedback.types import Pair
from rlhf_edu.lm.checkpoint import load, save
from rlhf_edu.lm.gpt2 import GPT2
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.hf import HFCausalLM, check_padding, lora
from rlhf_edu.lm.interface import CausalLM, Completions, completion_logits, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.lm.sft import SFTConfig, sft
from rlhf_edu.lm.train import PretrainConfig, batches, held_out, packed, pretrain
from rlhf_edu.ops import token_logp
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.train import FitConfig, fit_preferences
from rlhf_edu.rlhf.ppo import PPOConfig, ppo

FAMILIES = list(hf_models.CONFIGS)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("families")
    return {family: make(family, root / family) for family in FAMILIES}


@pytest.fixture(params=FAMILIES)
def opened(request, folders):
    return load(folders[request.param])


@pytest.fixture
def lm(opened):
    return opened[0]


def ragged(lm, seed=1, lengths=(11, 6, 2)):
    g = torch.Generator().manual_seed(seed)
    return [torch.randint(4, lm.vocab_size, (n,), generator=g).tolist() for n in lengths]


def test_it_is_a_causal_lm_in_evaluation_mode_with_the_shapes_of_its_family(lm):
    assert isinstance(lm, HFCausalLM)
    assert isinstance(lm, CausalLM)
    assert (lm.vocab_size, lm.context) == (VOCAB, CONTEXT)
    assert lm.config.width == (24 if lm.config.family == "opt" else 32)
    assert not any(module.training for module in lm.train().modules())


@torch.no_grad()
def test_left_padded_equals_unpadded_equals_plain_transformers(lm):
    rows = ragged(lm)
    ids, mask = left_pad(rows, 0)
    out = lm(ids, mask)
    assert out.logits.isfinite().all()
    assert out.hidden.isfinite().all()
    for b, row in enumerate(rows):
        alone = lm(torch.tensor([row]), torch.ones(1, len(row), dtype=torch.bool))
        assert torch.allclose(out.logits[b, -len(row) :], alone.logits[0], atol=1e-5)
        assert torch.allclose(out.hidden[b, -len(row) :], alone.hidden[0], atol=1e-5)
        assert torch.allclose(alone.logits[0], lm.model(torch.tensor([row])).logits[0], atol=1e-5)


@torch.no_grad()
def test_hidden_is_what_the_output_layer_reads(lm):
    ids, mask = left_pad(ragged(lm, seed=2), 0)
    out = lm(ids, mask)
    assert out.hidden.shape == (3, 11, lm.config.width)
    assert torch.allclose(lm.model.get_output_embeddings()(out.hidden), out.logits, atol=1e-5)
    some = lm(ids, mask, last=2)
    assert torch.allclose(some.logits, out.logits[:, -2:], atol=1e-6)
    assert torch.equal(some.hidden, out.hidden[:, -2:])


@pytest.mark.parametrize("pieces", [(11,), (4, 7), (1,) * 11, (3, 1, 1, 6)])
@torch.no_grad()
def test_reading_in_pieces_with_the_cache_equals_reading_at_once(lm, pieces):
    ids, mask = left_pad(ragged(lm, seed=3), 0)
    cache, parts, at = lm.new_cache(3, 11), [], 0
    for n in pieces:
        out = lm(ids[:, at : at + n], mask[:, : at + n], cache)
        cache, at = out.cache, at + n
        parts.append(out.logits)
    assert torch.allclose(torch.cat(parts, 1)[mask], lm(ids, mask).logits[mask], atol=1e-5)


@torch.no_grad()
def test_a_cache_of_chosen_rows_goes_on_like_those_rows_and_leaves_the_first_alone(lm):
    ids, mask = left_pad(ragged(lm, seed=4), 0)
    whole, rows = lm(ids, mask).logits[:, -1], torch.tensor([2, 0, 0, 1])
    cache = lm(ids[:, :-1], mask[:, :-1], lm.new_cache(3, 11)).cache
    picked = lm(ids[rows, -1:], mask[rows], cache.rows(rows)).logits[:, 0]
    assert torch.allclose(picked, whole[rows], atol=1e-5)
    assert torch.allclose(lm(ids[:, -1:], mask, cache).logits[:, 0], whole, atol=1e-5)


def test_sampling_records_the_log_probs_of_what_it_drew(opened):
    lm, tokenizer = opened
    ids, mask = left_pad([tokenizer.encode(text)[:5] for text in TEXTS[:3]], tokenizer.pad_id)
    done = sample(
        lm,
        ids,
        mask,
        12,
        eos_id=tokenizer.eos_id,
        pad_id=tokenizer.pad_id,
        samples=3,
        generator=torch.Generator().manual_seed(5),
    )
    with torch.no_grad():
        logits, hidden = completion_logits(lm, done)
    assert torch.allclose(token_logp(logits, done.new_ids)[done.new_mask], done.logp[done.new_mask], atol=1e-4)
    assert hidden.shape == (9, 12, lm.config.width)
    assert len({tuple(row) for row in done.new_ids.tolist()}) > 5


def test_the_tokenizer_writes_and_reads_like_that_of_transformers(opened, folders):
    lm, tokenizer = opened
    theirs = AutoTokenizer.from_pretrained(folders[lm.config.family])
    for text in [*TEXTS[:3], "naïve café, 東京! <s> </s> <|endoftext|>"]:
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode(TEXTS[0]) == theirs(TEXTS[0])["input_ids"]
    assert tokenizer.eos_id == theirs.eos_token_id
    assert tokenizer.start_id == (theirs.bos_token_id if lm.config.family in hf_models.STARTS else None)
    assert tokenizer.eos_id not in tokenizer.encode("</s><|endoftext|>")[1:]  # typed by somebody, it ends nothing


def test_a_saved_folder_opens_in_plain_transformers_with_equal_logits(opened, tmp_path):
    lm, tokenizer = opened
    folder = save(tmp_path / "model", lm, tokenizer, made_by="a test")
    model, theirs = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    ids = theirs(TEXTS[1], return_tensors="pt")["input_ids"]
    again, our_tokenizer = load(folder)
    with torch.no_grad():
        ours = lm(ids, torch.ones_like(ids, dtype=torch.bool)).logits
        assert torch.equal(model(ids).logits, ours)
        assert torch.equal(again(ids, torch.ones_like(ids, dtype=torch.bool)).logits, ours)
    assert ids[0].tolist() == tokenizer.encode(TEXTS[1]) == our_tokenizer.encode(TEXTS[1])
    assert theirs.decode(ids[0], skip_special_tokens=True) == TEXTS[1]


def rows_of(tokenizer):
    return [[*tokenizer.encode(text), tokenizer.eos_id] for text in TEXTS]


def test_pretraining_learns_texts_by_heart(opened):
    lm, tokenizer = opened
    data = packed(rows_of(tokenizer), 24, 4, np.random.default_rng(0))
    config = PretrainConfig(steps=60, batch=4, lr=1e-2, warmup=5)
    records = pretrain(lm, data, config, test=lambda lm: held_out(lm, tokenizer, TEXTS[:3]), test_every=30).run()
    assert records[0]["loss"] > 4.0
    assert records[-1]["loss"] < 1.0
    assert records[-1]["held_out_nats"] < 1.5


def test_fine_tuning_learns_the_answers(opened):
    lm, tokenizer = opened
    demonstrations = [("the red", " fox"), ("a small", " bird")]
    config = SFTConfig(steps=60, batch=2, lr=1e-2)
    records = sft(lm, tokenizer, demonstrations, config, rng=np.random.default_rng(0)).run()
    assert records[0]["loss"] > 3.0
    assert records[-1]["loss"] < 0.2
    for prompt, answer in demonstrations:
        ids, mask = left_pad([tokenizer.encode(prompt)], tokenizer.pad_id)
        done = sample(lm, ids, mask, 10, eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id, temperature=0.01)
        assert tokenizer.decode(done.ids[0][done.mask[0]].tolist()) == prompt + answer


def write_some(lm, tokenizer, seed, n=16, n_new=10) -> Completions:
    ids, mask = left_pad([tokenizer.encode(TEXTS[i % 3])[:4] for i in range(n)], tokenizer.pad_id)
    g = torch.Generator().manual_seed(seed)
    return sample(lm, ids, mask, n_new, eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id, generator=g)


def test_a_reward_model_learns_choices_from_it(opened):
    lm, tokenizer = opened
    model = RewardModel(lm).settle(write_some(lm, tokenizer, 6, n=32))
    pairs = [
        Pair("the", f" {good} {a}", f" {bad} {b}")
        for good, bad in [("fox", "tree"), ("bird", "old")]
        for a in "xyz"
        for b in "uvw"
    ]
    before = [p.clone() for p in lm.parameters()]
    records = fit_preferences(model, tokenizer, pairs, FitConfig(steps=60)).run()
    assert records[0]["loss"] == pytest.approx(math.log(2), abs=1e-4)
    assert records[-1]["accuracy"] == 1.0
    assert all(torch.equal(a, b) for a, b in zip(before, lm.parameters(), strict=True))


def low_ids(done):
    """A rule that half of the vocabulary pleases, with mean 0 on texts without a taste."""
    return ((done.new_ids < VOCAB // 2) * done.new_mask).sum(1) / done.new_mask.sum(1) * 4 - 2


@pytest.mark.parametrize("rank", [None, 4])
def test_ppo_runs_on_it_unchanged_and_raises_the_score(opened, rank):
    lm, tokenizer = opened
    noise = [[*row, tokenizer.eos_id] for row in ragged(lm, 10, [4 + i % 5 for i in range(200)])]
    data = batches(noise, 32, tokenizer.pad_id, np.random.default_rng(2))
    pretrain(lm, data, PretrainConfig(steps=40, lr=1e-2, warmup=5)).run()  # it learns to end its texts
    lm = lm if rank is None else lora(lm, rank)
    reference, head = copy.deepcopy(lm).requires_grad_(False), ScalarHead(lm.config.width)
    history = ppo(
        lm,
        head,
        reference,
        low_ids,
        [row[:2] for row in noise[:20]],
        PPOConfig(steps=20, batch=64, n_new=14, lr=1e-2, beta=0.02, missing_eos=-1.0),
        eos_id=tokenizer.eos_id,
        pad_id=tokenizer.pad_id,
        generator=torch.Generator().manual_seed(7),
    ).run()
    assert all(abs(record["first_ratio"] - 1) < 1e-4 for record in history)
    assert history[0]["kl_nats"] == pytest.approx(0.0, abs=1e-3)
    assert history[-1]["kl_nats"] > 0.05
    first, last = (np.mean([record["score"] for record in part]) for part in (history[:3], history[-3:]))
    assert last > first + 0.4


def test_lora_changes_nothing_at_first_trains_little_and_is_saved_merged(folders, tmp_path):
    plain, _ = load(folders["llama"])
    lm, tokenizer = load(folders["llama"], lora=4)
    ids, mask = left_pad(ragged(plain), 0)
    trained = {name: p for name, p in lm.named_parameters() if p.requires_grad}
    assert trained
    assert all("lora" in name for name in trained)
    with torch.no_grad():
        assert torch.equal(lm(ids, mask).logits, plain(ids, mask).logits)
    frozen = {name: p.clone() for name, p in lm.named_parameters() if not p.requires_grad}
    pretrain(lm, batches(rows_of(tokenizer), 4, 1, np.random.default_rng(1)), PretrainConfig(steps=10, lr=1e-2)).run()
    assert all(torch.equal(p, frozen[name]) for name, p in lm.named_parameters() if name in frozen)
    folder = save(tmp_path / "merged", lm, tokenizer)
    with torch.no_grad():
        ours = lm(ids, mask).logits
        assert not torch.allclose(ours, plain(ids, mask).logits, atol=1e-2)
        assert torch.allclose(load(folder)[0](ids, mask).logits, ours, atol=1e-5)
        assert torch.allclose(AutoModelForCausalLM.from_pretrained(folder)(ids[:1]).logits, ours[:1], atol=1e-5)


def test_a_gpt2_of_the_hub_becomes_our_own_and_lora_takes_the_adapter(tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(9)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, n_positions=CONTEXT, n_layer=1, n_head=2, n_embd=16))
    model.save_pretrained(tmp_path)
    hf_models.tokenizer("gpt2").save_pretrained(tmp_path)
    ids = torch.tensor([[5, 6, 7]])
    assert load(tmp_path, lora=2)[0].model.peft_config
    with torch.no_grad():
        ours = load(tmp_path)[0]
        assert isinstance(ours, GPT2)
        assert torch.allclose(
            ours(ids, torch.ones_like(ids, dtype=torch.bool)).logits, model.eval()(ids).logits, atol=1e-5
        )


def test_positions_that_count_padding_are_noticed(folders):
    lm, _ = load(folders["gpt2"])
    lm._takes_positions = False  # what plain transformers does when nobody passes positions
    with pytest.raises(ValueError, match="predicts something else when its text is padded on the left"):
        check_padding(lm, "this model")


def test_context_cuts_the_reading_short(folders):
    lm, _ = load(folders["qwen2"], context=8)
    assert lm.context == lm.config.context == 8
    with pytest.raises(ValueError, match="9 tokens came, but this model reads at most 8"):
        lm(torch.zeros(1, 9, dtype=torch.long), torch.ones(1, 9, dtype=torch.bool))
    with pytest.raises(ValueError, match="the mask covers 5 tokens, but cache and ids hold 4"):
        lm(torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 5, dtype=torch.bool))


@pytest.mark.parametrize("name", ["gpt2-of-nobody", "somebody/something"])
def test_a_hub_id_without_a_network_is_one_sentence(name):
    with pytest.raises(
        ValueError, match=f'"{name}" is no folder with a model in it, and the Hugging Face hub cannot be'
    ):
        load(name)


def test_incomplete_weights_and_damaged_folders_are_named(folders, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    weights = shutil.copytree(folders["llama"], tmp_path / "weights") / "model.safetensors"
    kept = {name: w for name, w in load_file(weights).items() if "layers.1.mlp" not in name}
    save_file(kept, str(weights), metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"the weights of .* lack model.layers.1.mlp.down_proj.weight"):
        load(weights.parent)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cannot be read"):
        load(weights.parent)
    tokens = shutil.copytree(folders["llama"], tmp_path / "tokens") / "tokenizer.json"
    tokens.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be read"):
        load(tokens.parent)


def test_a_tokenizer_larger_than_the_model_is_not_saved_with_it(folders, tmp_path):
    lm, tokenizer = load(folders["opt"])
    tokenizer.rust.add_tokens(["brandnew"])
    with pytest.raises(ValueError, match="has 301 tokens, but the model knows only 300"):
        save(tmp_path / "model", lm, tokenizer)
    assert list(tmp_path.iterdir()) == []


def test_a_rank_of_nothing_is_refused(folders):
    with pytest.raises(ValueError, match="the rank of LoRA is 0"):
        load(folders["llama"], lora=0)
