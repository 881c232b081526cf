# %% [markdown]
# # 15 RLOO and GRPO: stories that judge each other
#
# In lesson 14 a value head said what to expect of a story. Here the model simply writes several stories for the same
# opening, and each is judged against the others. No value head, and two famous biases.
#
# **You will**
#
# - write the group advantages of RLOO and GRPO on numbers small enough for paper;
# - prove that leaving yourself out makes the baseline fair, and see what GRPO's two divisions really do;
# - train a storyteller with your own advantages, and compare it with PPO at equal compute.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes, of which 4 are computing |
# | **Needs** | any laptop: two CPU cores, 1.1 GB of memory, no network, no GPU |
# | **Before** | lesson 14 |
# | **Practice** | `exercises/15_rloo_grpo.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/15_rloo_grpo.ipynb` in the repository, for afterwards |

# %%
import itertools
import math
from dataclasses import replace

import numpy as np
import torch
from IPython.display import display

# %%
from rlhf_edu.core import budget, pick_device, seed_everything
from rlhf_edu.plots import COLOURS, Picture, new_figure, watch
from rlhf_edu.plots.sliders import slide
from rlhf_edu.plots.style import label_ends
from rlhf_edu.plots.tokens import TokenMap
from rlhf_edu.rlhf.group import group_centred, group_loss, group_relative, leave_one_out

seed_everything(0)  # one seed in all of this lesson, but for the table of section 5
torch.set_num_threads(1)  # the last digits depend on it, and after some steps of RL the first ones, too

# %% [markdown]
# ## 1 Better than whom?
#
# A policy gradient makes a text likelier in proportion to its **advantage**: how much better was it than expected? PPO
# learns what to expect, token by token. Kool et al. (2019) had a cheaper idea: write $G$ texts for the same prompt, and
# expect of each what *the others* got.
#
# $$A_i = r_i - \frac{1}{G-1} \sum_{j \ne i} r_j \qquad\text{(RLOO: REINFORCE, leave one out)}$$
#
# **Predict before you run.** Four stories of one opening score 3, 1, 0 and 0. Their advantages, on paper?


# %%
def my_leave_one_out(scores):
    """scores [P, G], a row a prompt -> advantages [P, G]."""
    others = (scores.sum(1, keepdim=True) - scores) / (scores.shape[1] - 1)
    return scores - others


def my_group_relative(scores, eps=1e-4):
    centred = scores - scores.mean(1, keepdim=True)
    return centred / (scores.std(1, keepdim=True) + eps)


# %%
four = torch.tensor([[3.0, 1.0, 0.0, 0.0]])
for name, rule in (("RLOO", my_leave_one_out), ("centred", group_centred), ("GRPO", my_group_relative)):
    print(f"{name:<8}" + "  ".join(f"{a:+.2f}" for a in rule(four)[0]))

# %% [markdown]
# The first story beats the mean of the others, $\frac13$, by 2.67; the second is exactly as good as the rest. The other two
# rows are its relatives. *Centred* subtracts the mean of all four, which gives $\frac{G-1}{G} = \frac34$ of RLOO. **GRPO**
# (Shao et al. 2024) then divides by the group's own standard deviation, 1.41 here:
#
# $$A_i = \frac{r_i - \text{mean}(r)}{\text{std}(r) + \varepsilon}$$
#
# Same signs, same order. So what is there to choose? First, the check against the library.

# %%
for seed in range(20):
    scores = torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(my_leave_one_out(scores), leave_one_out(scores))
    torch.testing.assert_close(my_group_relative(scores), group_relative(scores))
    torch.testing.assert_close(my_leave_one_out(scores) * 3 / 4, group_centred(scores))
print("20 random batches: equal to the library, and centred is 3/4 of leave-one-out")

# %% [markdown]
# ## 2 A fair baseline: enumerate everything
#
# Three answers, chances 0.5, 0.3, 0.2, rewards 1, 0, 4. The gradient of the expected reward by the logit of answer $y$ is
# known: $p_y\,(r_y - \mathbb{E}[r])$. An estimator is **unbiased** if its average over *all* groups, each weighted with its
# chance, is exactly that.
#
# **Predict.** Which of the four are unbiased: no baseline at all, RLOO, centred, GRPO?

# %%
p, r = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([1.0, 0.0, 4.0]).double()


def expected_gradient(rule, G):
    """Σ over all groups: P(group) · mean_i A_i ∇ log p(y_i)."""
    total = torch.zeros(3, dtype=torch.double)
    for group in itertools.product(range(3), repeat=G):
        y = torch.tensor(group)
        grad_logp = torch.eye(3, dtype=torch.double)[y] - p  # of a softmax: one-hot minus the chances
        total += p[y].prod() * (rule(r[y][None]).T * grad_logp).mean(0)
    return total


# %%
true = p * (r - p @ r)
print(f"{'true':<14}" + "  ".join(f"{g:+.4f}" for g in true))
rules = {"no baseline": lambda s: s, "RLOO": leave_one_out, "centred": group_centred, "GRPO": group_relative}
for name, rule in rules.items():
    g = expected_gradient(rule, G=3)
    print(f"{name:<14}" + "  ".join(f"{x:+.4f}" for x in g) + f"   length {g.norm() / true.norm():.3f} of the true one")

# %% [markdown]
# RLOO is exact: the others were drawn independently of text $i$, and $\mathbb{E}[\text{baseline} \cdot \nabla\log p(y_i)] =
# \mathbb{E}[\text{baseline}] \cdot \mathbb{E}[\nabla \log p(y_i)] = \mathbb{E}[\text{baseline}] \cdot 0$. *Centred* has the
# text itself in its baseline, which shortens the gradient to $\frac{G-1}{G}$ and leaves its direction alone: a smaller
# learning rate, nothing worse. GRPO points elsewhere: it even makes the first answer *likelier*, though it is worse than
# average. In large groups the spread is the same number nearly every time, and for a single prompt the tilt fades.
#
# No baseline is unbiased too! Then why bother? **Predict**, then play: 48 texts in all, from two prompts, where one pays
# `unequal` more and the other `unequal` less, whatever is written. How wide does each cloud get as the prompts grow unequal?
# And which group size is best: few large groups or many small ones?


# %%
def estimates(rule, G, unequal, batches=600, texts=48):
    """Many estimates of the gradient for the third answer's logit, from 48 texts each."""
    rng = np.random.default_rng(0)
    y = rng.choice(3, size=(batches, texts // G, G), p=p.numpy())
    prompt = rng.choice([-1, 1], size=(batches, texts // G, 1))
    scores = torch.tensor(r.numpy()[y] + unequal * prompt)
    adv = rule(scores.view(-1, G)).view(scores.shape).numpy()
    return (adv * ((y == 2) - p[2].item())).mean((1, 2))


# %%
def clouds(group_size, unequal):
    figure, axes = new_figure(2, width=3.6, height=2.6)
    said = []
    for ax, (name, rule) in zip(axes, list(rules.items())[:2], strict=True):
        x = estimates(rule, group_size, unequal)
        ax.hist(x, bins=np.linspace(-1, 2, 61), color=COLOURS[0])
        ax.axvline(true[2].item(), color=COLOURS[1], linestyle="--")
        ax.set(title=f"{name}: standard deviation {x.std():.2f}", xlabel="gradient estimate", ylabel="batches")
        said.append(f"{name} {x.std():.2f}")
    return Picture(
        figure, f"Estimates at group size {group_size}; standard deviations: {', '.join(said)}; dashed: truth"
    )


# %%
import ipywidgets as W

sizes = W.SelectionSlider(options=[2, 3, 4, 6, 8, 12, 24, 48], value=4, description="group size")
slide(clouds, group_size=sizes, unequal=(0.0, 5.0, 2.0))

# %%
print("standard deviation of the estimate, unequal = 2")
for G in (2, 4, 8, 24):
    print(
        f"G = {G:2d}: RLOO {estimates(leave_one_out, G, 2).std():.3f}   none {estimates(rules['no baseline'], G, 2).std():.3f}"
    )

# %% [markdown]
# Both clouds sit around the truth; that is what unbiased means. But without a baseline the luck of the prompts drowns the
# lesson, and RLOO does not even notice `unequal`: it compares within a prompt. A group of 2 has a noisy baseline; from
# about 8 on, little is gained, and for a fixed number of texts more of a group means fewer different prompts.
#
# ## 3 GRPO's two divisions
#
# **By the spread.** A test is passed (1) or failed (0), and the policy passes with chance $p$. The true gradient by the
# logit of $p$ is $p(1-p)$: a prompt passed every second time teaches most, $\frac{0.25}{0.09} = 2.8$ times as much as one passed
# 1 time in 10. **Predict.** And under GRPO: more than 2.8 times, or less?


# %%
def pull(rule, p, G=8):
    """The expected gradient by the logit of p, over all numbers k of passes in a group of G."""
    total = 0.0
    for k in range(G + 1):
        adv = rule(torch.tensor([[1.0] * k + [0.0] * (G - k)]))[0]
        grad = torch.tensor([1 - p] * k + [-p] * (G - k))
        total += math.comb(G, k) * p**k * (1 - p) ** (G - k) * (adv * grad).mean().item()
    return total


# %%
figure, (ax,) = new_figure(width=5.4, height=3.0)
ps, said, ends = np.linspace(0.01, 0.99, budget(60, 20)), [], []
for name, rule, G, colour, dash in (
    ("RLOO", leave_one_out, 8, COLOURS[0], "-"),
    ("GRPO", group_relative, 8, COLOURS[1], "--"),
    ("GRPO", group_relative, 48, COLOURS[3], ":"),
):
    y = np.array([pull(rule, x, G) for x in ps])
    ax.plot(ps, y / y.max(), color=colour, linestyle=dash, label=f"{name}, G = {G}")
    said.append(f"{name} with G = {G}: {pull(rule, 0.5, G) / pull(rule, 0.1, G):.1f} times")
ax.set(xlabel="chance to pass", ylabel="pull (largest = 1)")
ax.legend(frameon=False, fontsize=9)
print("pull at 1/2 over pull at 1/10\n" + "\n".join(said))
Picture(figure, "Pull by chance to pass, flatter for GRPO. At 1/2 over at 1/10: " + "; ".join(said))

# %% [markdown]
# The division lifts the prompts at both edges, towards $\sqrt{p(1-p)}$ in large groups: whenever a group differs at all, it
# is stretched to the same spread, so that one failure in eight pulls two thirds as hard as four (undivided: less than half). Some want that (hard prompts are not forgotten). But it is another
# objective, and a group that hardly differs often differs by noise.
#
# **By the length.** GRPO as published averages over the tokens of each text, then over texts:
#
# $$L = \text{mean}_i\; \frac{1}{n_i} \sum_t \ell_{it} \qquad \ell_{it} = \max\bigl(-A_i\rho_{it},\, -A_i\,\text{clip}(\rho_{it}, 1 \pm \varepsilon)\bigr)$$
#
# **Predict.** A wrong text of 10 tokens and a wrong one of 100: which has its tokens pushed down harder, each?


# %%
def my_group_loss(logp, logp_old, adv, mask, clip, average):
    """logp, logp_old, mask [B, N]; adv [B]: one advantage for a whole text."""
    ratio, adv = (logp - logp_old).exp(), adv[:, None]
    loss = torch.maximum(-adv * ratio, -adv * ratio.clamp(1 - clip, 1 + clip)) * mask
    return (loss.sum(1) / (mask.sum(1) if average == "text" else mask.shape[1])).mean()


# %%
for seed in range(20):
    g = torch.Generator().manual_seed(seed)
    new, old, adv = torch.randn(6, 9, generator=g), torch.randn(6, 9, generator=g), torch.randn(6, generator=g)
    mask = torch.arange(9) < torch.randint(1, 10, (6, 1), generator=g)
    for average in ("text", "budget"):
        mine = my_group_loss(new, old, adv, mask, 0.2, average)
        torch.testing.assert_close(mine, group_loss(new, old, adv, mask, 0.2, average))
print("20 random batches: my_group_loss equals group_loss")

# %%
zeros, mask = torch.zeros(2, 100), torch.arange(100) < torch.tensor([[10], [100]])
for average in ("text", "budget"):
    logp = torch.zeros(2, 100, requires_grad=True)
    my_group_loss(logp, zeros, torch.tensor([-1.0, -1.0]), mask, 0.2, average).backward()
    short, long = logp.grad[:, 0].tolist()
    print(f"{average:<7} push on one token of the short text {short:.4f}, of the long one {long:.4f}")

# %% [markdown]
# Under `"text"` a token of the long text is pushed ten times less: *rambling is a way to get off lightly*. Liu et al. (2025)
# divide by a constant instead, `"budget"`, and leave both divisions out; they call it Dr. GRPO. That leaves RLOO up to the
# factor $\frac{G-1}{G}$ and the place of the KL.
#
# ### When a group has nothing to say
#
# **Predict** the advantages of three groups: all scores equal; equal but for rounding; and a group of one.

# %%
for scores in ([[1.0, 1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0, 1.001]], [[1.0]]):
    try:
        both = [rule(torch.tensor(scores))[0].tolist() for rule in (leave_one_out, group_relative)]
        print(scores[0], " RLOO", np.round(both[0], 3) + 0, "  GRPO", np.round(both[1], 2) + 0)
    except ValueError as error:
        print(scores[0], " refused:", error)

# %% [markdown]
# A thousandth of a point becomes a full-sized lesson under GRPO. Remember that for section 6.
#
# ## 4 A group of stories
#
# Now the storyteller of lesson 14, and a judge fitted to forty answers of a simulated person who likes happy endings.

# %%
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import to_pairs
from rlhf_edu.reward.train import fit_preferences
from rlhf_edu.rlhf.loop import reading_on, teach, write_pairs
from rlhf_edu.rlhf.shaping import reference_scale
from rlhf_edu.rlhf.studio import open_studio

# %%
studio = open_studio("stories", seed=0, device=pick_device())
gold, judge = studio.world.taste("happy_ending"), studio.reward_model()
queries, drafts = write_pairs(studio, judge, budget(40, 12))
person = reading_on(boltzmann(gold, 0.1, rng=np.random.default_rng(0)))
fit = fit_preferences(judge, studio.tokenizer, to_pairs(map(person, queries))).run()
reward_fn = reference_scale(judge, drafts)(judge)
print(f"judge: right on {fit[-1]['accuracy']:.0%} of the {len(queries)} pairs it learned from")

# %% [markdown]
# Four stories of one opening. In RLOO every word of a story gets the *same* advantage. PPO asks after each word whether the
# story looks better than before (here: by the judge's own running guess, $\lambda = 0.95$). **Predict** where PPO's tints
# are strong.

# %%
from rlhf_edu.rlhf.shaping import token_gae

opening = studio.openings(1, "test")
done = studio.write(studio.reference, opening, studio.generator("test"), samples=4)
scores, m = reward_fn(done), done.new_mask
whole = leave_one_out(scores[None])[0][:, None].expand(m.shape)
paid = torch.zeros_like(done.logp)
paid[torch.arange(4), m.sum(1) - 1] = scores
by_token = token_gae(paid, reference_scale(judge, drafts)(judge.expected)(done), m)

# %%
for name, adv in {"RLOO: advantage (sd)": whole, "PPO: advantage (sd)": by_token}.items():
    texts = [
        [studio.tokenizer.decode([i]) or " ■" for i in row[k].tolist()] for row, k in zip(done.new_ids, m, strict=True)
    ]
    display(TokenMap([(words, a[k].tolist()) for words, a, k in zip(texts, adv, m, strict=True)], name))

# %% [markdown]
# RLOO praises or blames a story as a whole, its full stops included; over many groups the innocent words cancel out. PPO
# gives credit to the words on the way to a change of outlook ($\lambda = 0.95$ reaches about twenty words back) and hardly
# any once it is settled, if the guess is any good.
#
# ## 5 Train it with your own advantages
#
# Same number of texts as in lesson 14: 24 steps of 64, here as 8 openings with 8 stories each. The KL penalty is taken off
# the score before the groups are compared.

# %%
from rlhf_edu.rlhf.group import GRPO, RLOO, group_rl


def learn(config, reward_fn=reward_fn, **switches):
    """A fresh student, and the run that will teach it."""
    student = open_studio("stories", seed=0, device=studio.device)
    prompts = student.prompt_ids(student.openings(budget(1000, 50), "ppo"))
    switches |= dict(eos_id=student.tokenizer.eos_id, pad_id=student.tokenizer.pad_id)
    switches |= dict(generator=student.generator("ppo"), watch_texts=hidden_taste)
    return student, group_rl(student.policy, student.reference, reward_fn, prompts, config, **switches)


# %%
def hidden_taste(done):
    return {"gold": float(np.mean([gold(text) for text in studio.read(done)]))}


size = dict(steps=budget(24, 3), prompts=budget(8, 4), group=budget(8, 4))
student, run = learn(replace(RLOO, **size), advantages=my_leave_one_out)
run

# %% [markdown]
# **Predict.** Score, hidden taste and KL: will they look like PPO's? The share of `flat` groups, in which all score alike?

# %%
history = {"RLOO": watch(run, "score", "gold", "kl_nats").run()}
last = history["RLOO"][-1]
print(
    f"score {last['score']:.2f}   hidden taste {last['gold']:.2f}   KL {last['kl_nats']:.1f} nats   flat {last['flat']:.2f}"
)

# %% [markdown]
# No group is flat: the judge's scores are real numbers, and hardly two are equal. Where a test only passes or fails
# (section 3), many are. Now GRPO, and PPO with as many texts (it also has a value head to train).

# %%
import time

from rlhf_edu.rlhf.ppo import PPOConfig

grpo_student, run = learn(replace(GRPO, **size), advantages=my_group_relative)
start = time.process_time()
history["GRPO"] = run.run()
print(f"GRPO took {time.process_time() - start:.0f} processor seconds")

# %%
ppo_student = open_studio("stories", seed=0, device=studio.device)
config = PPOConfig(steps=size["steps"], batch=size["prompts"] * size["group"])
start = time.process_time()
history["PPO"] = teach(ppo_student, judge, drafts, config, watch_texts=hidden_taste).run()
print(f"PPO took {time.process_time() - start:.0f} processor seconds")


# %%
def compare(runs, *keys):
    """One panel a key, one line a run."""
    names = dict(
        score="learned score (sd)", gold="hidden taste (0 to 1)", kl_nats="KL (nats a text)", n_new="tokens a text"
    )
    figure, axes = new_figure(len(keys), width=3.9, height=2.8)
    for ax, key in zip(axes, keys, strict=True):
        for run, colour, dash in zip(runs.values(), COLOURS, ("-", "--", "-.", ":"), strict=False):
            ax.plot(range(1, len(run) + 1), [record[key] for record in run], color=colour, linestyle=dash)
        label_ends(ax, [(len(r), r[-1][key], n, c) for (n, r), c in zip(runs.items(), COLOURS, strict=False)])
        ax.set(xlabel="step", ylabel=names[key])
    said = (f"{key} of {n} {r[0][key]:.2f} to {r[-1][key]:.2f}" for key in keys for n, r in runs.items())
    return Picture(figure, "; ".join(said))


compare(history, "score", "gold", "kl_nats")

# %%
from rlhf_edu.evaluate import blind_test

print("blind, by the hidden taste, on fresh openings (one seed)")
for name, who in (("RLOO", student), ("GRPO", grpo_student), ("PPO", ppo_student)):
    t = blind_test(who, judge, drafts, gold, n=budget(256, 16))
    interval = f"{t['win_rate']:.0%} ({t['win_rate_low']:.0%} to {t['win_rate_high']:.0%})"
    print(
        f"{name}  win rate {interval:<18} KL {t['kl_nats']:4.1f}   grammatical {t['grammatical_after']:.2f}   distinct-2 {t['distinct2_after']:.2f}"
    )

# %% [markdown]
# RLOO and PPO end close together; GRPO stays a little behind (one seed; over five, below, the ranges overlap). PPO gets
# there sooner: its values start from the judge's own guess, so each word is judged
# at once, while a group has to write eight stories to find out which was good.
#
# One seed proves little. `tests/benchmarks/bench_methods.py` gives every method the same forty answers and the same limit of
# 1536 stories, stops at a score of 2, and tests on 512 fresh openings (median, lowest to highest; 2026-11-24, two shared cores):
#
# | method | seeds | win rate | KL (nats) | grammatical | processor seconds |
# | --- | --- | --- | --- | --- | --- |
# | PPO | 5 | 0.89 (0.86 to 0.92) | 4.8 (3.9 to 5.2) | 0.97 | 15 |
# | RLOO | 5 | 0.90 (0.84 to 0.91) | 5.5 (4.7 to 5.7) | 0.97 | 22 |
# | GRPO | 5 | 0.89 (0.82 to 0.91) | 5.8 (5.3 to 6.8) | 0.97 | 26 |
# | GRPO, not divided by the spread | 5 | 0.86 (0.85 to 0.91) | 5.8 (4.3 to 6.3) | 0.96 | 26 |
#
# In win rate the ranges overlap: no method wins here. PPO gets there with fewer stories, 8 steps of 64 against RLOO's 14
# (medians), with a critic for a start.
#
# ## 6 Break it on purpose
#
# Somebody adds a harmless **tie-breaker**: 0.001 off for each token, so that of two equally good stories the shorter wins.
# And for three of four openings the judge is out of order and always says 0. (The KL goes into the loss here, so that scores
# are compared as they are.)
#
# **Predict.** 0.001 a token: 60 tokens cost 0.06 of a standard deviation. What happens to the length of the stories, with and
# without the division by the spread?

# %%
works = lambda done: done.ids[:, : -done.n_new].sum(1) % 4 == 0  # noqa: E731  about one opening of four


def with_tie_breaker(done):
    return torch.where(works(done), reward_fn(done), 0.0) - 0.001 * done.new_mask.sum(1)


# %%
small = replace(GRPO, average="budget", **(size | dict(steps=budget(16, 2))))
broken = {}
for name, rule in (("centred", group_centred), ("GRPO", group_relative)):
    broken[name] = learn(small, with_tie_breaker, advantages=rule)[1].run()
    tokens, taste = (np.mean([record[key] for record in broken[name][-5:]]) for key in ("n_new", "gold"))
    print(f"{name:<8} last five steps: {tokens:.0f} tokens a story, hidden taste {taste:.2f}")
compare(broken, "n_new", "gold", "kl_nats")

# %% [markdown]
# With the division, three groups of four teach brevity at full volume: 0.001 has become the objective, the stories shrink from
# about 59 tokens to 49, and the hidden taste stands still near a half. Without it, the tie-breaker breaks ties, the length stays where
# it was, and the taste begins to rise (one seed).
#
# ## Your turn
#
# Each starts from `learn(replace(RLOO, **size), …)`. Predict first.
#
# 1. *(10 minutes, easy)* The same 64 texts a step as 32 × 2, 8 × 8 and 2 × 32. Which learns best, and does section 2 say
#    why?
# 2. *(10 minutes, easy)* Forget the baseline: `advantages=lambda s: s + 3` (scores are in standard deviations from the
#    reference's mean, itself a baseline; the 3 spoils it). What do score and KL do, and why is unbiased not
#    enough?
# 3. *(15 minutes, medium)* Compare each story with those of the *other* openings only. Still unbiased? What does it cost?
# 4. *(15 minutes, hard)* Give every token its own baseline: the mean, over the group, of the judge's running guess
#    `judge.expected(done)` at that position. You need PPO's loss for it. Is it worth it?
#
# ## What to remember
#
# - RLOO: a text's score minus the mean of the *other* texts of its prompt. Unbiased, no value head, one advantage a text.
# - Within a prompt, the prompt's own difficulty cancels. That is most of the noise.
# - Dividing by the spread makes dull groups count like lively ones, noise included; dividing by length spares long failures.
# - A group of one, or of equal scores, teaches nothing. Watch the share of flat groups.
# - With the same number of texts, RLOO, GRPO and PPO end close together.
#
# ## Sources
#
# - Kool et al. (2019), *Buy 4 REINFORCE samples, get a baseline for free!*
# - Ahmadian et al. (2024), *Back to basics: revisiting REINFORCE style optimization for learning from human feedback in LLMs*.
# - Shao et al. (2024), *DeepSeekMath*: GRPO.
# - Liu et al. (2025), *Understanding R1-Zero-like training: a critical perspective*: the two biases.
