# %% [markdown]
# # 20 Live RLHF: a person in the loop
#
# In lesson 00 you were asked, and then the model was taught. Here you are asked **while** it learns, about what it writes now.
#
# **You will**
#
# - work out on paper why a reward model goes stale, and how asking again keeps it fresh;
# - steer a storyteller with your own keys while it trains: ask, fit, improve, ask about the new texts;
# - test yourself blind: can you tell what you taught from what was there before, and do you prefer it?
#
# | | |
# | --- | --- |
# | **Time** | 40 minutes, of which about 1 is computing |
# | **Needs** | any laptop: CPU (a GPU is used if there is one), 1 GB of memory, no network |
# | **Before** | lessons 00 and 14; 08 for the widgets |
# | **Practice** | `exercises/20_live_rlhf.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/20_live_rlhf.ipynb` in the repository, for afterwards |

# %%
import html
import re
import time
from itertools import accumulate

import ipywidgets as W
import numpy as np
import torch
from IPython.display import display

from rlhf_edu.core import budget, pick_device, seed_everything
from rlhf_edu.rlhf.studio import open_studio

seed_everything(0)
torch.set_num_threads(1)  # the last digits depend on it, and after some steps of RL the first ones, too
studio = open_studio("stories", seed=0, device=pick_device())
print(f"The storyteller is awake, on {studio.device}.")

# %% [markdown]
# ## 1 A map of where you were
#
# Small enough for paper. A writer has one dial $x$; the old writer stands at $x = 0$. How much people like the result:
#
# $$r(x) = x - x^2/4$$
#
# more is better at first, but one can overdo it. People judge texts near $x = 0$, and a reward model learns what it sees there: a
# slope of 1, so $\hat r(x) = x$. Then the writer improves on a leash: it maximises $\hat r(x) - \beta x^2/2$ (for two
# Gaussians of width 1, $x^2/2$ *is* the KL), step by step.
#
# **Predict before you run.** With $\beta = 0.2$: where does it end, and do people like that better than the start?
#
# **By hand:** the slope of what it maximises is $1 - 0.2x$, zero at $x = 5$. And $r(5) = 5 - 6.25 = -1.25$. It started at 0! (24 steps
# take it most of the way.)
#
# Now ask again after every four steps, about texts near where the writer is *now*. There the slope is $r'(x) = 1 - x/2$.


# %%
def improve_dial(every, steps=24, beta=0.2):
    x, path = 0.0, [0.0]
    for step in range(steps):
        if step == 0 or (every and step % every == 0):
            slope = 1 - x / 2  # what people's answers tell, near the writer of this moment
        x += 0.5 * (slope - beta * x)
        path.append(x)
    return np.array(path)


for name, every in (("never asked again", None), ("asked every 4 steps", 4)):
    x = improve_dial(every)[::4]
    print(f"{name:<20} dial {x.round(2)}   liked {(x - x**2 / 4).round(2)}")

# %% [markdown]
# **By brute force:** which dial is best on this leash, if the true reward were known everywhere?

# %%
grid = np.linspace(-1, 6, 70_001)
print(
    f"best on the leash: {grid[np.argmax(grid - grid**2 / 4 - 0.2 * grid**2 / 2)]:.2f}   by hand 1 / 0.7 = {1 / 0.7:.2f}"
)

# %% [markdown]
# The first reward model was not wrong: where it was asked, it was exact. It went **stale** because the writer left that place.
# In words, the loop of this lesson is
#
# $$\text{ask about } \pi_k \;\rightarrow\; \text{fit } \hat r_{k+1} \text{ to all answers} \;\rightarrow\; \pi_{k+1} =
# \text{a few steps up } \hat r_{k+1} - \beta\,\mathrm{KL}(\pi \,\|\, \pi_0) \;\rightarrow\; \text{ask about } \pi_{k+1}$$
#
# Christiano et al. (2017) did so from the start; Stiennon et al. (2020) and Bai et al. (2022, "online RLHF") in rounds, the
# latter about one a week. **Play:** when is a short leash as good as asking again?

# %%
from rlhf_edu.plots.style import COLOURS, DASHES, Picture, label_ends, new_figure
from rlhf_edu.widgets.follow import follow


def dial(beta, every):
    figure, (ax,) = new_figure(height=2.8)
    ends = []
    for i, (name, n) in enumerate((("never again", None), (f"every {every} steps", every))):
        x = improve_dial(n, 40, beta)
        liked = x - x**2 / 4
        ax.plot(liked, color=COLOURS[i], linestyle=DASHES[i])
        ends.append((40, liked[-1], name, COLOURS[i]))
    ax.set(xlabel="step", ylabel="how much people like it", ylim=(-3, 1.2))
    label_ends(ax, ends)
    return Picture(
        figure, f"Liking by step at β = {beta}: never asked again ends at {ends[0][1]:.2f}, asked at {ends[1][1]:.2f}"
    )


follow(dial, beta=W.FloatSlider(0.2, min=0.18, max=1.0, step=0.02), every=W.IntSlider(4, min=1, max=12))

# %% [markdown]
# (From about $\beta = 0.35$: the leash ends the walk before liking turns, and asking again, which pulls back sooner, even
# ends a little lower. But who knows that $\beta$ beforehand?)
#
# ## 2 The first questions
#
# **Choose a taste before you start, and stick to it.** Happy endings, spooky nights, brave heroes? The first sixteen pairs are
# about the old storyteller. Your answers go into one file next to this notebook, under a pseudonym; by answering you
# agree to that, and `store.erase(ME)` deletes them. Keys: **←** **→** choose, **t** tie, **u** takes back.

# %%
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Pair, Query, to_pairs
from rlhf_edu.lm.sampling import sample
from rlhf_edu.reward.train import fit_preferences, pair_features
from rlhf_edu.widgets.compare import Compare

ME, AGREED = "me", "My answers are kept in this file, under my pseudonym, to teach my own model. I can delete them."
FIRST, MORE, EVERY, SHARED, DRAFTS = budget(16, 8), budget(8, 4), budget(6, 1), 4, 12
print(f"{FIRST} questions at first, then {MORE} after every {EVERY} steps")

# %%
model, dice = studio.reward_model(), studio.generator("pairs")
starts = studio.openings(200, "pairs")
typical = studio.write(studio.reference, starts[: budget(60, 12)], dice, samples=4)
model.settle(typical)
print(f"{len(typical)} old stories read, to know what is usual")


# %% [markdown]
# Two whole stories are some 110 words: 27 seconds to read, 18 minutes for forty pairs. So the writer tells a story up to some point,
# and you choose **how it goes on**, one sentence against another. Four pairs in a row share their beginning, so you read it once:
# about 25 words a question: six seconds, at 250 words a minute, and forty fit into four minutes.


# %%
def sentences(text):
    return re.split(r"""(?<=[.!?"])(?= [A-Z"])""", text)


def begin(writer, openings):
    """Stories by `writer`, each cut off after two to four sentences, where there is room to go on."""
    begun = []
    for text in studio.read(studio.write(writer, openings, dice)):
        parts = sentences(text)
        fits = [start for start in accumulate(parts[:-1] or parts) if len(studio.tokenizer.encode(start)) <= 72]
        begun.append(str(where.choice(fits[1:4] or fits)))
    return begun


# %%
def next_sentences(writer, begun):
    """Different ways to go on, by `writer`, each one whole sentence."""
    ids = torch.tensor([studio.tokenizer.encode_prompt(begun, 72)], device=studio.device)
    known = dict(eos_id=studio.tokenizer.eos_id, pad_id=studio.tokenizer.pad_id, generator=dice)
    done = sample(writer, ids, torch.ones_like(ids, dtype=torch.bool), 22, samples=DRAFTS, **known)
    drafts = {sentences(text.removeprefix(begun))[0] for text in studio.read(done)}
    return sorted(text for text in drafts if text.endswith((".", "!", "?", '"')))


# %%
def questions(writer, openings):
    """SHARED pairs about each beginning, the sentences farthest apart first; none is shown twice."""
    queries = []
    for begun in begin(writer, openings):
        some = next_sentences(writer, begun)
        if not (pairs := [(i, j) for i in range(len(some)) for j in range(i)]):
            continue  # a writer who always goes on in the same way leaves nothing to ask
        better, worse = pair_features(model, studio.tokenizer, [Pair(begun, some[i], some[j]) for i, j in pairs])
        apart, used = (model.standardise(better) - model.standardise(worse)).norm(dim=1), set()
        for k in apart.argsort(descending=True).tolist():
            if len(used) < 2 * SHARED and not used & {*pairs[k]}:
                used |= {*pairs[k]}
                queries.append(Query("compare", begun, tuple(some[i] for i in pairs[k]), "How should it go on?"))
    return queries


# %%
store = FeedbackStore("my_live_answers.db")
where = np.random.default_rng(0)
first = questions(studio.reference, starts[: FIRST // SHARED])
FIRST = len(first)
session = FeedbackSession(first, store, annotator=ME, guidelines=AGREED + "\n\nOne taste, all the way through.")
session.on_answer(lambda _: store.consented(ME) or store.consent(ME, AGREED))
Compare(session)

# %% [markdown]
# With fewer than eight answers of yours, a **simulated person** answers, now and later; you may choose who it is.

# %%
likes = [(studio.world.describe(name), name) for name in studio.world.gold]
taste = W.Dropdown(options=likes, value="happy_ending", description="Taste", layout=W.Layout(width="95%"))
taste

# %%
from rlhf_edu.feedback.annotators import boltzmann, label_all
from rlhf_edu.rlhf.loop import reading_on

gold = studio.world.taste(taste.value)
person = reading_on(boltzmann(gold, 0.1, rng=np.random.default_rng(7)))
simulated = len(session.answers(simulated=False)) < min(8, FIRST)


def answers():
    if simulated:  # what has been answered once stays as it is
        label_all(session, person, name=f"simulated: {taste.value}")
    return session.answers(simulated=simulated)


print(
    f"{len(answers())} answers",
    "by a simulated person. " + studio.world.describe(taste.value) if simulated else "are yours",
)

# %% [markdown]
# ## 3 The loop, live
#
# Three pieces. The first is a reward that may be **refitted while a policy is trained on it**. Its zero and its scale mean
# nothing, so after each fit it is brought back to mean 0 and standard deviation 1 on the *old* stories: otherwise each fit would
# change the price of the leash.


# %%
class LiveReward:
    def __init__(self, model):
        self.model, self.seen, self.usual = model, set(), model.features(typical.ids, typical.mask)

    def refit(self, answers):
        """Fit to all answers; return how many of the new ones the old fit had guessed right."""
        new = [pair for pair in to_pairs(answers) if pair not in self.seen]
        better, worse = pair_features(self.model, studio.tokenizer, new)
        guessed = (self.model.reward(better) > self.model.reward(worse)).float().mean().item() if self.seen else 0.5
        self.seen.update(new)
        fit_preferences(self.model, studio.tokenizer, to_pairs(answers)).run()
        with torch.no_grad():
            self.bias, self.gain = torch.std_mean(self.model.reward(self.usual))[::-1]
        return guessed, len(new)

    def __call__(self, done):
        return (self.model(done) - self.bias) / self.gain


# %%
reward = LiveReward(model)
reward.refit(answers())
scores = reward(typical)
print(f"on the old stories: mean {scores.mean():+.2f}, standard deviation {scores.std():.2f}")

# %% [markdown]
# The second: **one** run of PPO whose reward changes under its feet. A trainer is a generator: between two steps, control is
# ours. The critic's first guess (`expected`, see lesson 14) comes from the same reward model, so it is refitted along.

# %%
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.rlhf.ppo import PPOConfig, ppo

config = PPOConfig(steps=budget(24, 3), batch=budget(32, 8), beta=0.03, lr=1e-3)
prompts = studio.prompt_ids(studio.openings(2000, "ppo"))
config


# %%
def improve(reward, watch):
    """A run of PPO from the old storyteller, on a reward that may change between steps."""
    studio.policy.load_state_dict(studio.reference.state_dict())
    head = ScalarHead(studio.policy.config.width).to(studio.device)
    known = dict(eos_id=studio.tokenizer.eos_id, pad_id=studio.tokenizer.pad_id, generator=studio.generator("ppo"))
    expected = lambda done: (reward.model.expected(done) - reward.bias) / reward.gain  # noqa: E731
    return ppo(
        studio.policy, head, studio.reference, reward, prompts, config, expected=expected, watch_texts=watch, **known
    )


# %% [markdown]
# The third: a step, a look at the answers, a step. Every few steps new questions about *today's* stories join your queue.
# While you are answering, each step waits for one answer of yours, at most eight seconds; so the storyteller never runs far ahead
# of you. The leash is loose on purpose ($\beta = 0.03$, against 0.18 in lesson 00), and nothing stops the run early: only your
# answers hold it.


# %%
def wait_for_one(n, seconds=8.0):
    until = time.monotonic() + seconds
    while len(session.answers(simulated=False)) <= n and session.current is not None and time.monotonic() < until:
        time.sleep(0.05)


# %%
def watch(done):
    return {"gold": np.mean([gold(text) for text in studio.read(done)])} if simulated else {}


# %%
def live_run():
    begun, rounds[:] = FIRST // SHARED, []
    for record in improve(reward, watch):
        step, n = record["step"] + 1, len(session.answers(simulated=False))
        yield record | {"answers": len(reward.seen)}
        if step % EVERY == 0 and step < config.steps:
            session.extend(questions(studio.policy, starts[begun : begun + MORE // SHARED]))
            begun += MORE // SHARED
        if not simulated:
            wait_for_one(n)
        if set(to_pairs(answers())) - reward.seen:
            rounds.append((step, *reward.refit(answers())))
        if step % EVERY == 0:
            page.value = side_by_side(old_stories, tell(studio.policy), f"after {step} steps")


# %%
four = studio.openings(4, "reward")


def tell(writer):
    return studio.read(studio.write(writer, four, torch.Generator(studio.device).manual_seed(2)))


# %%
def side_by_side(before, after, title):
    cell = "<td style='width:50%; text-align:left; vertical-align:top; white-space:normal; padding:3px 18px 9px 0'>"
    rows = [f"<b>before</b>{cell}<b>{title}</b>"]
    for start, *texts in zip(four, before, after, strict=True):
        parts = [html.escape(text.removeprefix(start)) for text in texts]
        rows.append(f"<i>{html.escape(start)}</i>{parts[0]}{cell}<i>{html.escape(start)}</i>{parts[1]}")
    return "<table style='width:100%'>" + "".join(f"<tr>{cell}{row}" for row in rows) + "</table>"


old_stories, rounds, page = tell(studio.reference), [], W.HTML()

# %% [markdown]
# **Predict.** The old fit guesses some of your new answers before it learns from them. Will it get better or worse at that from
# round to round, as stories become more alike?
#
# Press **Teach**, click into the questions, and answer with the keys while it learns. If it runs away from you, **Pause**.

# %%
from rlhf_edu.widgets.live import Teach

words = dict(score="score by the reward model", kl_nats="KL to the old self (nats)", gold="hidden taste (0 to 1)")
keys = ("score", "kl_nats", "gold") if simulated else ("score", "kl_nats")
live = Teach(live_run, keys=keys, total=config.steps, labels=words)
display(live, Compare(session), page)

# %%
history = live.wait()  # if nobody has pressed the button, this does
if set(to_pairs(answers())) - reward.seen:
    reward.refit(answers())  # your last ones, if they came after the last step
for step, guessed, n in rounds:
    print(f"after step {step:>2}: {guessed:.0%} of {n} new answers guessed before they were learned from")
print(f"score {history[0]['score']:+.2f} → {history[-1]['score']:+.2f}   KL {history[-1]['kl_nats']:.1f} nats a story")
pace = session.progress.seconds_each
print(f"{len(reward.seen)} answers" + (f", {pace:.1f} s each" if pace else ""))

# %% [markdown]
# Read that against a ceiling well below 100 %: you waver, and by now both sentences of a pair may be to your taste. So it need
# not get better. And eight answers are a coarse number: a coin gets three or fewer of eight right in 36 % of all cases, so
# 38 % does not mean worse than a coin.
#
# ## 4 A blind test of you
#
# Two questions about fresh openings, sides shuffled. First: **can you tell** which story comes from the taught storyteller?
# Then, about other pairs: **which do you prefer**? They need not go together:
#
# | | prefer the new | no preference |
# | --- | --- | --- |
# | **can tell** | you taught it something you can see | it changed its manner, not what you care about |
# | **cannot tell** | a small shift, or luck | nothing happened |
#
# **Predict** both shares.

# %%
N = 8
fresh, dice_test = studio.openings(budget(128, 24), "test"), studio.generator("test")
before, after = [studio.read(studio.write(w, fresh, dice_test)) for w in (studio.reference, studio.policy)]


# %%
def duel(question, some):
    pairs = [tuple(side[i].removeprefix(fresh[i]) for side in (before, after)) for i in some]
    queries = [Query("compare", fresh[i], pair, question) for i, pair in zip(some, pairs, strict=True)]
    return FeedbackSession(queries, store, annotator=ME, seed=1)


tells = duel("Which one did the taught storyteller write?", range(N))
prefers = duel("Which one do you prefer?", range(N, 2 * N))
display(Compare(tells), Compare(prefers))

# %%
from rlhf_edu.evaluate import distinct_n, win_rate

for what, blind in {"told right": tells, "preferred": prefers}.items():
    if yours := blind.answers(simulated=False):
        new, old = (np.array([a.choice == side for a in yours], float) for side in "ba")
        print(f"you: the taught one {what} in {win_rate(new, old)}")

# %%
if simulated:
    old, new = (np.array([gold(text) for text in side]) for side in (before, after))
    print(f"hidden taste: the taught one preferred in {win_rate(new, old)}; mean {old.mean():.2f} → {new.mean():.2f}")
for name, side in (("before", before), ("after", after)):
    grammar = np.mean([*map(studio.world.grammatical, side)])
    print(f"{name:<7} different word pairs {distinct_n(side):.0%}   well-formed sentences {grammar:.0%}")

# %% [markdown]
# With eight answers the interval is so wide that only a landslide clears 50 %. A simulated judge who knows the taste can afford
# more. (One seed: another first sixteen gives other numbers.)
#
# ## 5 Break it on purpose: never ask again
#
# The same run, the same dice, the same loose leash. Only the questions stop after the first round.
#
# **Predict** for the score, the KL and the hidden taste: higher or lower than with the person in the loop?

# %%
from rlhf_edu.plots import watch as watching

stale = LiveReward(studio.reward_model().settle(typical))
stale.refit(session.answers()[:FIRST])
never_again = watching(improve(stale, watch), "score").run()
for name, run in (("asked again", history), ("never again", never_again)):
    last = {key: np.mean([record[key] for record in run[-4:]]) for key in run[-1] if key in words}
    print(name, {key: round(float(value), 2) for key, value in last.items()})
last_words = studio.read(studio.write(studio.policy, fresh, studio.generator("test")))
print(f"different word pairs, never again: {distinct_n(last_words):.0%}")

# %% [markdown]
# How much does each reward know about what is written **now**? Let the two guess a careful person's choices between pairs of
# old stories, and between pairs by the storyteller that was never asked again. The ceiling is what a guesser who knows the
# taste would reach; 50 % is a coin.

# %%
guessed = {}
for name, writer in (("old stories", studio.reference), ("new stories", studio.policy)):
    some = studio.write(writer, fresh[: budget(100, 24)], studio.generator("reward"), samples=2)
    tastes = torch.tensor([gold(text) for text in studio.read(some)]).view(-1, 2)
    p = torch.sigmoid((tastes[:, 0] - tastes[:, 1]) / 0.1)
    guessed[name] = {"ceiling": torch.maximum(p, 1 - p).mean().item()}
    for which, judge in (("never again", stale), ("asked again", reward)):
        r = judge(some).detach().cpu().view(-1, 2)
        guessed[name][which] = torch.where(r[:, 0] > r[:, 1], p, 1 - p).mean().item()
    print(f"{name}:", {which: f"{share:.0%}" for which, share in guessed[name].items()})
print("" if simulated else "(Your taste is yours alone: these numbers are about the taste in the menu above.)")

# %% [markdown]
# Did it break? Compare with your prediction, and do not trust the score: it is each reward's opinion of its own work. The hidden taste
# and the guesses about **new** stories, read against their ceiling, tell whether a reward still knows its way where the writer
# is now. At a coin's 50 %, every further step is luck, paid for in nats. Measured by us (`bench_live.py`, 2026-11-29, happy endings,
# nobody at the keys, seeds 0 to 2): with new questions the taste went from 0.44 to 0.88, from 0.46 to 0.65 and from 0.44 to 0.40;
# without, to 0.82, 0.46 and 0.40. The KL was 21, 31 and 48 nats; without, 27, 50 and 48. On the newest stories every reward guessed
# 46 to 52 % (ceilings 65 to 72 %): all had walked off their maps, and new questions at best shortened the way. (Shares of 100 pairs,
# here and above: give or take five points.) Blind steps led up, nowhere and down; on the dial of section 1, where liking soon turns
# round, they lead down.
#
# Nor is asking again a cure for everything: with a leash this loose the stories become alike under either reward (look at the
# word pairs above), and eight new answers a round are few. (What helps: a tighter leash, stopping early, more answers where it
# matters; lessons 13 and 18.)
#
# ## 6 What the person pays
#
# A person's time is the dearest thing in this loop. Reading is nearly all of it: 23.7 words
# or 5.7 seconds a question, against some hundredths of a second from a key to the next pair (a browser test, 40 answers). Short questions
# are no bargain: each tells less, and our simulated person wavers more on them. Forty of them, read in under four minutes, bring the best of
# 28 stories to a win rate of 70 %; eight or nine **whole** stories, for the same reading, to 74 %; forty whole ones, eighteen minutes, to
# 89 % (`bench_live.py --reading`, 2026-11-24, mean of eight tastes and four seeds). What they buy is pace: an answer every six seconds keeps up
# with a writer who changes every few. What keeps the rest short: the
# next pair is on the page before you answer, nothing waits for the fit, and one key is one answer. What it must not cost: **u** takes
# back, **s** skips with a reason, and a held key counts once (lesson 08).
#
# ## Your turn
#
# 1. *(5 minutes, easy)* Teach *spooky*, then *short*. For which can you tell the taught stories apart, and in how many words?
# 2. *(10 minutes, easy)* Change your mind half-way: begin with one taste and go on with its opposite. Does the storyteller follow?
#    What do the old answers do? (The exercise lets them fade.)
# 3. *(10 minutes, medium)* Set `EVERY = 2`, `MORE = 4`, then `EVERY = 12`, `MORE = 44`: the same number of answers, early or
#    late. Three seeds each. Which is better, and by more than the seeds differ?
# 4. *(15 minutes, hard)* `questions` pairs the sentences that differ most. Pair one of today's storyteller with one of the **old** one
#    instead. What do such answers tell that pairs of new sentences cannot?
#
# The graded work is in `exercises/20_live_rlhf.ipynb`.
#
# ## What to remember
#
# 1. A reward model is a map of where people were asked; a policy that improves walks off it.
# 2. Live loop: ask about today's texts, fit to all answers, bring the reward back to its scale, a few steps, ask again.
# 3. Let the old fit guess new answers before it learns from them: that is its honest accuracy.
# 4. "Can you tell?" and "do you prefer?" are two questions; ask both blind, and mind the interval.
# 5. A trainer that is a generator lets people in between two steps; nothing ever waits in a cell.
#
# ## Sources
#
# - P. Christiano et al. (2017), *Deep reinforcement learning from human preferences*: questions during training.
# - D. Ziegler et al. (2019), *Fine-tuning language models from human preferences*: offline and online collection compared.
# - N. Stiennon et al. (2020), *Learning to summarize from human feedback*: rounds.
# - Y. Bai et al. (2022), *Training a helpful and harmless assistant with reinforcement learning from human feedback*: online, weekly.
# - L. Gao et al. (2023), *Scaling laws for reward model overoptimization*: how far a fixed reward can be trusted.
