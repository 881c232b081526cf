"""Five families of tiny random models of `transformers`, on disk with a tokenizer, as somebody would download them."""

from pathlib import Path

import torch
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    OPTConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

TEXTS = ["the red fox saw a small bird", "a bird sang in the old tree", "the fox went home, and slept well"] * 3
VOCAB, CONTEXT = 300, 48
SHAPE = dict(
    vocab_size=VOCAB, num_hidden_layers=2, num_attention_heads=4, hidden_size=32, max_position_embeddings=CONTEXT
)
NO_IDS = dict(bos_token_id=None, eos_token_id=None, pad_token_id=None)
CONFIGS = {
    "gpt2": GPT2Config(vocab_size=VOCAB, n_positions=CONTEXT, n_layer=2, n_head=4, n_embd=32, n_inner=48, **NO_IDS),
    "llama": LlamaConfig(**SHAPE, intermediate_size=48, num_key_value_heads=2),
    "qwen2": Qwen2Config(**SHAPE, intermediate_size=48, num_key_value_heads=2, tie_word_embeddings=True),
    "gpt_neox": GPTNeoXConfig(**SHAPE, intermediate_size=48),
    "opt": OPTConfig(**SHAPE, ffn_dim=48, word_embed_proj_dim=24),  # what its output layer reads is narrower than D
}
STARTS = ("llama", "opt")  # families whose texts begin with a token of their own


def tokenizer(family: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE with each family's habits: one special token for everything, or one that begins every text."""
    special = ["</s>", "<pad>", "<s>"] if family in STARTS else ["<|endoftext|>"]
    rust = RustTokenizer(models.BPE())
    rust.pre_tokenizer, rust.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    rust.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    names = dict(eos_token=special[0])
    if family == "gpt2":
        names |= dict(bos_token=special[0], unk_token=special[0])
    if family == "qwen2":
        names["pad_token"] = special[0]
    if family in STARTS:
        start = {"llama": "<s>", "opt": "</s>"}[family]
        names |= dict(pad_token="<pad>", bos_token=start)
        rust.post_processor = processors.TemplateProcessing(
            single=f"{start} $A", special_tokens=[(start, rust.token_to_id(start))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=rust, **names)


def make(family: str, folder: Path, seed: int = 0) -> Path:
    """A model whose predictions differ from place to place: weights larger than those of a fresh model."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(CONFIGS[family]).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    model.save_pretrained(folder)
    tokenizer(family).save_pretrained(folder)
    return folder
