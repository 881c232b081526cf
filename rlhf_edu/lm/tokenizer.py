"""Text to token ids and back, on top of the `tokenizers` library.

Every tokenizer here has three special tokens of its own: padding (which is *not* the end of a text: a model trained
with one for the other never learns to stop), the end of a text, and the unknown.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as RustTokenizer

PAD, EOS, UNK = "<pad>", "<eos>", "<unk>"
PAD_ID, EOS_ID, UNK_ID = 0, 1, 2
# A word takes the space before it along, as in GPT-2, so that joining the tokens gives the text back, letter by letter.
WORDS = r" ?[\p{L}\p{N}'’-]+| ?[^\s\p{L}\p{N}]|\s"


class Tokenizer:
    """`encode(text) -> ids`, `decode(ids) -> text`. Neither adds or keeps special tokens."""

    def __init__(self, rust: RustTokenizer, eos_id: int = EOS_ID, pad_id: int = PAD_ID, unk_id: int | None = UNK_ID):
        self.rust, self.eos_id, self.pad_id, self.unk_id = rust, eos_id, pad_id, unk_id

    @property
    def vocab_size(self) -> int:
        return self.rust.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        return self.rust.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        special = {self.eos_id, self.pad_id}
        return self.rust.decode([int(i) for i in ids if int(i) not in special], skip_special_tokens=False)

    def tokens(self, text: str) -> list[str]:
        """The pieces that the text is cut into, for looking at."""
        return self.rust.encode(text, add_special_tokens=False).tokens

    def unknown(self, text: str) -> list[str]:
        """The pieces of the text that are not in the vocabulary."""
        encoding = self.rust.encode(text, add_special_tokens=False)
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [text[a:b].strip() for i, (a, b) in pairs if i == self.unk_id]

    def encode_prompt(self, text: str, room: int) -> list[int]:
        """Ids of a prompt, or a ValueError that says why the model cannot start from it (empty, too long, unknown)."""
        ids = self.encode(text)
        if not ids:
            raise ValueError(
                "the prompt is empty, but the model needs at least one word to start from: write an opening"
            )
        if unknown := self.unknown(text):
            few = ", ".join(repr(word) for word in unknown[:3])
            raise ValueError(
                f"the model has never seen {few}: its vocabulary is small, so use words from its own stories"
            )
        if len(ids) > room:
            raise ValueError(f"the prompt is {len(ids)} tokens, but only {room} leave room for an answer: shorten it")
        return ids

    def save(self, folder: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json, which `AutoTokenizer.from_pretrained` opens."""
        special = {"eos_token": self.eos_id, "pad_token": self.pad_id, "unk_token": self.unk_id}
        names = {k: self.rust.id_to_token(i) for k, i in special.items() if i is not None}
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "padding_side": "left", **names}
        config["clean_up_tokenization_spaces"] = False
        self.rust.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        try:
            rust = RustTokenizer.from_file(str(folder / "tokenizer.json"))
            config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            ids = [
                rust.token_to_id(config[k]) if config.get(k) else None for k in ("eos_token", "pad_token", "unk_token")
            ]
        except Exception as error:  # the tokenizers library raises a bare Exception for unreadable files
            raise ValueError(
                f"no readable tokenizer in {folder} ({error}): save the model again or fetch it anew"
            ) from None
        eos_id, pad_id, unk_id = ids
        if eos_id is None or pad_id is None:
            raise ValueError(f"the tokenizer in {folder} names no eos_token or pad_token, but sampling needs both")
        return cls(rust, eos_id, pad_id, unk_id)


def word_tokenizer(words: Iterable[str]) -> Tokenizer:
    """One token a word, for worlds with a small vocabulary. `words` come with the space before them (" fox")."""
    vocab = {token: i for i, token in enumerate([PAD, EOS, UNK, *dict.fromkeys(words)])}
    rust = RustTokenizer(models.WordLevel(vocab, unk_token=UNK))
    rust.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), behavior="isolated")
    rust.decoder = decoders.Fuse()
    rust.add_special_tokens([PAD, EOS, UNK])
    return Tokenizer(rust)


def split_words(text: str) -> list[str]:
    """The pieces `word_tokenizer` cuts a text into, spaces attached."""
    return [piece for piece, _ in pre_tokenizers.Split(Regex(WORDS), behavior="isolated").pre_tokenize_str(text)]
