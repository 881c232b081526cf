# %% [markdown]
# # 09 Agreement and bias: whose preferences?
#
# A reward model believes what people say. Before you train one, find out how far they can be believed, and which people.
#
# **You will**
#
# - write Cohen's κ and Krippendorff's α, prove them equal to the library's, and see what plain percentages hide;
# - judge the same pairs twice, and learn how steady you are and which side pulls you;
# - find a careless annotator, tell carelessness from another taste, and measure who loses when all share one reward.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes, of which less than 1 is computing |
# | **Needs** | any laptop: CPU, 0.5 GB of memory; real ratings are fetched once (2.5 MB), or simulated without a network |
# | **Before** | lesson 08 helps; lesson 00 is enough |
# | **Practice** | `exercises/09_agreement.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/09_agreement.ipynb` in the repository, for afterwards |

# %%
import ipywidgets as W
import numpy as np

from rlhf_edu.core import budget
from rlhf_edu.feedback import agreement, quality
from rlhf_edu.feedback.annotators import Habits, SimulatedPerson, label_all
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.types import Query
from rlhf_edu.plots.style import COLOURS, DASHES, MARKERS, Picture, new_figure
from rlhf_edu.widgets.follow import follow
from rlhf_edu.worlds.stories import GOLD_TASTES, stories

rng = np.random.default_rng(0)
texts = stories(budget(full=800, fast=400), seed=0)
spooky, happy = (np.array([GOLD_TASTES[name](text) for text in texts]) for name in ("spooky", "happy_ending"))
print(
    f"{len(texts)} little stories; how spooky: {spooky.min():.2f} to {spooky.max():.2f}, on average {spooky.mean():.2f}"
)

# %% [markdown]
# ## 1 Eight out of ten
#
# Ann and Bo read ten stories and mark those that are too scary for small children (1). So do Cleo and Dan.
#
# **Predict before you run.** Count how often Ann and Bo give the same answer, and how often Cleo and Dan do. Which two
# would you rather trust?

# %%
ann = np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 0.0])
bo = np.array([0, 0, 0, 0, 0, 0, 1, 0, 0, 0.0])
cleo = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 0.0])
dan = np.array([1, 0, 1, 0, 0, 1, 1, 0, 1, 0.0])
print(f"the same answer: Ann and Bo {np.mean(ann == bo):.0%}, Cleo and Dan {np.mean(cleo == dan):.0%}")

# %% [markdown]
# Eight of ten, both. Yet Ann and Bo never marked the same story! They agree because hardly anything gets marked. What
# would two people reach who mark as often, but *anywhere*? Shuffle one list and count again, many times.

# %%
pairs_of_people = {"Ann and Bo": (ann, bo), "Cleo and Dan": (cleo, dan)}
for name, (a, b) in pairs_of_people.items():
    by_luck = [np.mean(a == rng.permutation(b)) for _ in range(4000)]
    print(f"{name:<13} agree on {np.mean(a == b):.0%}; shuffled, they agree on {np.mean(by_luck):.1%}")

# %% [markdown]
# So luck alone gives Ann and Bo 82 %: they are worse than luck. **Cohen's κ** (1960) asks which share of what luck left
# over has been reached:
#
# $$\kappa = \frac{P_o - P_e}{1 - P_e}, \qquad P_e = \sum_k p_k\, q_k$$
#
# $P_o$ is the share of equal answers; $p_k$ and $q_k$ say how often the one and the other answer $k$. 1 is perfect, 0 is
# luck.
#
# **By hand.** Ann and Bo: $P_e = 0.9 \cdot 0.9 + 0.1 \cdot 0.1 = 0.82$, so $\kappa = -0.02/0.18 = -0.11$. Cleo and Dan:
# $P_e = 0.5$, so $\kappa = 0.3/0.5 = 0.6$.


# %%
def my_kappa(a, b):
    both = ~(np.isnan(a) | np.isnan(b))  # only what both have answered
    a, b = a[both], b[both]
    observed = np.mean(a == b)
    by_chance = sum(np.mean(a == k) * np.mean(b == k) for k in np.unique(np.append(a, b)))
    return (observed - by_chance) / (1 - by_chance)


# %%
print(f"Ann and Bo {my_kappa(ann, bo):+.2f}   Cleo and Dan {my_kappa(cleo, dan):+.2f}")
for seed in range(200):
    draw = np.random.default_rng(seed)
    a, b = draw.integers(0, 3, (2, 40)).astype(float)
    b = np.where(draw.random(40) < 0.5, a, b)  # they agree more than luck
    b[draw.random(40) < 0.2] = np.nan  # and one of them has left some out
    np.testing.assert_allclose(my_kappa(a, b), agreement.cohen_kappa(a, b))
print("200 random pairs of people, with gaps: my_kappa equals cohen_kappa")

# %% [markdown]
# **Play.** Two careful people; each presses the wrong button now and then, whatever the story. **Predict:** if scary
# stories become rare, what happens to the percentage, and to κ?


# %%
def rare(slips):
    figure, (ax,) = new_figure(height=2.8)
    share = np.linspace(0.01, 0.5, 100)
    says = share * (1 - slips) + (1 - share) * slips
    observed, by_chance = np.full(100, slips**2 + (1 - slips) ** 2), says**2 + (1 - says) ** 2
    lines = {"agreement": observed, "by luck": by_chance, "κ": (observed - by_chance) / (1 - by_chance)}
    for i, (name, line) in enumerate(lines.items()):
        ax.plot(share, line, color=COLOURS[i], linestyle=DASHES[i])
        ax.annotate(name, (0.5, line[-1]), xytext=(5, 0), textcoords="offset points", color=COLOURS[i], va="center")
    ax.set(xlabel="share of stories that are scary", ylabel="share, or κ", ylim=(0, 1.03))
    kappa = lines["κ"]
    return Picture(figure, f"Agreement stays at {observed[0]:.0%}; κ rises from {kappa[0]:.2f} to {kappa[-1]:.2f}")


follow(rare, slips=W.FloatSlider(0.1, min=0.01, max=0.4, step=0.01, description="slips"))

# %% [markdown]
# The percentage does not move; κ falls towards 0, with the very same people. Where one answer is rare, slips soon outnumber
# what there is to find. So a κ holds for people *and* items: never compare two κ from different piles of stories.
#
# ## 2 Many people, and scales
#
# Now Eve and Fay rate three films from 1 to 5: (1, 2), (5, 4) and (3, 3). They gave the same number once in three. Is
# that bad? A scale knows *how far apart* two answers are. **Krippendorff's α** compares squared distances: within
# films, and between any two answers at all:
#
# $$\alpha = 1 - \frac{D_o}{D_e}, \qquad D_o = \frac{1}{n}\sum_i \frac{1}{n_i - 1} \sum_{r \ne s} \delta^2(x_{ir}, x_{is}),
# \qquad D_e = \frac{1}{n(n-1)} \sum_{x,\,y} \delta^2(x, y)$$
#
# Film $i$ has $n_i$ answers, and there are $n$ in all. Any number of people, any gaps. For names, δ² is 1 if they differ;
# for a scale, the squared distance.
#
# **By hand**, with distances: $D_o = (2 \cdot 1 + 2 \cdot 1 + 0)/6 = 0.67$ and $D_e = 120/30 = 4$, so $\alpha = 0.83$.
# **Predict** whether α for names is higher or lower.


# %%
def my_alpha(table, delta=np.subtract):
    rows = [row[~np.isnan(row)] for row in table]
    rows = [row for row in rows if len(row) > 1]  # one answer alone agrees with nobody
    everything = np.concatenate(rows)
    within = sum((delta.outer(row, row) ** 2).sum() / (len(row) - 1) for row in rows)
    return 1 - (len(everything) - 1) * within / (delta.outer(everything, everything) ** 2).sum()


# %%
films = np.array([[1, 2], [5, 4], [3, 3.0]])
print(f"three films: as distances {my_alpha(films):.2f}, as names {my_alpha(films, np.not_equal):.2f}")
for seed in range(100):
    table = np.random.default_rng(seed).integers(1, 6, (12, 6)).astype(float)
    table[np.random.default_rng(seed + 1).random(table.shape) < 0.4] = np.nan
    for delta, level in ((np.subtract, "interval"), (np.not_equal, "nominal")):
        np.testing.assert_allclose(my_alpha(table, delta), agreement.krippendorff_alpha(table, level))
print("100 random tables with gaps: my_alpha equals krippendorff_alpha")

# %% [markdown]
# Real people now. Some twenty of them rated each of thousands of sentences from film reviews, from −4 (dreadful) to +4
# (Hutto and Gilbert, 2014). The file is fetched once.

# %%
from rlhf_edu.worlds.reviews_data import FILE, cache_folder, is_whole, rated

try:
    if budget(full=False, fast=not is_whole(cache_folder() / FILE)):
        raise OSError("fast mode fetches nothing")
    some = rng.permutation(len(rated("films")))[: budget(600, 150)]
    sentences = {rated("films")[i].text: rated("films")[i].ratings for i in some}
    print(f"{len(sentences)} sentences, rated by real people")
except OSError as problem:
    print(f"These raters are simulated, because the real ones could not be had: {problem}")
    feel = rng.normal(0.2, 1.6, budget(600, 150))
    noisy = np.clip(np.round(feel[:, None] + rng.normal(0, 0.9, (len(feel), 20))), -4, 4)
    sentences = {f"simulated sentence {i}": tuple(row.tolist()) for i, row in enumerate(noisy)}

# %%
table = np.full((len(sentences), max(map(len, sentences.values()))), np.nan)
for row, ratings in zip(table, sentences.values(), strict=True):
    row[: len(ratings)] = ratings
print(f"the same number: {agreement.percent_agreement(table):.0%}")
for level in ("nominal", "interval"):
    alpha = lambda t, level=level: agreement.krippendorff_alpha(t, level)  # noqa: E731
    value, low, high = agreement.bootstrap_interval(alpha, table, rng, times=200)
    print(f"α ({level}) = {value:.2f}   95 % interval over sentences {low:.2f} to {high:.2f}")
spread = {text: np.std(ratings) for text, ratings in sentences.items()}
for text in (min(spread, key=lambda t: spread[t]), max(spread, key=lambda t: spread[t])):
    print(f"\n“{text}”\n   {sorted(map(int, sentences[text]))}")

# %% [markdown]
# As names, people hardly agree: who knows where +1 ends and +2 begins? As distances they agree well. The two sentences
# are the one most agreed upon and the most contested. Is anybody *wrong*?
#
# ## 3 You, asked twice
#
# If others disagree with you, perhaps it is taste. If *you* disagree with you, it is not. Ten pairs come twice, the
# second time with the sides swapped. Which story is spookier? By answering, you agree that your answers are kept in one
# file next to this notebook; `store.erase(ME)` deletes them.
#
# Sides are drawn from the item's name, so we look for a second name under which they come out swapped.
#
# **Predict:** of ten pairs, how many will you judge the same way twice? With fewer than five pairs answered
# twice, a simulated person stands in for you, who wavers on close calls and is drawn to the left.

# %%
from rlhf_edu.feedback.showing import shuffled

ME = "me"


def swapped(query):
    again = (Query("compare", "", query.options, query.question, id=f"{query.id}#{k}") for k in range(2, 99))
    return next(q for q in again if shuffled(q, ME, 0).order != shuffled(query, ME, 0).order)


# %%
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.widgets.compare import Compare

store = FeedbackStore("my_agreement.db")
ask = [Query("compare", "", (texts[i], texts[i + 1]), "Which story is spookier?") for i in range(0, 20, 2)]
session = FeedbackSession([*ask, *map(swapped, ask[::-1])], store, annotator=ME, guidelines="Choose the spookier one.")
session.on_answer(lambda _: store.consented(ME) or store.consent(ME, "My answers are kept in this file."))
Compare(session)

# %%
who, events, worth = "you", session.events(simulated=False), dict(zip(texts, spooky, strict=True)).__getitem__
if quality.self_consistency(events).get(ME, quality.Share(0, 0)).total < 5:
    who, stand_in = "a simulated person", FeedbackSession(session.queries, FeedbackStore(), annotator=ME)
    label_all(stand_in, SimulatedPerson(worth, Habits(0.15, position=0.8), np.random.default_rng(3)))
    events = stand_in.events()
same = next(iter(quality.self_consistency(events).values()))
print(f"{who}: the same story twice {same}; the left side won {quality.left_share(events)}")

# %%
sides = {}
for event in events:
    if event.record is not None and event.record.chosen is not None:
        left = (event.record.choice == "a") == (event.order == (0, 1))
        sides.setdefault(quality.asked_again(event.item), []).append("left" if left else "right")
both = [tuple(pressed) for pressed in sides.values() if len(pressed) == 2]
for outcome in (("left", "left"), ("right", "right")):
    print(f"{who}: {outcome[0]} both times, so a different story each time: {both.count(outcome)} of {len(both)}")

# %% [markdown]
# Whoever likes a story picks *left, right* or *right, left*. *Left* twice is a habit of the hand, not of taste. From ten
# pairs you learn little about yourself: two changes of mind may be luck. Random sides keep a pull to one side from
# favouring any text, but it still costs you answers.
#
# ## 4 The Bayes ceiling
#
# Say somebody chooses A in 80 % of all readings of one pair. No reward model can predict their answer more often than
# 80 %. On average over pairs, this is the **Bayes ceiling**:
#
# $$\text{ceiling} = \operatorname{mean}_i\, \max_k\, p_{ik}$$
#
# Nobody tells you $p_{ik}$; you have votes. **Predict:** you judge the majority by the very votes it came from. Too high,
# or too low? (Our simulated people choose A with $\sigma(\text{difference}/0.15)$, so this once we know the truth.)

# %%
many = [Query("compare", "", (texts[i], texts[i + 1])) for i in range(0, len(texts), 2)]
gaps = np.round(spooky[::2] - spooky[1::2], 9)
p = 1 / (1 + np.exp(-gaps / 0.15))
truth = quality.bayes_ceiling(np.stack([p, 1 - p], axis=1))
sizes, bounds = (2, 3, 5, 9, 15, 25), {"majority judged by itself": [], "judged by the others": []}
for n in sizes:
    votes = [quality.ceiling_from_votes(1.0 * (rng.random((len(p), n)) < p[:, None])) for _ in range(5)]
    for name, values in zip(bounds, np.transpose(votes)[::-1], strict=True):
        bounds[name].append(values)
figure, (ax,) = new_figure(height=2.8)
for i, (name, values) in enumerate(bounds.items()):
    low, middle, high = np.percentile(values, [0, 50, 100], axis=1)
    ax.fill_between(sizes, low, high, color=COLOURS[i], alpha=0.2, linewidth=0)
    ax.plot(sizes, middle, color=COLOURS[i], linestyle=DASHES[i], marker=MARKERS[i])
    ax.annotate(name, (25, middle[-1]), xytext=(6, 9 - 18 * i), textcoords="offset points", color=COLOURS[i])
ax.axhline(truth, color="0.3", linestyle=(0, (1, 3)))
ax.set(xlabel="answers to each pair", ylabel="estimated ceiling (share)")
Picture(
    figure, f"Two estimates close in on the true ceiling, {truth:.2f}, from above and below as answers grow; five seeds"
)

# %%
low, high = quality.ceiling_from_votes(np.sign(table))
print(f"film sentences, good, bad or neither: the ceiling lies about between {low:.3f} and {high:.3f}")

# %% [markdown]
# The truth (dotted) lies between; the band spans five seeds. Read each accuracy against *its* ceiling, never against
# 100 %.
#
# ## 5 Two biases in one picture
#
# Left, the **position bias**: with equal stories, an unbiased person takes the left one half of the time. Right, the
# **length bias**: at pairs of nearly equal taste, how often does the longer one win? Points are simulated answers with two
# standard errors; lines are the exact chances for pairs that are alike in the other respect. **Play**; and **predict**
# what the pull to longer texts does to the *left* picture.

# %%
doublings = np.array([np.log2(len(q.options[0].split()) / len(q.options[1].split())) for q in many])


def chances(ax, x, took_left, slope, pull):
    """Share of left in seven groups with two standard errors, and σ(slope · x + pull)."""
    groups = np.array_split(np.argsort(x), 7)
    for group in groups:
        error = 2 * took_left[group].std() / len(group) ** 0.5
        ax.errorbar(x[group].mean(), took_left[group].mean(), error, color=COLOURS[1], marker="o")
    grid = np.linspace(x.min(), x.max(), 100)
    ax.plot(grid, 1 / (1 + np.exp(-(slope * grid + pull))), color=COLOURS[0])
    ax.axhline(0.5, color="0.5", linestyle=":")


# %%
def two_biases(position, length):
    habits = Habits(temperature=0.15, position=position, length=length)
    person = SimulatedPerson(worth, habits, np.random.default_rng(0))
    took_left = np.array([person(query).choice == "a" for query in many])
    figure, (left, right) = new_figure(2, width=3.9, height=3.0)
    chances(left, gaps, took_left, 1 / 0.15, position)
    close_calls = np.abs(gaps) < 0.15
    chances(right, doublings[close_calls], took_left[close_calls], length, position)
    left.set(xlabel="how much spookier the left is", ylabel="share of left chosen", ylim=(-0.04, 1.04))
    right.set(xlabel="doublings of length, left to right", title="close calls only", ylim=(-0.04, 1.04))
    even = 1 / (1 + np.exp(-position))
    return Picture(figure, f"Share of left chosen, by taste and by length; {even:.0%} where both stories are equal")


bias = dict(min=0.0, max=3.0, step=0.1)
follow(two_biases, position=W.FloatSlider(1.0, **bias), length=W.FloatSlider(2.0, **bias))

# %% [markdown]
# A pull to the left lifts the whole curve: at 0 it no longer passes through one half. A pull to length makes the right
# curve steep; the left picture hardly shows it: it looks like a little noise, and only at 3 do the points lie a trifle
# flatter than the line.
#
# One difference matters. Position is pure accident, and swapping sides exposes it. Length is a property of the text:
# where longer stories *are* better, "the longer one won" proves nothing. You need pairs that are equal but for their
# length, and only a simulation knows those for certain.
#
# ## 6 Who is careless?
#
# Three people judge: was A the better one? One is right 90 % of the time, and says yes. Two are right 60 % of the time,
# and say no. **Predict:** is it yes or no?
#
# By hand: the odds are $\frac{0.9}{0.1} \cdot \frac{0.4}{0.6} \cdot \frac{0.4}{0.6} = 4$ to 1 for yes. One good
# witness outvotes two poor ones. If you knew how good each was, you could weigh them; if you knew the truth, you
# could see how good each was. **Dawid and Skene** (1979) know neither and go round in circles, until nothing changes:
#
# $$P(\text{true}_i = j) \propto p_j \prod_r \pi^{(r)}_{j,\,\text{said}(i,r)}, \qquad
# \pi^{(r)}_{jk} \propto \sum_i P(\text{true}_i = j)\,[\,r \text{ said } k \text{ of } i\,]$$
#
# $p_j$: how often $j$ is true; $\pi^{(r)}_{jk}$: how often person $r$ says $k$ when $j$ is true. Seven people judge our pairs. Five are careful. *Gus*
# hardly looks. *Hal* misread the guidelines, and picks the *less* spooky story.
#
# **Predict** how the majority fares, and whether anything can be learned from Hal.

# %%
from rlhf_edu.feedback.dawid_skene import dawid_skene
from rlhf_edu.feedback.people import crowd, label_together

people = crowd({"careful": worth}, each=5, rng=np.random.default_rng(1), temperature=0.15)
people["Gus"] = SimulatedPerson(worth, Habits(temperature=0.15, mistake=0.45), np.random.default_rng(2))
people["Hal"] = SimulatedPerson(lambda text: -worth(text), Habits(temperature=0.15), np.random.default_rng(3))
answers = FeedbackStore()
print(label_together(answers, many, people, per_item=4, rng=np.random.default_rng(4)), "answers, four to each pair")

# %%
said = agreement.answer_table(answers.answers())
found = dawid_skene(said.values)
better_left = {query.id: gap > 0 for query, gap in zip(many, gaps, strict=True)}
truth = np.array([0.0 if better_left[item] else 2.0 for item in said.items])
for name, column in sorted(zip(said.people, said.values.T, strict=True)):
    answered = ~np.isnan(column)
    guess = found.accuracy[said.people.index(name)]
    print(f"{name:<10} found {guess:.2f}   in truth {np.mean(column[answered] == truth[answered]):.2f}")
votes_left = (said.values == 0).sum(axis=1) - (said.values == 2).sum(axis=1)
majority = np.where(votes_left == 0, 0.5, (votes_left > 0) == (truth == 0)).mean()
print(f"right answers: majority {majority:.1%}, Dawid and Skene {np.mean(found.best == truth):.1%}   (one seed)")

# %% [markdown]
# Without any true answer it finds Gus, near a coin, and Hal, who is *reliably* wrong: turned round, his answers
# are as good as the others'. It beats the majority by some ten points. (A split majority counts half.)
#
# ## 7 Whose preferences?
#
# Dawid and Skene believe in *one* truth. Is there one? Four children love a shiver; four sleep badly and want
# the opposite: no ghosts, and a happy ending. All eight are careful. Here is κ for every two of them.

# %%
tastes = {"shiver": spooky, "lullaby": (1 - spooky + happy) / 2}
groups = {name: dict(zip(texts, taste, strict=True)).__getitem__ for name, taste in tastes.items()}
children, answers = crowd(groups, each=4, rng=np.random.default_rng(5), temperature=0.1), FeedbackStore()
label_together(answers, many, children, rng=np.random.default_rng(6))
said = agreement.answer_table(answers.answers())
order = sorted(range(8), key=lambda i: (said.people[i] < "m", said.people[i]))
for name, columns in {"all eight": order, "shiver": order[:4], "lullaby": order[4:]}.items():
    print(f"{name:<10} α = {agreement.krippendorff_alpha(said.values[:, columns]):+.2f}")

# %%
kappas = np.array([[agreement.cohen_kappa(said.values[:, i], said.values[:, j]) for j in order] for i in order])
figure, (ax,) = new_figure(width=4.6, height=3.8)
ax.imshow(kappas, cmap="cividis", vmin=-1, vmax=1)
for i in range(8):
    for j in range(8):
        ax.text(
            j, i, f"{kappas[i, j]:.1f}", ha="center", va="center", fontsize=8, color="w" if kappas[i, j] < 0.3 else "k"
        )
names = [said.people[i] for i in order]
ax.set_xticks(range(8), names, rotation=40, ha="right")
ax.set_yticks(range(8), names)
ax.grid(False)
Picture(figure, "κ between eight children: two blocks of four agree within, and disagree across")

# %% [markdown]
# α over all eight is near 0, as if they were careless. Within the groups they agree well. **Low agreement has two
# causes, and the cures are opposite:** against noise, ask more people and average; of two tastes, averaging hides one.
#
# Now train *one* reward model on all answers, for different shares of the groups. What it reads from a story, 288
# numbers, comes from the storyteller of lesson 00.
#
# **Predict:** with half and half, how well is each group served? With three to one, how badly the minority?

# %%
import torch

from rlhf_edu.reward.fit import FitRewardConfig, fit_reward
from rlhf_edu.reward.labels import Labels
from rlhf_edu.reward.scorers import Numbers, Scorer, TrunkScorer, read
from rlhf_edu.rlhf.studio import open_studio

studio = open_studio("stories", seed=0)
features = read(TrunkScorer(studio.reward_model(), studio.tokenizer), texts)
pairs = torch.arange(len(texts)).view(-1, 2)
learn, fresh = pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]


# %%
def p_first(taste, pairs):
    return torch.sigmoid(torch.as_tensor(taste[pairs[:, 0]] - taste[pairs[:, 1]]) / 0.1)


def right_for(reward, taste):  # the share of this group's answers to fresh pairs that the reward predicts
    p = p_first(taste, fresh)
    return torch.where(reward[fresh[:, 0]] > reward[fresh[:, 1]], p, 1 - p).mean().item()


# %%
def pooled(share, seed):
    """One reward for all stories, learned from answers of which `share` come from the lovers of a shiver."""
    dice = torch.Generator().manual_seed(seed)
    loves = torch.rand(len(learn), generator=dice) < share
    p = torch.where(loves, *(p_first(taste, learn) for taste in tastes.values()))
    outcome = (torch.rand(len(learn), generator=dice) > p).long()  # 0: the first is better
    scorer = Scorer(Numbers(), features.shape[1])
    fit_reward(scorer, Labels(list(features), pairs=learn, outcome=outcome), FitRewardConfig(150, prior=0.1)).run()
    return scorer.reward(features).detach()


print({name: round(right_for(pooled(0.75, 0), taste), 2) for name, taste in tastes.items()}, "(one seed)")

# %%
shares, seeds = (0.0, 0.25, 0.4, 0.5, 0.6, 0.75, 1.0), range(budget(5, 3))
rewards = {share: [pooled(share, seed) for seed in seeds] for share in shares}
figure, (ax,) = new_figure(height=3.2)
for i, (name, taste) in enumerate(tastes.items()):
    right = np.array([[right_for(reward, taste) for reward in rewards[share]] for share in shares])
    ax.fill_between(shares, right.min(1), right.max(1), color=COLOURS[i], alpha=0.2, linewidth=0)
    ax.plot(shares, np.median(right, 1), color=COLOURS[i], linestyle=DASHES[i], marker=MARKERS[i])
    p = p_first(taste, fresh)
    ceiling = torch.maximum(p, 1 - p).mean().item()
    ax.annotate(
        name, (1, np.median(right[-1])), xytext=(6, 0), textcoords="offset points", va="center", color=COLOURS[i]
    )
    ax.axhline(ceiling, color=COLOURS[i], linestyle=":", linewidth=1)
    print(f"{name:<8} own ceiling {ceiling:.2f}   right {np.median(right, 1).round(2).tolist()}")
ax.axhline(0.5, color="0.5", linewidth=1)
ax.set(xlabel="share of answers from “shiver”", ylabel="answers predicted (share)", ylim=(0.2, 1))
Picture(figure, "Answers predicted by share: each group rises with its own share; a small minority is below a coin")

# %% [markdown]
# At half and half, both get little more than a coin. A minority of a quarter is served **worse than by a coin** (bands:
# five seeds; dotted: ceilings): the reward prefers what they dislike, and no warning appears anywhere.
#
# What do they get to read? Of four stories, choose the one with the highest reward. **Play** with the share.


# %%
def served(share):
    figure, (ax,) = new_figure(width=5.5, height=2.8)
    four = torch.arange(len(texts) // 2, len(texts)).view(-1, 4)
    for i, (name, taste) in enumerate(tastes.items()):
        liked = [
            [taste[four.gather(1, r[four].argmax(1, keepdim=True))].mean() for r in rewards[x]]
            for x in (share, 1.0 - i)
        ]
        values = [taste[four].mean(), *np.mean(liked, axis=1)]
        bars = ax.bar(np.arange(3) + 0.4 * i - 0.2, values, 0.36, color=COLOURS[i], hatch=("", "//")[i], label=name)
        ax.bar_label(bars, fmt="%.2f", fontsize=9)
    ax.set_xticks(range(3), ["any story", "by the one reward", "by the group's own"])
    ax.set(ylabel="own taste (0 to 1)", ylim=(0, 0.95), title=f"{share:.0%} of the answers come from “shiver”")
    ax.legend(frameon=False, fontsize=9, loc="upper left")
    return Picture(
        figure, f"What each group gets at a share of {share:.0%}: any story, by the pooled reward, by its own reward"
    )


follow(served, share=W.SelectionSlider(options=shares, value=0.75, description="share of shiver"))

# %% [markdown]
# One reward cannot please both; it can only decide who loses. What helps? Note *who* answers, look at each group by
# itself, keep a reward for each, or care for the worst-off (lesson 24). What is fair, statistics cannot say; whoever
# builds the data set decides it all the same.
#
# ## 8 Break it on purpose
#
# Two careful people with ties, on the same pairs. Three faults, none of which raises an error:
#
# - **shuffled**: the second person's answers are joined to the wrong items;
# - **filled**: each leaves out 40 %, and somebody replaces the gaps by the first answer of the list, 0;
# - **no ties**: every pair that one of them called a tie is dropped without a word.
#
# **Predict** for each whether percentage and κ rise or fall.

# %%
hesitant = dict(temperature=0.15, tie_within=0.1)
two = crowd({"reader": worth}, each=2, rng=np.random.default_rng(8), value_noise=0.1, **hesitant)
answers = FeedbackStore()
label_together(answers, many, two, rng=np.random.default_rng(9))
x, y = agreement.answer_table(answers.answers()).values.T
gone = rng.random((2, len(x))) < 0.4
decided = (x != agreement.CODES["tie"]) & (y != agreement.CODES["tie"])
cases = {
    "healthy": (x, y),
    "shuffled": (x, rng.permutation(y)),
    "gaps, healthy": (np.where(gone[0], np.nan, x), np.where(gone[1], np.nan, y)),
    "gaps, filled": (np.where(gone[0], 0, x), np.where(gone[1], 0, y)),
    "no ties": (x[decided], y[decided]),
}
for name, (a, b) in cases.items():
    n = np.sum(~np.isnan(a) & ~np.isnan(b))
    print(f"{name:<14} {n:>4} pairs   same {np.mean(a == b) * len(a) / n:.0%}   κ {agreement.cohen_kappa(a, b):+.2f}")

# %% [markdown]
# *Shuffled*: both fall to what luck gives, while each person's habits and speed look fine and, if items were only
# renumbered, their self-consistency too. *Filled*:
# the percentage hardly moves, but κ halves: a made-up answer agrees by luck alone. *No ties* is the nastiest, since
# everything gets **better**. Ties mark the hard pairs; whoever drops them reports only on easy ones.
# So report how many pairs a κ rests on, how many were ties, and who answered.
#
# ## Your turn
#
# 1. *(5 minutes, easy)* Three answers, of which two are rare: invent ten for each of two people, so that they agree on nine
#    and κ is below 0.5.
# 2. *(10 minutes, medium)* Leave Hal out. From how many answers a pair (`per_item`) is the majority nearly as good as
#    Dawid and Skene?
# 3. *(10 minutes, medium)* Run Dawid and Skene on the eight children. Whom does it call careless, and what if you make one
#    group larger?
# 4. *(15 minutes, hard)* Weigh the answers so that both groups count alike in the fit, whatever their shares
#    (`Labels.take` may repeat answers). Does it help the minority? What does it cost the majority?
#
# The graded work is in `exercises/09_agreement.ipynb`; the solutions are in `solutions/09_agreement.ipynb`.
#
# ## What to remember
#
# 1. Percent agreement flatters where one answer is common; κ and α take luck out.
# 2. Ask some items twice, sides swapped: it shows each person's noise and their pull to a side.
# 3. An accuracy is read against the Bayes ceiling, not against 100 %.
# 4. Low agreement is noise or several tastes. Look who agrees with whom before you average.
# 5. One pooled reward serves whoever answered most; measure it for each group.
#
# ## Sources
#
# - Cohen (1960), "A coefficient of agreement for nominal scales": κ.
# - Krippendorff (2011), "Computing Krippendorff's alpha-reliability": α, as it is computed here.
# - Dawid and Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM algorithm".
# - Lee et al. (2021), "B-Pref: benchmarking preference-based reinforcement learning": people with flaws, simulated.
# - Hutto and Gilbert (2014), "VADER": the rated film sentences.
# - Sorensen et al. (2024), "A roadmap to pluralistic alignment": what to do when people differ.
