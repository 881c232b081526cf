# %% [markdown]
# # 18 Reward hacking: how far is too far?
#
# A reward model is a guess at what people like. You now optimise that guess as hard as you can, watch it and the truth part
# company, and try what holds them together.
#
# **You will**
#
# - find the turning point of a toy by hand, and the law that larger models follow;
# - push a storyteller until it cheats, and *read* the cheating at every distance from where it began;
# - try three defences, and a fourth that fails on purpose.
#
# | | |
# | --- | --- |
# | **Time** | about 60 minutes, of which 3 are computing |
# | **Needs** | any laptop: two CPU cores, 1 GB of memory, no network, no GPU |
# | **Before** | lesson 14; section 2 of lesson 17 |
# | **Practice** | `exercises/18_reward_hacking.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/18_reward_hacking.ipynb` in the repository, for afterwards |

# %%
import ipywidgets as W
import numpy as np
import torch

from rlhf_edu.core import budget, pick_device, seed_everything
from rlhf_edu.plots import COLOURS, Picture, new_figure
from rlhf_edu.plots.style import DASHES, label_ends
from rlhf_edu.rlhf.best_of_n import best_of_n_curve, best_of_n_distribution, best_of_n_kl
from rlhf_edu.rlhf.studio import open_studio
from rlhf_edu.widgets.follow import follow

# %%
seed_everything(0)  # one seed in all of this lesson, one that shows it clearly; the table in section 5 has ten
torch.set_num_threads(1)  # the last digits depend on it, and after some steps of RL the first ones, too
studio = open_studio("stories", seed=34, device=pick_device())
rng = np.random.default_rng(0)
print(f"a storyteller of {sum(w.numel() for w in studio.policy.parameters()):,} weights")

# %% [markdown]
# ## 1 The winner's curse
#
# Four texts. What they are worth, the **gold** reward, is 0, 1, 2 and −3. A reward model, the **proxy**, gives them 0, 1, 2 and
# **5**: it has been fooled by the last one, a *glitch*, which a writer produces once in a hundred times. The others are
# equally likely.
#
# Write $n$ texts, keep the one with the highest proxy.
#
# **Predict before you run.** As $n$ grows from 1 to 100, what does the kept text earn on average by proxy, and by gold?

# %%
gold, proxy = np.array([0.0, 1, 2, -3]), np.array([0.0, 1, 2, 5])
chances = np.array([0.33, 0.33, 0.33, 0.01])
print("  n   proxy   gold   KL (nats, at most)")
for n in (1, 2, 4, 8, 16, 32, 100):
    kept = best_of_n_distribution(chances, proxy, n)
    print(f"{n:>3}   {kept @ proxy:5.2f}  {kept @ gold:5.2f}   {best_of_n_kl(n):.2f}")

# %% [markdown]
# The proxy only rises. Gold rises first, because good texts are found before glitches are, and then falls, because in the end every
# text kept is a glitch. **By hand:** among 100 texts there is a glitch with chance $1 - 0.99^{100} = 0.63$, and then it wins.
#
# This is **Goodhart's law**: when a measure becomes a target, it ceases to be a good measure. Nothing in the proxy's own curve tells
# you when.
#
# **Play.** Make glitches rarer. Does the turning point go away, or does it only move?


# %%
def toy(glitches, harm):
    figure, (ax,) = new_figure(height=2.9)
    rare = 10.0**glitches
    p, worth = np.array([(1 - rare) / 3] * 3 + [rare]), np.array([0.0, 1, 2, -harm])
    ns = np.unique(np.geomspace(1, 3000, 80).astype(int))
    kept = np.stack([best_of_n_distribution(p, proxy, int(n)) for n in ns])
    d = np.sqrt([best_of_n_kl(int(n)) for n in ns])
    lines = {"proxy": kept @ proxy, "gold": kept @ worth}
    for i, y in enumerate(lines.values()):
        ax.plot(d, y, color=COLOURS[i], linestyle=DASHES[i])
    label_ends(ax, [(d[-1], y[-1], name, COLOURS[i]) for i, (name, y) in enumerate(lines.items())])
    top = ns[lines["gold"].argmax()]
    ax.set(xlabel="d = √KL (√nats, at most)", ylabel="reward", title=f"gold is highest at n = {top}")
    return Picture(figure, f"Proxy rises to {lines['proxy'][-1]:.1f}; gold is highest at n = {top} and then falls")


# %%
follow(
    toy,
    glitches=W.FloatSlider(-2, min=-4, max=-1, step=0.25, description="log₁₀ chance"),
    harm=W.FloatSlider(3, min=0, max=6, step=0.5, description="harm"),
)

# %% [markdown]
# It moves. Rarer glitches are found later, but they are found: a search that is wide enough finds whatever fools its judge.
#
# ## 2 A law
#
# Gao, Schulman and Hilton (2023) trained reward models of many sizes on the answers of a larger one, which played the people. With
# $d = \sqrt{\text{KL}(\pi\,\|\,\pi_\text{ref})}$, gold above the reference's followed
#
# $$R_\text{best of n}(d) = d\,(\alpha - \beta d), \qquad R_\text{RL}(d) = d\,(\alpha - \beta \log d)$$
#
# $\alpha$ is the slope at the start (for RL: the gold at $d = 1$); $\beta$ how soon cheating eats it up. Set the derivative to zero:
# $\alpha - 2\beta d = 0$ for the first; $\alpha - \beta \log d - \beta = 0$ for the second. So gold turns at
#
# $$d^* = \frac{\alpha}{2\beta} \qquad\text{and}\qquad d^* = e^{\alpha/\beta - 1}$$
#
# Both forms are straight in $\alpha$ and $\beta$, so least squares fits them:

# %%
from rlhf_edu.evaluate import fit_law


def my_fit(kl, gold):
    """α, β and the KL at which gold turns, for the form of RL."""
    d = np.sqrt(kl)
    (alpha, beta), *_ = np.linalg.lstsq(np.stack([d, -d * np.log(d)], axis=1), gold, rcond=None)
    return alpha, beta, np.exp(alpha / beta - 1) ** 2


# %%
for seed in range(20):
    draw = np.random.default_rng(seed)
    kl = draw.uniform(0.5, 60, 30)
    noisy = np.sqrt(kl) * (1.0 - 0.5 * np.log(np.sqrt(kl))) + 0.1 * draw.normal(size=30)
    law = fit_law(kl, noisy, "rl", rng=draw, resamples=100)
    np.testing.assert_allclose(my_fit(kl, noisy), (law.alpha.value, law.beta.value, law.peak_kl.value))
print("20 noisy curves: my_fit equals fit_law; the last:", law)

# %% [markdown]
# True were $\alpha = 1$, $\beta = 0.5$, so a turn at $e^{2} = 7.4$ nats.
#
# ## 3 A judge made of twenty answers
#
# A person who likes *brave* heroes, and wavers, compares twenty pairs. Each such judge is a guess:

# %%
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import to_pairs
from rlhf_edu.reward.train import FitConfig, fit_preferences, pair_features
from rlhf_edu.rlhf.loop import reading_on, write_pairs
from rlhf_edu.rlhf.shaping import reference_scale

# %%
taste = studio.world.taste("brave")
person = reading_on(boltzmann(taste, 0.2, rng=np.random.default_rng(34)))
judge = studio.reward_model()
queries, drafts = write_pairs(studio, judge, 20)
pairs = to_pairs([person(query) for query in queries])
fit_preferences(judge, studio.tokenizer, pairs).run()
proxy_of = reference_scale(judge, drafts)(judge)

# %%
before = np.array([taste(text) for text in studio.read(drafts)])
r = np.corrcoef(before, proxy_of(drafts).detach().cpu())[0, 1]
print(f"{len(pairs)} answers; correlation of the judge with the taste on {len(drafts)} stories: {r:.2f}")


# %%
def gold_of(done):
    """The hidden taste on the proxy's scale: 0 is the reference's average, 1 its standard deviation."""
    return (np.array([taste(text) for text in studio.read(done)]) - before.mean()) / before.std()


print(f"of the drafts: proxy {proxy_of(drafts).mean():+.2f}, gold {gold_of(drafts).mean():+.2f}, both with spread 1")

# %% [markdown]
# ## 4 As hard as we can
#
# PPO with $\beta = 0$ (lesson 14's price of the KL, not the law's β): leaving the reference costs nothing. At every step we keep the stories, and the hidden taste looks on without
# saying a word.
#
# **Predict.** Sketch proxy and gold over $\sqrt{\text{KL}}$. What will the stories at the far end look like?

# %%
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.rlhf.ppo import PPOConfig, ppo


def climb(reward, expected, **changes):
    """PPO from the reference on a reward; its records hold proxy, gold, grammar, and a few stories to read."""
    studio.policy.load_state_dict(studio.reference.state_dict())
    settings = dict(steps=budget(24, 3), batch=budget(48, 8), lr=1e-3, beta=0.0) | changes
    prompts = studio.prompt_ids(studio.openings(2000, "ppo"))
    who = studio.policy, ScalarHead(studio.policy.config.width).to(studio.device), studio.reference
    others = dict(expected=expected, watch_texts=look, generator=studio.generator("ppo"))
    others |= dict(eos_id=studio.tokenizer.eos_id, pad_id=studio.tokenizer.pad_id)
    return ppo(*who, reward, prompts, PPOConfig(**settings), **others).run()


# %%
def look(done):
    texts = studio.read(done)
    numbers = dict(proxy=proxy_of(done).mean().item(), gold=gold_of(done).mean())
    return numbers | dict(grammar=np.mean([studio.world.grammatical(t) for t in texts]), texts=texts, done=done)


# %%
scale = reference_scale(judge, drafts)
free = climb(scale(judge), scale(judge.expected))
print(
    f"proxy {free[0]['proxy']:+.2f} → {free[-1]['proxy']:+.2f}   gold {free[0]['gold']:+.2f} → {free[-1]['gold']:+.2f}"
)
print(f"KL {free[-1]['kl_nats']:.0f} nats; best gold of a step {max(x['gold'] for x in free):+.2f}")

# %% [markdown]
# Now **read**. Move the slider and look at three stories of each distance. Where would *you* have stopped? Write the
# number down before you look at the gold curve again.

# %%
from html import escape


class Page:
    """A picture and text below it, as one thing that shows itself."""

    def __init__(self, picture, text):
        self.html = picture._repr_mimebundle_()["text/html"] + text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html}


# %%
def over_kl(runs, at=None, keys=("proxy", "gold")):
    """Each run's numbers over √KL; `at` marks one step of the first run."""
    figure, axes = new_figure(len(keys), width=3.9, height=2.9)
    for ax, key in zip(axes, keys, strict=True):
        for i, (name, run) in enumerate(runs.items()):
            d, y = (np.array([x[k] for x in run]) for k in ("kl_nats", key))
            order = np.argsort(d)
            ax.plot(np.sqrt(d.clip(0))[order], y[order], color=COLOURS[i], linestyle=DASHES[i], label=name)
            if at is not None and i == 0:
                ax.plot(np.sqrt(max(d[at], 0)), y[at], "o", color="k")
        ax.set(xlabel="d = √KL (√nats)", ylabel=f"{key} ({'share' if key == 'grammar' else 'sd of the reference'})")
    axes[0].legend(frameon=False, fontsize=8)
    ends = "; ".join(f"{name}: " + ", ".join(f"{k} {run[-1][k]:.2f}" for k in keys) for name, run in runs.items())
    return Picture(figure, f"{', '.join(keys)} over the square root of KL. At the end {ends}")


# %%
def read_at(step):
    x = free[step - 1]
    stories = "".join(f"<p style='max-width:780px'>{escape(text)}</p>" for text in x["texts"][:3])
    head = f"<p><b>step {step}: KL {abs(x['kl_nats']):.1f} nats, {x['grammar']:.0%} of sentences well formed</b></p>"
    return Page(over_kl({"no price": free}, at=step - 1), head + stories)


# %%
follow(read_at, step=W.IntSlider(1, min=1, max=len(free), description="PPO step"))

# %% [markdown]
# The numbers do not tell what went wrong, the stories do: which words does the judge love, and what has become of the sentences
# around them? The hidden reader takes in only sentences, and each of them once; the judge adds up words.
#
# Does the law hold? Fit it to the run:

# %%
kl, found = (np.array([x[key] for x in free if x["kl_nats"] > 0.01]) for key in ("kl_nats", "gold"))
if len(kl) > 3:
    alpha, beta, turn = my_fit(kl, found)
    print(f"α {alpha:.2f}, β {beta:.2f}: gold turns at {turn:.0f} nats   (one seed)")

# %% [markdown]
# The law explains nine tenths of the variance, nearly all of it the long fall. It is poor where it matters: it puts the top at 6 nats; the
# best steps are at 11 and 27.
#
# ### The other climber
#
# Best-of-n changes no weights: it only chooses among the reference's own stories. **Predict:** at the same KL, which of the two
# earns more gold? Which can go on for longer?

# %%
ns = (1, 2, 4, 8, 16, 32, 64)[: budget(7, 4)]
many = studio.write(studio.reference, studio.openings(8, "test"), studio.generator("test"), samples=max(ns))
table = [x.reshape(8, -1) for x in (proxy_of(many).detach().cpu().numpy(), gold_of(many))]
chosen = [best_of_n_curve(table[0], x, ns).mean(0) for x in table]

# %%
best = [dict(kl_nats=best_of_n_kl(n), proxy=p, gold=g) for n, p, g in zip(ns, *chosen, strict=True)]
for n, x in zip(ns, best, strict=True):
    print(f"best of {n:>2}: KL {x['kl_nats']:.2f}   proxy {x['proxy']:+.2f}   gold {x['gold']:+.2f}")
over_kl({"PPO": free, "best of n": best})

# %% [markdown]
# Best-of-64 costs 64 stories for one, and still goes only 3.2 nats far: $\log n - (n-1)/n$ grows slowly. That is its protection: there it has
# +1.2 gold, PPO at 4 nats +0.2. It makes no new mistakes, but it finds the reference's own: 98 % of all sentences are well formed, 93 %
# of those of the best of 64. (Eight openings: the numbers are rough.)
#
# ## 5 Three defences
#
# ### A price for the KL
#
# $r - \beta\,\text{KL}$, as in lesson 14. It knows nothing of hacking; it stops the climb early.
#
# ### Doubt
#
# Twenty answers fit many judges. Take the curvature of the loss at the judge's weights $w$ (Laplace's approximation): the weights may
# as well have been any draw from a Gaussian around $w$ with covariance
#
# $$\Sigma = \Bigl(\sum_i p_i(1-p_i)\,\Delta_i\Delta_i^\top + 2\lambda P\,I\Bigr)^{-1}, \qquad
# r'(y) = w^\top z - k\sqrt{z^\top \Sigma\, z}$$
#
# $\Delta_i$ are the feature differences of the $P$ pairs, $z$ the features of a text. Where pairs have settled a direction, $\Sigma$ is
# small; elsewhere only the prior $\lambda$ holds. $r'$ is the **lower bound** of infinitely many judges, each drawn from what the answers
# allow. Two features, one pair that differs by 1 in the first only, $w = 0$, $\lambda = 0.01$: **by hand**, the variances are
# $1/(0.25 + 0.02) = 3.7$ and $1/0.02 = 50$. The bound shuns the second.

# %%
from rlhf_edu.rlhf.constraints import head_posterior, lower_bound

sigma = head_posterior(judge, *pair_features(judge, studio.tokenizer, pairs), prior=FitConfig.prior)

# %%
features = judge.standardise(judge.features(drafts.ids, drafts.mask)).double()
heads = (
    judge.head.linear.weight[0].double()
    + torch.randn(4000, len(sigma), dtype=torch.float64) @ torch.linalg.cholesky(sigma).T
)
doubt = (judge(drafts) - lower_bound(judge, sigma, k=1.0)(drafts)).detach()
drawn = (features @ heads.T.detach()).std(1)
print(
    f"doubt about the first three drafts: formula {doubt[:3].numpy().round(2)}, 4000 judges {drawn[:3].numpy().round(2)}"
)

# %% [markdown]
# **Predict.** Which of the two keeps the gold up: the price, the doubt, or neither? Which keeps the grammar?

# %%
cautious = lower_bound(judge, sigma, k=1.0)
doubtful = climb(reference_scale(cautious, drafts)(cautious), scale(judge.expected))
priced = climb(scale(judge), scale(judge.expected), beta=0.18)
print(f"at the end, gold: doubt {doubtful[-1]['gold']:+.2f}, price {priced[-1]['gold']:+.2f}")

# %%
runs = {"no price": free, "β = 0.18": priced, "lower bound": doubtful}
for name, run in runs.items():
    top, end = max(run, key=lambda x: x["gold"]), run[-1]
    best = f"best gold {top['gold']:+.2f} at {top['kl_nats']:5.1f} nats"
    print(f"{name:<12} {best}; at the end {end['gold']:+.2f}, grammar {end['grammar']:.0%}")
over_kl(runs, keys=("proxy", "gold", "grammar"))

# %% [markdown]
# The plain price wins by far: it stays within some ten nats, where the judge is still right, and keeps its sentences. The bound
# climbs by what the pairs have settled: it turns later than the free run and falls less, but it falls. It knows no grammar, since
# the judge's features hardly see it. Only the price asks the reference.
#
# The same on ten seeds (†: five), this one among them, all with β = 0, ensembles (section 6) beside them, from
# `tests/benchmarks/bench_overoptimisation.py` (2026-11-24, two shared cores). First medians, lowest…highest; then where one law,
# fitted to all seeds together, turns (one seed alone can lie outside: ours turned at 6); then, seed by seed against the one judge, how much more gold remains, and at how many times its KL gold turns. 95 % intervals,
# from drawing whole seeds again:
#
# |optimised|best gold|gold at the end|turns at (nats)|more gold|times the KL|
# |---|---|---|---|---|---|
# |one judge|0.65 (0.24…1.37)|-0.29 (-1.13…0.82)|13 (10…18)|||
# |bound, bootstrap of 5|0.68 (0.43…1.16)|-0.19 (-1.23…0.82)|15 (11…20)|-0.02 (-0.31…0.31)|1.11 (0.83…1.58)|
# |bound, anchored 5|0.74 (0.22…1.36)|0.41 (-0.43…1.21)|21 (15…62)|0.59 (0.08…1.09)|1.59 (1.01…4.5)|
# |bound, anchored 40 †|0.42 (0.35…0.56)|-0.16 (-0.22…0.25)|13 (9…21)|0.46 (0.13…0.79)|1.34 (0.58…2.2)|
# |bound, posterior|0.96 (0.72…1.68)|0.31 (-0.22…1.32)|25 (19…40)|0.62 (0.35…0.90)|1.89 (1.49…2.7)|
# |best of n (to 128) †|0.72 (0.32…1.53)|0.58 (0.19…1.53)|not seen|||
#
# The posterior's bound moves the turning point; five anchored judges' does by a hair's breadth, with no better best gold (0.01 more,
# -0.11…0.14); the bootstrap's stays **undecided** after ten seeds. The law is a rough guide: it explains 42 % of the variance for the
# one judge, 13 to 41 % for the bounds.
#
# ### A price for length
#
# Does the judge like long stories? No (on the drafts $r = -0.2$), but the broken ones are longer, 69 tokens for 60. A fixed price a token is
# a guess. A **Lagrange multiplier** finds it: say which mean cost $c$ you
# allow, and let the price $\lambda$ (not the prior's) rise while the cost is above it,
#
# $$\max_\pi \min_{\lambda \ge 0}\; \mathbb{E}[r] - \lambda\,(\mathbb{E}[c] - \text{limit}), \qquad
# \log\lambda \leftarrow \log\lambda + \eta\,(\text{mean } c - \text{limit})$$
#
# The code pays $(r - \lambda c)/(1 + \lambda)$, so that the reward keeps its size. **By hand:** $\lambda = 1$, $\eta = 0.1$, mean cost 7 and limit 5 give $\lambda = e^{0.2} = 1.22$.

# %%
from rlhf_edu.rlhf.constraints import Lagrangian

usual = drafts.new_mask.sum(1).float().mean().item()
too_long = lambda done: (done.new_mask.sum(1) - usual) / 10  # noqa: E731  cost: tens of tokens beyond the usual
rule, prices = Lagrangian(scale(judge), too_long, limit=0.0, rate=0.5), []


def paid(done):
    reward = rule.reward(done)
    prices.append(rule.multiplier)
    return reward


# %%
short = climb(paid, lambda done: scale(judge.expected)(done) / 2, steps=budget(16, 3))  # / 2: 1 + λ at the start
mean_length = {name: np.mean([x["n_new"] for x in run[: len(short)]]) for name, run in (("no", free), ("a", short))}
for name, n in mean_length.items():
    print(f"{name} limit: {n:.0f} new tokens on average over the first {len(short)} steps (allowed {usual:.0f})")

# %%
figure, (left, right) = new_figure(2, width=3.9, height=2.7)
left.plot(range(1, len(prices) + 1), prices, color=COLOURS[1])
left.set(xlabel="PPO step", ylabel="price λ (reward for 10 tokens)")
for i, (name, run) in enumerate({"no limit": free, "limit": short}.items()):
    lengths = [x["n_new"] for x in run[: len(short)]]
    right.plot(range(1, len(lengths) + 1), lengths, color=COLOURS[i], linestyle=DASHES[i], label=name)
right.axhline(usual, color="0.5", linestyle=":")
right.set(xlabel="PPO step", ylabel="new tokens a story")
right.legend(frameon=False, fontsize=8)
Picture(
    figure,
    f"The price ends at {prices[-1]:.2f}; mean lengths {mean_length['no']:.0f} without and {mean_length['a']:.0f} with a limit",
)

# %% [markdown]
# Why count the cost from its limit? A story that does not end scores −2. In a first version of this cell the cost was the length itself,
# about 6, and not to end was a bargain: stories grew, and λ with them. We had written a reward to be hacked.
#
# The limit holds on average, not at every step: while stories are shorter than they may be, the price falls; from step 8 on both stay
# where they meet, at λ = 0.3 and the allowed 58 tokens.
#
# A constraint says *how much is allowed*, which people can answer, and guards only what you thought of.
#
# ## 6 Break it on purpose: five judges with the same eyes
#
# The usual ensemble fits each judge to a bootstrap sample of the answers, and distrusts a text when they disagree. Ours share the
# storyteller's reading of a text, as ensembles often share their pretraining.
#
# Each is also drawn to the same weights, zero. So all agree, on zero, where no answer speaks, and there a policy may run. Osband
# et al. (2018) and Pearce et al. (2020) give each member a prior of its own, an
# **anchor** $w_m \sim \mathcal N(0, 1/2\lambda P)$, and fit $L + \lambda\,|w - w_m|^2$.
#
# **Predict.** Along the free run, sentences fall apart. Does the disagreement of the five rise with it? And with anchors?

# %%
from rlhf_edu.reward.ensemble import Ensemble, draw_anchors

samples = [[pairs[i] for i in rng.integers(len(pairs), size=len(pairs))] for _ in range(5)]
panels = {}
for kind in ("alike", "anchored"):
    members = [studio.reward_model().settle(drafts) for _ in samples]
    if kind == "anchored":
        draw_anchors([member.head for member in members], FitConfig.prior, len(pairs), rng=rng)
    for member, sample in zip(members, samples, strict=True):
        fit_preferences(member, studio.tokenizer, sample, anchored=kind == "anchored").run()
    panels[kind] = Ensemble(members).settle(drafts, one_unit=kind == "anchored")

# %%
for x in free[:: max(1, len(free) // 6)]:
    said = [
        f"{kind}: mean {p.mean(x['done']).mean():+.2f}, spread {p.spread(x['done']).mean():.2f}"
        for kind, p in panels.items()
    ]
    print(f"KL {abs(x['kl_nats']):5.1f}   grammar {x['grammar']:.0%}   gold {x['gold']:+.2f}   {'   '.join(said)}")

# %% [markdown]
# Judges drawn to zero disagree by 0.6, then 0.8, while gold falls by more than one and their mean climbs to 2.7: all are fooled together,
# with confidence. Anchored ones begin at 2.4 and end at 3.2: **where nothing was asked, disagreement needs a reason.** $\Sigma$ has one built
# in. Yet both rise by a third: on a path already walked, anchors change the level, not the verdict; they help where their own bound
# is climbed. Both panels still wear the same glasses: members that share their pretraining *herd* (Eisenstein et al., 2023).
#
# ## Your turn
#
# Each starts from `climb(…)`; predict first.
#
# 1. *(10 minutes, easy)* Use 60 answers in place of 20. Does the turning point move, or go away?
# 2. *(10 minutes, easy)* Another person, `"nature"` or `"happy_ending"`. Read the far end: what is this judge's vice?
# 3. *(10 minutes, medium)* `lower_bound` with k = 0.5, 2 and 4. Draw best gold against k.
# 4. *(15 minutes, hard)* Collect twenty more answers about stories of the *hacked* policy, fit again, climb again. What does the
#    second round buy? (This is what real projects do; lesson 20 does it live.)
#
# The graded work is in `exercises/18_reward_hacking.ipynb`; solutions are in `solutions/18_reward_hacking.ipynb`.
#
# ## What to remember
#
# - A proxy that is searched hard enough will be fooled; its own curve never says so.
# - Plot gold against $\sqrt{\text{KL}}$. Where you have no gold, ask people, at several distances, and read.
# - The two laws: $d(\alpha - \beta d)$ for best-of-n, $d(\alpha - \beta\log d)$ for RL.
# - A price for the KL, honest doubt, limits on what can be measured: each guards against something else.
# - Judges with the same eyes agree about the same mistakes; those with the same prior, about what nobody asked.
#
# ## Sources
#
# - Gao, Schulman and Hilton (2023), *Scaling laws for reward model overoptimization*.
# - Coste et al. (2024), *Reward model ensembles help mitigate overoptimization*.
# - Eisenstein et al. (2023), *Helping or herding? Reward model ensembles mitigate but do not eliminate reward hacking*.
# - Dai et al. (2024), *Safe RLHF*: the Lagrange multiplier.
# - Osband, Aslanides and Cassirer (2018), *Randomized prior functions for deep reinforcement learning*.
# - Pearce, Leibfried and Brintrup (2020), *Uncertainty in neural networks: approximately Bayesian ensembling*.
# - MacKay (1992), *The evidence framework applied to classification networks*: doubt from curvature.
# - Stiennon et al. (2020), *Learning to summarize from human feedback*: the KL of best-of-n; gold that turns over, seen with people.
