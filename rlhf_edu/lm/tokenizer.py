"""Text to token ids and back, on top of the `tokenizers` library.

Every tokenizer here has three special tokens of its own: padding (which is *not* the end of a text: a model trained
with one for the other never learns to stop), the end of a text, and the unknown.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as RustTokenizer

PAD, EOS, UNK = "<pad>", "<eos>", "<unk>"
PAD_ID, EOS_ID, UNK_ID = 0, 1, 2
# A word takes the space before it along, as in GPT-2, so that joining the tokens gives the text back, letter by letter.
WORDS = r" ?[\p{L}\p{N}'’-]+| ?[^\s\p{L}\p{N}]|\s"


class Tokenizer:
    """`encode(text) -> ids`, `decode(ids) -> text`. Text cannot fake a special token, and decoding shows none.

    Some families (Llama, OPT) begin every text with a token of its own, `start_id`: `encode` puts it there.
    """

    def __init__(
        self,
        rust: RustTokenizer,
        eos_id: int = EOS_ID,
        pad_id: int = PAD_ID,
        unk_id: int | None = UNK_ID,
        start_id: int | None = None,
    ):
        self.rust, self.eos_id, self.pad_id, self.unk_id, self.start_id = rust, eos_id, pad_id, unk_id, start_id
        rust.encode_special_tokens = True  # "<eos>" typed by somebody is five letters, not the end of the text

    @property
    def vocab_size(self) -> int:
        return self.rust.get_vocab_size()

    def encode(self, text: str, start: bool = True) -> list[int]:
        """Token ids of a text; with `start=False` of a piece that goes on after another."""
        ids = self.rust.encode(text, add_special_tokens=False).ids
        return ids if self.start_id is None or not start else [self.start_id, *ids]

    def decode(self, ids: Iterable[int]) -> str:
        special = {self.eos_id, self.pad_id, self.start_id}
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
        if not text or not ids:
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
        special = {
            "eos_token": self.eos_id,
            "pad_token": self.pad_id,
            "unk_token": self.unk_id,
            "bos_token": self.start_id,
        }
        names = {k: self.rust.id_to_token(i) for k, i in special.items() if i is not None}
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "padding_side": "left", **names}
        config["clean_up_tokenization_spaces"] = False
        self.rust.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """What `save` wrote. A tokenizer without padding (GPT-2's) pads with its end: masks tell the two apart."""
        try:
            rust = RustTokenizer.from_file(str(folder / "tokenizer.json"))
            config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            names = [config.get(kind) for kind in ("eos_token", "pad_token", "unk_token")]
            eos_id, pad_id, unk_id = (rust.token_to_id(name) if name else None for name in names)
        except Exception as error:  # the tokenizers library raises a bare Exception for unreadable files
            raise ValueError(
                f"no readable tokenizer in {folder} ({error}): save the model again or fetch it anew"
            ) from None
        if eos_id is None:
            raise ValueError(f"the tokenizer in {folder} names no eos_token, but sampling needs one to know the end")
        return cls.of(rust, eos_id, pad_id, unk_id)

    @classmethod
    def of(cls, rust: RustTokenizer, eos_id: int, pad_id: int | None, unk_id: int | None) -> "Tokenizer":
        """A tokenizer made elsewhere, which may have no padding, nothing unknown, or a token that begins every text."""
        pad_id = eos_id if pad_id is None else pad_id
        begin = rust.encode("").ids  # what the empty text becomes
        return cls(
            rust, eos_id, pad_id, None if unk_id in (eos_id, pad_id) else unk_id, begin[0] if len(begin) == 1 else None
        )


def word_tokenizer(words: Iterable[str]) -> Tokenizer:
    """One token a word, for worlds with a small vocabulary. `words` come with the space before them (" fox")."""
    vocab = {token: i for i, token in enumerate([PAD, EOS, UNK, *dict.fromkeys(words)])}
    rust = RustTokenizer(models.WordLevel(vocab, unk_token=UNK))
    rust.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), behavior="isolated")
    rust.decoder = decoders.Fuse()
    rust.add_special_tokens([PAD, EOS, UNK])
    return Tokenizer(rust)


def bpe_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Byte-pair encoding as GPT-2 has it, learned from `texts`: bytes first, then the commonest neighbours as one.

    Sennrich et al. (2016), "Neural machine translation of rare words with subword units". Every text can be written with
    it, since every byte is a token: nothing is unknown.
    """
    least = 3 + len(pre_tokenizers.ByteLevel.alphabet())
    if vocab_size < least:
        raise ValueError(f"vocab_size is {vocab_size}, but 256 bytes and 3 special tokens need at least {least}")
    rust = RustTokenizer(models.BPE())
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.decoder = decoders.ByteLevel()
    rust.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[PAD, EOS, UNK],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return Tokenizer(rust)


def split_words(text: str) -> list[str]:
    """The pieces `word_tokenizer` cuts a text into, spaces attached."""
    return [piece for piece, _ in pre_tokenizers.Split(Regex(WORDS), behavior="isolated").pre_tokenize_str(text)]
