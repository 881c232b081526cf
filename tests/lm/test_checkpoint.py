"""Folders that Hugging Face opens too; writes that happen whole or not at all; damage that is named."""

import os

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM

from rlhf_edu.lm import checkpoint
from rlhf_edu.lm.checkpoint import load, load_state, save, save_state
from rlhf_edu.lm.tokenizer import word_tokenizer

TOKENIZER = word_tokenizer([f" w{i}" for i in range(tiny.VOCAB - 3)])


def logits(model, ids):
    with torch.no_grad():
        return model(ids, torch.ones_like(ids, dtype=torch.bool)).logits


def test_a_saved_folder_opens_here_and_in_transformers_with_equal_logits(tmp_path):
    model, ids = tiny.gpt2(1), torch.tensor([tiny.prompts(2)[0]])
    folder = save(tmp_path / "model", model, TOKENIZER, quality=dict(loss=1.0))
    again, tokenizer = load(folder)
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert torch.equal(logits(again, ids), logits(model, ids))
    assert torch.allclose(theirs(ids).logits, logits(model, ids), atol=1e-5)
    assert theirs.generation_config.eos_token_id == tokenizer.eos_id == 1


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path):
    model = tiny.gpt2(3)
    sizes = []
    for name, dtype in (("full", torch.float32), ("half", torch.float16)):
        sizes.append(os.path.getsize(save(tmp_path / name, model, TOKENIZER, dtype) / "model.safetensors"))
    again, _ = load(tmp_path / "half")
    assert sizes[1] < 0.7 * sizes[0]
    assert again.tokens.weight.dtype == torch.float32
    ids = torch.tensor([tiny.prompts(4)[0]])
    assert torch.allclose(logits(again, ids), logits(model, ids), atol=0.05)


def test_what_is_no_model_is_refused_and_left_alone(tmp_path):
    with pytest.raises(ValueError, match='"nowhere" is no folder with a model in it'):
        load("nowhere")
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something that is not a model"):
        save(tmp_path, tiny.gpt2(5), TOKENIZER)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_half_written_model_is_named(tmp_path, name):
    folder = save(tmp_path / "model", tiny.gpt2(6), TOKENIZER)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        load(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    folder = save(tmp_path / "model", tiny.gpt2(7), TOKENIZER)
    word_tokenizer([f" w{i}" for i in range(100)]).save(folder)
    with pytest.raises(ValueError, match="they do not belong together"):
        load(folder)


def test_states_come_back_and_damaged_ones_are_named(tmp_path):
    path = tmp_path / "state.pt"
    save_state(path, dict(step=3, w=torch.arange(4.0)))
    assert load_state(path)["w"].tolist() == [0, 1, 2, 3]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="delete it to start this run afresh"):
        load_state(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read"):
        load_state(path)


def test_a_state_file_cannot_run_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/ran",)

    torch.save(dict(step=Bomb()), tmp_path / "state.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        load_state(tmp_path / "state.pt")
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    save_state(path, dict(step=1))

    def full(state, new):
        new.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.torch, "save", full)
    with pytest.raises(OSError, match="free some space or choose another place"):
        save_state(path, dict(step=2))
    assert load_state(path)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("room", [0, 30_000, 80_100])
def test_a_disk_that_takes_only_a_part_of_a_state_is_reported_in_one_sentence(tmp_path, room):
    resource = pytest.importorskip("resource", reason="no limits on file sizes here")
    path, old = tmp_path / "state.pt", resource.getrlimit(resource.RLIMIT_FSIZE)
    save_state(path, {"step": 1})
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        with pytest.raises(OSError, match=r"could not write .*: free some space or choose another place") as caught:
            save_state(path, {"w": torch.zeros(20_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert "\n" not in str(caught.value)
    assert load_state(path) == {"step": 1}
    assert os.listdir(tmp_path) == ["state.pt"]
