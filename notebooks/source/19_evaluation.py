# %% [markdown]
# # 19 Evaluation: is it better, and how sure are you?
#
# You compare storytellers the way it should be done, blind, on the same openings, with honest intervals, and then fool yourself in
# five ways that look just as good.
#
# **You will**
#
# - write a win rate's interval and see why the one from school fails;
# - rank seven storytellers by who beats whom, with Elo and with Bradley-Terry;
# - judge blind yourself, pick the best version without cheating, and spot the cheats.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes, of which 1 is computing |
# | **Needs** | any laptop: two CPU cores, 0.7 GB of memory, no network, no GPU |
# | **Before** | lessons 14 and 18 |
# | **Practice** | `exercises/19_evaluation.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/19_evaluation.ipynb` in the repository, for afterwards |

# %%
import math

import ipywidgets as W
import numpy as np
import torch

from rlhf_edu.core import budget, pick_device, seed_everything
from rlhf_edu.evaluate import bootstrap, bradley_terry_ratings, elo_ratings, kl_to_reference, rank_policies, win_rate
from rlhf_edu.plots import COLOURS, Picture, new_figure
from rlhf_edu.plots.style import DASHES
from rlhf_edu.rlhf.studio import open_studio
from rlhf_edu.widgets.follow import follow

seed_everything(0)
torch.set_num_threads(1)  # the last digits depend on it, and after some steps of RL the first ones, too
studio = open_studio("stories", seed=34, device=pick_device())
rng = np.random.default_rng(0)
print("one seed of the training in all of this lesson; of everything cheap, thousands")

# %% [markdown]
# ## 1 Ten out of ten
#
# The new storyteller wins ten comparisons of ten. **Predict before you run.** How sure are you that it wins more than 80 % in the long
# run?
#
# The interval from school (Wald) is $\hat p \pm 1.96\sqrt{\hat p(1-\hat p)/n}$. For ten of ten, $1 \pm 0$: perfect certainty from ten
# clicks. **Wilson** (1927) asks the other way round: which true rates $p$ would not be surprised by what we saw?
#
# $$|\hat p - p| \le z\sqrt{p(1-p)/n} \quad\Longrightarrow\quad
# p = \frac{\hat p + \frac{z^2}{2n} \pm z\sqrt{\frac{\hat p(1-\hat p)}{n} + \frac{z^2}{4n^2}}}{1 + z^2/n}$$
#
# **By hand** for ten of ten, $z^2 = 3.84$: the centre is $(1 + 0.192)/1.384 = 0.861$, the half-width $(1.96 \cdot 0.098)/1.384 = 0.139$.


# %%
def wald(wins, n, z=1.96):
    p = wins / n
    half = z * np.sqrt(p * (1 - p) / n)
    return p - half, p + half


def wilson(wins, n, z=1.96):
    p, scale = wins / n, 1 + z * z / n
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (p + z * z / (2 * n) - half) / scale, (p + z * z / (2 * n) + half) / scale


# %%
for wins, n in ((10, 10), (7, 10), (70, 100), (700, 1000)):
    (a, b), (c, d) = wald(wins, n), wilson(wins, n)
    print(f"{wins:>4} of {n:<5} Wald {a:.3f} to {b:.3f}   Wilson {c:.3f} to {d:.3f}")

# %%
ours, theirs = np.array([1.0] * 70 + [0.0] * 30), np.full(100, 0.5)
np.testing.assert_allclose(
    wilson(70, 100, z=1.959964), (win_rate(ours, theirs).low, win_rate(ours, theirs).high), atol=1e-6
)
print("equal to the library's:", win_rate(ours, theirs))

# %% [markdown]
# Ten of ten leave room down to 72 %. An interval promises one thing: it holds the truth 95 times in 100. Does it? No simulation is needed:
# sum the chances of all counts whose interval holds $p$. **Predict** how far Wald falls short at 20 comparisons; then **play**.


# %%
def coverage(n):
    ks, ps = np.arange(n + 1), np.linspace(0.5, 0.995, 200)
    chance = np.array([math.comb(n, int(k)) for k in ks]) * ps[:, None] ** ks * (1 - ps[:, None]) ** (n - ks)
    figure, (ax,) = new_figure(height=2.9)
    held = {}
    for i, interval in enumerate((wald, wilson)):
        low, high = interval(ks, n)
        held[interval.__name__] = (chance * ((low <= ps[:, None]) & (ps[:, None] <= high))).sum(1)
        ax.plot(ps, held[interval.__name__], color=COLOURS[i], linestyle=DASHES[i], label=interval.__name__.title())
    ax.axhline(0.95, color="0.4", linestyle=":")
    ax.set(xlabel="true win rate", ylabel="intervals that hold it (share)", ylim=(0, 1.01), title=f"{n} comparisons")
    ax.legend(frameon=False, loc="lower left")
    worst = ", ".join(f"{name} {share.min():.2f}" for name, share in held.items())
    return Picture(figure, f"Share of 95 % intervals that hold the truth, at worst: {worst}")


# %%
follow(coverage, n=W.IntSlider(20, min=5, max=200, step=5, description="comparisons"))

# %% [markdown]
# Near 1, where good policies are, Wald is worst: of 20 comparisons at a true 0.995 only one interval in ten holds it. Wilson averages 0.95;
# its worst, close to 1, is 0.86.
#
# ### How many comparisons do I need?
#
# The half-width is about $0.98/\sqrt{n}$ around one half: ten times as sure costs a hundred times as many. To tell 55 % from a coin?

# %%
for rate in (0.9, 0.7, 0.6, 0.55, 0.52):
    n = next(n for n in range(4, 10_000, 2) if wilson(rate * n, n)[0] > 0.5)
    print(f"a true {rate:.0%}: its interval leaves one half out from about {n} comparisons on")

# %% [markdown]
# And with just that many you would see it hardly more than every second time (of the first two rows: four times in five, and three in five): the observed rate lies below the true one as often as above.
#
# ## 2 Seven storytellers
#
# One training run, of the reckless kind of lesson 18: a judge of twenty answers by somebody who likes *brave* heroes, $\beta = 0$. We keep the
# storyteller at every fourth step. All write to the same openings, which nobody has trained on, and roll the same dice.

# %%
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import to_pairs
from rlhf_edu.reward.train import fit_preferences
from rlhf_edu.rlhf.loop import reading_on, teach, write_pairs
from rlhf_edu.rlhf.ppo import PPOConfig
from rlhf_edu.rlhf.shaping import reference_scale

# %%
taste = studio.world.taste("brave")
person = reading_on(boltzmann(taste, 0.2, rng=np.random.default_rng(34)))
judge = studio.reward_model()
queries, drafts = write_pairs(studio, judge, 20)
fit_preferences(judge, studio.tokenizer, to_pairs([person(query) for query in queries])).run()
print(f"{len(queries)} answers; the judge has an opinion")

# %%
openings, written = studio.openings(budget(160, 16), "test"), {}


def write_as(name):
    done = studio.write(studio.policy, openings, studio.generator("test"))
    written[name] = done, studio.read(done)


# %%
write_as("start")
config = PPOConfig(steps=budget(24, 2), batch=budget(48, 8), lr=1e-3, beta=0.0)
for record in teach(studio, judge, drafts, config):
    if (step := record["step"] + 1) % budget(4, 1) == 0:
        write_as(f"step {step}")
        moved = kl_to_reference(studio.policy, studio.reference, written[f"step {step}"][0])
        print(f"step {step:>2}: KL {moved:5.1f} nats")

# %%
gold = {name: np.array([taste(text) for text in texts]) for name, (_, texts) in written.items()}
proxy_of = reference_scale(judge, drafts)(judge)
proxy = {name: proxy_of(done).detach().cpu().numpy() for name, (done, _) in written.items()}
for name in gold:
    print(f"{name:<8} against start, by the hidden taste: {win_rate(gold[name], gold['start'])}")

# %% [markdown]
# ### The same openings
#
# Some openings invite courage, others do not. If two storytellers write to the *same* openings, that drops out of the difference:
#
# $$\operatorname{Var}(x - y) = \operatorname{Var} x + \operatorname{Var} y - 2 \operatorname{Cov}(x, y)$$
#
# A **bootstrap** draws openings again with replacement, each *with all that belongs to it* (a row is what was drawn independently).
# **Predict:** which interval is narrower, paired or not, and by how much?

# %%
last = list(gold)[-1]
x, y = gold[last], gold["start"]
paired = bootstrap(lambda a, b: (a - b).mean(), x, y, rng=rng)
apart = [rng.choice(x, len(x)).mean() - rng.choice(y, len(y)).mean() for _ in range(2000)]
low, high = np.quantile(apart, [0.025, 0.975])
print(f"{last} − start, mean taste:   paired {paired}   unpaired {low:+.3f} to {high:+.3f}")
print(f"correlation of the two over openings: {np.corrcoef(x, y)[0, 1]:+.2f}")

# %% [markdown]
# Neither: pairing takes the correlation off the variance, and here that is zero within noise: the openings say little of what follows, and storytellers that
# have moved far apart use the same dice differently. Where prompts differ in difficulty, as most real ones do, it is large; it costs nothing.
#
# ### Only the sign
#
# Is it luck? If neither were better, each decided comparison would be a coin. The **sign test** asks how often coins do as well, with no
# assumption about the sizes: $P = \min\bigl(1, 2\sum_{k \ge w} \binom{n}{k} 2^{-n}\bigr)$, with $w$ the wins of whoever won more; ties are left out.


# %%
def sign_test(ours, theirs):
    wins, n = int((ours > theirs).sum()), int((ours != theirs).sum())
    tail = sum(math.comb(n, k) for k in range(max(wins, n - wins), n + 1)) / 2**n
    return min(1.0, 2 * tail)


# %%
print(f"8 of 10: {sign_test(np.array([1.0] * 8 + [0] * 2), np.full(10, 0.5)):.3f}   (by hand 2 · (45 + 10 + 1)/1024)")
for name in list(gold)[1:]:
    print(f"{name:<8} against start: p = {sign_test(gold[name], gold['start']):.2g}")

# %% [markdown]
# Six independent tests at the 5 % level find "something" by luck in $1 - 0.95^6 = 26\%$ of all studies. Divide the level by the number of
# tests (Bonferroni), or decide beforehand which one counts.
#
# ## 3 Who beats whom
#
# Each two storytellers meet on each opening. One number for each, $r_i$, shall explain all results:
#
# $$P(i \text{ beats } j) = \sigma(r_i - r_j)$$
#
# That is **Bradley-Terry** again, now on policies; an **Elo** point is the same in other units (400 points are ten to one). To fit it,
# let wins equal expected wins: $\sum_j w_{ij} = \sum_j n_{ij}\,\sigma(r_i - r_j)$, by small steps:

# %%
names = list(gold)
table = np.stack([gold[name] for name in names])
wins = (table[:, None] > table[None]).sum(2) + 0.5 * (table[:, None] == table[None]).sum(2)
np.fill_diagonal(wins, 0)
print("wins against ", *(f"{name:>8}" for name in names))
for name, row in zip(names, wins.astype(int), strict=True):
    print(f"{name:<13}", *(f"{n:>8}" for n in row))


# %%
def my_ratings(wins, steps=3000):
    games, r = wins + wins.T, np.zeros(len(wins))
    for _ in range(steps):
        expected = games / (1 + np.exp(r[None] - r[:, None]))
        r += (wins - expected).sum(1) / games.sum(1)
    return r - r.mean()


# %%
theirs = bradley_terry_ratings(wins, prior=1e-6)
np.testing.assert_allclose(my_ratings(wins), theirs - theirs.mean(), atol=1e-3)
points = (400 / math.log(10) * my_ratings(wins)).round().astype(int).tolist()
print("my_ratings equals bradley_terry_ratings; in Elo points", dict(zip(names, points, strict=True)))

# %%
standings = rank_policies(gold, rng=rng, resamples=budget(500, 100))
figure, (ax,) = new_figure(height=2.8)
for i, s in enumerate(standings):
    ax.plot([s.elo.low, s.elo.high], [-i, -i], color=COLOURS[0])
    ax.plot(s.elo.value, -i, "o", color=COLOURS[1])
ax.set_yticks([-i for i in range(len(standings))], [s.name for s in standings])
ax.set(xlabel="Elo points above the average (95 % interval over openings)")
Picture(figure, "; ".join(map(str, standings)))

# %% [markdown]
# Overlapping intervals are no verdict "equal": openings are shared, so look at the difference itself. And where A beats B, B beats C and C
# beats A, no line of numbers can say so.
#
# ### Elo depends on the order of games
#
# Chess players change, so Elo's update lets the last games count most: $R \leftarrow R + k\,(S - E)$. Policies do not change. **Predict:**
# the *same* games in 100 random orders: how many points does the rating of one storyteller wander? **Play** with $k$.

# %%
pairs = [(a, b) for a in range(len(names)) for b in range(a)]
score = lambda a, b: 0.5 * (1 + np.sign(table[a] - table[b]))  # noqa: E731  of a, on each opening
games = [(names[a], names[b], float(s)) for a, b in pairs for s in score(a, b)]
print(f"{len(games)} games; the first two: {games[:2]}")


# %%
def wander(k):
    dice, some = np.random.default_rng(0), games[:: max(1, len(games) // 600)]
    runs = [elo_ratings([some[i] for i in dice.permutation(len(some))], k=k, start=0.0) for _ in range(100)]
    figure, (ax,) = new_figure(height=2.8)
    ax.boxplot([[run[name] for run in runs] for name in names], whis=(2.5, 97.5), showfliers=False)
    ax.set_xticks(range(1, len(names) + 1), names, fontsize=8)
    ax.set(ylabel="Elo points", title=f"the same {len(some)} games in 100 orders, k = {k}")
    width = np.ptp([run[names[0]] for run in runs])
    return Picture(
        figure, f"Elo of each storyteller over 100 orders of the same games; the first wanders by {width:.0f} points"
    )


follow(wander, k=W.IntSlider(32, min=2, max=64, step=2, description="k"))

# %% [markdown]
# At $k = 32$ the start's rating wanders over 250 points, and in 8 of 100 orders it passes step 4. A small $k$ calms this, but then the games
# are too few to arrive: at $k = 2$ the start stands at 53, where Bradley-Terry says 125 from the same 672.
#
# ## 4 Your eyes
#
# All of this trusted one number. Look for yourself: twelve pairs, start against another version, sides shuffled, nothing tells you which is
# which. Choose the story whose hero is *braver*, but only if it makes sense. Your answers stay in one file beside this notebook;
# `store.erase(ME)` deletes them. With fewer than six, a simulated person stands in.

# %%
from rlhf_edu.feedback.annotators import Habits, SimulatedPerson, label_all
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.compare import Compare

# %%
ME, store, far = "me", FeedbackStore("my_evaluation.db"), names[-1]
duels = [
    Query("compare", start, tuple(written[who][1][i].removeprefix(start) for who in ("start", far)))
    for i, start in enumerate(openings[:12])
]
session = FeedbackSession(duels, store, annotator=ME, guidelines="The braver hero, in a story that makes sense.")
session.on_answer(lambda _: store.consented(ME) or store.consent(ME, "My answers are kept in this file."))
Compare(session)

# %%
who, answers = "you", session.answers(simulated=False)
if len(answers) < 6:
    who, stand_in = "a simulated person", FeedbackSession(duels, FeedbackStore(), annotator=ME)
    label_all(stand_in, reading_on(boltzmann(taste, 0.1, rng=np.random.default_rng(1))))
    answers = stand_in.answers()
new, old = (np.array([answer.choice == side for answer in answers], float) for side in "ba")
print(f"{who}: {far} wins {win_rate(new, old)}")

# %% [markdown]
# Twelve give a wide interval. But if you answered, you have *read* twenty-four stories, and know what no rate tells: what is wrong with them.
#
# ## 5 Adjust and go again
#
# Which version do we ship? Whoever takes the best of six on some openings and reports its rate *on the same openings* reports luck, too.
# Choose on one half, report on the other. **Predict** which rate is higher.


# %%
def choose_and_report(rows, others):
    won = {name: (1 + np.sign(gold[name] - gold["start"])) / 2 for name in names[1:]}
    best = max(won, key=lambda name: won[name][rows].mean())
    return best, won[best][rows].mean(), won[best][others].mean()


found = []
for _ in range(300):
    order = rng.permutation(len(openings))
    found.append(choose_and_report(order[: len(order) // 2], order[len(order) // 2 :]))
chosen, inside, outside = zip(*found, strict=True)
print(
    f"on the openings it was chosen by {np.mean(inside):.3f}, on the others {np.mean(outside):.3f}  (300 random halves)"
)
print({name: chosen.count(name) for name in names[1:] if name in chosen})

# %% [markdown]
# No gap: here the candidates lie so far apart that luck never chooses. Where they are close, the rate they were chosen by is too high, and
# the more candidates and the fewer openings, the higher (you will see it below, with eight). You cannot know beforehand, so always keep
# two sets. Note, too, *what* was chosen: the earliest version, and even that has not been shown to beat the start (47 to 63 %), while a
# quarter of its sentences are broken. The honest answer: ship none of them yet. Adjust (more answers, a price for the KL), and test the
# next version on openings that are new again.
#
# ## 6 Break it on purpose
#
# ### The judge is the proxy
#
# **Predict:** rank the seven by the reward model they were trained on. Who wins?

# %%
for title, scores in (("by the hidden taste", gold), ("by its own judge", proxy)):
    print(f"{title:<20}", " > ".join(s.name for s in rank_policies(scores, rng=rng, resamples=100)))

# %% [markdown]
# A student who marks their own exam. The same happens, less visibly, when the judge is a language model of the same family as the reward
# model.
#
# ### Who may examine?
#
# Real ratings now. `tests/benchmarks/bench_reviews_rl.py` takes the mini GPT-2 of the reviews world and rewards what some twenty people a
# sentence would say of it, from −4 to +4: a reward model fitted to thousands of rated film sentences, PPO, a stop as in lesson 14. It is
# tested on the openings of 512 sentences that nobody trained on. Three read the results: the reward itself; MiniLM, a larger model
# fine-tuned on the same people's ratings (lesson 10); and VADER's rules and word list, which were fitted to none of them. VADER has a scale
# of its own; real sentences tell how much of it is a point.
#
# **Predict** who sees the largest raise. (Five seeds; median, lowest to highest; 2026-11-24, two shared cores.)
#
# | examiner | before | after | raise, in rating points |
# | --- | --- | --- | --- |
# | the reward it was trained on | +0.03 | +1.67 | +1.59 (+1.53 to +1.76) |
# | MiniLM | −0.32 | +0.85 | +1.18 (+1.08 to +1.29) |
# | VADER (−1 to +1) | +0.19 | +0.50 | +3.1 (+2.6 to +3.5) (from +0.32 (+0.27 to +0.37)) |
#
# For 6.1 (5.6 to 7.7) nats of KL; 90 % of all word pairs were different before, 82 % after. Each seed's own 95 % interval over openings
# is about ±0.13 points. The reward promises more than MiniLM, which agrees with people far better (0.83 against 0.53 on real sentences),
# will grant. VADER grants even more, and it had no part in any of this! The likely reason: it adds up words, as our reward mostly does,
# and is fooled by the same. **Independent is not who was kept apart, but whose mistakes are different.** And read, two openings, before →
# after:
#
# > *Still rapturous after* a lived contamalhetherting deterin that with a long time. → a good compelling comedy.
# >
# > *Elegant and eloquent*ical for two people. → ful and manages to a c richness at the sywy is a charming and charming moving Fburd, …
#
# Kinder, yes. Nobody would call it better written, and none of the three was asked.
#
# ### Eight seeds, one lucky
#
# Eight storytellers, **none better than the start**, 50 comparisons each. Report the best. **Predict** its rate.

# %%
rates = rng.binomial(50, 0.5, (4000, 8)) / 50
best = rates.max(1)
print(
    f"the best of eight shows {best.mean():.1%} on average; tested again on fresh openings: {rng.binomial(50, 0.5, 4000).mean() / 50:.1%}"
)
print(
    f"Wilson's interval of the best leaves 50 % out in {np.mean(wilson(best * 50, 50)[0] > 0.5):.0%} of all cases, not in 2.5 %"
)

# %% [markdown]
# ### The left one
#
# A judge who is drawn to the left, as people and language models are, compares a storyteller with **itself**: two samples of the start. The new one
# always stands left.

# %%
again = studio.read(studio.write(studio.reference, openings, torch.Generator(studio.device).manual_seed(5)))
biased = SimulatedPerson(taste, Habits(temperature=0.2, position=1.5), np.random.default_rng(2))
left = [biased(Query("compare", "", pair)).choice == "a" for pair in zip(again, written["start"][1], strict=True)]
right = [biased(Query("compare", "", pair)).choice == "b" for pair in zip(written["start"][1], again, strict=True)]
both = (np.array(left, float) + np.array(right, float)) / 2
for name, x in (("always left", np.array(left, float)), ("both ways round", both)):
    print(f"{name:<16} {win_rate(x, np.full(len(x), 0.5))}")

# %% [markdown]
# Ask both ways round, or at least draw the sides.
#
# ### Openings it has seen
#
# A memoriser keeps, for the first half of the test openings, the better of two drafts by the taste; elsewhere it writes like the start. It has
# learned nothing.

# %%
half = len(openings) // 2
fresh = np.array([taste(text) for text in again])
memory = np.where(np.arange(len(openings)) < half, np.maximum(fresh, gold["start"]), fresh)
third = studio.read(studio.write(studio.reference, openings, torch.Generator(studio.device).manual_seed(6)))
rival = np.array([taste(text) for text in third])
for name, rows in (("seen openings", slice(half)), ("fresh openings", slice(half, None))):
    print(f"{name:<15} {win_rate(memory[rows], rival[rows])}")

# %% [markdown]
# On seen openings the better of two beats a third in two cases of three, whatever it has learned; on fresh ones it is a coin, within the interval.
#
# ## Your turn
#
# 1. *(5 minutes, easy)* How many of 20 comparisons must be won for Wilson's interval to leave one half out? And for Wald's?
# 2. *(10 minutes, medium)* Two reviewers of a paper ask for a test. Write `permutation_test`: swap the two scores of random openings 5000
#    times; how often is the mean difference as large? Compare with the sign test.
# 3. *(10 minutes, medium)* Make a circle: scores in which A beats B, B beats C and C beats A, two times in three. What does
#    `rank_policies` say?
# 4. *(15 minutes, hard)* Choose the best of the six by 20, 40 and 80 answers of the wavering person instead of the taste. How often do
#    you ship the right one?
#
# The graded work is in `exercises/19_evaluation.ipynb`; solutions are in `solutions/19_evaluation.ipynb`.
#
# ## What to remember
#
# - A win rate without an interval and a number of prompts says nothing; take Wilson's.
# - Same openings, sides shuffled, nobody knows which is which.
# - Draw again what was drawn independently: openings, or seeds, with all that hangs on them.
# - Bradley-Terry fits all games at once; Elo's order of games is noise where players do not change.
# - Choose on one set, report on another; never let the trained-on judge examine, nor one that makes the same mistakes.
#
# ## Sources
#
# - Wilson (1927), *Probable inference, the law of succession, and statistical inference*.
# - Brown, Cai and DasGupta (2001), *Interval estimation for a binomial proportion*: how Wald's fails.
# - Efron (1979), *Bootstrap methods: another look at the jackknife*.
# - Bradley and Terry (1952); Elo (1978), *The rating of chessplayers, past and present*.
# - Chiang et al. (2024), *Chatbot Arena*: people compare, Bradley-Terry ranks.
# - Hutto and Gilbert (2014), *VADER*: the rated film sentences, and the rules. Wang et al. (2020), *MiniLM*.
# - Zheng et al. (2023), *Judging LLM-as-a-judge*: position bias and others.
