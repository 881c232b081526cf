# %% [markdown]
# # 00 Start here: teach a model your taste
#
# In the next quarter of an hour you choose between little stories, and a language model starts to write the way you like.
#
# **You will**
#
# - compare about forty pairs of stories, and watch a second model form an opinion of what you like;
# - press *Teach*, and read the same story beginnings before and after;
# - measure honestly whether it worked, and then break it on purpose.
#
# | | |
# | --- | --- |
# | **Time** | 15 minutes, about 2 of them computing |
# | **Needs** | any laptop: CPU (a GPU is used if there is one), 1 GB of memory, no network |
# | **Practice** | `exercises/00_start.ipynb`, when you are through here |
# | **Solution** | `solutions/00_start.ipynb` in the repository, for afterwards |
#
# Press **Shift+Enter** to run a cell and go to the next. Nothing here needs you: *Run All Cells* gets to the end as well,
# and a simulated person then does the choosing. But that is like sending someone else to eat your cake.

# %%
import time

import ipywidgets as W
import numpy as np
import torch
from IPython.display import HTML, display

from rlhf_edu.core import budget, pick_device, seed_everything
from rlhf_edu.rlhf.studio import open_studio

seed_everything(0)
studio = open_studio("stories", seed=0, device=pick_device())
n_weights = sum(p.numel() for p in studio.policy.parameters())
print(f"The storyteller is awake: {n_weights:,} weights, on {studio.device}.")

# %% [markdown]
# ## 1 Meet the storyteller
#
# It is a small GPT-2 that has read children's stories and nothing else. Give it a first sentence and it goes on, word by
# word, rolling dice at every word. So the same beginning gives another story each time:

# %%
opening = studio.openings(1, "test")
written = studio.write(studio.reference, opening, torch.Generator(studio.device).manual_seed(1), samples=2)
for story in studio.read(written):
    print(f"• {story}\n")

# %% [markdown]
# Some end well, some do not; some are brave, spooky, funny. It has no taste: it writes what it has read.
#
# How could you tell it what *you* like? A rule is hard to write down, and a mark from 0 to 10 is hard to give twice the
# same way. But of two stories you can say which you like better, and that is all we need. This is
# **reinforcement learning from human feedback**, RLHF:
#
# 1. the model writes pairs of stories, and you choose;
# 2. a second model, the **reward model**, learns to predict your choices;
# 3. the first model practises, and the reward model says warmer or colder.
#
# ## 2 You choose
#
# Your answers go into one file next to this notebook, under a pseudonym, and leave this computer only if you send them.
# By answering you agree to that, and your first answer writes it down. You can see it all with `store.person(ME)`, and
# `store.erase(ME)` deletes it for good.

# %%
from rlhf_edu.feedback.store import FeedbackStore

ME = "me"  # any pseudonym; no real name is needed
AGREED = "My answers are kept in this file, under my pseudonym, to teach my own model. I can delete them at any time."
store = FeedbackStore("my_answers.db")
store

# %% [markdown]
# Now the pairs. For each first sentence the storyteller writes several stories, and you see the two that differ most.

# %%
from rlhf_edu.rlhf.loop import write_pairs

reward_model = studio.reward_model()
queries, drafts = write_pairs(studio, reward_model, budget(full=40, fast=12))
print(f"{len(drafts)} stories written, {len(queries)} pairs picked")

# %% [markdown]
# The reward model has no opinion yet. We let it form one again after each of your answers, and we watch six stories that
# are *not* among your pairs. Its scores have no unit, and their zero means nothing: only look who is ahead of whom.

# %%
from rlhf_edu.feedback.types import to_pairs
from rlhf_edu.reward.train import fit_preferences
from rlhf_edu.widgets.opinion import Opinion

six = studio.write(studio.reference, studio.openings(6, "reward"), studio.generator("reward"))
opinion = Opinion(studio.read(six), title="What the reward model thinks of six other stories")


def form_opinion(answers):
    """Fit the reward model to all answers so far, and move the bars."""
    if pairs := to_pairs(answers):
        fit_preferences(reward_model, studio.tokenizer, pairs).run()
        opinion.set_scores(reward_model(six).tolist(), f"After {len(pairs)} choices.")
    return len(pairs)


print(form_opinion([]), "choices so far")

# %% [markdown]
# **Choose a taste before you start, and stick to it.** Happy endings? Fog and ghosts? As few words as possible? Animals
# that help each other? Anything, as long as you could explain it to a friend.
#
# **Predict before you click.** After how many answers will the bars below agree with you: 3, 10 or 40?
#
# Click the better story, or press **←** or **→**. Keep an eye on the bars.

# %%
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.widgets.compare import Compare

ENOUGH = 10  # with fewer answers of yours, a simulated person helps out
session = FeedbackSession(queries, store, annotator=ME, guidelines=AGREED + "\n\nOne taste, all the way through.")


def answers_that_count():
    own = session.answers(simulated=False)
    return own if len(own) >= ENOUGH else session.answers()


session.on_answer(lambda _: store.consented(ME) or store.consent(ME, AGREED))
session.on_answer(lambda _: form_opinion(answers_that_count()), background=True)
display(Compare(session), opinion)

# %% [markdown]
# The forty take about five minutes; ten are enough to see something. You can stop now and go on tomorrow: run the cells
# again, and you are where you were.
#
# ### Nobody there?
#
# If you gave fewer than ten answers, a **simulated person** fills in the rest. It has a hidden taste, a number between 0
# and 1 for each story, and it errs like a person: on close calls it wavers. You may choose who it is.

# %%
likes = [(studio.world.describe(name), name) for name in studio.world.gold]
taste = W.Dropdown(options=likes, value="happy_ending", description="Taste", layout=W.Layout(width="95%"))
wavers = W.FloatSlider(value=0.1, min=0.02, max=0.5, step=0.02, description="Wavers")
display(taste, wavers)

# %%
from rlhf_edu.feedback.annotators import boltzmann, label_all
from rlhf_edu.rlhf.loop import reading_on

session.settle()  # the last of your answers may still be sinking in
own = len(session.answers(simulated=False))
simulated, gold = own < ENOUGH, studio.world.taste(taste.value)
if simulated:
    person = boltzmann(gold, wavers.value, rng=np.random.default_rng(7))
    label_all(session, reading_on(person), name=f"simulated: {taste.value}, wavers {wavers.value}")
    print(f"{own} answers are yours; a simulated person filled in the rest. {taste.label}")
else:
    print(f"All {own} answers are yours. Nobody is simulated, and nobody knows your taste but you.")
answers = answers_that_count()
for n in [*range(2, len(answers), 6), len(answers)]:  # the opinion as it grew
    form_opinion(answers[:n])
    time.sleep(budget(full=0.7, fast=0))
opinion

# %% [markdown]
# The first few answers throw the bars about; later ones only nudge them. With the simulated person who likes happy endings, three
# answers tell nothing, ten about half of the order, and forty put the best story on top (one seed). Read the story with the longest bar: is it the
# one you would have picked?
#
# ## 3 How clicks become numbers
#
# Small enough for paper: a story's reward is $w$ times its number of hugs. Story A has one hug, story B none. Four
# friends compare them, and three prefer A.
#
# **Predict.** Which $w$ fits these four choices best: 0.75, 1.1, or as large as possible?
#
# We say that people choose the better story more often the larger the gap, but not always (the **Bradley-Terry** model,
# 1952):
#
# $$P(A \succ B) = \sigma(r_A - r_B), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# and look for the rewards under which the choices we saw surprise us least:
#
# $$L = -\operatorname{mean}\, \log \sigma(r_\text{chosen} - r_\text{rejected})$$
#
# In code:


# %%
def surprise(chosen, rejected):
    """Mean of −log P(the choice that was made), in nats."""
    return -torch.nn.functional.logsigmoid(chosen - rejected).mean()


hugs_chosen, hugs_rejected = torch.tensor([1.0, 1, 1, 0]), torch.tensor([0.0, 0, 0, 1])
print(f"w = 0: {surprise(0 * hugs_chosen, 0 * hugs_rejected):.3f} nats, the surprise of a coin (log 2)")

# %% [markdown]
# **By hand:** the best $w$ makes A win three times in four, so $\sigma(w) = 3/4$ and $w = \log 3 \approx 1.10$. **By brute
# force:** try them all.

# %%
from rlhf_edu.plots.style import Picture, new_figure

ws = torch.linspace(-1, 4, 501)
losses = torch.stack([surprise(w * hugs_chosen, w * hugs_rejected) for w in ws])
best = ws[losses.argmin()].item()
figure, (ax,) = new_figure(width=5.0, height=2.6)
ax.plot(ws, losses, color="#0072B2")
ax.plot(best, losses.min(), "o", color="#D55E00")
ax.annotate(f"w = {best:.2f}", (best, losses.min()), xytext=(0, 10), textcoords="offset points", ha="center")
ax.set(xlabel="w (reward of one hug)", ylabel="surprise (nats a choice)")
Picture(figure, f"Surprise against w: a valley whose lowest point is at w = {best:.2f}")

# %% [markdown]
# 1.10, not as large as possible: the one friend who disagrees keeps it down. Your reward model is the same thing with
# more than hugs. It looks at 288 numbers and finds one weight for each: 256 say what the storyteller itself makes of a
# text while reading it, 32 which **themes** the text holds, that is, which words go together in its kind of stories. Those
# were found in stories nobody had judged; without them, forty choices would not go far. Fitted to the answers:

# %%
reward_model = studio.reward_model().settle(drafts)  # a clean start
fit = fit_preferences(reward_model, studio.tokenizer, to_pairs(answers)).run()
print(f"surprise {fit[0]['loss']:.2f} → {fit[-1]['loss']:.2f} nats a choice")
print(f"right on {fit[-1]['accuracy']:.0%} of the {fit[-1]['pairs']} pairs it learned from")

# %% [markdown]
# Good marks on pairs it has seen are cheap. Of fresh pairs, how many does it get right? Since a person wavers, even
# someone who *knew* the taste would not guess every choice. That **ceiling** is what to compare with, not 100 %.

# %%
fresh = studio.write(studio.reference, studio.openings(budget(200, 16), "test"), studio.generator("test"), samples=2)
if simulated:
    tastes = torch.tensor([gold(text) for text in studio.read(fresh)]).view(-1, 2)
    p_first = torch.sigmoid((tastes[:, 0] - tastes[:, 1]) / wavers.value)
    first, second = reward_model(fresh).detach().cpu().view(-1, 2).T
    agrees = torch.where(first > second, p_first, 1 - p_first).mean()
    ceiling = torch.maximum(p_first, 1 - p_first).mean()
    print(f"right on {len(p_first)} fresh pairs: {agrees:.0%}    ceiling {ceiling:.0%}    coin 50%   (one seed)")
else:
    print("Only you know the right answers. Section 5 asks you.")

# %% [markdown]
# ## 4 Teach
#
# Now the storyteller practises. At each step it writes a batch of stories; the reward model scores them; every word in a
# story that scored better than expected becomes a little likelier, in a worse one a little less likely. *A little* is
# the art: the method is called **PPO** (proximal policy optimisation), and it never takes a large step.
#
# There is a leash, too. Chasing reward alone, the model would soon write whatever fools the reward model. So it pays for
# each step away from how it used to write. That distance is called **KL**: how much stranger a new story looks to the
# old storyteller than to the new one, in nats. (0.7 nats is one coin toss, 7 nats ten in a row.) And it stops early when its stories score 2
# standard deviations above the old ones: hardly any better ones have been judged, so from there the score is a guess.
#
# First, something to see the change with: the same beginnings, and the same dice, as it was and as it is now.

# %%
import html

four = studio.openings(4, "reward")


def tell(model):
    return studio.read(studio.write(model, four, torch.Generator(studio.device).manual_seed(2)))


def side_by_side(before, after, title="after"):
    cell = "<td style='width:50%; text-align:left; vertical-align:top; white-space:normal; padding:3px 18px 9px 0'>"
    rows = [(f"<b>before</b>{cell}<b>{title}</b>")]
    for start, *texts in zip(four, before, after, strict=True):
        parts = [html.escape(text.removeprefix(start)) for text in texts]
        rows.append(f"<i>{html.escape(start)}</i>{parts[0]}{cell}<i>{html.escape(start)}</i>{parts[1]}")
    return "<table style='width:100%'>" + "".join(f"<tr>{cell}{row}" for row in rows) + "</table>"


old_stories = tell(studio.reference)
HTML(side_by_side(old_stories, tell(studio.policy), "now (nothing taught yet)"))

# %%
from rlhf_edu.rlhf.loop import ENOUGH
from rlhf_edu.rlhf.ppo import PPOConfig

config = PPOConfig(steps=budget(PPOConfig.steps, 3), batch=budget(PPOConfig.batch, 16), enough=ENOUGH)
words = dict(score="score by the reward model", kl_nats="KL to the old self (nats)", gold="hidden taste (0 to 1)")
config  # the recipe: only steps and beta (the leash) matter today; lesson 14 explains the rest

# %% [markdown]
# **Predict.** Which way will the score go, and which way the KL? Will the stories stay different from each other?
#
# Press **Teach** and read along: the right-hand column is written anew every few steps.

# %%
from rlhf_edu.rlhf.loop import teach
from rlhf_edu.widgets.live import Teach

page = W.HTML(side_by_side(old_stories, old_stories, "now"))


def hidden_taste(done):
    return {"gold": np.mean([gold(text) for text in studio.read(done)])} if simulated else {}


def lesson():
    studio.policy.load_state_dict(studio.reference.state_dict())  # "Teach again" starts from the beginning
    for record in teach(studio, reward_model, drafts, config, watch_texts=hidden_taste):
        yield record
        if record["step"] % 4 == 3 or record["step"] == config.steps - 1 or record["score"] >= ENOUGH:
            page.value = side_by_side(old_stories, tell(studio.policy), f"after {record['step'] + 1} steps")


live = Teach(lesson, keys=[*words][: 3 if simulated else 2], total=config.steps, labels=words)
display(live, page)

# %% [markdown]
# The next cell waits for the end; if nobody has pressed the button, it does so itself.

# %%
history = live.wait()
first, last = history[0], history[-1]
print(f"score {first['score']:+.2f} → {last['score']:+.2f}   (1 = one standard deviation of the old stories)")
print(f"KL    {first['kl_nats']:z.1f} → {last['kl_nats']:.1f} nats a story")

# %% [markdown]
# ## 5 Did it work?
#
# The score went up. Of course it did: that is what the storyteller was paid for. A student who marks their own exam does
# well, too. So we ask the one whose taste it was, about beginnings that nobody has seen, and without saying which story
# is which: a **blind test**.

# %%
from rlhf_edu.feedback.types import Query

openings = studio.openings(budget(256, 16), "test")
dice = studio.generator("test")
before, after = [studio.read(studio.write(model, openings, dice)) for model in (studio.reference, studio.policy)]
duels = [
    Query("compare", start, (old.removeprefix(start), new.removeprefix(start)))
    for start, old, new in zip(openings[:12], before, after, strict=False)
]
blind = FeedbackSession(duels, store, annotator=ME, seed=1)
Compare(blind)

# %% [markdown]
# Twelve pairs; one story of each is from before, one from after, and the sides are shuffled. **Go by your own taste.** Then
# run on. (With nobody there, only the hidden taste of the simulated person judges.)

# %%
from rlhf_edu.evaluate import distinct_n, win_rate

if yours := blind.answers(simulated=False):
    new, old = (np.array([answer.choice == side for answer in yours], float) for side in "ba")
    print(f"You prefer the taught storyteller in {win_rate(new, old)}")
if simulated:
    old, new = (np.array([gold(text) for text in side]) for side in (before, after))
    print(f"The hidden taste prefers it in {win_rate(new, old)}")
    print(f"Mean hidden taste {old.mean():.2f} → {new.mean():.2f}, where 1 would be perfect")
price = {
    "different word pairs": distinct_n,
    "well-formed sentences": lambda side: np.mean([*map(studio.world.grammatical, side)]),
}
for name, measure in price.items():
    print(f"{name:<22} {measure(before):.0%} → {measure(after):.0%}")

# %% [markdown]
# How to read a **win rate**: 50 % means no change. Someone who can look into the taste and pick the best of 16 old drafts
# beats one more old draft in 16 cases of 17, 94 %. The interval says what chance allows: with twelve comparisons it is
# wide, and that is no fault of yours. And all this is *one seed*: another set of forty pairs gives other numbers.
#
# The last two lines are the price. Teaching makes a writer repeat itself, and pushed too far it breaks the language.
#
# ## 6 Break it on purpose
#
# Somebody mixes up *chosen* and *rejected*. It is one word in one line of code.
#
# **Predict.** What gives it away: an error message, the surprise, the share of pairs it gets right, or none of these?

# %%
from rlhf_edu.feedback.types import Pair

swapped = [Pair(pair.prompt, pair.worse, pair.better) for pair in to_pairs(answers)]
wrong_model = studio.reward_model().settle(drafts)
wrong_fit = fit_preferences(wrong_model, studio.tokenizer, swapped).run()
for name, records in (("right", fit), ("swapped", wrong_fit)):
    print(f"{name:<8} surprise {records[-1]['loss']:.3f} nats   right on {records[-1]['accuracy']:.0%}")

# %% [markdown]
# None. Both learn equally well; one of them learns the opposite. Let it teach for a few steps:

# %%
from rlhf_edu.plots import watch

victim = open_studio("stories", seed=0, device=studio.device)
short_lesson = PPOConfig(steps=budget(12, 2), batch=config.batch)
wrong = watch(teach(victim, wrong_model, drafts, short_lesson, watch_texts=hidden_taste), "score").run()
print(f"score {wrong[0]['score']:+.2f} → {wrong[-1]['score']:+.2f}")

# %% [markdown]
# The curve goes up, as beautifully as before. Now read:

# %%
wrong_stories = tell(victim.policy)
if simulated:
    print(f"hidden taste {wrong[0]['gold']:.2f} → {wrong[-1]['gold']:.2f}")
HTML(side_by_side(old_stories, wrong_stories, "taught the wrong way round"))

# %% [markdown]
# A model taught to dislike what you like, with perfect curves. It happened to the authors of one of the first papers on
# this: a sign flipped in a late change, and they slept while the model learned to write what its judges found worst
# (Ziegler et al. 2019, section 4.4). So always **read what the model writes**, and let someone judge it who took no part
# in the training.
#
# ## 7 Your turn
#
# A bench to try things on. The answers come from a simulated person whom you choose; nothing runs until you press the
# button, and your taught storyteller from above stays as it is.

# %%
from dataclasses import replace

wide = {"layout": W.Layout(width="95%"), "style": {"description_width": "90px"}}
choose = W.Dropdown(options=likes, value="spooky", description="Taste", **wide)
clicks = W.IntSlider(value=len(queries), min=2, max=len(queries), description="Answers", **wide)
beta = W.SelectionSlider(options=sorted({0.0, 0.01, 0.1, 1.0, PPOConfig.beta}), value=PPOConfig.beta, **wide)
beta.description = "Leash β"
W.VBox([choose, clicks, beta])


# %%
def experiment():
    liked = studio.world.taste(choose.value)
    judge = reading_on(boltzmann(liked, 0.1, rng=np.random.default_rng(7)))
    model = studio.reward_model().settle(drafts)
    fit_preferences(model, studio.tokenizer, to_pairs(judge(query) for query in queries[: clicks.value])).run()
    victim.policy.load_state_dict(studio.reference.state_dict())
    rules = replace(config, beta=beta.value)
    gold_now = lambda done: {"gold": np.mean([liked(text) for text in studio.read(done)])}  # noqa: E731
    yield from teach(victim, model, drafts, rules, watch_texts=gold_now)


def show(history):
    bench_page.value = side_by_side(old_stories, tell(victim.policy), f"after {len(history)} steps")


bench_page = W.HTML()
curves = ("score", "gold", "kl_nats", "distinct_2")
bench_words = words | dict(distinct_2="different word pairs (share)")
display(Teach(experiment, keys=curves, total=config.steps, labels=bench_words, on_done=show), bench_page)

# %% [markdown]
# | | task | minutes | difficulty |
# | --- | --- | --- | --- |
# | 1 | **Another taste.** Teach *spooky*, then *short*. Which is learned better, and can you tell from the stories why? | 4 | ● |
# | 2 | **Few answers.** Teach with 5 answers in place of all. The score climbs as ever; what does the hidden taste do? | 4 | ● |
# | 3 | **No leash.** Set β to 0, then to 1. Predict the KL and the word pairs first. Read the stories. | 5 | ●● |
# | 4 | **Unteachable.** Name a taste of yours that choosing between two stories could never teach this model. Why not? | 5 | ●● |
#
# For the fourth there is no button. You meet it again as the last task of `exercises/00_start.ipynb`.
#
# ## What to remember
#
# 1. You cannot write your taste down as a rule, but you can choose; a few dozen choices already teach something.
# 2. A reward model turns choices into scores. Only differences between scores mean anything.
# 3. PPO makes what scored well a little likelier, on a leash (KL) to the old model.
# 4. A rising score proves nothing: judge blind, on fresh beginnings, with an interval, against the right ceiling.
# 5. Read what the model writes. No curve will tell you that the sign is wrong.
#
# ## Sources
#
# - R. A. Bradley and M. E. Terry (1952), *Rank analysis of incomplete block designs*, Biometrika 39.
# - P. Christiano et al. (2017), *Deep reinforcement learning from human preferences*.
# - J. Schulman et al. (2017), *Proximal policy optimization algorithms*.
# - D. Ziegler et al. (2019), *Fine-tuning language models from human preferences*.
# - N. Stiennon et al. (2020), *Learning to summarize from human feedback*.
#
# Next: lesson 01, where an agent learns without any words at all.
