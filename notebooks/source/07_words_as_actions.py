# %% [markdown]
# # 07 Words as actions: sampling, fine-tuning, and text as a decision problem
#
# A language model is an agent: it looks at a text, chooses a word, and looks again. Here you steer its choices, speed them
# up, teach it by example, and then by reward alone.
#
# **You will**
#
# - write temperature, top-k and nucleus sampling, and move them on a live distribution;
# - write with a cache, and fine-tune on examples (SFT);
# - turn writing into a Markov decision process, train it with REINFORCE, and see why it needs a leash.
#
# | | |
# | --- | --- |
# | **Time** | about 60 minutes, of which 3 are computing |
# | **Needs** | any laptop: two CPU cores, 1 GB of memory, no network, no GPU |
# | **Before** | lesson 06; lessons 01 and 04 for the words of reinforcement learning |
# | **Practice** | `exercises/07_words_as_actions.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/07_words_as_actions.ipynb` in the repository, for afterwards |

# %%
import copy
import itertools
import time
from textwrap import fill

import ipywidgets as W
import numpy as np
import torch
from IPython.display import HTML

from rlhf_edu.core import budget, seed_everything, trainer
from rlhf_edu.lm.checkpoint import load
from rlhf_edu.lm.interface import completion_logits, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.worlds.world import world

seed_everything(0)
storyteller, tokenizer = load("stories")  # a GPT-2 that has read little stories; a token is a word
stories = world("stories")

# %% [markdown]
# ## 1 From a distribution to a word
#
# The model does not say a word. It gives a probability to each, and somebody must choose. Suppose only four words can
# follow, with $p$ = 0.5, 0.3, 0.15 and 0.05. The ways to choose:
#
# - **greedy**: always the likeliest;
# - **temperature** $T$: $p_i \to p_i^{1/T} / \sum_j p_j^{1/T}$, that is, softmax(logits$/T$). Below 1 it sharpens;
# - **top-k**: keep the $k$ likeliest, scale them up to add to 1;
# - **nucleus** (top-p): keep the fewest words that together have at least $P$ (Holtzman et al. 2020).
#
# **Predict before you run**, on paper: $T = \tfrac12$; $k = 2$; $P = 0.9$.


# %%
def tempered(p, T):
    return (p.log() / T).softmax(-1)


def top_k(p, k):
    kept = p.topk(k).indices
    return torch.zeros_like(p).index_copy(0, kept, p[kept]) / p[kept].sum()


def nucleus(p, P):
    """The likeliest words, up to and with the one that reaches P."""
    likely, order = p.sort(descending=True)
    before = likely.cumsum(0) - likely  # what the words ahead of each have together
    kept = order[before < P]
    return torch.zeros_like(p).index_copy(0, kept, p[kept]) / p[kept].sum()


# %%
p = torch.tensor([0.5, 0.3, 0.15, 0.05])
for name, q in (("T = 1/2", tempered(p, 0.5)), ("k = 2", top_k(p, 2)), ("P = 0.9", nucleus(p, 0.9))):
    print(f"{name:<8} {[round(x, 3) for x in q.tolist()]}")

# %% [markdown]
# $T = \tfrac12$ squares: 0.25, 0.09, 0.0225, 0.0025, divided by their sum 0.365. For $P = 0.9$ two words have only 0.8
# together, so the third comes along.
#
# *Fewest words with at least P*: check it by brute force, over all sets of words.

# %%
for seed in range(20):
    q = torch.randn(6, generator=torch.Generator().manual_seed(seed)).mul(2).softmax(0)
    for P in (0.3, 0.7, 0.95):
        sets = [list(s) for n in range(1, 7) for s in itertools.combinations(range(6), n) if q[list(s)].sum() >= P]
        fewest = min(sets, key=lambda s: (len(s), -q[s].sum()))
        assert sorted(fewest) == nucleus(q, P).nonzero().flatten().tolist()
print("60 cases: the nucleus is the smallest set that reaches P")

# %% [markdown]
# **Play.** Hollow bars: what the model says. Filled: what you sample from. Find a text where the model has no choice, and
# one where it has dozens. What does nucleus do in each, and what does top-k? (At $P = 1$ nearly every token is possible,
# if only once in a billion.)

# %%
from rlhf_edu.plots.sliders import slide
from rlhf_edu.plots.tokens import next_token_bars

words = [tokenizer.decode([i]) for i in range(tokenizer.vocab_size)]


@torch.no_grad()
def next_word(text, temperature, k, P):
    text = text if text.strip() else "Once"
    ids = torch.tensor([tokenizer.encode(text)])[:, -storyteller.context :]
    p = storyteller(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0, -1].softmax(-1)
    q = nucleus(top_k(tempered(p, temperature), k), P)
    return next_token_bars(
        words, q.numpy(), p.numpy(), title=f"{int((q > 0).sum())} tokens possible after “…{text[-30:]}”"
    )


text = W.Text("Once upon a time there was a", continuous_update=False, layout=W.Layout(width="640px"))
slide(next_word, text=text, temperature=(0.1, 2.0, 1.0), k=(1, len(words), len(words)), P=(0.05, 1.0, 0.95))

# %% [markdown]
# A fixed $k$ is too large where grammar leaves one choice and too small where any name would do; the nucleus adapts.
#
# **Predict.** As $T$ rises from 0.1 to 2, what happens to the share of well-formed sentences, and to variety?


# %%
def write(lm, openings, seed=0, **how):
    """A story for each opening; the same seed throws the same dice."""
    ids, mask = left_pad([tokenizer.encode(opening) for opening in openings], tokenizer.pad_id)
    how |= dict(eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id, generator=torch.Generator().manual_seed(seed))
    return sample(lm, ids, mask, 72, **how)


def read(done):
    return [tokenizer.decode(ids[mask].tolist()) for ids, mask in zip(done.ids, done.mask, strict=True)]


# %%
from rlhf_edu.evaluate import distinct_n

temperatures = budget((0.1, 0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0), (0.1, 1.0, 2.0))
told = [read(write(storyteller, stories.openings(budget(64, 8), 3), temperature=T)) for T in temperatures]
well_formed = [np.mean([stories.grammatical(text) for text in texts]) for texts in told]
variety = [distinct_n(texts) for texts in told]

# %%
from rlhf_edu.plots import COLOURS, Picture, new_figure
from rlhf_edu.plots.style import DASHES, label_ends

figure, (ax,) = new_figure()
ax.plot(temperatures, well_formed, "o-", color=COLOURS[0])
ax.plot(temperatures, variety, "s--", color=COLOURS[1])
label_ends(
    ax,
    [(2, well_formed[-1], "well-formed sentences", COLOURS[0]), (2, variety[-1], "different word pairs", COLOURS[1])],
)
ax.set(xlabel="temperature (no unit)", ylabel="share (one seed)", ylim=(0, 1.05))
Picture(figure, f"By temperature: well-formed {np.round(well_formed, 2)}, different word pairs {np.round(variety, 2)}")

# %% [markdown]
# Cold, it is correct and tells one story again and again; hot, it is new and broken. There is no best value, only a price.
#
# For *reading*, filter as you like. For *learning* from samples, don't: the log-probs that go into the formulas must be
# those of the distribution that wrote the text, and a filter changes it. Lesson 14 shows what goes wrong.
#
# ## 2 The cache
#
# To choose the next word, attention needs the keys and values of all earlier ones, and these never change: the past
# cannot see the future. So keep them, and read only the newest word.
#
# **Predict.** For 64 new words after a prompt of 12: how many tokens are read without a cache, and how many with one?


# %%
@torch.no_grad()
def write_greedily(ids, n_new, cached):
    """The likeliest words after `ids`, and how many tokens the model had to read for them."""
    cache = storyteller.new_cache(len(ids), ids.shape[1] + n_new) if cached else None
    fresh, n_read = ids, 0
    for _ in range(n_new):
        everything = torch.ones_like(ids, dtype=torch.bool)
        logits = storyteller(fresh if cached else ids, everything, cache).logits[:, -1]
        n_read += fresh.shape[1] if cached else ids.shape[1]
        fresh = logits.argmax(-1, keepdim=True)
        ids = torch.cat([ids, fresh], 1)
    return ids, n_read


# %%
start = torch.tensor([tokenizer.encode(stories.openings(1, 3)[0])] * 16)
for n_new in budget((16, 32, 64), (4, 8)):
    timed = {}
    for cached in (True, False):
        begun = time.perf_counter()
        timed[cached] = (*write_greedily(start, n_new, cached), time.perf_counter() - begun)
    assert torch.equal(timed[True][0], timed[False][0])
    with_it, without = timed[True], timed[False]
    print(
        f"{n_new:>3} words: {without[1]:>5} tokens in {without[2]:.2f} s without, {with_it[1]:>4} in {with_it[2]:.2f} s with"
    )

# %% [markdown]
# The same words, letter by letter. Without a cache the work grows with the *square* of the length. The price is memory:
# $2 \times$ layers $\times$ width numbers a token.
#
# ### Break it on purpose: the forgotten mask
#
# Prompts of unequal length are padded on the left, so that all can go on at once; the mask says what is padding.
# **Predict.** Does a prompt get the same next word alone and in a batch? And if somebody forgets the mask?

# %%
short, long = "Once upon a time there was a", "Daisy was a tiny frog with a loud voice. One windy day, she lost a round"
ids, mask = left_pad([tokenizer.encode(short), tokenizer.encode(long)], tokenizer.pad_id)
alone = ids[:1][mask[:1]][None]
with torch.no_grad():
    truth = storyteller(alone, torch.ones_like(alone, dtype=torch.bool)).logits[0, -1].softmax(-1)
    for name, m in (("with its mask", mask), ("mask forgotten", torch.ones_like(mask))):
        p = storyteller(ids, m).logits[0, -1].softmax(-1)
        print(f"{name:<15} overlap with the truth {torch.minimum(p, truth).sum():.3f}   likeliest:{words[p.argmax()]}")

# %% [markdown]
# No error, only other words: the model took the padding for the beginning of the text. Always compare one row alone with
# the same row in a batch.
#
# ## 3 Teach by example: SFT
#
# Before anyone rewards anything, show the model what you want. **Supervised fine-tuning** is pretraining continued, on
# (prompt, answer) pairs, where only the *answer* is learned:
#
# $$L = -\operatorname{mean}_{t \,\in\, \text{answer}} \log \pi_\theta(x_t \mid x_{<t})$$

# %%
from rlhf_edu.lm.sft import SFTConfig, encode_demonstration, sft, sft_batches
from rlhf_edu.lm.train import next_token_loss

rows = [encode_demonstration(tokenizer, short, end, storyteller.context) for end in (" brave fox.", " fox who sang.")]
ids, mask, learn = next(sft_batches(rows, 2, tokenizer.pad_id, np.random.default_rng(0)))
for row, picked in zip(ids, learn, strict=True):
    print("|".join(f"[{words[i] or '■'}]" if yes else words[i] for i, yes in zip(row, picked, strict=True)))

# %%
logp = storyteller(ids, mask).logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
mine = -logp[learn[:, 1:]].mean()
print(f"by hand {mine:.4f} nats, the library {next_token_loss(storyteller, ids, mask, learn):.4f}")

# %% [markdown]
# In brackets: what is learned. The end token (■) is part of it, or the model never learns to stop.
#
# Now the examples: of many stories, the spookiest tenth, as judged by a hidden taste between 0 and 1. **Predict.** The
# examples score near 1. How far does the storyteller come after forty steps?

# %%
spooky = stories.taste("spooky")
ranked = sorted(stories.texts(budget(800, 80), 4), key=spooky, reverse=True)
examples = ranked[: len(ranked) // 10]
pairs = [(text[: text.index(".") + 1], text[text.index(".") + 1 :]) for text in examples]
print(f"{len(pairs)} examples; the first:\nprompt: {pairs[0][0]}\n{fill('answer:' + pairs[0][1], 110)}")

# %%
fresh_openings, tuned = stories.openings(budget(96, 12), 5), []
config = SFTConfig(steps=budget(40, 3), batch=budget(32, 8))
for seed in range(budget(3, 1)):
    tuned.append(copy.deepcopy(storyteller))
    sft(tuned[-1], tokenizer, pairs, config, rng=np.random.default_rng(seed)).run()


# %%
def taste_of(lm, seed):
    return np.mean([spooky(text) for text in read(write(lm, fresh_openings, seed))])


before = [taste_of(storyteller, seed) for seed in range(len(tuned))]
after = [taste_of(lm, seed) for seed, lm in enumerate(tuned)]
print(f"before {np.round(before, 2)}   after {np.round(after, 2)}   examples {np.mean([*map(spooky, examples)]):.2f}")

# %%
from html import escape

cell = "<td style='text-align:left; vertical-align:top; width:50%; white-space:normal'>"
head = "<th style='text-align:left'>"
both = zip(*(read(write(lm, fresh_openings[:3], seed=6)) for lm in (storyteller, tuned[0])), strict=True)
rows = "".join(f"<tr>{cell}{escape(old)}</td>{cell}{escape(new)}</td></tr>" for old, new in both)
HTML(f"<table style='max-width:900px'><tr>{head}before</th>{head}after fine-tuning</th></tr>{rows}</table>")

# %% [markdown]
# The ceiling is the examples' own score, not 1: SFT *imitates*. Sampled at $T = 1$, the best it can do is to write like
# its examples, the better and the worse alike. (Sampled cooler it can score above their mean, at the price of variety.) It
# needs somebody who writes the examples, and it never learns what to avoid. So we go on to rewards.
#
# ## 4 Text is a decision problem
#
# | reinforcement learning | writing |
# | --- | --- |
# | state $s_t$ | the text so far |
# | action $a_t$ | the next token |
# | transition | append it; nothing is left to chance |
# | policy $\pi(a \mid s)$ | the language model |
# | reward | 0, and a score for the whole text at its end |
# | episode | from the prompt to the end token, or to the length limit |
#
# So it is an environment like any other. The rule of this game: one point for every exclamation mark.

# %%
from rlhf_edu.envs import TextEnv

prompts = [tokenizer.encode(opening) for opening in stories.openings(50, 3)]
cry = lambda text: float(text.count("!"))  # noqa: E731
env = TextEnv(cry, tokenizer.decode, tokenizer.vocab_size, prompts=prompts, n_new=72, eos_id=tokenizer.eos_id)
env.action_space, env.observation_space.shape

# %%
obs, info = env.reset(seed=2)
story, terminated = write(storyteller, [info["text"]], seed=7), False
for token in story.new_ids[story.new_mask].tolist():
    obs, rew, terminated, truncated, info = env.step(token)
print(
    f"{len(obs)} places, {env.action_space.n} actions; ended: {terminated}; reward {rew:g}\n{fill(info['text'], 110)}"
)

# %% [markdown]
# And therefore the agents of lessons 02 to 05 can write. With three letters and at most four of them, plain **Q-learning**
# does: a point for each letter that differs from the one before. **Predict** a best text, and its score after "a".

# %%
from rlhf_edu.rl.spaces import indexer
from rlhf_edu.rl.tabular import TabularConfig, make_table, q_learning

letters = ["", "a", "b", "c"]  # token 0 ends the text
spell = lambda ids: "".join(letters[i] for i in ids)  # noqa: E731
changes = lambda text: float(sum(x != y for x, y in itertools.pairwise(text)))  # noqa: E731
game = TextEnv(changes, spell, 4, prompts=[[1]], n_new=4, eos_id=0)
q, config = make_table(game), TabularConfig(episodes=budget(4000, 2000), alpha=0.5, gamma=1.0, epsilon=1.0)
print(f"{len(q_learning(q, game, config, rng=np.random.default_rng(0)).run())} episodes at random")

# %%
(obs, info), terminated, row_of = game.reset(), False, indexer(game.observation_space)
while not terminated:
    obs, rew, terminated, _, info = game.step(int(q[row_of(obs)].argmax()))
print(f"{q.shape[0]:,} states; writes “{info['text']}”, reward {rew:g}, best possible {game.n_new}")

# %% [markdown]
# A table has a row for every way to fill the five places: 3,125 here (only 40 of them are texts to be continued), and
# more than atoms in the world for real stories. A language model is
# what fits in its place: a policy that generalises over texts.
#
# ## 5 REINFORCE on tokens
#
# Make the tokens of good texts likelier (Williams 1992). With $R$ the score of a text and $b$ what was to be expected:
#
# $$\nabla J = \mathbb{E}\Bigl[(R - b) \sum_t \nabla \log \pi_\theta(a_t \mid s_t)\Bigr]$$
#
# For $b$ we take the mean of the *other* texts of the batch, so that a text is not measured by itself.


# %%
def my_reinforce(logp, rewards, mask):
    """The loss whose gradient is −∇J. logp and mask [B, N]; rewards [B]."""
    others = (rewards.sum() - rewards) / (len(rewards) - 1)
    return -((rewards - others).detach() * (logp * mask).sum(1)).mean()


# %%
logits = torch.tensor([0.5, 0.0, -1.0], requires_grad=True)  # a text of one token, three to choose from
points = torch.tensor([0.0, 1.0, 3.0])
(exact,) = torch.autograd.grad((logits.softmax(0) * points).sum(), logits)
drawn = torch.multinomial(logits.softmax(0), 200_000, replacement=True, generator=torch.Generator().manual_seed(0))
logp = logits.log_softmax(0)[drawn][:, None]
(estimate,) = torch.autograd.grad(-my_reinforce(logp, points[drawn], torch.ones_like(logp)), logits)
print(f"exact {exact.numpy().round(3)}   from 200,000 samples {estimate.numpy().round(3)}")

# %% [markdown]
# Now for the storyteller. The rule: one point an exclamation mark. And a leash: each nat of
# $\text{KL}(\pi \,\|\, \pi_\text{ref})$, the distance from how it used to write, costs $\beta$ points.

# %%
from rlhf_edu.ops import token_logp

mark, practice = tokenizer.encode("!")[0], stories.openings(400, 6)


@trainer
def practise(policy, beta, seed, steps, batch=32):
    optimizer, rng = torch.optim.Adam(policy.parameters(), lr=1e-3), np.random.default_rng(seed)
    for step in range(steps):
        done = write(policy, [str(opening) for opening in rng.choice(practice, batch)], seed=1000 * seed + step)
        with torch.no_grad():
            logp_ref = token_logp(completion_logits(storyteller, done)[0], done.new_ids)
        logp = token_logp(completion_logits(policy, done)[0], done.new_ids)
        kl = ((logp.detach() - logp_ref) * done.new_mask).sum(1)
        cries = ((done.new_ids == mark) & done.new_mask).float().sum(1)
        optimizer.zero_grad()
        my_reinforce(logp, cries - beta * kl, done.new_mask).backward()
        optimizer.step()
        good = np.mean([stories.grammatical(text) for text in read(done)])
        yield dict(step=step, cries=cries.mean().item(), kl_nats=kl.mean().item(), grammatical=float(good))


# %% [markdown]
# **Predict.** Twenty steps, three seeds, $\beta = 0$ and $\beta = 0.3$. What does each policy write in the end?

# %%
runs, policies = {}, {}
for beta in (0.0, 0.3):
    policies[beta] = [copy.deepcopy(storyteller) for _ in range(budget(3, 1))]
    steps, batch = budget(20, 2), budget(32, 6)
    runs[f"β = {beta}"] = [practise(lm, beta, seed, steps, batch).run() for seed, lm in enumerate(policies[beta])]
for name, group in runs.items():
    first, last = (np.median([run[i]["cries"] for run in group]) for i in (0, -1))
    print(f"{name}: exclamation marks a text {first:.2f} → {last:.2f}")
for beta, (policy, *_) in policies.items():
    print(f"\n{fill(f'β = {beta}: {read(write(policy, fresh_openings[:1], seed=3))[0]}', 110)}")

# %%
figure, axes = new_figure(3, width=3.6, height=2.8)
names = dict(
    cries="exclamation marks a text", kl_nats="KL to the reference (nats a text)", grammatical="well formed (share)"
)
for ax, (key, name) in zip(axes, names.items(), strict=True):
    ends = []
    for (beta, group), colour, dash in zip(runs.items(), COLOURS, DASHES, strict=False):
        lines = np.array([[record[key] for record in run] for run in group])
        x = np.arange(1, lines.shape[1] + 1)
        ax.fill_between(x, lines.min(0), lines.max(0), color=colour, alpha=0.2, linewidth=0)
        ax.plot(x, np.median(lines, 0), color=colour, linestyle=dash)
        ends.append((x[-1], np.median(lines[:, -1]), beta, colour))
    label_ends(ax, ends)
    ax.set(xlabel=f"step (band: all {len(group)} seeds)", ylabel=name)
Picture(
    figure,
    "; ".join(
        f"{key} of {n}: {np.median([r[-1][key] for r in g]):.2f} at the end" for key in names for n, g in runs.items()
    ),
)

# %% [markdown]
# Without a price the reward goes through the roof and language dies: the rule was obeyed to the letter. With it the
# stories stay stories, and cry out several times as often as before. (Lines: medians of three seeds; bands: from the lowest
# to the highest.)
#
# ### What is the leash aiming at?
#
# The best policy for "reward minus β·KL" can be written down: the reference, tilted towards reward.
#
# $$\pi^*(y) \propto \pi_\text{ref}(y)\; e^{R(y)/\beta}$$
#
# **Predict.** The four words of section 1, and only the last, with 0.05, has a reward: 1. Its share under $\beta = 0.3$?

# %%
p, points = torch.tensor([0.5, 0.3, 0.15, 0.05]), torch.tensor([0.0, 0.0, 0.0, 1.0])
for beta in (1.0, 0.3, 0.1):
    formula = (p.log() + points / beta).softmax(0)
    z = torch.zeros(4, requires_grad=True)
    climb = torch.optim.Adam([z], lr=0.05)
    for _ in range(1500):
        q = z.softmax(0)
        climb.zero_grad()
        (beta * (q * (q / p).log()).sum() - (q * points).sum()).backward()
        climb.step()
    torch.testing.assert_close(z.softmax(0).detach(), formula, atol=1e-3, rtol=0)
    print(f"β = {beta}: {formula.numpy().round(3)}, the same by climbing")

# %% [markdown]
# $0.05\, e^{1/0.3} = 1.40$ against $0.95$: a share of 0.60. As $\beta \to 0$, all goes to the reward, however rare the
# text was; as $\beta \to \infty$, nothing moves. You will meet this objective again in lesson 14, and the formula in
# lesson 16.
#
# Last, where does the taught policy spend its nats? Hover for the numbers.

# %%
from rlhf_edu.plots.tokens import TokenMap

policy = policies[0.3][0]
done = write(policy, fresh_openings[:2], seed=3)
with torch.no_grad():
    now, then = (token_logp(completion_logits(lm, done)[0], done.new_ids) for lm in (policy, storyteller))
lines = [
    ([words[i] or " ■" for i in done.new_ids[b][m].tolist()], (now - then)[b][m].tolist())
    for b, m in enumerate(done.new_mask)
]
TokenMap(lines, "log π − log π_ref (nats); ■ is the end")

# %% [markdown]
# Hardly anything on the "!" itself: once a sentence has begun with *What a wonderful day*, the mark comes by itself. The
# nats go to the words that lead there: *What*, the opening quote, *The … vanished*.
#
# ## Your turn
#
# 1. *(5 minutes, easy)* Sample with $T = 0.7$ and then filter with $P = 0.9$; then the other way round. Same distribution?
# 2. *(10 minutes, easy)* Fine-tune on 8 examples instead of 80, for 40 and for 200 steps. Read the stories: what has it
#    learned by heart?
# 3. *(10 minutes, medium)* Leave the baseline out (`others = 0`). Compare the curves of three seeds. Why does a baseline
#    change no mean and so much else?
# 4. *(15 minutes, medium)* Another rule: the number of *different* words, or the taste `spooky`. Find a $\beta$ by the
#    formula above, then try it. Which rule can be farmed, and how?
#
# The graded work is in `exercises/07_words_as_actions.ipynb`; solutions are in `solutions/07_words_as_actions.ipynb`.
#
# ## What to remember
#
# - Temperature, top-k and nucleus change the distribution: fine for reading, wrong for learning.
# - A cache gives the same words for a fraction of the work; a row must get the same numbers alone and in a batch.
# - SFT learns the answers only, their end included, and imitates: at $T = 1$ the examples are its ceiling.
# - State: the text. Action: a token. Reward: once, at the end.
# - Reward alone kills language. A price on KL aims at $\pi_\text{ref}\, e^{R/\beta}$.
#
# ## Sources
#
# - Holtzman et al. (2020), *The curious case of neural text degeneration*: nucleus sampling.
# - Williams (1992), *Simple statistical gradient-following algorithms*: REINFORCE.
# - Kool et al. (2019), *Buy 4 REINFORCE samples, get a baseline for free!*: the mean of the others.
# - Ouyang et al. (2022), *Training language models to follow instructions with human feedback*: SFT as the first step.
# - Ziegler et al. (2019), *Fine-tuning language models from human preferences*: the KL price, eq. 2.
#
# Next: lesson 08, where people, not rules, give the rewards.
