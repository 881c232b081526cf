"""Any causal language model of `transformers` behind `interface.CausalLM`: GPT-2, Llama, Qwen, Pythia, OPT and so on.

Nothing else in the package touches such a model. Left out on purpose: encoder-decoders, recurrent models (their
state cannot skip padding) and quantised weights.
"""

import copy
import inspect
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from rlhf_edu.lm.interface import LMOutput, check_lengths, positions
from rlhf_edu.lm.tokenizer import Tokenizer

UNLIMITED = 2**20  # the context of models that name none


@dataclass(frozen=True)
class HFConfig:
    family: str  # "llama"
    vocab_size: int
    context: int
    width: int  # D


class HFCache:
    """Keys and values of the tokens read so far, in `transformers`' own cache."""

    def __init__(self, theirs: Any, length: int = 0):
        self.theirs, self.length = theirs, length

    def rows(self, index: Int[Tensor, " R"]) -> "HFCache":
        """A cache of the chosen rows; this one stays as it is."""
        chosen = copy.copy(self.theirs)
        chosen.layers = [copy.copy(layer) for layer in self.theirs.layers]
        for layer in chosen.layers:
            layer.keys, layer.values = layer.keys[index], layer.values[index]
        return HFCache(chosen, self.length)


class HFCausalLM(nn.Module):
    """`lm(ids, mask, cache) -> LMOutput` for a model of `transformers`; `context` cuts its reading shorter.

    Always in evaluation mode: dropout would make the policy that is updated another than the one that wrote.
    """

    def __init__(self, model: Any, context: int | None = None):
        super().__init__()
        plain = model.get_base_model() if hasattr(model, "peft_config") else model
        takes = inspect.signature(plain.forward).parameters
        self._cache_name = next((name for name in ("cache", "past_key_values") if name in takes), "")
        if plain.config.is_encoder_decoder or not self._cache_name or "attention_mask" not in takes:
            raise ValueError(
                f"{type(plain).__name__} is no decoder with an attention mask and a cache of keys and values: "
                "choose a causal language model like GPT-2, Llama or Qwen"
            )
        theirs, output = plain.config.get_text_config(), plain.get_output_embeddings()
        longest = next((getattr(theirs, k) for k in ("max_position_embeddings", "seq_length") if hasattr(theirs, k)), 0)
        self.context = min(longest or UNLIMITED, context or UNLIMITED)
        self.vocab_size, width = output.weight.shape
        self.config = HFConfig(theirs.model_type, self.vocab_size, self.context, width)
        self._takes_positions, self._keeps_last = "position_ids" in takes, "logits_to_keep" in takes
        self.model = model
        self.eval()

    def train(self, mode: bool = True) -> "HFCausalLM":
        return super().train(False)

    def new_cache(self, batch: int, length: int) -> HFCache:
        """An empty cache; it grows as texts grow."""
        from transformers import DynamicCache

        return HFCache(DynamicCache(config=self.model.config))

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B S"],
        cache: HFCache | None = None,
        last: int | None = None,
    ) -> LMOutput:
        T, S = ids.shape[1], mask.shape[1]
        check_lengths(self.context, T, cache.length if cache else 0, S)
        more: dict[str, Any] = {self._cache_name: cache.theirs} if cache is not None else {}
        if self._takes_positions:  # without them, some families count padding as tokens and are silently wrong
            more["position_ids"] = positions(mask, T)
        if self._keeps_last and last is not None:
            more["logits_to_keep"] = last
        out = self.model(
            input_ids=ids, attention_mask=mask.long(), use_cache=cache is not None, output_hidden_states=True, **more
        )
        if cache is not None:
            cache.length += T
        wanted = slice(None if last is None else -last, None)
        return LMOutput(logits=out.logits[:, wanted], hidden=out.hidden_states[-1][:, wanted], cache=cache)


def lora(lm: HFCausalLM, rank: int = 8) -> HFCausalLM:
    """The same model with all its weights frozen and a trainable low-rank change beside each matrix.

    W x + (2) B A x        A: rank × in, B: out × rank, B = 0 at first        (Hu et al. 2022, "LoRA", eq. 3, α = 2·rank)

    For models whose gradients and optimizer would not fit: some 1 % of the weights learn.
    """
    if rank < 1:
        raise ValueError(f"the rank of LoRA is {rank}, but it must be at least 1: try 8")
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise ValueError("LoRA needs the package peft: pip install 'rlhf-edu[lora]'") from None
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    return HFCausalLM(get_peft_model(lm.model, config), lm.context)


def open_pretrained(name: str | Path) -> tuple[Any, Tokenizer]:
    """The `transformers` model and tokenizer in a folder or under a hub id; ValueError says in a sentence what is wrong."""
    from huggingface_hub import snapshot_download
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any
    report: Any
    try:
        place = name if Path(name).exists() or hub_in_reach() else snapshot_download(str(name), local_files_only=True)
        model, report = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, output_loading_info=True)  # type: ignore[misc]
        tokenizer = AutoTokenizer.from_pretrained(place)
    except Exception as error:  # transformers passes on what any of a dozen libraries raises
        raise ValueError(reason(name, error)) from None
    if lacking := sorted(report["missing_keys"]):
        raise ValueError(f"the weights of {name} lack {lacking[0]}: they are incomplete, so save or fetch them again")
    return model, from_transformers_tokenizer(tokenizer, name)


def hub_in_reach() -> bool:
    """Whether the hub takes a connection: where it does not, its client would try for most of a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or getproxies():
        return not constants.HF_HUB_OFFLINE  # behind a proxy only trying tells
    hub = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((hub.hostname, hub.port or 443), timeout=5).close()
        return True
    except OSError:
        return False


def reason(name: str | Path, error: Exception) -> str:
    """One sentence about why a model did not open."""
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    if Path(name).exists():
        return f"the model in {name} cannot be read ({first}): it is incomplete, so save or fetch it again"
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    lost = any(isinstance(cause, LocalEntryNotFoundError) for cause in causes)
    if not lost and not any(isinstance(cause, RepositoryNotFoundError) for cause in causes):
        why = str(causes[min(1, len(causes) - 1)]).strip().splitlines() or [first]
        return (
            f'"{name}" came from the Hugging Face hub only in part, or is no causal language model ({why[0]}): '
            "try again, or choose another"
        )
    return (
        f'"{name}" is no folder with a model in it, and the Hugging Face hub '
        f"{'cannot be reached' if lost else 'does not give one of that name'}: check the name and your network, "
        "or download it once where there is one"
    )


def from_transformers_tokenizer(theirs: Any, name: str | Path = "this model") -> Tokenizer:
    """Our tokenizer around the fast one of `transformers`."""
    rust = getattr(theirs, "backend_tokenizer", None)
    if rust is None:
        raise ValueError(f"the tokenizer of {name} is written in Python, but ours needs a fast one (tokenizer.json)")
    if theirs.eos_token_id is None:
        raise ValueError(
            f"the tokenizer of {name} names no eos_token, but sampling needs one to know the end of a text"
        )
    return Tokenizer.of(rust, theirs.eos_token_id, theirs.pad_token_id, theirs.unk_token_id)


@torch.no_grad()
def check_padding(lm: HFCausalLM, name: str | Path) -> None:
    """ValueError when left padding changes what the model predicts: then no batch of prompts could be trusted."""
    device = next(lm.parameters()).device
    ids = torch.tensor([[7, 11, 13, 17, 19, 23]], device=device) % lm.vocab_size
    mask = torch.tensor([[False, False, False, True, True, True]], device=device)
    padded, alone = lm(ids, mask).logits[0, 3:], lm(ids[:, 3:], mask[:, 3:]).logits[0]
    if not (padded - alone).abs().max() <= 0.01 * alone.std() + 1e-3:
        raise ValueError(
            f"{name} predicts something else when its text is padded on the left, so it cannot be trained here"
        )


def write(folder: Path, lm: HFCausalLM, tokenizer: Tokenizer, dtype: torch.dtype) -> None:
    """Model and tokenizer as `transformers` keeps them; a low-rank change is added to its weights first."""
    model = lm.model
    if hasattr(model, "peft_config"):
        model = copy.deepcopy(model).merge_and_unload()
    if next(model.parameters()).dtype != dtype:
        model = copy.deepcopy(model).to(dtype)
    model.save_pretrained(folder)
    tokenizer.save(folder)
