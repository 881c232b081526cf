"""Word tokens: exact round trips, special tokens that text cannot fake, and words for what the model cannot read."""

import pytest
from transformers import AutoTokenizer

from rlhf_edu.lm.tokenizer import EOS_ID, PAD_ID, UNK_ID, Tokenizer, split_words, word_tokenizer
from rlhf_edu.worlds.stories import stories

TEXT = 'Once there was a brave fox. "Who are you?" asked the owl.'


@pytest.fixture(scope="module")
def tokenizer():
    return word_tokenizer(sorted({word for text in [*stories(300, 5), TEXT] for word in split_words(text)}))


def test_every_story_comes_back_letter_by_letter(tokenizer):
    for text in stories(300, 5):
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert "".join(split_words(text)) == text


def test_padding_end_and_unknown_are_three_different_tokens(tokenizer):
    assert (tokenizer.pad_id, tokenizer.eos_id, tokenizer.unk_id) == (PAD_ID, EOS_ID, UNK_ID) == (0, 1, 2)
    assert tokenizer.decode([PAD_ID, *tokenizer.encode(TEXT), EOS_ID, PAD_ID]) == TEXT


def test_prompts_that_the_model_cannot_start_from_are_refused_in_words(tokenizer):
    assert tokenizer.encode_prompt(TEXT, room=50) == tokenizer.encode(TEXT)
    with pytest.raises(ValueError, match="the prompt is empty"):
        tokenizer.encode_prompt("", room=50)
    with pytest.raises(ValueError, match="never seen 'quark'"):
        tokenizer.encode_prompt("Once there was a quark.", room=50)
    with pytest.raises(ValueError, match="only 5 leave room for an answer"):
        tokenizer.encode_prompt(TEXT, room=5)


def test_saved_and_loaded_here_and_in_transformers(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    ids = tokenizer.encode(TEXT)
    again, theirs = Tokenizer.load(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert again.encode(TEXT) == ids
    assert theirs(TEXT)["input_ids"] == ids
    assert theirs.decode(ids) == TEXT
    assert (theirs.pad_token_id, theirs.eos_token_id) == (PAD_ID, EOS_ID)


def test_a_damaged_tokenizer_is_named(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": ', encoding="utf-8")
    with pytest.raises(ValueError, match="no readable tokenizer in"):
        Tokenizer.load(tmp_path)
