"""Models and training states on disk: written whole or not at all, and read with a clear word about what is wrong.

A model's folder has the names and layout of Hugging Face (config.json, model.safetensors, tokenizer.json), so that
`AutoModelForCausalLM.from_pretrained(folder)` and `AutoTokenizer.from_pretrained(folder)` open it too.
"""

import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from rlhf_edu.lm import hf
from rlhf_edu.lm.convert import is_ours, load_state_dict, to_state_dict
from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.interface import CausalLM
from rlhf_edu.lm.tokenizer import Tokenizer

DATA = Path(__file__).parent.parent / "data"  # shipped worlds: one folder each


def save(
    folder: str | Path, lm: CausalLM, tokenizer: Tokenizer, dtype: torch.dtype = torch.float32, **notes: Any
) -> Path:
    """Write model and tokenizer to `folder`, replacing what is there only once everything is on disk.

    `notes` (how it was made, how good it is) go to recipe.json. dtype=torch.float16 halves the file.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / "config.json").exists())):
        raise ValueError(f"{folder} holds something that is not a model: choose an empty or a new folder")
    check_pair(tokenizer, lm.vocab_size, folder)

    def write(new: Path) -> None:
        new.mkdir()
        if isinstance(lm, GPT2):
            write_gpt2(new, lm, tokenizer, dtype)
        elif isinstance(lm, hf.HFCausalLM):
            hf.write(new, lm, tokenizer, dtype)
        else:
            raise ValueError(f"{type(lm).__name__} cannot be saved: only GPT2 and HFCausalLM have a format on disk")
        if notes:
            (new / "recipe.json").write_text(json.dumps(notes, indent=1), encoding="utf-8")

    return replace(folder, write)


def write_gpt2(folder: Path, gpt2: GPT2, tokenizer: Tokenizer, dtype: torch.dtype) -> None:
    """config.json, model.safetensors and the tokenizer, as `transformers` would have written them."""
    c = gpt2.config
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": c.vocab_size,
        "n_positions": c.context,
        "n_layer": c.layers,
        "n_head": c.heads,
        "n_embd": c.width,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_id,
        "pad_token_id": tokenizer.pad_id,
        "tie_word_embeddings": True,
        "dtype": str(dtype).removeprefix("torch."),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    tokenizer.save(folder)
    weights = {k: w.detach().to("cpu", dtype).contiguous() for k, w in to_state_dict(gpt2).items()}
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})


def load(
    name: str | Path, device: torch.device | str = "cpu", *, context: int | None = None, lora: int | None = None
) -> tuple[Any, Tokenizer]:
    """A model and its tokenizer: of a shipped world ("stories"), a local folder, or a Hugging Face hub id ("gpt2").

    Every GPT-2 that ours can express becomes our own `GPT2`; any other causal LM comes behind `hf.HFCausalLM`, which
    `context` makes read at most so many tokens and `lora` freezes but for a change of that rank. In evaluation mode.
    """
    folder = DATA / name if (DATA / name / "config.json").exists() else Path(name)
    if folder.is_dir() and (folder / "config.json").exists():
        config = read_config(folder)
        if is_ours(config) and lora is None and is_plain(folder):
            gpt2, tokenizer = read_gpt2(folder, config)
            check_pair(tokenizer, gpt2.vocab_size, folder)
            return gpt2.to(device).eval(), tokenizer
        name = folder
    elif folder.exists() or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", str(name)):
        shipped = ", ".join(sorted(p.parent.name for p in DATA.glob("*/config.json"))) or "none"
        raise ValueError(f'"{name}" is no folder with a model in it, nor a shipped one (there are: {shipped})')
    theirs, tokenizer = hf.open_pretrained(name)
    check_pair(tokenizer, theirs.get_output_embeddings().weight.shape[0], name)
    if is_ours(theirs.config.to_dict()) and lora is None:
        return GPT2.from_transformers(theirs).to(device).eval(), tokenizer
    lm = hf.HFCausalLM(theirs.to(device), context)
    hf.check_padding(lm, name)
    return (hf.lora(lm, lora) if lora is not None else lm), tokenizer


def is_plain(folder: Path) -> bool:
    """Whether a folder holds one file of weights, and a tokenizer that says itself how a text ends."""
    end = folder / "tokenizer_config.json"
    return (folder / "model.safetensors").exists() and not (
        end.exists() and '"eos_token": "' not in end.read_text("utf-8")
    )


def read_config(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(unreadable(folder, error)) from None


def read_gpt2(folder: Path, c: dict[str, Any]) -> tuple[GPT2, Tokenizer]:
    """Our GPT-2 from a folder with its weights, without loading `transformers`."""
    try:
        gpt2 = GPT2(GPT2Config(c["vocab_size"], c["n_positions"], c["n_layer"], c["n_head"], c["n_embd"]))
        weights = load_file(str(folder / "model.safetensors"))
    except (OSError, KeyError, SafetensorError) as error:
        raise ValueError(unreadable(folder, error)) from None
    load_state_dict(gpt2, weights)
    return gpt2, Tokenizer.load(folder)


def unreadable(folder: Path, error: Exception) -> str:
    return f"the model in {folder} cannot be read ({error}): it is incomplete, so save or fetch it again"


def check_pair(tokenizer: Tokenizer, vocab_size: int, where: str | Path) -> None:
    if tokenizer.vocab_size > vocab_size:
        raise ValueError(
            f"the tokenizer in {where} has {tokenizer.vocab_size} tokens, but the model knows only {vocab_size}: "
            "they do not belong together"
        )


def save_state(path: str | Path, state: dict[str, Any]) -> None:
    """Write a training state (tensors, numbers, strings, lists, dicts) so that a crash leaves the old one or the new."""
    replace(Path(path), lambda new: torch.save(state, new))


def load_state(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `save_state` wrote; never runs code from the file. ValueError when it is damaged."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]  # torch goes on for a page
        raise ValueError(
            f"the checkpoint {path} cannot be read ({first}): delete it to start this run afresh"
        ) from None


def check_fits(module: nn.Module, weights: dict[str, torch.Tensor], path: str | Path) -> None:
    """ValueError when a checkpoint's weights are of another model. Ask before loading: PyTorch copies what fits, then raises."""
    for name, weight in module.state_dict().items():
        theirs = weights.get(name)
        if theirs is None or theirs.shape != weight.shape:
            found = "is not there" if theirs is None else f"has shape {tuple(theirs.shape)}, not {tuple(weight.shape)}"
            raise ValueError(f"the checkpoint {path} is of another model ({name} {found}): delete it to start afresh")


def replace(path: Path, write: Callable[[Path], Any]) -> Path:
    """Let `write` make a file or folder beside `path`, then put it in its place in one step. Cleans up on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        write(new)
        if path.is_dir():
            old = path.with_name(f".{path.name}.{uuid4().hex[:8]}.old.tmp")
            os.replace(path, old)
            os.replace(new, path)
            shutil.rmtree(old)
        else:
            os.replace(new, path)
    except (OSError, SafetensorError, RuntimeError) as error:
        why = str(error)
        if isinstance(error, RuntimeError):  # torch's words for a full disk, in the middle of a file and at its end
            if not any(sign in why for sign in ("write", "iostream error", "unexpected pos")):
                raise
            why = "the disk took only a part of it"
        raise OSError(
            f"could not write {path} ({why}): free some space or choose another place; what was there is untouched"
        ) from None
    finally:
        shutil.rmtree(new, ignore_errors=True) if new.is_dir() else new.unlink(missing_ok=True)
    return path
