"""Text to word-level tokens and back, and tokens to sentences."""

import re

TOKEN = re.compile(r'[.,!?"]|[^\s.,!?"]+')
END = {".", "!", "?"}


def tokenize(text: str) -> list[str]:
    """Words and the punctuation `. , ! ? "`, each its own token; white space is dropped."""
    return TOKEN.findall(text)


def split_sentences(tokens: list[str]) -> list[list[str]]:
    """Tokens cut after each end mark, except one that ends a quotation; what is left over is the last item."""
    cut, sentence, quotes = [], [], 0
    for i, token in enumerate(tokens):
        sentence.append(token)
        quotes += token == '"'
        closes_speech = quotes % 2 == 1 and i + 1 < len(tokens) and tokens[i + 1] == '"'
        if token in END and not closes_speech:
            cut.append(sentence)
            sentence, quotes = [], 0
    return [*cut, sentence] if sentence else cut


def detokenize(tokens: list[str]) -> str:
    """The inverse of `tokenize` on stories: `. , ! ?` stick to the word before, an opening `"` to the word after."""
    text = []
    for sentence in split_sentences(list(tokens)):
        quotes, glue = 0, True
        if text:
            text.append(" ")
        for token in sentence:
            opens = token == '"' and quotes % 2 == 0
            closes = token == '"' and quotes % 2 == 1
            if not (glue or closes or token in END or token == ","):
                text.append(" ")
            text.append(token)
            quotes += token == '"'
            glue = opens
    return "".join(text)
