"""The same GPT-2 weights under the names that `transformers` gives them, both ways."""

import torch
from torch import Tensor

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config

# ours → theirs, inside a block; theirs are stored "in × out" (Conv1D), ours "out × in" (Linear)
IN_BLOCK = {
    "ln1": "ln_1",
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "ln2": "ln_2",
    "widen": "mlp.c_fc",
    "narrow": "mlp.c_proj",
}
OUTSIDE = {"tokens": "wte", "places": "wpe", "ln": "ln_f"}
UNSUPPORTED = {
    "activation_function": "gelu_new",
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
    "layer_norm_epsilon": 1e-5,
}


def their_name(ours: str) -> str:
    """`blocks.3.widen.bias` → `transformer.h.3.mlp.c_fc.bias`"""
    *path, kind = ours.split(".")
    if path[0] == "blocks":
        return f"transformer.h.{path[1]}.{IN_BLOCK['.'.join(path[2:])]}.{kind}"
    return f"transformer.{OUTSIDE[path[0]]}.{kind}"


def transposed(ours: str) -> bool:
    return ours.startswith("blocks.") and ours.endswith("weight") and ".ln" not in ours


def is_ours(config: dict) -> bool:
    """Whether a configuration in transformers' words describes a GPT-2 that ours can be."""
    return (
        config.get("model_type") == "gpt2"
        and all(config.get(name, supported) == supported for name, supported in UNSUPPORTED.items())
        and config.get("n_inner") in (None, 4 * config.get("n_embd", 0))
    )


def to_state_dict(gpt2: GPT2) -> dict[str, Tensor]:
    """Weights under transformers' names and layout."""
    ours = gpt2.state_dict()
    return {their_name(k): (w.T.contiguous() if transposed(k) else w) for k, w in ours.items()}


def load_state_dict(gpt2: GPT2, theirs: dict[str, Tensor]) -> None:
    """Fill `gpt2` from weights under transformers' names. ValueError names what is missing or has another shape."""
    if "wte.weight" in theirs:  # the first checkpoints on the hub leave the prefix out
        theirs = {f"transformer.{name}": w for name, w in theirs.items()}
    new = {}
    for name, w in gpt2.state_dict().items():
        their = theirs.get(their_name(name))
        if their is None:
            raise ValueError(f"weights lack {their_name(name)}: this is not a complete GPT-2 checkpoint")
        new[name] = their.T if transposed(name) else their
        if new[name].shape != w.shape:
            raise ValueError(f"{their_name(name)} has shape {tuple(their.shape)}, which does not fit {gpt2.config}")
    gpt2.load_state_dict(new)


def from_transformers(model) -> GPT2:
    c = model.config
    for name, supported in UNSUPPORTED.items():
        if getattr(c, name, supported) != supported:
            raise ValueError(f"this GPT-2 has {name}={getattr(c, name)!r}, but ours knows only {supported!r}")
    if c.n_inner not in (None, 4 * c.n_embd):
        raise ValueError(f"this GPT-2 has n_inner={c.n_inner}, but ours knows only 4 × width = {4 * c.n_embd}")
    gpt2 = GPT2(GPT2Config(c.vocab_size, c.n_positions, c.n_layer, c.n_head, c.n_embd))
    load_state_dict(gpt2, model.state_dict())
    return gpt2.to(next(model.parameters()).device)


def to_transformers(gpt2: GPT2, **special_ids: int):
    from transformers import GPT2Config as TheirConfig
    from transformers import GPT2LMHeadModel

    c = gpt2.config
    ids = {"bos_token_id": None, "eos_token_id": None, **special_ids}
    config = TheirConfig(
        vocab_size=c.vocab_size,
        n_positions=c.context,
        n_layer=c.layers,
        n_head=c.heads,
        n_embd=c.width,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        **ids,
    )
    with torch.no_grad():
        model = GPT2LMHeadModel(config)
        model.load_state_dict(to_state_dict(gpt2) | {"lm_head.weight": gpt2.tokens.weight})
    model.tie_weights()
    return model.to(device=gpt2.tokens.weight.device).eval()  # type: ignore[arg-type]
