# %% [markdown]
# # 06 A mini GPT-2 from scratch
#
# You build a language model from its bytes up, train it while you read along, and find that it *is* GPT-2, only smaller.
#
# **You will**
#
# - cut text into tokens the way GPT-2 does, and write attention: first on paper, then in code, then as a picture;
# - train a model of 300,000 weights in about a minute, and watch it learn to spell, then to speak;
# - load its weights into Hugging Face's GPT-2 and get the same logits.
#
# | | |
# | --- | --- |
# | **Time** | about 60 minutes, of which 3 are computing |
# | **Needs** | any laptop: two CPU cores, 1 GB of memory, no network, no GPU |
# | **Before** | Python, gradients and probability; no other lesson |
# | **Practice** | `exercises/06_gpt2.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/06_gpt2.ipynb` in the repository, for afterwards |

# %%
import math
from collections import Counter
from itertools import pairwise
from textwrap import fill

import ipywidgets as W
import numpy as np
import torch
import torch.nn.functional as F
from IPython.display import HTML

from rlhf_edu.core import budget, seed_everything
from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.widgets.attention import AttentionView
from rlhf_edu.worlds import stories

seed_everything(0)  # one seed in all of this lesson
texts, unseen = stories.stories(budget(4000, 1000), seed=1), stories.stories(budget(100, 20), seed=2)
print(f"{len(texts)} little stories to learn from, {len(unseen)} to test on. The first:\n")
print(fill(texts[0], 110))

# %% [markdown]
# ## 1 From bytes to tokens
#
# A model reads numbers. The safest numbers for a text are its **bytes**: there are only 256 of them, and every text in
# every language is made of them.
#
# **Predict before you run.** How many bytes has each of these?

# %%
for word in ("fox", "föx", "狐狸", "🦊"):
    print(f"{len(word.encode())} bytes: {list(word.encode())}  {word}")

# %% [markdown]
# But bytes make texts long, and the work of a model grows with the length. **Words** make them short, but a word that
# the model has never seen cannot be read at all.
#
# **Byte-pair encoding** (BPE) goes between: start from single bytes; count which two neighbours are the commonest pair;
# make that pair one piece; count again. Common words end up whole, rare ones in parts, and nothing is unknown.
#
# By hand, on six words: *hug hug hug hugs bug bun*. **Predict** the first two merges.


# %%
def merge(pieces, pair):
    """Make each `pair` of neighbours one piece, from left to right."""
    out = []
    for piece in pieces:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out


print("/".join(merge("bananas", ("a", "n"))), "·", "/".join(merge("aaaaa", ("a", "a"))))


# %%
def my_bpe(words, n_merges):
    """The pairs to merge, in order. `words` says how often each word occurs; no pair crosses from word to word."""
    pieces, learned = {word: list(word) for word in words}, []
    for _ in range(n_merges):
        pairs = Counter()
        for word, parts in pieces.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        learned.append(max(pairs, key=pairs.get))
        pieces = {word: merge(parts, learned[-1]) for word, parts in pieces.items()}
    return learned


print(my_bpe(Counter(["hug", "hug", "hug", "hugs", "bug", "bun"]), 2))

# %% [markdown]
# *u g* stands next to each other 5 times; then *h ug* 4 times. Now on real stories, against the `tokenizers` library,
# which GPT-2's own tokenizer is made with. It writes the space before a word as Ġ.

# %%
from rlhf_edu.lm.tokenizer import bpe_tokenizer

tokenizer = bpe_tokenizer(texts[:1000], vocab_size=768)  # 3 special tokens, 256 bytes, 509 merges
cut = tokenizer.rust.pre_tokenizer.pre_tokenize_str
mine = my_bpe(Counter(word for text in texts[:1000] for word, _ in cut(text)), 40)
assert ["".join(pair) for pair in mine] == [tokenizer.rust.id_to_token(259 + i) for i in range(40)]
print("the first 40 merges are the library's:", *["".join(pair) for pair in mine[:12]], "…")

# %% [markdown]
# **Play.** Type whatever you like, and look for words the stories do not have, for other scripts, for long names.

# %%
from rlhf_edu.plots.tokens import TokenBoxes


def boxes(text):
    ids = tokenizer.encode(text)
    return TokenBoxes([tokenizer.decode([i]) for i in ids], ids)._repr_html_()


entry = W.Text("The brave fox met a crocodile named 狐狸.", layout=W.Layout(width="95%"))
page = W.HTML(boxes(entry.value))
entry.observe(lambda change: setattr(page, "value", boxes(change["new"])), "value")
W.VBox([entry, page])

# %% [markdown]
# A piece shown as � is a byte that is no letter on its own. Joined again, nothing is lost. And what was won?

# %%
assert all(tokenizer.decode(tokenizer.encode(text)) == text for text in [*unseen, "狐狸 🦊", entry.value])
n_bytes, n_tokens = (np.mean([len(f(text)) for text in unseen]) for f in (str.encode, tokenizer.encode))
print(f"a story has {n_bytes:.0f} bytes, but only {n_tokens:.0f} tokens: {n_bytes / n_tokens:.1f} bytes a token")

# %% [markdown]
# ## 2 Attention, on paper
#
# *The fox sleeps.* To go on well, *sleeps* must know who sleeps. Each word therefore sends out a **query** $q$ (what do I
# look for?), offers a **key** $k$ (what am I?) and holds a **value** $v$ (what do I have to tell?), all of them lists of
# $D_h$ numbers. Where query and key point the same way, much is read.
#
# Here $D_h = 4$, and the first number means "noun". *sleeps* looks for a noun: $q = (4, 0, 0, 0)$. Only *fox* is one:
# $k = (1, 0, 0, 0)$; the other keys have 0 there. So $q \cdot k$ is 0, 4, 0, and divided by $\sqrt{D_h} = 2$ it is
# 0, 2, 0.
#
# **Predict.** The weights are the **softmax** of these, $e^{x_i} / \sum_j e^{x_j}$: positive, and together 1. With
# $e^2 \approx 7.4$: how much does *sleeps* read from each word?

# %%
query = torch.tensor([4.0, 0, 0, 0])
keys = torch.tensor([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]])  # The, fox, sleeps
weights = (keys @ query / math.sqrt(4)).softmax(0)
for word, w in zip(("The", "fox", "sleeps"), weights, strict=True):
    print(f"{word:<7} {w:.3f}")

# %% [markdown]
# $7.4 / (1 + 7.4 + 1) = 0.787$ from *fox*, the rest in equal parts. For all words at once (Vaswani et al. 2017, eq. 1):
#
# $$\text{Attention}(Q, K, V) = \text{softmax}\!\left(\frac{QK^\top}{\sqrt{D_h}} + M\right) V, \qquad
# M_{ts} = \begin{cases} 0 & s \le t \\ -\infty & s > t \end{cases}$$
#
# The mask $M$ hides the future: who is to *predict* the next word must not have read it.


# %%
def my_attention(q, k, v):
    """q, k, v [..., T, Dh] -> what each word has gathered [..., T, Dh], and the weights [..., T, T]."""
    T, Dh = q.shape[-2:]
    scores = q @ k.transpose(-1, -2) / math.sqrt(Dh)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(future, -math.inf).softmax(-1)
    return weights @ v, weights


def slowly(q, k, v, t):
    """What word t gathers, one number after the other."""
    raw = [math.exp(sum(a * b for a, b in zip(q[t], k[s], strict=True)) / math.sqrt(len(q[t]))) for s in range(t + 1)]
    return torch.stack([r / sum(raw) * v[s] for s, r in enumerate(raw)]).sum(0)


# %%
for seed in range(20):
    q, k, v = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(seed))
    gathered, _ = my_attention(q, k, v)
    torch.testing.assert_close(gathered, torch.stack([slowly(q, k, v, t) for t in range(5)]))
    torch.testing.assert_close(gathered, F.scaled_dot_product_attention(q, k, v, is_causal=True))
    k[4], v[4] = 9, 9  # change the future of words 0 to 3
    torch.testing.assert_close(my_attention(q, k, v)[0][:4], gathered[:4])
print("20 random texts: equal to plain loops and to PyTorch, and a change of the last word reaches no earlier one")

# %% [markdown]
# **Predict.** Shuffle the first four words. Does the fifth gather something else?

# %%
shuffled = torch.tensor([2, 0, 3, 1, 4])
same = torch.allclose(my_attention(q[shuffled], k[shuffled], v[shuffled])[0][4], my_attention(q, k, v)[0][4])
print("the last word gathers the same:", same)

# %% [markdown]
# One layer of attention reads a *bag* of words: whoever comes after *fox bites hen* gathers the same after *hen bites
# fox*. That is why GPT-2 adds a vector for the **position** to each token's own.
#
# ## 3 All of GPT-2
#
# A token becomes a vector. Each block adds what attention gathers (several **heads**, each with its own $q, k, v$), then
# what a small network makes of it; both read a normalised copy. In the end the vector is compared with every token's, and
# that gives each a score as the next one, the **logits**; their softmax is its probability. This is the whole model, on the weights of the storyteller of lesson 00:


# %%
@torch.no_grad()
def my_gpt2(model, ids):
    """ids [B, T] -> logits [B, T, V], and who reads whom: [layers, B, heads, T, T]."""
    x, reading = model.tokens(ids) + model.places(torch.arange(ids.shape[1])), []
    for block in model.blocks:
        parts = block.attention.qkv(block.ln1(x)).chunk(3, dim=-1)
        q, k, v = (z.unflatten(-1, (block.attention.heads, -1)).transpose(1, 2) for z in parts)
        gathered, weights = my_attention(q, k, v)
        x = x + block.attention.out(gathered.transpose(1, 2).flatten(2))
        x = x + block.narrow(F.gelu(block.widen(block.ln2(x)), approximate="tanh"))
        reading.append(weights)
    return model.ln(x) @ model.tokens.weight.T, torch.stack(reading)


# %%
from rlhf_edu.lm.checkpoint import load

storyteller, its_tokenizer = load("stories")  # its tokens are whole words
for text in unseen[:20]:
    ids = torch.tensor([its_tokenizer.encode(text)])
    theirs = storyteller(ids, torch.ones_like(ids, dtype=torch.bool)).logits
    torch.testing.assert_close(my_gpt2(storyteller, ids)[0], theirs, atol=1e-4, rtol=1e-4)
print("20 stories: my_gpt2 gives the library's logits")

# %% [markdown]
# **Look at it.** Hover over a word, or click and use the arrow keys; its number tells how much is read from there, in
# percent. The small pictures show all heads. The last full stop is about to start a sentence, perhaps with the hero's
# name. **Find** the head that looks the name up.

# %%
story = "Daisy was a tiny frog with a loud voice. One windy day, she lost a round pebble in the forest. "
story += "There she met a hungry wizard who was eating noodles."
ids = its_tokenizer.encode(story)
logits, reading = my_gpt2(storyteller, torch.tensor([ids]))
chance, best = logits[0, -1].softmax(0).topk(3)
print("next:", [its_tokenizer.decode([i]) for i in best], chance.numpy().round(2))
AttentionView([its_tokenizer.decode([i]) for i in ids], reading[:, 0])

# %% [markdown]
# One picture may be chance, so count. In other stories, wherever a name comes again: how much does each head read, just
# before, from the place where it first stood?

# %%
from rlhf_edu.worlds.story_words import NAMES

known, again = {name for names in NAMES.values() for name in names}, []
for text in unseen:
    words = [word.strip() for word in its_tokenizer.tokens(text)]
    again += [(text, t, words.index(w)) for t, w in enumerate(words) if w in known and w in words[:t]]
again, share = again[: budget(100, 30)], torch.zeros(4, 4)
for text, t, first in again:
    reading = my_gpt2(storyteller, torch.tensor([its_tokenizer.encode(text)[:t]]))[1]
    share += reading[:, 0, :, t - 1, first] / len(again)
print(f"share read from the name, {len(again)} cases; a row is a layer, a column a head:\n{share.numpy().round(2)}")

# %% [markdown]
# Layer 1, head 3: the storyteller has learned to look names up. But a head that *looks* at a word need not
# *use* it (Jain and Wallace 2019). An experiment decides: take one head away at a time, and see how surprised the model
# is by the names. (Surprise is $-\log p$ of what came, in **nats**: 0 if it was certain, 0.69 for a coin toss.)
#
# **Predict.** How many heads matter?


# %%
@torch.no_grad()
def surprise_at_names():
    ids = [torch.tensor([its_tokenizer.encode(text)[: t + 1]]) for text, t, _ in again]
    return np.mean([-my_gpt2(storyteller, x[:, :-1])[0][0, -1].log_softmax(-1)[x[0, -1]].item() for x in ids])


without = np.zeros((4, 4))
print(f"all heads: {surprise_at_names():.2f} nats a name. Without one head:")
for layer, head in np.ndindex(4, 4):
    out = storyteller.blocks[layer].attention.out.weight.data[:, 32 * head : 32 * head + 32]  # what this head adds
    kept = out.clone()
    out.zero_()
    without[layer, head] = surprise_at_names()
    out.copy_(kept)
print(without.round(2))

# %% [markdown]
# Two heads carry the names, one of them nearly alone. The picture gave the idea, the experiment the proof.
#
# ## 4 Train your own
#
# Now from nothing: random weights, your own tokens, and one goal: be as little surprised as possible by each next token.
#
# $$L = -\frac1N \sum_t \log p_\theta(x_{t+1} \mid x_1 \dots x_t)$$
#
# **Predict.** A model that knows nothing spreads its bets over all 768 tokens. What is its loss in nats?

# %%
from rlhf_edu.lm.train import PretrainConfig, batches, held_out, next_token_loss, pretrain

small = GPT2Config(tokenizer.vocab_size, context=160, layers=2, heads=4, width=96)
model = GPT2(small)
rows = [[*tokenizer.encode(text), tokenizer.eos_id] for text in texts]
ids, mask = next(batches(rows, 24, tokenizer.pad_id, np.random.default_rng(0)))
print(f"{sum(w.numel() for w in model.parameters()):,} weights; a batch: {tuple(ids.shape)} tokens")
print(f"loss before training {next_token_loss(model, ids, mask):.2f}, log 768 = {math.log(768):.2f} nats")

# %% [markdown]
# Where does the formula live in the code? The logits at $t$ are held against the token at $t + 1$, and padding does not
# count:


# %%
def my_loss(model, ids, mask):
    logp = model(ids, mask).logits[:, :-1].log_softmax(-1)  # the last logits predict a token we do not have
    logp = logp.gather(-1, ids[:, 1:, None]).squeeze(-1)
    return -logp[mask[:, 1:]].mean()


torch.testing.assert_close(my_loss(model, ids, mask), next_token_loss(model, ids, mask))
print(f"my_loss {my_loss(model, ids, mask):.4f}, the library's {next_token_loss(model, ids, mask):.4f}")

# %% [markdown]
# **Predict**, then train for about a minute (one seed). What comes first: names, spelling, or sentences that make sense?

# %%
from rlhf_edu.lm.interface import left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.plots import watch

prompt, prompt_mask = left_pad([tokenizer.encode("Once upon a time")], tokenizer.pad_id)


def tell(model, seed=1):
    """A story, always with the same dice."""
    dice, ends = torch.Generator().manual_seed(seed), dict(eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id)
    return tokenizer.decode(sample(model, prompt, prompt_mask, 90, generator=dice, **ends).ids[0].tolist())


config = PretrainConfig(steps=budget(600, 12), batch=24, lr=6e-3, warmup=budget(20, 2))
data = batches(rows, config.batch, tokenizer.pad_id, np.random.default_rng(0))
diary = {0: tell(model)}
for record in watch(pretrain(model, data, config), "loss"):
    if record["step"] + 1 in (20, 60, 200, config.steps):
        diary[record["step"] + 1] = tell(model)

# %%
from html import escape

cell = "<td style='text-align:left; vertical-align:top; white-space:normal'>"
head = "<th style='text-align:left'>"
rows_of_diary = "".join(f"<tr>{cell}<b>{step}</b></td>{cell}{escape(text)}</td></tr>" for step, text in diary.items())
HTML(f"<table style='max-width:900px'><tr><th>steps</th>{head}what it writes</th></tr>{rows_of_diary}</table>")

# %% [markdown]
# Names are there from the start, since many are a single token. Then come common words and full stops, then phrases and,
# bit by bit, the spelling of words made of several pieces; sentences come late, and a story that hangs together last. How
# good is that? Test on stories it has not seen, with two rulers beside it: a model that knows only how *often* each token
# occurs, and the storyteller, which is larger and has trained for ten minutes.
#
# Nats *per token* depend on how the text was cut, so they do not compare models with different tokenizers. **Bits per
# byte** do.

# %%
often = torch.tensor([i for row in rows for i in row]).bincount(minlength=small.vocab_size) + 1.0
logp_often = (often / often.sum()).log()
test_rows = [[*tokenizer.encode(text), tokenizer.eos_id] for text in unseen]
unigram = -np.mean([logp_often[i].item() for row in test_rows for i in row[1:]])
print(
    f"knows only how often   {unigram:.2f} nats a token   {unigram * n_tokens / n_bytes / math.log(2):.2f} bits a byte"
)
for name, lm, cutter in (("your model", model, tokenizer), ("storyteller", storyteller, its_tokenizer)):
    found = held_out(lm, cutter, unseen)
    print(
        f"{name:<22} {found['held_out_nats']:.2f} nats a token   {found['bits_per_byte']:.2f} bits a byte   (one seed)"
    )

# %% [markdown]
# Per *token* your model may even look better, because its pieces are shorter and easier to guess; per byte the storyteller
# wins. And neither can reach 0: where a story rolls dice for a name, nobody can know it.
#
# ## 5 It is GPT-2
#
# The same weights, under other names, in the class that Hugging Face loads the real GPT-2 into:

# %%
theirs = model.to_transformers(eos_token_id=tokenizer.eos_id, pad_token_id=tokenizer.pad_id)
with torch.no_grad():
    gap = (theirs(ids, attention_mask=mask.long()).logits - model(ids, mask).logits)[mask].abs().max()
print(f"{type(theirs).__module__}.{type(theirs).__name__}: largest difference of a logit {gap:.1e}")
assert gap < 1e-3

# %%
from tempfile import TemporaryDirectory

from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf_edu.lm.checkpoint import save

with TemporaryDirectory() as folder:
    save(folder, model.eval(), tokenizer)
    anyone, its_cutter = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
start = its_cutter("Once upon a time", return_tensors="pt", return_token_type_ids=False)
print(its_cutter.decode(anyone.generate(**start, do_sample=False, max_new_tokens=30)[0]))

# %% [markdown]
# So everything you learn on this little one holds for the large one: 12 layers, 12 heads, a width of 768, a context of
# 1,024 and 50,257 tokens instead of your numbers; nothing else. With a network, `load("gpt2")` fetches it.
#
# ## 6 Break it on purpose
#
# Leave the mask $M$ out in training: every word may read the whole text, the next word included. **Predict** the loss
# after a few steps, and the stories.

# %%
from unittest.mock import patch

from rlhf_edu.lm import gpt2


def everything(mask, T):
    return mask[:, None, None, :].expand(-1, 1, T, -1)


cheat = GPT2(small)
brief = PretrainConfig(steps=budget(200, 6), batch=24, lr=6e-3, warmup=budget(20, 2))
with patch.object(gpt2, "attention_mask", everything):
    history = watch(pretrain(cheat, data, brief), "loss").run()
print(f"loss {history[-1]['loss']:.2f} nats, after {brief.steps} steps\n")
print(fill(tell(cheat), 110))

# %%
with torch.no_grad():
    honest = next_token_loss(cheat, *next(data)).item()
print(f"the same model, the future hidden again: {honest:.2f} nats (knowing nothing: {math.log(768):.2f})")

# %% [markdown]
# A lower loss than the honest model's, in a third of the steps, from a model that cannot write: it has learned to copy the
# answer from one place to the right. A loss that is too good to be true is a leak until proven otherwise.
#
# ## Your turn
#
# 1. *(5 minutes, easy)* Leave out the $\sqrt{D_h}$ in `my_attention`, and give it random $q, k$ with $D_h = 4$ and
#    $D_h = 400$. What happens to the largest weight of each row? What would a gradient make of that?
# 2. *(10 minutes, easy)* Train with a vocabulary of 300 tokens (its texts are longer: set `context=320`) and of 1200.
#    Compare bits per byte, and seconds.
# 3. *(10 minutes, medium)* Set the position vectors to zero (`model.places.weight.data.zero_()`) and train again, holding
#    them there. How much worse is it? Why can two layers with a mask still tell the order, where one cannot?
# 4. *(15 minutes, hard)* Let the storyteller write with layer 1, head 3 taken away. What happens to its heroes? Then find
#    the head that tells *she* from *he*, by picture and by experiment.
#
# The graded work is in `exercises/06_gpt2.ipynb`; solutions are in `solutions/06_gpt2.ipynb`.
#
# ## What to remember
#
# - Tokens: bytes, then the commonest pairs merged. Nothing is unknown, and common words are whole.
# - Attention: softmax of query times key, over the past only, then a weighted mean of values. Positions tell it the order.
# - Training: predict the next token. Start at log V; compare models in bits per byte, on unseen text.
# - A loss that is too good is a leak.
# - Our weights are Hugging Face's weights. What you learn here scales.
#
# ## Sources
#
# - Vaswani et al. (2017), *Attention is all you need*: eq. 1.
# - Radford et al. (2019), *Language models are unsupervised multitask learners*: GPT-2.
# - Sennrich et al. (2016), *Neural machine translation of rare words with subword units*: byte-pair encoding.
# - Jain and Wallace (2019), *Attention is not explanation*: why a picture of attention proves little.
#
# Next: lesson 07, where each of these tokens becomes an action.
