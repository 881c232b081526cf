# %% [markdown]
# # 08 Collecting feedback: ratings, comparisons, rankings, edits
#
# Whatever a model learns from people, it learns from a file of answers. Here you make that file, and lose nothing on the way.
#
# **You will**
#
# - label with four widgets, and count what each kind of answer says and costs;
# - write in eight lines what an append-only log of clicks means, and prove it equal to the library;
# - share a pile of questions among people, export it, see what a format loses, and delete a person for good.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes, of which seconds are computing |
# | **Needs** | any laptop: CPU, 0.3 GB of memory, no network |
# | **Before** | lesson 00 |
# | **Practice** | `exercises/08_collecting_feedback.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/08_collecting_feedback.ipynb` in the repository, for afterwards |

# %%
import math
import time
from collections import Counter
from itertools import product

import numpy as np

from rlhf_edu.core import budget
from rlhf_edu.worlds.stories import GOLD_TASTES, continuations

rng = np.random.default_rng(0)
groups, worth = [], {}  # four stories to an opening; and how spooky each of them is, from 0 to 1
for told in (continuations(rng, 4) for _ in range(budget(full=400, fast=200))):
    rests = [story.split(". ", 1)[1] for story in told]
    groups.append((told[0].split(". ", 1)[0] + ".", rests))
    worth |= {rest: GOLD_TASTES["spooky"](story) for rest, story in zip(rests, told, strict=True)}
print(f"{len(worth)} stories with {len(groups)} openings. One: {groups[0][0]} {groups[0][1][1]}")

# %% [markdown]
# ## 1 Better at what?
#
# "Which story is better?" Three readers compare the same pairs. Nobody told them what *better* means, so one likes a shiver,
# one a happy ending, one brevity. Then they are handed one page of guidelines and do what it says. All are simulated, and
# all are careful.
#
# **Predict before you run.** How often do two of them agree, without the page and with it?

# %%
from rlhf_edu.feedback.agreement import answer_table, percent_agreement
from rlhf_edu.feedback.people import crowd, label_together
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query

whole = [Query("compare", "", (f"{opening} {a}", f"{opening} {b}")) for opening, (a, b, _, _) in groups]
for said, likes in {"no guidelines": ("spooky", "happy_ending", "short"), "one page": ("spooky",) * 3}.items():
    readers = crowd({f"{i}": GOLD_TASTES[name] for i, name in enumerate(likes)}, rng=rng, temperature=0.1)
    label_together(answers := FeedbackStore(), whole, readers, rng=rng)
    print(f"{said:<14} two readers agree on {percent_agreement(answer_table(answers.answers()).values):.0%}")

# %% [markdown]
# Without a page it is a coin: three careful people, and their average is nobody's taste. (With it, what is left are close
# calls.) It has happened to real projects, too. Ziegler et al. (2019) ended up with summaries that copy whole sentences:
# their labellers seem to have liked what is quick to check. Stiennon et al. (2020) saw the gap between what they wanted and
# what had been labelled, wrote guidelines, talked with their labellers, and measured agreement all along.
#
# Good guidelines say what counts, what does not, what to do in doubt, and when to skip. The next cell prints ours for
# pairs. (It is short. Which two of the four does it leave out?)
#
# ## 2 Four ways to answer
#
# Your answers go into one file next to this notebook, under a pseudonym, and leave this computer only if you send them.
# By answering you agree to that, and your first answer writes it down.

# %%
from rlhf_edu.feedback.privacy import fresh_name
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.worlds.story_tastes import guidelines

print(guidelines("spooky", "compare"))
ME = "me"  # or a name that tells nothing, such as:
print(fresh_name())
AGREED = "My answers are kept in this file, under my pseudonym, for my own exercises. I can delete them at any time."
store = FeedbackStore("my_feedback.db")


def open_session(queries):
    page = f"{guidelines('spooky', queries[0].kind)}\n\n{AGREED}"
    session = FeedbackSession(queries, store, annotator=ME, guidelines=page)
    session.on_answer(lambda _: store.consented(ME) or store.consent(ME, AGREED))
    return session


# %% [markdown]
# **Rate.** One story at a time, from 1 to 5. Marks mean nothing by themselves, so their ends are put in words. Press the
# digits; **u** takes back, **s** skips, **g** opens the guidelines.

# %%
from rlhf_edu.widgets.rate import Rate

few = groups[:2]
rating = open_session([Query("rate", opening, (rest,)) for opening, rests in few for rest in rests])
Rate(rating, anchors={1: "not spooky at all", 3: "a little", 5: "I leave the light on"})

# %% [markdown]
# **Compare.** Which of two? Press **←** or **→**, **t** for a tie, **b** if both are bad.

# %%
from rlhf_edu.widgets.compare import Compare

pairs = [Query("compare", opening, tuple(rests[i : i + 2])) for opening, rests in groups[2:6] for i in (0, 2)]
comparing = open_session(pairs)
Compare(comparing)

# %% [markdown]
# **Rank.** Put four in order: drag them, or press their letters, the best first, then **Enter**.

# %%
from rlhf_edu.widgets.rank import Rank

ranking = open_session([Query("rank", opening, rests) for opening, rests in groups[6:8]])
Rank(ranking)

# %% [markdown]
# **Edit.** Do not judge: make it better. Press **e** to write, **Ctrl Enter** to keep. Unchanged means *good as it is*.

# %%
from rlhf_edu.widgets.edit import Edit

editing = open_session([Query("edit", opening, (rests[0],)) for opening, rests in groups[8:10]])
Edit(editing)

# %% [markdown]
# With fewer than two answers of yours to a kind, a **simulated person** answers the rest. It cannot write: for edits, it
# puts one fixed sentence at the end of each story. All of this is marked as simulated, and stays out of the way of your own.
# (A ≻ B: A is better than B. Two marks of one opening imply a pair if they differ, an edit one if it changed something:
# the new text ≻ the old.)

# %%
from rlhf_edu.feedback import types
from rlhf_edu.feedback.annotators import boltzmann, label_all
from rlhf_edu.feedback.types import to_pairs

person = boltzmann(worth.__getitem__, 0.1, rng=np.random.default_rng(7))


def scribble(query):
    return types.Edit(query.prompt, query.options[0], query.options[0] + " And behind the door, something breathed.")


for name, session in {"rate": rating, "compare": comparing, "rank": ranking, "edit": editing}.items():
    if len(session.answers(simulated=False)) < 2:
        label_all(session, scribble if session is editing else person)
    n, own = len(session.answers()), len(session.answers(simulated=False))
    print(f"{name:<8} {n} answers, {own} of them yours, imply {len(to_pairs(session.answers()))} pairs better ≻ worse")

# %% [markdown]
# ### What does one answer say?
#
# A coin's worth of news is one **bit**. If all $m$ answers are equally likely, one of them says $\log_2 m$ bits: a comparison
# $\log_2 2 = 1$ (with tie and *both bad* at most $\log_2 4 = 2$), a mark out of five $\log_2 5 = 2.3$, an order of four $\log_2 4! = 4.6$.
#
# An order of four implies six pairs, $4 \cdot 3 / 2$. **Predict:** is it worth six comparisons?
#
# By brute force: six comparisons can come out in $2^6$ ways. How many of those fit into *some* order?

# %%
six = [(i, j) for i in range(4) for j in range(i)]
fits = 0
for outcome in product((0, 1), repeat=6):
    wins = Counter(pair[k] for pair, k in zip(six, outcome, strict=True))
    fits += sorted(wins[i] for i in range(4)) == [0, 1, 2, 3]  # a best, a second best, …
print(f"{fits} of {2**6}: an order says log2 {fits} = {math.log2(fits):.2f} bits, and 4! = {math.factorial(4)}")

# %% [markdown]
# Not quite: whoever knows that A beats B and B beats C need not ask about A and C. So treat the six pairs of a ranking as
# one answer whenever you count, split or put error bars on data.
#
# | | says at most | best where | beware |
# | --- | --- | --- | --- |
# | rating | log₂ marks | texts stand alone, "good enough?" matters | everybody's 4 is another 4; it drifts |
# | comparison | 1 bit, 2 with tie and *both bad* | differences are small, people many | does not say *how much* better, nor whether either is good |
# | ranking | log₂ k! | reading costs more than deciding | long lists tire; the middle is guessed |
# | edit | a whole text | people can write what the model cannot | slow, and it teaches their style, too |
#
# ## 3 The log
#
# You pressed **u** perhaps, or changed your mind. What does the file hold? Never a table of current answers: a **log** of
# events, each written once and never changed. Small enough for paper: Ann compares two pairs.

# %%
from rlhf_edu.feedback.events import Event, standing
from rlhf_edu.feedback.types import Preference


def ann(action, item, choice=None, target=""):
    record = choice and Preference("", f"A{item}", f"B{item}", choice)
    return Event(action, "ann", item, record, target=target)


first, second = ann("answer", "1", "a"), ann("answer", "2", "b")
log = [first, second, ann("undo", "2", target=second.uid), ann("skip", "2"), ann("answer", "1", "tie")]
for n, event in enumerate(log, 1):
    print(n, event.action, "of item", event.item, event.record.choice if event.record else "")

# %% [markdown]
# **Predict.** Which answers hold now? And which held after the second event?
#
# An answer holds if no undo names it, and if it is the last of its person on its item:
#
# $$\text{holds} = \{\text{last}(p, i)\}, \qquad \text{last}(p, i) = \text{the latest of } p \text{'s answers and skips on }
# i \text{ that nothing took back}$$


# %%
def what_holds(log):
    taken_back = {e.target for e in log if e.action == "undo"}
    last = {}
    for e in log:
        if e.action in ("answer", "skip") and e.uid not in taken_back:
            last[e.annotator, e.item] = e
    return list(last.values())


for upto in (2, 5):
    print(f"after {upto} events:", {e.item: e.record.choice if e.record else "skipped" for e in what_holds(log[:upto])})

# %% [markdown]
# Nothing was overwritten, so *undo* is free, and so is the audit: the past is the same function of a shorter log. Is it the
# library's? Three hundred random logs of three people who answer, skip and take back:

# %%
for seed in range(300):
    dice, random_log = np.random.default_rng(seed), []
    for _ in range(30):
        who, item, past = f"p{dice.integers(3)}", str(dice.integers(4)), [e for e in random_log if e.action != "undo"]
        if past and dice.random() < 0.3:
            back = past[dice.integers(len(past))]
            random_log.append(Event("undo", back.annotator, back.item, target=back.uid))
        else:
            random_log.append(Event("skip" if dice.random() < 0.2 else "answer", who, item))
    assert {e.uid for e in what_holds(random_log)} == {e.uid for e in standing(random_log)}
print("300 random logs: what_holds equals the library's standing")

# %% [markdown]
# (The library also drops the answers of whoever has withdrawn their consent.) What each event of *your* file keeps: who,
# which item, what was said, in which order the options were **shown**, when, how long it took, and whether it was simulated.

# %%
log = store.events()
print(f"{len(log)} events in your file: {dict(Counter(e.action for e in log))}")
last = [e for e in comparing.events() if e.record][-1]
print({name: getattr(last, name) for name in ("annotator", "item", "order", "seconds", "simulated", "uid")})
print(f"chosen: …{last.record.chosen[-60:] if last.record.chosen else last.record.choice}")

# %% [markdown]
# ### Stopping, and going on
#
# An answer is on the disk before the next question comes. So closing the lid loses nothing: a session opened anew on the
# same questions stands where the last one stood.

# %%
practice, ten = FeedbackStore(), [Query("compare", opening, rests[:2]) for opening, rests in groups[10:20]]
session = FeedbackSession(ten, practice, annotator="ann")
for side in ("left", "right", "tie"):
    session.answer(side)
session.undo()
print("before closing:", session.progress, "  opened anew:", FeedbackSession(ten, practice, annotator="ann").progress)

# %% [markdown]
# ## 4 Many people, one pile
#
# Forty students label 400 pairs. If everybody starts at the top, the first pairs get forty answers and the last none. So a
# session with `per_item=1` **leases** an item to its person for a while, and nobody else is asked meanwhile.
#
# Two simulated people hold the mouse here. In this practice store, which lives in memory only, they count as people.
#
# **Predict:** they take turns on twelve pairs. Who gets which? And Cleo, who opens a pair and goes for lunch?


# %%
def press(session, person):
    """What `person` answers to the session's current item, as a button; returns the item, None when none is left."""
    shown = session.current
    if shown is None:
        return None
    said = person(shown.query).choice
    session.answer({"a": "left", "b": "right"}.get(said, said), seconds=4.0)
    return shown.item


# %%
class_store, pile = FeedbackStore(), [Query("compare", opening, rests[2:]) for opening, rests in groups[:12]]
number = {query.id: n for n, query in enumerate(pile, 1)}
desk = {name: FeedbackSession(pile, class_store, annotator=name, per_item=1) for name in ("ann", "bo")}
hands = crowd({"reader": worth.__getitem__}, each=2, rng=rng, temperature=0.1, tie_within=0.1)
hands = dict(zip(desk, hands.values(), strict=True))
cleo = FeedbackSession(pile, class_store, annotator="cleo", per_item=1, lease_seconds=2)
lunch = cleo.current
print(f"Cleo holds pair {number[lunch.item]}, and leaves")
for _ in range(6):
    print("   ".join(f"{name}: pair {number.get(press(desk[name], hands[name]), '–')}" for name in desk))

# %%
time.sleep(2.1)  # Cleo's lease runs out
print("after the lease, Ann is asked pair", number[press(desk["ann"], hands["ann"])])
cleo.answer("left", item=lunch.item)  # and Cleo comes back
print("answers to each pair:", sorted(Counter(e.item for e in class_store.answers()).values(), reverse=True))

# %% [markdown]
# No pair was asked twice while its lease held; Cleo's went on to Ann. Her late answer is kept all the same: the pair has two
# now, and *you* decide what that means. For agreement (lesson 09) you want several answers to each item on purpose:
# `per_item=3`.
#
# In a class the store is one PostgreSQL database, and everything else stays as it is:
#
#     store = FeedbackStore("postgresql://student@classroom-server/feedback")
#
# SQLite, the default, is one file on one computer; several notebooks there may share it. Do not put it on a network drive:
# their file locks often lie, and the store refuses.
#
# ## 5 Consent, and the way out
#
# A person may look at what you keep, say no, and be forgotten.

# %%
class_store.consent("ann", AGREED)
rows = class_store.person("ann")  # everything, as plain rows, to hand over
print(f"{len(rows)} rows about Ann; columns: {', '.join(rows[0])}")
class_store.withdraw("ann")
print("after Ann withdrew, these count:", dict(Counter(e.annotator for e in class_store.answers())))
class_store.consent("ann", AGREED)
print("after she agreed again:        ", dict(Counter(e.annotator for e in class_store.answers())))

# %% [markdown]
# Files that leave the store show other names. **Predict:** which of these formats can say *tie*?

# %%
from rlhf_edu.feedback.exchange import export, parse

for format in ("csv", "trl-preference", "trl-unpaired", "hh-rlhf", "argilla"):
    text, report = export(class_store, format)
    print(f"{format:<15}", str(report).replace("\n", "; "))
text, _ = export(class_store, "csv")
print("\nas CSV, the first answer:", text.splitlines()[1][-150:])

# %%
records = [e.record for e in class_store.answers()]
for format in ("csv", "trl-preference"):
    back = [e.record for e in parse(export(class_store, format)[0], format)]
    kept = sum((Counter(records) & Counter(back)).values())
    print(f"{format:<15} {kept} of {len(records)} answers come back as they were; {Counter(r.choice for r in back)}")

# %% [markdown]
# A preference file knows *chosen* and *rejected*, nothing else: ties are gone, and so is who said it, on which side, and how
# long it took. (Every choice comes back as "a", because the chosen text is written first.) Training libraries want such files;
# they are no place to *keep* answers. Keep the log, export copies.
#
# At last, Ann asks to be forgotten. There is a backup from yesterday. **Predict:** does she come back with it?

# %%
from rlhf_edu.feedback.exchange import merge

backup = FeedbackStore()
merge(backup, [("today", class_store)])
print("deleted:", class_store.erase("ann"), "events; left about Ann:", len(class_store.person("ann")))
print("restoring the backup:", merge(class_store, [("backup", backup)]))

# %% [markdown]
# No: the store keeps a keyed digest of her name, which says nothing by itself, and turns older events of hers away. What it
# cannot do is reach into files that were exported before: note where they went. (Your own: `store.person(ME)`,
# `store.erase(ME)`. On the command line: `rlhf-edu feedback`.)
#
# ## 6 Break it on purpose
#
# **Sides not shuffled.** Is the new model better than the old? In truth there is no difference: both columns come from the same
# stories. Somebody always shows the new one on the left. Our reader has a pull to the left: on equal stories it takes the
# left one in $\sigma(0.8) = 69\,\%$ of all cases.
#
# **Predict** the win rate of the new model, with sides fixed and with sides shuffled. (One seed.)

# %%
from rlhf_edu.feedback.quality import Share, left_share
from rlhf_edu.feedback.showing import Shown, shuffled

duels = [Query("compare", opening, tuple(rests[i : i + 2])) for opening, rests in groups for i in (0, 2)]
leaning = dict(temperature=0.1, position=0.8)
for how in ("fixed", "shuffled"):
    reader, events = boltzmann(worth.__getitem__, rng=np.random.default_rng(2), **leaning), []
    for query in duels:  # the new model's story is the first option
        shown = Shown(query, (0, 1)) if how == "fixed" else shuffled(query, "reader", seed=0)
        side = reader(shown.query).choice
        record = Preference(query.prompt, *query.options, "a" if (side == "a") == (shown.order == (0, 1)) else "b")
        events.append(Event("answer", "reader", query.id, record, simulated=True, order=shown.order))
    new = Share(sum(e.record.choice == "a" for e in events), len(events))
    margin = 1.96 * (new.value * (1 - new.value) / new.total) ** 0.5
    print(
        f"{how:<9} the new model wins {new.value:.1%} ± {margin:.1%}    the left side wins {left_share(events).value:.1%}"
    )

# %% [markdown]
# With sides fixed, the pull *is* the result, at a margin that looks like proof. No analysis can tell them apart afterwards.
# Shuffled, the pull is still there, and the last column shows it; but it falls on both models alike. It needs two things:
# a shuffle, and the order kept with each answer, or you could not undo it.
#
# **Double clicks.** One press in three comes twice, 60 ms apart: a worn mouse, an impatient finger. The second one hits the
# *next* pair, which nobody has read. The session ignores a second click within 250 ms, if the page tells it when the button
# was pressed (`pressed_at`). **Predict** how often the answers agree with the taste, without and with that guard.

# %%
for guard in (False, True):
    session, clock, blind = FeedbackSession(duels[:150], FeedbackStore(), annotator="x"), 0.0, 0
    reader, dice = boltzmann(worth.__getitem__, 0.1, rng=np.random.default_rng(2)), np.random.default_rng(3)
    while (shown := session.current) is not None:
        side = {"a": "left", "b": "right"}[reader(shown.query).choice]
        for delay in (4.0, 0.06)[: 1 + (dice.random() < 1 / 3)]:
            clock += delay
            if session.current is not None:
                blind += session.answer(side, pressed_at=clock if guard else None) and delay < 1
    right = np.mean([worth[r.chosen] > worth[r.rejected] for r in session.answers()])
    print(f"guard {guard!s:<6} {blind:>3} of 150 answers to pairs nobody read; {right:.0%} agree with the taste")

# %% [markdown]
# Each of those answers looks like any other: right format, right person, a plausible time. Only the guard, at the moment of
# the click, can tell. The same goes for most faults of this lesson: they are cheap to prevent and impossible to repair.
#
# ## Your turn
#
# 1. *(5 minutes, easy)* Label the eight comparisons of section 2 once more in a fresh store, a day later or with other
#    guidelines. How many answers stay?
# 2. *(10 minutes, easy)* Which of the four kinds tells you most **in a minute**? Your own times are in
#    `session.events(simulated=False)`: divide bits by seconds.
# 3. *(10 minutes, medium)* A fifth kind: "mark the worst sentence". Which fields must its record have, and which pairs does
#    it imply?
# 4. *(15 minutes, medium)* Ten people, 100 pairs, `per_item=3`. Simulate a class in which people leave at random. How long
#    should a lease be, if an answer takes about 6 seconds and a lunch 30 minutes?
#
# The graded work is in `exercises/08_collecting_feedback.ipynb`.
#
# ## What to remember
#
# 1. Without guidelines you collect as many tastes as people.
# 2. A ranking implies many pairs, but they are one answer; an edit is a text nobody wrote before.
# 3. Keep a log, derive the answers: undo and audit come for free.
# 4. Shuffle sides, keep the order shown, ignore double clicks: what is wrong at the click cannot be repaired.
# 5. Export copies and know what they lose; a person can see, take back and delete what is theirs.
#
# ## Sources
#
# - Christiano et al. (2017), *Deep reinforcement learning from human preferences*: ties count half, "cannot compare" is left out.
# - Ziegler et al. (2019), *Fine-tuning language models from human preferences*.
# - Stiennon et al. (2020), *Learning to summarize from human feedback*: guidelines, and how labellers were trained.
# - Ouyang et al. (2022), *Training language models to follow instructions with human feedback*: rankings of several texts; all
#   pairs of one ranking stay in one batch.
# - Helland (2015), *Immutability changes everything*: logs in place of tables.
