# %% [markdown]
# # 13 Asking better questions: what does an answer tell?
#
# A person's minute is the dearest thing in RLHF. This lesson spends it where it buys most, and keeps the books.
#
# **You will**
#
# - write down what an answer is expected to tell, in nats, and see why a question can be open and yet useless;
# - race chosen questions against random ones, on stories and on real people's ratings, and keep a ledger;
# - answer ten questions that the model picked for you, and break the picking in two ways.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes, of which 1 is computing |
# | **Needs** | any laptop: CPU, 1 GB of memory; real ratings are fetched once (2.5 MB), or simulated without a network |
# | **Before** | lesson 00; lesson 09 helps |
# | **Practice** | `exercises/13_better_questions.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/13_better_questions.ipynb` in the repository, for afterwards |

# %%
import time
from textwrap import fill

import ipywidgets as W
import numpy as np

from rlhf_edu.core import budget
from rlhf_edu.feedback import queries
from rlhf_edu.feedback.beliefs import know_nothing
from rlhf_edu.feedback.ledger import Ledger, cost_of
from rlhf_edu.feedback.types import Query
from rlhf_edu.plots import COLOURS, Picture, curves, new_figure
from rlhf_edu.widgets.follow import follow

rng, SEEDS = np.random.default_rng(0), range(budget(full=10, fast=2))
print(f"{len(SEEDS)} seeds in every race")

# %% [markdown]
# ## 1 Two coins
#
# Ann likes spooky stories, or she does not: to us, one is as likely as the other. You may ask her one thing.
#
# - **First coin.** Two stories that differ only in the hero's name. She picks either with chance ½, whatever she likes.
# - **Second coin.** A ghost story against a picnic. If she likes it spooky she picks the ghosts with chance 0.9, otherwise with
#   chance 0.1.
#
# **Predict before you run.** For which of them can you guess her answer better? Which one would you ask?
#
# How open a yes-or-no question is, **entropy** says, in nats (0.69 for a fair coin):
#
# $$H(p) = -p \ln p - (1 - p) \ln (1 - p)$$

# %%
entropy = lambda p: -p * np.log(p) - (1 - p) * np.log(1 - p)  # noqa: E731
coins = {"the names": (0.5, 0.5), "ghosts or a picnic": (0.9, 0.1)}  # P(yes) if she likes it spooky, if she does not
for name, (likes, dislikes) in coins.items():
    p = (likes + dislikes) / 2
    print(f"{name:<20} P(yes) = {p:.2f}, entropy {entropy(p):.3f} nats")

# %% [markdown]
# Both answers are as open as can be! But the first is open because *Ann* does not know, the second because *we* do not. Take
# away what would still be open if we knew her taste, and what she can teach us is left: the **expected information gain**
# (Houlsby et al., 2011, call it BALD). With beliefs $\pi_e$ in several *members* $e$, each of which would say yes with chance $p_e$:
#
# $$I = H\Big(\sum_e \pi_e\, p_e\Big) - \sum_e \pi_e\, H(p_e)$$
#
# **By hand:** the names give $0.693 - 0.693 = 0$, the ghosts $0.693 - H(0.9) = 0.693 - 0.325 = 0.368$.


# %%
def my_gain(probs, weights):  # probs [E, N]: what member e says of question n; weights [E] add up to 1
    return entropy(weights @ probs) - weights @ entropy(probs)


my_gain(np.array([[0.5, 0.9], [0.5, 0.1]]), np.array([0.5, 0.5])).round(3)

# %% [markdown]
# **By enumeration.** The same thing, asked the other way round: how much doubt about *who is right* will be left, on average
# over both answers, after Bayes' rule?

# %%
for seed in range(100):
    draw = np.random.default_rng(seed)
    probs, weights = draw.uniform(0.01, 0.99, (6, 4)), draw.dirichlet(np.ones(6))
    left = np.zeros(4)
    for likelihood in (probs, 1 - probs):  # the answer is yes, the answer is no
        chance = weights @ likelihood
        posterior = weights[:, None] * likelihood / chance
        left += chance * -(posterior * np.log(posterior)).sum(0)
    np.testing.assert_allclose(my_gain(probs, weights), -weights @ np.log(weights) - left)
    np.testing.assert_allclose(my_gain(probs, np.full(6, 1 / 6)), queries.information_gain(probs))
print(
    "100 random ensembles: the doubt that an answer is expected to remove is my_gain, and the library's with equal weights"
)

# %% [markdown]
# **Play.** Two members; set what each says. Three ways to value a question: *uncertainty* (entropy of the mean), *disagreement*
# (variance of the members) and *gain*. Find a question that uncertainty loves and the other two ignore.


# %%
def three_values(first, second):
    probs = np.array([[first], [second]])
    values = {
        "uncertainty (nats)": queries.uncertainty(probs)[0],
        "gain (nats)": queries.information_gain(probs)[0],
        "disagreement (variance)": queries.disagreement(probs)[0],
    }
    figure, (ax,) = new_figure(width=5.5, height=1.9)
    bars = ax.barh([*values], [*values.values()], color=COLOURS[:3])
    ax.bar_label(bars, fmt="%.3f", padding=3, fontsize=9)
    ax.set(xlim=(0, 0.8), xlabel="value of the question")
    return Picture(figure, "Values: " + ", ".join(f"{name} {value:.3f}" for name, value in values.items()))


chances = dict(min=0.01, max=0.99, step=0.01)
follow(three_values, first=W.FloatSlider(0.9, **chances), second=W.FloatSlider(0.1, **chances))

# %% [markdown]
# ## 2 A crowd of tastes
#
# Now a taste is two numbers: what a ghost is worth, and what a hug. A cloud of 3,000 members holds what we think possible. A
# question is a difference $x$ between two stories, in ghosts and hugs; a member with weights $w$ says yes with chance
# $\sigma(w \cdot x)$. After an answer, each member counts as much as it had expected it. That is Bayes' rule, and
# that is all of learning:


# %%
def weigh(weights, x, yes):
    weights = weights * queries.sigmoid(members @ (x if yes else -x))
    return weights / weights.sum()


members, questions = rng.normal(0, 1.5, (3000, 2)), rng.normal(0, 1, (200, 2))
taste = np.array([1.5, -1.0])  # hidden: ghosts yes, hugs no
(weigh(np.full(3000, 1 / 3000), np.array([1.0, 0.0]), True) @ members).round(2)  # one answer: "the one with the ghost"

# %% [markdown]
# **Predict.** The next question is chosen by gain. Will it ask about ghosts again, about hugs, or about both? **Play** with the
# number of answers: the size of a point is a member's weight, the line is the question asked last.


# %%
def cloud(answers, chosen):
    weights, dice = np.full(3000, 1 / 3000), np.random.default_rng(1)
    for _ in range(answers):
        value = my_gain(queries.sigmoid(members @ questions.T), weights) if chosen else dice.random(200)
        x = questions[value.argmax()]
        weights = weigh(weights, x, dice.random() < queries.sigmoid(x[None] @ taste)[0])
    doubt = np.sqrt(weights @ ((members - weights @ members) ** 2).sum(1))
    figure, (ax,) = new_figure(width=4.2, height=3.8)
    ax.scatter(*members.T, s=9000 * weights, color=COLOURS[0], alpha=0.35, linewidths=0)
    ax.plot(*taste, "*", color=COLOURS[1], markersize=14)
    if answers:
        ax.plot(*np.outer([-3, 3], x / np.linalg.norm(x)).T, color=COLOURS[3])
    ax.set(xlim=(-5, 5), ylim=(-5, 5), xlabel="what a ghost is worth", ylabel="what a hug is worth")
    ax.set_title(f"doubt left: {doubt:.2f}", fontsize=10)
    return Picture(
        figure, f"A cloud of tastes after {answers} answers; its spread is {doubt:.2f}; a star marks the truth"
    )


follow(cloud, answers=W.IntSlider(2, min=0, max=20), chosen=W.Checkbox(True, description="chosen by gain"))

# %% [markdown]
# After the ghost it asks about hugs: the cloud shrinks along the line, and the next line crosses it. Later the lines hardly
# differ, and an answer tells little.
#
# ## 3 From two numbers to sixty-four
#
# No cloud fills sixty-four dimensions. We keep a Gaussian instead, $w \sim N(m, \Sigma)$. An answer concerns $w$ only through
# $z = w \cdot x$, one number; so we find its mean and variance after the answer by a sum over a grid, and carry them over to $m$ and
# $\Sigma$ (**assumed-density filtering**; Opper, 1998). Is that still right? In two dimensions the cloud can judge:

# %%
belief, weights = know_nothing(2, variance=1.5**2), np.full(3000, 1 / 3000)
for x in questions[:6]:
    yes = bool(rng.random() < queries.sigmoid(x[None] @ taste)[0])
    belief, weights = belief.learn(x, yes), weigh(weights, x, yes)
print("mean of the Gaussian", belief.mean.round(2), "  of the cloud", (weights @ members).round(2))
gains = my_gain(queries.sigmoid(members @ questions.T), weights)
print(f"gains of 200 questions, Gaussian against cloud: r = {np.corrcoef(belief.gain(questions), gains)[0, 1]:.3f}")

# %% [markdown]
# Good enough to choose by. Now the stories of lesson 00. The storyteller writes several for each opening; a question is any two
# of them, and $x$ is the difference of what the reward model reads in them (themes and hidden states, on their 64 main axes).

# %%
from rlhf_edu.rlhf.studio import open_studio

OPENINGS, DRAFTS = budget((60, 8), (16, 6))
studio = open_studio("stories", seed=0)
model, write = studio.reward_model(), studio.write
drafts = write(studio.reference, studio.openings(OPENINGS, "pairs"), studio.generator("pairs"), samples=DRAFTS)
fresh = write(studio.reference, studio.openings(budget(500, 100), "test"), studio.generator("test"))
model.settle(drafts)
print(f"{len(drafts)} stories to ask about, {len(fresh)} fresh ones for the exam")

# %%
read = lambda done: model.standardise(model.features(done.ids, done.mask)).double().numpy()  # noqa: E731
axes = np.linalg.svd(read(drafts), full_matrices=False)[2][:64].T
stories, exam = read(drafts) @ axes, read(fresh) @ axes
inside = np.stack(np.triu_indices(DRAFTS, k=1), axis=1)  # all pairs of one opening
pairs = (DRAFTS * np.arange(OPENINGS)[:, None, None] + inside).reshape(-1, 2)
X = stories[pairs[:, 0]] - stories[pairs[:, 1]]
print(f"{len(pairs)} possible questions")

# %% [markdown]
# A simulated person likes stories of **kind** creatures and wavers on close calls. We measure the correlation of the
# learned reward with that hidden taste, on fresh stories; 1 would be perfect.


# %%
gold = studio.world.taste("kind")
worth, exam_worth = (np.array([gold(text) for text in studio.read(done)]) for done in (drafts, fresh))


def race(value, x, p_yes, seed, answers=budget(60, 20)):
    """Ask the question of most value, learn from the answer, and again; one record an answer."""
    dice, belief, start = np.random.default_rng(seed), know_nothing(x.shape[1]), time.perf_counter()
    for n in range(answers):
        some = dice.integers(len(x), size=400)  # 400 candidates each time
        asked = some[value(belief, x[some], dice).argmax()]
        belief = belief.learn(x[asked], bool(dice.random() < p_yes[asked]))
        r = np.corrcoef(exam @ belief.mean, exam_worth)[0, 1]
        yield dict(answers=n + 1, r=r, asked=asked, belief=belief, seconds=time.perf_counter() - start)


# %%
WAYS = {
    "random": lambda belief, x, dice: dice.random(len(x)),
    "uncertainty": lambda belief, x, dice: entropy(belief.chance(x)) + 1e-9 * dice.random(len(x)),
    "gain": lambda belief, x, dice: belief.gain(x),
}
p_first = queries.sigmoid((worth[pairs[:, 0]] - worth[pairs[:, 1]]) / 0.1)
first = [*race(WAYS["gain"], X, p_first, seed=0)]
print("r after 1, 5 and 20 answers (one seed):", [round(float(first[n]["r"]), 2) for n in (0, 4, 19)])

# %% [markdown]
# **Predict.** How many chosen answers are worth 60 random ones?

# %%
runs = {name: [[*race(value, X, p_first, seed)] for seed in SEEDS] for name, value in WAYS.items()}
curves(runs, "r", "answers", smooth=0, title="kind: correlation with the hidden taste")

# %%
mean_r = {name: np.mean([[record["r"] for record in run] for run in group], axis=0) for name, group in runs.items()}
for bar in (0.4, 0.5, 0.6):
    for name, line in mean_r.items():
        below = np.flatnonzero(line < bar)
        n = below[-1] + 2 if len(below) else 1
        print(f"r = {bar}: {name:<12} {n if n <= len(line) else f'more than {len(line)}'} answers")

# %% [markdown]
# At the start every question is new, and chance does nearly as well. Later, random questions ask what is known already, and
# chosen ones pull ahead. Uncertainty starts last: it picks close calls, on which the person wavers, and catches up late.
#
# Gain counts doubt about each of the 64 numbers alike. Texts hardly differ along most of them, so ask instead what lowers the doubt
# about the *stories'* rewards, $\sum_f \mathrm{Var}[w \cdot f]$, most (`Belief.settles`; Cohn et al., 1996). And which stories? Those that a
# policy will write once it has begun to learn: count each $e^{r / \mathrm{std}(r)}$ times, with the reward $r$ believed so far (`Belief.ahead`).
# Answers until the best of 28 stories by the reward wins so often (`bench_queries.py`, 2026-11-28; mean of eight tastes
# and five seeds; in brackets the share of what random needs, medians taste by taste, geometric mean):
#
# | | 75 % | 85 % | 90 % |
# | --- | --- | --- | --- |
# | **random** | 9 | 29 | 69 |
# | **gain** | 6 (0.49) | 16 (0.37) | 32 (0.45) |
# | **settles** | 7 (0.52) | 18 (0.41) | 41 (0.59) |
# | **ahead** | 5 (0.37) | 13 (0.33) | 29 (0.36) |
#
# And policies taught by PPO itself (`bench_queries_ppo.py`)? Their mean win rate over eight tastes and fifteen seeds passes 75 % after 7.5 random
# answers or 4.5 of *ahead*, a share of 0.60 (95 %: 0.56 to 0.65). *magic* needs two, *kind* gains nothing so early: stories differ little along it. What
# pays is asking well for long: at 85 and 90 % the same share is more answers.
#
# ## 4 The ledger
#
# Labels, minutes of people's time, seconds of computing, and the score they bought. Nobody was there, so we charge eight
# seconds an answer. The score is $r$, the mean over the seeds; the last column what each label added.

# %%
ledgers = {}
for name in ("random", "gain"):
    run, ledgers[name] = runs[name][0], Ledger([])
    for n in range(10, len(run) + 1, 10):
        seconds = run[n - 1]["seconds"] - (run[n - 11]["seconds"] if n > 10 else 0)
        ledgers[name].add(10, 10 * 8 / 60, seconds, score=float(mean_r[name][n - 1]), what=name)
    print(ledgers[name], "\n")
for name, ledger in ledgers.items():
    bought = ledger.until(0.5)
    price = f"{bought.labels} labels, {bought.human_minutes:.1f} minutes" if bought else "more than was spent"
    print(f"{name}: r of 0.5, and never below it again, for {price}")

# %% [markdown]
# Forty chosen answers bought what sixty random ones did. The first ten labels buy most, whatever you ask. And choosing costs a fraction of a second of computing, where a label costs
# eight of a person: **compute is the cheap currency here.**
#
# ## 5 Ensembles
#
# A big reward model has no $\Sigma$. The usual way out: train several, and let them vote (`fit_ensemble` in
# `reward/ensemble.py`). How many do you need? Let us draw members from a belief whose gains we know.
#
# **Predict.** With three members, how well does their disagreement rank questions?

# %%
after_ten = first[9]["belief"]
for size in (3, 10, 30, 100):
    r = []
    for seed in range(5):
        crowd = np.random.default_rng(seed).multivariate_normal(after_ten.mean, after_ten.covariance, size)
        values = [value(queries.sigmoid(crowd @ X.T)) for value in (queries.information_gain, queries.disagreement)]
        r.append([np.corrcoef(value, after_ten.gain(X))[0, 1] for value in values])
    print(
        f"{size:>3} members against the exact gain: gain r = {np.mean(r, 0)[0]:.2f}, disagreement r = {np.mean(r, 0)[1]:.2f}"
    )

# %% [markdown]
# Three members are enough for a hint (Christiano et al., 2017, asked by the disagreement of three reward models) and far from
# enough for a ranking: two of them agree by accident all the time.
#
# ## 6 Break it on purpose
#
# **Twins.** Somebody's pool has near copies in it: the same story, with another name. Nobody can prefer one. We add as many twins
# as there are stories. **Predict** what each way of asking does with them.

# %%
twins = 0.02 * rng.normal(size=(len(stories), X.shape[1])) / 8  # the name moves the features by a hair
X_twins, p_twins = np.concatenate([X, twins]), np.concatenate([p_first, np.full(len(twins), 0.5)])
twin_runs = {name: [[*race(value, X_twins, p_twins, seed)] for seed in SEEDS] for name, value in WAYS.items()}
for name, group in twin_runs.items():
    share = np.mean([record["asked"] >= len(X) for run in group for record in run])
    print(
        f"{name:<12} {share:.0%} of the questions were about twins; r at the end {np.mean([g[-1]['r'] for g in group]):.2f}"
    )

# %%
curves(twin_runs, "r", "answers", smooth=0, title="with twins in the pool")

# %% [markdown]
# Uncertainty falls in love with the twins: nothing is closer to a half, and no answer ever moves it away. (It is the first coin.)
# Gain sees that everybody who may be right says the same about them. No error, and a progress bar that looks as busy as ever.
#
# **Ten at once.** People do not wait for a model between clicks, so you pick ten questions beforehand. We are back at ghosts and
# hugs, after three answers. **Predict**: what is wrong with the ten of largest gain?

# %%
belief = know_nothing(2, variance=1.5**2)
for x in questions[:3]:
    belief = belief.learn(x, bool(x @ taste > 0))
chosen = {
    "ten of largest gain": np.argsort(-belief.gain(questions))[:10],
    "a batch": queries.pick_batch(questions, belief.mean, belief.covariance, 10),
    "any ten": np.arange(10, 20),
}
for name, ten in chosen.items():
    unit, known = questions[ten] / np.linalg.norm(questions[ten], axis=1, keepdims=True), belief
    for x in questions[ten]:
        known = known.learn(x, bool(known.chance(x[None])[0] > 0.5))  # the likelier answer, each time
    alike = (np.abs(unit @ unit.T).sum() - 10) / 90
    removed = np.linalg.slogdet(belief.covariance)[1] / 2 - np.linalg.slogdet(known.covariance)[1] / 2
    print(f"{name:<20} alike (mean |cosine|) {alike:.2f}, doubt removed {removed:.2f} nats")

# %% [markdown]
# They all ask for the same direction. `pick_batch` chooses one after the other, each *as if those before were answered*: its
# direction then counts for less. (In 64 dimensions it matters less.)
#
# ## 7 Real people
#
# Some twenty people rated each of thousands of sentences about films (Hutto and Gilbert, 2014). We take thirty sentences and ask
# "which is kinder to its film?", drawing one person's rating of each. So answers contradict each other as real people do;
# equal ratings are a tie, which costs a label and teaches nothing. Each sentence has its own number ($x$ is $+1$ for one, $-1$ for the
# other). The exam: the mean rating by all twenty.

# %%
from rlhf_edu.feedback.people import ReplayedRaters
from rlhf_edu.worlds.reviews_data import FILE, cache_folder, is_whole, rated

try:
    if budget(full=False, fast=not is_whole(cache_folder() / FILE)):
        raise OSError("fast mode fetches nothing")
    ratings = {sentence.text: sentence.ratings for sentence in rated("films")}
    print(f"{len(ratings)} sentences, rated by real people")
except OSError as problem:
    print(f"These raters are simulated, because the real ones could not be had: {problem}")
    feel = rng.normal(0.2, 1.6, 600)
    noisy = np.clip(np.round(feel[:, None] + rng.normal(0, 0.9, (600, 20))), -4, 4)
    ratings = {f"simulated sentence {i}": tuple(row) for i, row in enumerate(noisy.tolist())}


# %%
def ask_people(value, seed, answers=budget(120, 30)):
    dice, two = np.random.default_rng(seed), np.stack(np.triu_indices(30, k=1), axis=1)
    chosen, belief = dice.choice(sorted(ratings), 30, replace=False).tolist(), know_nothing(30)
    people, means = ReplayedRaters(ratings, -4, 4, rng=dice), [np.mean(ratings[text]) for text in chosen]
    x = np.eye(30)[two[:, 0]] - np.eye(30)[two[:, 1]]
    for n in range(answers):
        k = (value(belief, x, dice) + 1e-9 * dice.random(len(x))).argmax()
        said = people(Query("compare", "", (chosen[two[k, 0]], chosen[two[k, 1]]))).choice
        belief = belief if said == "tie" else belief.learn(x[k], said == "a")
        r = np.corrcoef(belief.mean, means)[0, 1] if belief.mean.any() else 0.0
        yield dict(answers=n + 1, r=r, tie=said == "tie")


real = {name: [[*ask_people(value, seed)] for seed in SEEDS] for name, value in WAYS.items()}

# %%
for name, group in real.items():
    line = np.mean([[record["r"] for record in run] for run in group], axis=0)
    ties = np.mean([record["tie"] for run in group for record in run])
    enough = np.flatnonzero(line >= 0.7)
    print(
        f"{name:<12} ties {ties:.0%}; r = 0.7 after {enough[0] + 1 if len(enough) else 'more'} answers; at the end {line[-1]:.2f}"
    )
curves(real, "r", "answers", smooth=0, best=1, title="thirty film sentences: r with the mean rating")

# %% [markdown]
# A small lead at first (0.7 after 35 answers instead of 39, with the real raters), and none at the end. Chosen questions meet more ties: whoever asks about close
# calls asks what twenty people do not agree on, and every tie is a label lost. Our belief thinks that a tie cannot happen; a
# better one would see it coming. **A question is chosen by the model's idea of the person, and is only as good as that.**
#
# ## 8 Ten questions for you
#
# The model picks ten questions about stories, all at once (`pick_batch`), and six other stories to watch. **Choose a taste before you
# start.** Your answers are kept in one file next to this notebook; by answering you agree to that, and `store.erase(ME)` deletes them.
#
# **Predict.** Which of the ten will you find hardest, and are those the ones that teach most?

# %%
from rlhf_edu.feedback.annotators import boltzmann, label_all
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.rlhf.loop import reading_on
from rlhf_edu.widgets.compare import Compare

ME, AGREED = "me", "My answers are kept in this file, under my pseudonym. I can delete them at any time."
blank = know_nothing(X.shape[1])
ten = queries.pick_batch(X, blank.mean, blank.covariance, 10)
texts, begins = studio.read(drafts), studio.openings(OPENINGS, "pairs")
asked = {}
for k in ten:
    start = begins[pairs[k, 0] // DRAFTS]
    query = Query("compare", start, tuple(texts[i].removeprefix(start) for i in pairs[k]))
    asked[query.id] = (X[k], query)
store = FeedbackStore("my_questions.db")
session = FeedbackSession([query for _, query in asked.values()], store, annotator=ME, guidelines=AGREED)
session.on_answer(lambda _: store.consented(ME) or store.consent(ME, AGREED))
Compare(session)

# %% [markdown]
# Then run on. If you answered none, a simulated person who likes kindness does.

# %%
if not session.answers(simulated=False):
    label_all(session, reading_on(boltzmann(gold, 0.1, rng=np.random.default_rng(7))))
print(session.progress)

# %%
mine, belief = Ledger(), blank
for event in session.events():
    answer, (x, _) = event.record, asked[event.item]
    told = float(belief.gain(x[None])[0])
    belief = belief if answer.chosen is None else belief.learn(x, answer.choice == "a")
    removed = (np.linalg.slogdet(blank.covariance)[1] - np.linalg.slogdet(belief.covariance)[1]) / 2
    mine.add(*cost_of([event]), 0.0, score=removed, what=f"expected {told:.2f} nats")
print("score: doubt removed so far, in nats; answers:", "simulated" if event.simulated else "yours")
print(mine)

# %%
figure, (ax,) = new_figure(width=5.5, height=2.6)
for i, (name, b) in enumerate({"before": blank, "after ten answers": belief}.items()):
    ax.errorbar(np.arange(6) + 0.2 * i, *b.spread(exam[:6] - exam.mean(0)), fmt="os"[i], color=COLOURS[i], label=name)
ax.set(xlabel="six fresh stories", ylabel="reward ± one deviation")
ax.legend(frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
six = [fill(studio.read(fresh)[i], 110) for i in np.argsort(exam[:6] @ belief.mean)]
print(f"best of the six:\n{six[-1]}\n\nworst of the six:\n{six[0]}")
Picture(figure, "Reward of six stories before and after ten answers: the middles part, the deviations shrink a little")

# %% [markdown]
# Each answer gave about what was expected of it. Ten of them part the middles, and hardly shrink the deviations: in 64 dimensions nearly all
# the doubt is still there. (What is hard for you it could not know: it took the pairs that differ most.) Read the best and the worst of the six: would you agree?
#
# ## Your turn
#
# 1. *(5 minutes, easy)* In the two-coins slider, find a question with more disagreement but less gain than (0.9, 0.1)... or show why there is none.
# 2. *(10 minutes, medium)* Run the race for *magic* and for *spooky*. Where does choosing pay more, and why?
# 3. *(10 minutes, medium)* Make the person waver more (0.3 in place of 0.1). Does the lead of gain grow or shrink?
# 4. *(15 minutes, hard)* Give gain a price: a question whose stories are long takes longer to read. Divide the gain by
#    the number of words. What does it buy a minute?
#
# The graded work is in `exercises/13_better_questions.ipynb`; the solutions are in `solutions/13_better_questions.ipynb`.
#
# ## What to remember
#
# 1. Openness has two sources: what we do not know, and what the person does not know. Only the first can be learned.
# 2. Information gain is the entropy of the mean minus the mean of the entropies.
# 3. At first, chance does nearly as well as gain. It saves about the same share throughout: the higher the aim, the more
#    answers.
# 4. Look at *what* is asked: a loop that chases coins has a fine progress bar.
# 5. Keep a ledger: labels, minutes, seconds, and the score they bought.
#
# ## Sources
#
# - Lindley (1956), *On a measure of the information provided by an experiment*: expected information gain.
# - MacKay (1992), *Information-based objective functions for active data selection*: the determinants behind `pick_batch`.
# - Lewis and Gale (1994), *A sequential algorithm for training text classifiers*: uncertainty sampling.
# - Cohn, Ghahramani and Jordan (1996), *Active learning with statistical models*: asking for what lowers the variance.
# - Houlsby et al. (2011), *Bayesian active learning for classification and preference learning*: BALD.
# - Christiano et al. (2017), *Deep reinforcement learning from human preferences*: asking where an ensemble disagrees.
# - Opper (1998), *A Bayesian approach to on-line learning*: the Gaussian that learns. Hutto and Gilbert (2014): the rated sentences.
