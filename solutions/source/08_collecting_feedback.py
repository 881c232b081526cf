# %% [markdown]
# # Exercise 08: collecting feedback
#
# You read a log of clicks, take a pull to one side out of a result, turn rankings into pairs, share a pile of questions fairly,
# and find out where a campaign lost its labels.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes |
# | **Points** | 22 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 08 |
# | **Solution** | `solutions/08_collecting_feedback.ipynb` in the repository, for afterwards |

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 What holds now
#
# *5 points · 12 minutes · difficulty 2 of 3*
#
# A log is a list of events, the oldest first. Each is a dict with an `"action"` and five whole numbers: `"uid"`, `"who"`,
# `"item"`, `"value"` (0 the left, 1 the right, 2 a tie) and `"target"`:
#
# - `answer` with a `value`, or `skip`: the last of these by one person on one item holds, unless it was taken back;
# - `undo` takes back the event whose uid is its `target`, and nothing else. What stood before it stands again;
# - `consent` and `withdraw`: of a person whose last such word is `withdraw`, nothing holds. Without any such word, all does.
#
# A number that an action does not use is −1. By hand: person 0 answers item 1 with 0, then with 1, and takes the second
# answer back. The first holds again: `[(0, 1, 0)]`.


# %% answer="current_answers"
def current_answers(log: list) -> list:
    """The answers that hold now: a sorted list of tuples (who, item, value). A skip that holds is no answer."""
    ### BEGIN SOLUTION
    taken_back = {event["target"] for event in log if event["action"] == "undo"}
    word = {event["who"]: event["action"] for event in log if event["action"] in ("consent", "withdraw")}
    last = {}
    for event in log:
        if event["action"] in ("answer", "skip") and event["uid"] not in taken_back:
            last[event["who"], event["item"]] = event
    return sorted(
        (who, item, event["value"])
        for (who, item), event in last.items()
        if event["action"] == "answer" and word.get(who) != "withdraw"
    )
    ### END SOLUTION


# %% check="current_answers"
check("current_answers")
### BEGIN HIDDEN TESTS
check("current_answers", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Taste and pull, apart
#
# *5 points · 12 minutes · difficulty 2 of 3*
#
# A person compares $N$ texts of a new model with texts of the old one; sides were drawn at random, and noted. Say that the
# log-odds of pressing *left* are the difference $d$ of the two models (counted for whichever stands on the left) plus a pull
# $p$ to the left. Then
#
# $$P(\text{new wins} \mid \text{new on the left}) = \sigma(d + p), \qquad
# P(\text{new wins} \mid \text{new on the right}) = \sigma(d - p)$$
#
# Solve for $d$ and $p$, with the two shares in place of the two chances. By hand: shares 0.8 and 0.5 have log-odds $\log 4 =
# 1.386$ and $0$, so $d = p = 0.693$. This is what shuffled sides buy: with the new model always on the left, only $d + p$
# can be known.


# %% answer="taste_and_pull"
def taste_and_pull(pressed_left: np.ndarray, new_left: np.ndarray) -> tuple[float, float]:
    """The estimates of d and p.

    pressed_left and new_left bool [N]: was left pressed, and did the new model's text stand there?
    """
    ### BEGIN SOLUTION
    new_wins = pressed_left == new_left

    def log_odds(share):
        return np.log(share / (1 - share))

    on_left, on_right = log_odds(new_wins[new_left].mean()), log_odds(new_wins[~new_left].mean())
    return float((on_left + on_right) / 2), float((on_left - on_right) / 2)
    ### END SOLUTION


# %% check="taste_and_pull"
check("taste_and_pull")
### BEGIN HIDDEN TESTS
check("taste_and_pull", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 From a ranking to pairs
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# $K$ texts were shown in a random order: `order[j]` is the number of the text that stood at place $j$ of the page. The person
# answers with **places of the page**, the best first: `said[0]` is the place of the best text. Return all pairs (better,
# worse) as **numbers of texts**, sorted by the first number, then by the second.
#
# By hand: `order = [2, 0, 1]` and `said = [1, 2, 0]` put text 0 first, then 1, then 2: the pairs (0, 1), (0, 2), (1, 2).


# %% answer="ranked_pairs"
def ranked_pairs(order: np.ndarray, said: np.ndarray) -> np.ndarray:
    """All pairs (better, worse) that a ranking implies.

    order and said whole numbers [K], each 0 to K − 1 exactly once. Returns whole numbers [K (K − 1) / 2, 2].
    """
    ### BEGIN SOLUTION
    texts = order[said]  # the best first
    return np.array(sorted((a, b) for i, a in enumerate(texts) for b in texts[i + 1 :]))
    ### END SOLUTION


# %% check="ranked_pairs"
check("ranked_pairs")
### BEGIN HIDDEN TESTS
check("ranked_pairs", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Who is asked what
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# Many people work on one list of items (people and items are numbers), and each item needs `per_item` different people. An item is free for `who` if
#
# 1. `who` has not answered it, and
# 2. fewer than `per_item` **other** people have answered it or hold a lease on it that has not run out (`until > now`).
#
# Somebody who has answered an item and still holds a lease on it is one person. A lease of `who` itself is no hindrance:
# it was taken for `who`.


# %% answer="free_items"
def free_items(items: list, answers: list, leases: list, who: int, per_item: int, now: float) -> list:
    """The items that `who` may be asked, in the order of the list.

    answers holds (item, person), leases holds (item, person, until).
    """
    ### BEGIN SOLUTION
    busy = {(item, person) for item, person in answers}
    busy |= {(item, person) for item, person, until in leases if until > now}

    def others(item):
        return sum(1 for i, person in busy if i == item and person != who)

    answered = {item for item, person in answers if person == who}
    return [item for item in items if item not in answered and others(item) < per_item]
    ### END SOLUTION


# %% check="free_items"
check("free_items")
### BEGIN HIDDEN TESTS
check("free_items", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: lost labels
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# A campaign of 400 comparisons. Sides are drawn at random for each. Every pair comes twice, the second time with sides drawn
# anew, and forty more pairs are **obvious**: in all of them, text A is a whole story and text B breaks off. The reward model
# fitted to the labels is right on 50 % of fresh pairs. No error anywhere. The report on the stored labels, "A better" or "B
# better":

# %%
report = {
    "left pressed": "51 %",
    "A stored as better": "51 %",
    "same label twice, sides by chance the same": "91 %",
    "same label twice, sides by chance swapped": "14 %",
    "obvious pairs stored as A": "21 of 40",
    "median time an answer": "6.1 s",
}
for name, value in report.items():
    print(f"{name:<46}{value:>10}")

# %% [markdown]
# What is wrong?
#
# - **a** the people press at random
# - **b** sides are shuffled on the page, and the stored label is the side that was pressed
# - **c** double clicks are counted, so that the next pair gets an answer unread
# - **d** chosen and rejected are swapped in every label
# - **e** the people have a strong pull to the left
#
# And which one line shows that the people did read: `"left"`, `"repeats"` (the two lines on labels given twice), `"obvious"`
# or `"seconds"`? Set `lost_labels = {"fault": "…", "evidence": "…"}`. Each part is worth half the points. Can the labels be
# saved?

# %% answer="lost_labels"
### BEGIN SOLUTION
lost_labels = {"fault": "b", "evidence": "repeats"}  # saved, if the order shown was stored with each answer
### END SOLUTION

# %% check="lost_labels"
check("lost_labels")
### BEGIN HIDDEN TESTS
check("lost_labels", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
