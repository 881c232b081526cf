# %% [markdown]
# # 14 RLHF with PPO: the same loop, opened part by part
#
# In lesson 00 a model learned a taste while you watched from outside. Now you take the lid off: each formula in a few
# lines, proved equal to the library's, and all of them at work.
#
# **You will**
#
# - read text as actions, and turn one score for a whole story into a reward for every token;
# - follow the KL penalty, GAE and the clipped loss in code, and train a storyteller with all three;
# - break it, and tell fourteen silent bugs apart.
#
# | | |
# | --- | --- |
# | **Time** | about 60 minutes, of which 5 are computing |
# | **Needs** | any laptop: two CPU cores, 2 GB of memory, no network, no GPU |
# | **Before** | lesson 00 |
# | **Practice** | `exercises/14_rlhf_ppo.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/14_rlhf_ppo.ipynb` in the repository, for afterwards |

# %%
import numpy as np
import torch
from IPython.display import HTML, display

from rlhf_edu.core import budget, pick_device, seed_everything
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import Pair, to_pairs
from rlhf_edu.lm.interface import Completions
from rlhf_edu.ops import kl_exact, kl_k1, kl_k3, token_logp
from rlhf_edu.plots import COLOURS, Picture, new_figure, watch
from rlhf_edu.plots.curves import NAMES
from rlhf_edu.reward.train import fit_preferences, pair_features
from rlhf_edu.rlhf.gallery import CONFIG
from rlhf_edu.rlhf.loop import reading_on, write_pairs
from rlhf_edu.rlhf.studio import open_studio

seed_everything(0)  # one seed in all of this lesson
torch.set_num_threads(1)  # the last digits depend on it, and after some steps of RL the first ones, too
studio = open_studio("stories", seed=0, device=pick_device())
print(f"a storyteller of {sum(w.numel() for w in studio.policy.parameters()):,} weights")

# %% [markdown]
# ## 1 Text as actions
#
# An agent sees a state, takes an action, gets a reward. In a story, the **state** is everything written so far, an
# **action** is the next token, and the episode ends with the end token. The **reward** comes once, at the end: nobody
# judges half a story.
#
# **Predict before you run.** Of all the words it knows, how many does the model seriously consider (more than 1 %)
# right after an opening?

# %%
opening = studio.openings(1, "test")[0]
state = torch.tensor([studio.tokenizer.encode(opening)], device=studio.device)
chances = studio.policy(state, torch.ones_like(state, dtype=torch.bool)).logits[0, -1].softmax(-1)
print(f"state: {opening}\n{int((chances > 0.01).sum())} actions above 1 %, the likeliest first:")
for p, action in zip(*chances.topk(4), strict=True):
    print(f"  {p:.3f} {studio.tokenizer.decode([action])}")

# %% [markdown]
# ## 2 A judge made of forty answers
#
# A simulated person has a hidden taste (happy endings) and answers forty comparisons. Like people, it wavers: the
# closer two stories are, the more often it picks the worse one. Then a reward model reads each story as the language
# model does, counts which themes its words belong to, and one number is fitted on top, so that $-\log\sigma(r_\text{chosen} - r_\text{rejected})$ is small.

# %%
gold = studio.world.taste("happy_ending")
person = reading_on(boltzmann(gold, 0.1, rng=np.random.default_rng(0)))
judge = studio.reward_model()
queries, drafts = write_pairs(studio, judge, budget(40, 12))
answers = [person(query) for query in queries]
print(f"a: …{answers[0].a[-120:]}\nb: …{answers[0].b[-120:]}\nbetter: {answers[0].choice}\n")
fit = fit_preferences(judge, studio.tokenizer, to_pairs(answers)).run()
print(f"loss {fit[0]['loss']:.3f} → {fit[-1]['loss']:.3f} nats; right on {fit[-1]['accuracy']:.0%} of its own pairs")

# %% [markdown]
# **Predict.** Nearly perfect on its own forty. On fresh pairs, how often does it agree with the person? And how often
# does the person agree with *themself*, asked again?
#
# If the person picks the left story with chance $p$, they give the same answer twice with chance $p^2 + (1-p)^2$. Even a
# predictor who knows $p$ is right only with chance $\max(p, 1-p)$.

# %%
blank = studio.reward_model()
fresh, _ = write_pairs(open_studio(seed=1, device=studio.device), blank, budget(200, 20))
taste = np.array([[gold(q.prompt + text) for text in q.options] for q in fresh])
p, said = 1 / (1 + np.exp(-(taste[:, 0] - taste[:, 1]) / 0.1)), np.array([person(q).choice == "a" for q in fresh])
left, right = pair_features(judge, studio.tokenizer, [Pair(q.prompt, *q.options) for q in fresh])
agrees = (judge.reward(left) > judge.reward(right)).cpu().numpy() == said
print(f"coin 0.50   reward model {agrees.mean():.2f} ({len(said)} fresh pairs)")
print(f"person, asked again {np.mean(p**2 + (1 - p) ** 2):.2f}   best possible {np.mean(np.maximum(p, 1 - p)):.2f}")

# %% [markdown]
# Read an accuracy against those last two numbers, never against 1.
#
# Choices fix only *differences* of rewards, so the model's zero and unit are accidents, and PPO's
# learning rate and the price $\beta$ below need fixed ones. **Gain and bias** are set so that stories of the frozen
# reference score 0 on average, with standard deviation 1.

# %%
from rlhf_edu.rlhf.shaping import reference_scale

scale = reference_scale(judge, drafts)  # measured on the drafts of the forty pairs, checked on others
reward_fn = scale(judge)
typical = studio.write(studio.reference, studio.openings(budget(64, 16), "test"), studio.generator("test"))
for name, r in (("raw", judge(typical)), ("with gain and bias", reward_fn(typical))):
    print(f"{name:<20} mean {r.mean():+.2f}   standard deviation {r.std():.2f}")

# %% [markdown]
# ## 3 The price of leaving home
#
# The judge has only ever seen stories of the reference. A policy that wanders far from it finds texts the judge
# misjudges, and breaks the language on the way. So every step away has a price, in nats:
#
# $$\max_\pi\; \mathbb{E}\left[\text{score}\right] - \beta\, \text{KL}(\pi \,\|\, \pi_\text{ref})$$
#
# Token by token, with the score paid once, at the last *real* token:
#
# $$r_t = -\beta\,\bigl(\log\pi(a_t|s_t) - \log\pi_\text{ref}(a_t|s_t)\bigr) + [t\text{ is last}]\;\text{score}$$
#
# Now four tokens and two of padding. The padding holds a silly 9, in case it leaks.
#
# **Predict** the six rewards for score 1 and $\beta = 0.1$. What do they add up to?


# %%
def my_rewards(score, logp, logp_ref, mask, beta):
    """score [B], the rest [B, N]; mask is True on real tokens."""
    rewards = torch.where(mask, -beta * (logp - logp_ref), 0.0)
    for b in range(len(score)):
        rewards[b, mask[b].nonzero()[-1]] += score[b]
    return rewards


logp = torch.tensor([[-1.0, -2.0, -0.5, -1.0, 9.0, 9.0]])
logp_ref = torch.tensor([[-1.5, -2.0, -1.0, -0.5, 0.0, 0.0]])
mask = torch.tensor([[True, True, True, True, False, False]])
by_hand = my_rewards(torch.tensor([1.0]), logp, logp_ref, mask, beta=0.1)
print("  ".join(f"{r + 0:+.2f}" for r in by_hand[0]), f"   sum {by_hand.sum():.2f}")

# %%
from rlhf_edu.rlhf.shaping import shaped_rewards, token_gae


def ragged(seed, B=6, N=9):
    """Three random [B, N] tensors, and the mask of responses of unequal length."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, N + 1, (B, 1), generator=generator)
    return *torch.randn(3, B, N, generator=generator), torch.arange(N) < lengths


for seed in range(20):
    logp, logp_ref, score, mask = ragged(seed)
    mine = my_rewards(score[:, 0], logp, logp_ref, mask, 0.1)
    torch.testing.assert_close(mine, shaped_rewards(score[:, 0], logp, logp_ref, mask, 0.1))
    torch.testing.assert_close(mine.sum(1), score[:, 0] - 0.1 * ((logp - logp_ref) * mask).sum(1))
print("20 random batches: equal to the library, and every row adds up to score − β·KL")

# %% [markdown]
# The log-ratios are 0.5, 0, 0.5 and −0.5, together 0.5 nats, and $1 - 0.1 \cdot 0.5 = 0.95$. Always
# $\sum_t r_t = \text{score} - \beta\,\widehat{\text{KL}}$: the rewards add up to the objective.
#
# ### Two ways to estimate a KL
#
# From samples $a \sim \pi$, with $\rho = \pi_\text{ref}(a)/\pi(a)$: $k_1 = -\log\rho$ and $k_3 = \rho - 1 - \log\rho$.
#
# **Predict.** Which of the two can be negative for a single token? Which is less noisy?

# %%
pi, ref = torch.tensor([0.5, 0.3, 0.1, 0.1]).log(), torch.tensor([0.4, 0.3, 0.2, 0.1]).log()
tokens = torch.multinomial(pi.exp(), 20_000, replacement=True)
print(f"exact KL {kl_exact(pi, ref):.4f} nats")
for name, k in (("k1", kl_k1(pi[tokens], ref[tokens])), ("k3", kl_k3(pi[tokens], ref[tokens]))):
    print(f"{name}: mean {k.mean():.4f}   standard deviation {k.std():.3f}   negative {(k < 0).float().mean():.0%}")

# %% [markdown]
# Both means are right. $k_3$ is calmer and never negative: for *watching*; $k_1$ goes into the reward, as only its sum is
# the objective.
#
# ## 4 Who deserves the credit?
#
# One score, some sixty tokens. A **value head** predicts from each state what is still to come, $V_t$. A token's
# advantage is how much better things went than predicted (generalised advantage estimation, GAE):
#
# $$\delta_t = r_t + \gamma V_{t+1} - V_t, \qquad A_t = \delta_t + \gamma\lambda A_{t+1}$$
#
# After the last real token, $V$ and $A$ are 0: the story is over *there*, not at the edge of the padding. Here
# $\gamma = 1$ (late words are worth as much as early ones) and $\lambda = 0.95$.
#
# **Predict.** Rewards 0, 0, 0, 1 and values 0.2, 0.4, 0.6, 0.8: which advantages for $\lambda = 1$, which for
# $\lambda = 0$?


# %%
def my_gae(rewards, values, mask, gamma=1.0, lam=0.95):
    """rewards, values, mask [B, N] -> advantages [B, N], 0 under padding."""
    rewards, values = rewards * mask, values * mask
    advantages = torch.zeros_like(values)
    next_value = next_advantage = torch.zeros_like(values[:, 0])
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        next_advantage = delta + gamma * lam * next_advantage
        next_value = values[:, t]
        advantages[:, t] = next_advantage
    return advantages * mask


rewards, values = torch.tensor([[0.0, 0.0, 0.0, 1.0]]), torch.tensor([[0.2, 0.4, 0.6, 0.8]])
for lam in (1.0, 0.0):
    adv = my_gae(rewards, values, torch.ones(1, 4, dtype=torch.bool), lam=lam)
    print(f"λ = {lam:.0f}: " + "  ".join(f"{a:.1f}" for a in adv[0]))

# %%
for seed in range(20):
    rewards, values, _, mask = ragged(seed)
    torch.testing.assert_close(my_gae(rewards, values, mask), token_gae(rewards, values, mask))
blind = my_gae(rewards, values, torch.ones_like(mask))  # break it: forget the mask, so that padding is read as text
wrong = ((blind - my_gae(rewards, values, mask)).abs() > 1e-6) & mask
print("20 random batches: my_gae equals token_gae")
print(f"without the mask, {wrong.sum()} of {mask.sum()} real tokens get a wrong advantage, and no error is raised")

# %% [markdown]
# $\lambda = 1$: what came, minus what was expected. $\lambda = 0$: how much each token changed the expectation. In
# between you trade noise for trust in the value head.
#
# ## 5 Small steps
#
# Stories are expensive, so each batch serves for several gradient steps. After the first, the policy is no longer the
# one that wrote them. The ratio $\rho_t = \pi/\pi_\text{old}$ says how far it has moved, and PPO stops pushing beyond
# $1 \pm \varepsilon$:
#
# $$L = \text{mean over real tokens of } \max\bigl(-A_t\,\rho_t,\; -A_t\,\text{clip}(\rho_t, 1-\varepsilon, 1+\varepsilon)\bigr)$$
#
# Then **play** with the slider. Where the line is flat, the gradient is 0: that token no longer pushes. On which side is
# it flat for a good token ($A = 1$), and why never on the other?

# %%
from rlhf_edu.rlhf.ppo import PPOConfig, policy_loss, ppo


def my_loss(logp, logp_old, adv, mask, clip):
    ratio = (logp - logp_old).exp()
    return torch.maximum(-adv * ratio, -adv * ratio.clamp(1 - clip, 1 + clip))[mask].mean()


for seed in range(20):
    logp, logp_old, adv, mask = ragged(seed)
    torch.testing.assert_close(my_loss(logp, logp_old, adv, mask, 0.2), policy_loss(logp, logp_old, adv, mask, 0.2))
print("20 random batches: my_loss equals policy_loss")
yours = dict(rewards=my_rewards, advantages=my_gae, policy_loss=my_loss)  # what will train, in section 6

# %%
import ipywidgets as widgets


def clip_picture(eps):
    figure, axes = new_figure(2, width=3.6, height=2.6)
    ratio = torch.linspace(0.2, 1.8, 161)
    for ax, adv in zip(axes, (1, -1), strict=True):
        ax.plot(ratio, -adv * ratio, ":", color="0.6")
        ax.plot(ratio, torch.maximum(-adv * ratio, -adv * ratio.clamp(1 - eps, 1 + eps)), color=COLOURS[0])
        ax.set(xlabel="ratio (no unit)", ylabel="loss of one token", title=f"A = {adv:+d}, ε = {eps:.2f}")
    picture = Picture(figure, f"Loss by ratio: flat above {1 + eps:.2f} where A = 1, below {1 - eps:.2f} where A = -1")
    return picture._repr_mimebundle_()["text/html"]


epsilon = widgets.FloatSlider(0.2, min=0.05, max=0.75, step=0.05, description="ε")
view = widgets.HTML(clip_picture(0.2))
epsilon.observe(lambda change: setattr(view, "value", clip_picture(change["new"])), "value")
display(widgets.VBox([epsilon, view]))

# %% [markdown]
# A good token already likelier by more than $\varepsilon$ is left alone; a *less* likely one is always pulled back.
#
# Now the best bug detector in all of PPO. Before the first step, policy and old policy are the same. **Predict** the
# ratio and the clip fraction. And if the log-probs are shifted by one token, the commonest silent bug?

# %%
from rlhf_edu.lm.interface import completion_logits


@torch.no_grad()
def reread(model, done):
    """Log-probs of a finished text, and the hidden states they came from."""
    logits, hidden = completion_logits(model, done)
    return token_logp(logits, done.new_ids), hidden


done = studio.write(studio.policy, studio.openings(16, "ppo"), studio.generator("ppo"))
logp, _ = reread(studio.policy, done)  # done.logp was noted token by token, while writing
for name, old in (("right", done.logp), ("shifted by one", done.logp.roll(1, dims=1))):
    ratio = (logp - old).exp()[done.new_mask]
    clipped = ((ratio - 1).abs() > 0.2).float().mean()
    print(f"{name:<15} ratio from {ratio.min():.4f} to {ratio.max():.4g}   clip fraction {clipped:.2f}")

# %% [markdown]
# Ratio 1, nothing clipped: else stop and look for the bug.
#
# ## 6 The loop runs, on your code
#
# All parts together, on a fresh student: your rewards, your GAE, your loss. `expected` gives the value head a first
# guess: what the judge thinks of the story so far.

# %%
from rlhf_edu.lm.heads import ScalarHead


def teach(reward_fn, config, **switches):
    """A fresh student, its value head, and the run that will teach it."""
    student = open_studio("stories", seed=0, device=studio.device)
    head = ScalarHead(student.policy.config.width).to(student.device)
    prompts = student.prompt_ids(student.openings(budget(1000, 50), "ppo"))
    switches |= dict(eos_id=student.tokenizer.eos_id, pad_id=student.tokenizer.pad_id)
    switches["generator"] = student.generator("ppo")
    switches["watch_texts"] = lambda done: {
        "gold": float(np.mean([gold(text) for text in student.read(done)])),
        "end_in_mask": (done.new_mask & (done.new_ids == student.tokenizer.eos_id)).any(1).float().mean().item(),
    }
    return student, head, ppo(student.policy, head, student.reference, reward_fn, prompts, config, **switches)


config = PPOConfig(steps=budget(PPOConfig.steps, 3), batch=budget(PPOConfig.batch, 8))
student, head, run = teach(reward_fn, config, expected=scale(judge.expected), **yours)
run

# %% [markdown]
# Nothing has happened yet: a run trains when you loop over it. **Predict.** The judge's score, the hidden taste (`gold`)
# and the KL: which rise, and which slows down first?
#
# Look at the vital signs, too. In a healthy run the first ratio is 1, the clip fraction stays below about 0.3, texts end,
# and distinct-2 (different pairs of neighbouring tokens, of all pairs) does not crash.

# %%
from rlhf_edu.plots.rlhf import TokenMap, run_picture

history = watch(run, "score", "gold", "kl_nats").run()
for sign in ("first_ratio", "clip_fraction", "entropy", "explained_variance", "ended", "distinct_2", "n_new"):
    print(f"{sign:<20} first {history[0][sign]:7.3f}   last {history[-1][sign]:7.3f}")
run_picture(history)

# %% [markdown]
# All three rise; the hidden taste, which cannot pass 1, slows down first. (*Explained variance*: the share of the returns'
# variance that the value head predicts.) The last panel is the one to keep: hidden taste *bought per nat* (one seed).
#
# ### One story under the microscope
#
# **Predict.** Is the KL spread evenly over the words, or does it sit on a few? Hover over a word for its number.

# %%
one = student.write(student.policy, [opening], student.generator("test"))
m = one.new_mask
(logp, hidden), (logp_ref, _) = reread(student.policy, one), reread(student.reference, one)
value = head(hidden).detach() + scale(judge.expected)(one)
adv = my_gae(my_rewards(reward_fn(one), logp, logp_ref, m, config.beta), value, m)
words = [student.tokenizer.decode([i]) or " ■" for i in one.new_ids[m].tolist()]  # ■ is the end token
for name, x in {"KL (nats)": logp - logp_ref, "value (sd)": value, "advantage (sd)": adv}.items():
    display(TokenMap([(words, x[m].tolist())], name))
k = (logp - logp_ref)[m].abs().sort(descending=True).values
print(f"the five largest of {len(k)} tokens hold {k[:5].sum() / k.sum():.0%} of all |log π − log π_ref|")

# %% [markdown]
# Most words cost next to nothing: grammar leaves no choice. The policy spends its nats where a word decides how the story
# goes.
#
# ### Before and after
#
# The hidden taste, which neither judge nor student has ever seen, compares student and reference on fresh openings.

# %%
from rlhf_edu.evaluate import blind_test

test = blind_test(student, judge, drafts, gold, n=budget(256, 16))
print(
    f"win rate {test['win_rate']:.0%}, 95 % interval {test['win_rate_low']:.0%} to {test['win_rate_high']:.0%} (one seed)"
)
for name in ("gold", "proxy", "grammatical", "distinct2"):
    print(f"{name:<12} before {test[name + '_before']:.2f}   after {test[name + '_after']:.2f}")

# %%
from html import escape

cell = "<td style='text-align:left; vertical-align:top; width:50%; white-space:normal'>"
rows = "".join(f"<tr>{cell}{escape(old)}</td>{cell}{escape(new)}</td></tr>" for _, old, new in test["samples"][:4])
head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("before", "after"))
HTML(f"<table style='max-width:900px'><tr>{head}</tr>{rows}</table>")

# %% [markdown]
# ## 7 Break it on purpose
#
# None of the next faults raises an error. The runs are small, their steps large (one seed); a healthy one comes first.

# %%
from dataclasses import replace
from rlhf_edu.plots.style import DASHES, label_ends


def compare(runs, *keys):
    """One panel a key, one line a run."""
    figure, axes = new_figure(len(keys), width=4.2, height=2.8)
    for ax, key in zip(axes, keys, strict=True):
        lines = {name: [record[key] for record in run] for name, run in runs.items()}
        for y, colour, dash in zip(lines.values(), COLOURS, DASHES, strict=False):
            ax.plot(range(1, len(y) + 1), y, color=colour, linestyle=dash)
        label_ends(ax, [(len(y), y[-1], *who) for y, *who in zip(lines.values(), lines, COLOURS, strict=False)])
        ax.set(xlabel="PPO step", ylabel=NAMES.get(key, key.replace("_", " ")))
    said = (f"{key} of {n}: {r[0][key]:.2f} to {r[-1][key]:.2f}" for key in keys for n, r in runs.items())
    return Picture(figure, "; ".join(said))


small = replace(CONFIG, steps=budget(CONFIG.steps, 2), batch=budget(CONFIG.batch, 8))
healthy = teach(reward_fn, small)[-1].run()
compare({"healthy": healthy}, "score", "gold", "kl_nats")

# %% [markdown]
# ### A silly reward, and no price
#
# The reward counts full stops; `expected` counts those written so far. **Predict** what the student writes at
# $\beta = 0$, and what a price of $\beta = 1$ changes.


# %%
def full_stops(done):
    return (done.new_ids == studio.tokenizer.encode(opening)[-1]).float()


count, so_far = lambda done: full_stops(done).sum(1), lambda done: full_stops(done).cumsum(1) - full_stops(done)
silly, runs = reference_scale(count, drafts), {}
for beta in (0.0, 1.0):
    victim, _, run = teach(silly(count), replace(small, beta=beta), expected=silly(so_far))
    runs[f"β = {beta:g}"] = run.run()
    story = victim.read(victim.write(victim.policy, [opening], victim.generator("test")))[0]
    print(f"β = {beta:g}: {story}\n")
compare(runs, "kl_nats", "gold", "ended")

# %% [markdown]
# With nothing to pay, the KL passes 100 nats within a few steps. Words dissolve, then texts stop ending, and the hidden
# taste sinks. At $\beta = 1$ the policy stays near the reference, and so do its sentences. (Its taste
# swings; that both lines end alike is chance.) The samples tell at once.
#
# ### The reward is read at the pad edge
#
# Our judge reads its score at the last real token. This one reads at the right edge of the batch. **Predict** its
# reward for one story alone, and for the same story in a batch of longer ones. Then: what does PPO learn from it?

# %%
at_pad_edge = lambda done: judge.reward(judge.running_features(done.ids, done.mask)[:, -1])  # noqa: E731
row = typical[[int(typical.mask.sum(1).argsort()[len(typical) // 4])]]  # a rather short story of a batch
real = row.mask[0]
alone = Completions(row.ids[:, real], row.mask[:, real], row.logp[:, row.new_mask[0]])
for name, fn in (("last real token", judge), ("pad edge", at_pad_edge)):
    print(f"{name:<16} alone {fn(alone)[0]:+.3f}   in its batch {fn(row)[0]:+.3f}")
padded = teach(reference_scale(at_pad_edge, drafts)(at_pad_edge), small)[-1].run()
compare({"healthy": healthy, "pad edge": padded}, "score", "gold", "n_new")

# %% [markdown]
# The number changes with the neighbours in the batch: a check that needs no training. The score lines cannot be compared,
# since each run grades itself; the hidden taste hardly differs. Only the check tells.
#
# ## 8 The gallery
#
# Fourteen faults hang here under letters, each planted in the library where people write it. Dashed: the run (one
# seed). Blue: five healthy seeds, from lowest to highest. Recorded by `tests/benchmarks/record_faults.py`.
#
# **Predict.** Choose a letter, look, name a suspect from the list, only then unfold the answer. Begin at the left: at the
# first step nobody has learned anything, so the first ratio is 1, the KL 0, the score near 0. The *books* must always
# balance: rewards add up to score − β·KL. What differs at once is wrong before anything is learned; what drifts apart
# later is broken learning.

# %%
from rlhf_edu.plots.rlhf import SIGNS, Riddle, fault_map, fault_picture, outside
from rlhf_edu.rlhf.faults import FAULTS, seeded
from rlhf_edu.rlhf.gallery import recorded
from rlhf_edu.widgets.follow import follow

gallery = recorded()
hung = dict(zip("ABCDEFGHIJKLMN", np.random.default_rng(14).permutation(sorted(FAULTS)), strict=True))


def exhibit(run):
    fault = FAULTS[hung[run]]
    picture = fault_picture(gallery["faults"][fault.name], gallery["healthy"])
    return Riddle(picture, {fault.name: fault.what, "the sign": fault.sign, "the cure": fault.cure})


for name in sorted(FAULTS):
    print(f"{name:<20} {FAULTS[name].what}")
follow(exhibit, run=widgets.ToggleButtons(options=list(hung)))

# %% [markdown]
# ### Which dial gives which fault away?
#
# A triangle: outside the healthy band by more than 1.5 times its width. Full: at the first step. Hollow: only later.
#
# **Predict.** Which faults does no dial show? Which move only the value loss?

# %%
sound = gallery["healthy"]
apart = [abs(x) for h in sound for key in SIGNS for x in outside(h, [o for o in sound if o is not h], key)]
print(f"recorded {gallery['made']['on']}\n{gallery['made']['config']}")
print(f"each healthy run against the other four: at most {max(apart):.1f} widths outside")
fault_map(gallery["faults"], gallery["healthy"])

# %% [markdown]
# Two move the value loss alone, and their scores look healthy: the most dangerous kind. With `whitened_early`,
# "returns" are $V$ plus something of variance exactly 1, so $\tfrac12\,\text{mean}(R - V)^2$ starts each batch at
# $\tfrac12$ however much the value head learns.
#
# `moving_reference` lacks a triangle at the KL only because 0 is close to the band; but whoever has changed never has a KL
# of 0.
#
# `top_k` hides from the KL, and its blind spot can be farmed. Take $\pi$ = (0.4, 0.3, 0.2, 0.1), $\pi_\text{ref}$ =
# (0.5, 0.3, 0.1, 0.1) and top-2 sampling: $k_1$ averages $\tfrac47 \log\tfrac{0.4}{0.5} = -0.13$, though the KL is +0.05.
# A negative "KL" is a reward for drifting.
#
# `eos_as_padding` has no triangle: these stories end anyway. **Predict** which number would show it; then plant it.

# %%
planted = "eos_as_padding"  # any name from the list
with seeded(planted):
    live = teach(reward_fn, small)[-1].run()
for who, records in (("healthy", healthy), (planted, live)):
    print(f"{who:<20} texts that end {records[0]['ended']:.2f}   end inside the mask {records[0]['end_in_mask']:.2f}")
fault_picture(live, gallery["healthy"])

# %% [markdown]
# A dial of your own, in one line: log what must hold, not only what you hope will rise.
#
# ## Your turn
#
# Each starts from `teach(reward_fn, small, …)`.
#
# 1. *(10 minutes, easy)* Train with $\beta$ = 0.01, 0.3 and 3. Draw the hidden taste against the KL, one line each.
# 2. *(10 minutes, easy)* Swap chosen and rejected in the forty pairs, fit a new judge, train. Which curve gives it away?
#    Which could never?
# 3. *(15 minutes, medium)* Do without the value head: write `advantages(rewards, values, mask)` that gives every token
#    its reward still to come, minus the average of that over the batch. How far does it get?
# 4. *(15 minutes, hard)* Forget gain and bias: train on `lambda done: 10 * judge(done)`. Why do whitened advantages hide
#    part of the trouble, and where does it show all the same?
#
# The graded work is in `exercises/14_rlhf_ppo.ipynb`: four formulas and two bug hunts.
#
# ## What to remember
#
# - State: the text so far. Action: the next token. Reward: one score at the last real token, minus $\beta$ a nat.
# - Read a judge against the person's own wavering; give it mean 0 and standard deviation 1 on the reference.
# - The mask belongs in everything. A story must get the same numbers alone and in a batch.
# - First minibatch: ratio 1, nothing clipped. A KL that stays below 0 is always a bug.
# - The score can only tell you that it rises. Watch KL, entropy and samples, and test blind.
#
# ## Sources
#
# - Ziegler et al. (2019), *Fine-tuning language models from human preferences*: the objective, eq. 2.
# - Stiennon et al. (2020), *Learning to summarize from human feedback*: reward models on language models.
# - Schulman et al. (2016), *High-dimensional continuous control using generalized advantage estimation*: eq. 11, 16.
# - Schulman et al. (2017), *Proximal policy optimization algorithms*: eq. 7.
# - Schulman (2020), *Approximating KL divergence*: $k_1$, $k_3$.
# - Huang et al. (2024), *The N+ implementation details of RLHF with PPO*: more bugs than fit in here.
