"""A storyteller made from nothing, on a recipe small enough for seconds: it learns, and what is saved opens again."""

import json
from dataclasses import replace

import pytest
import torch

from rlhf_edu.commands import pretrain as command
from rlhf_edu.commands.pretrain import Recipe, corpus, pretrain_command
from rlhf_edu.lm.checkpoint import load
from rlhf_edu.lm.train import PretrainConfig, next_token_loss, right_pad
from rlhf_edu.reward.themes import load_themes
from rlhf_edu.worlds.world import world

SMALL = Recipe(texts=400, layers=1, heads=2, width=32, train=PretrainConfig(steps=60, batch=16, lr=1e-2, warmup=5))


def test_the_corpus_is_the_same_however_often_it_is_written():
    texts = corpus(world("stories"), 40, seed=3)
    assert len(texts) == 40
    assert texts == corpus(world("stories"), 40, seed=3)
    assert len(set(texts)) > 35


def test_a_small_recipe_learns_and_what_it_saves_opens_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(command.RECIPES, "stories", SMALL)
    monkeypatch.setattr(command, "measure", lambda *_: {"measured": True})  # 512 long texts would be most of the work
    assert pretrain_command("stories", tmp_path / "model", None, 0, "cpu") == 0
    model, tokenizer = load(tmp_path / "model")
    rows = [[*tokenizer.encode(text), tokenizer.eos_id] for text in world("stories").texts(40, 77)]
    with torch.no_grad():
        loss = next_token_loss(model, *right_pad(rows, tokenizer.pad_id)).item()
    assert loss < 4.0  # a guess among about 500 words costs 6.2 nats
    notes = json.loads((tmp_path / "model" / "recipe.json").read_text())
    assert notes["recipe"]["train"]["steps"] == 60
    assert notes["quality"] == {"measured": True}


def test_an_interrupted_run_goes_on_with_the_same_weights_and_finds_themes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = replace(SMALL, texts=160, themes=4, train=replace(SMALL.train, steps=12, warmup=2))
    monkeypatch.setitem(command.RECIPES, "stories", recipe)

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        pretrain_command("stories", tmp_path / "twice", None, 0, "cpu")
    kept = tmp_path / "runs" / "pretrain-stories-0.pt"
    assert kept.exists()
    assert not (tmp_path / "twice").exists()

    trained = []
    pretrained = command.pretrain
    monkeypatch.setattr(command, "measure", lambda *_: {})
    monkeypatch.setattr(command, "pretrain", lambda *a, **k: trained.append(pretrained(*a, **k).run()) or trained[-1])
    for folder in ("twice", "once"):
        assert pretrain_command("stories", tmp_path / folder, None, 0, "cpu") == 0
    assert [len(records) for records in trained] == [0, 12]  # nothing was left to do for the first
    assert not kept.exists()
    once, twice = (load(tmp_path / folder)[0].state_dict() for folder in ("once", "twice"))
    assert all(torch.equal(weight, twice[name]) for name, weight in once.items())
    assert load_themes(tmp_path / "once").shape == (once["tokens.weight"].shape[0], 4)


def test_an_unknown_world_is_named():
    with pytest.raises(ValueError, match='there is no world "mars"'):
        pretrain_command("mars", None, None, 0, "cpu")
