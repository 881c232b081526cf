"""Wrong answers that exercise 07 must reject, and right ones, written differently, that it must accept."""

import torch
import torch.nn.functional as F


# nucleus
def nucleus_by_rows(probs, P):
    out = torch.zeros_like(probs)
    for b, row in enumerate(probs):
        total = 0.0
        for v in row.argsort(descending=True).tolist():
            if total >= P:
                break
            out[b, v] = row[v]
            total += row[v].item()
    return out / out.sum(1, keepdim=True)


def nucleus_by_threshold(probs, P):
    """Finds the smallest probability that is kept, and keeps all from there on."""
    likely = probs.sort(-1, descending=True).values
    n_kept = ((likely.cumsum(-1) - likely) < P).sum(-1, keepdim=True)
    least = likely.gather(-1, n_kept - 1)
    kept = torch.where(probs >= least, probs, 0.0)
    return kept / kept.sum(-1, keepdim=True)


def nucleus_by_ahead(probs, P):
    """What is ahead of each token, by comparing all pairs."""
    ahead = ((probs[:, None, :] > probs[:, :, None]) * probs[:, None, :]).sum(-1)
    return (probs.masked_fill(ahead >= P, 0.0).log()).softmax(-1)


def nucleus_strict(probs, P):
    """Keeps at least one token, but leaves the crossing one out."""
    likely, order = probs.sort(-1, descending=True)
    kept = likely.cumsum(-1) < P
    kept[:, 0] = True
    out = torch.zeros_like(probs).scatter(-1, order, likely * kept)
    return out / out.sum(-1, keepdim=True)


def nucleus_softmax(probs, P):
    """Renormalises by a softmax of probabilities."""
    kept = nucleus_by_rows(probs, P) > 0
    return probs.masked_fill(~kept, -torch.inf).softmax(-1)


def nucleus_order_as_index(probs, P):
    """Mixes up an order and its inverse."""
    likely, order = probs.sort(-1, descending=True)
    kept = (likely.cumsum(-1) - likely) < P
    out = probs * kept.gather(-1, order)
    return out / out.sum(-1, keepdim=True).clamp(min=1e-9)


def nucleus_spread(probs, P):
    """Gives what was cut off to all kept tokens in equal parts."""
    kept = nucleus_by_rows(probs, P) > 0
    left = (probs * ~kept).sum(-1, keepdim=True)
    return torch.where(kept, probs + left / kept.sum(-1, keepdim=True), 0.0)


def nucleus_one_more(probs, P):
    likely, order = probs.sort(-1, descending=True)
    kept = (likely.cumsum(-1) - likely) < P
    kept = kept | F.pad(kept[:, :-1], (1, 0), value=True)
    out = torch.zeros_like(probs).scatter(-1, order, likely * kept)
    return out / out.sum(-1, keepdim=True)


# log-probs
def logp_all_then_cut(logits, ids, n_new, temperature):
    logp = F.log_softmax(logits[:, :-1] / temperature, dim=-1)
    return torch.gather(logp, 2, ids[:, 1:].unsqueeze(2)).squeeze(2)[:, -n_new:]


def logp_cross_entropy(logits, ids, n_new, temperature):
    z = logits[:, -n_new - 1 : -1] / temperature
    return -F.cross_entropy(z.transpose(1, 2), ids[:, -n_new:], reduction="none")


def logp_loops(logits, ids, n_new, temperature):
    B, T = ids.shape
    rows = [
        [
            logits[b, t - 1, ids[b, t]] / temperature - torch.logsumexp(logits[b, t - 1] / temperature, 0)
            for t in range(T - n_new, T)
        ]
        for b in range(B)
    ]
    return torch.tensor(rows)


def logp_rolled(logits, ids, n_new, temperature):
    """Rolls the tokens the wrong way."""
    logp = (logits / temperature).log_softmax(-1).gather(-1, ids.roll(1, 1)[..., None]).squeeze(-1)
    return logp[:, -n_new:]


def logp_prompt_too(logits, ids, n_new, temperature):
    logp = (logits[:, :-1] / temperature).log_softmax(-1)
    return logp.gather(-1, ids[:, 1:, None]).squeeze(-1)


def logp_of_best(logits, ids, n_new, temperature):
    return (logits[:, -n_new - 1 : -1] / temperature).log_softmax(-1).max(-1).values


def logp_over_time(logits, ids, n_new, temperature):
    logp = (logits[:, -n_new - 1 : -1] / temperature).log_softmax(1)
    return logp.gather(-1, ids[:, -n_new:, None]).squeeze(-1)


# what is learned
def learn_rows(ids, n_prompt, eos_id, pad_id):
    out = torch.zeros(ids.shape, dtype=torch.bool)
    for b in range(len(ids)):
        out[b, int(n_prompt[b]) : int((ids[b] != pad_id).sum())] = True
    return out


def learn_by_product(ids, n_prompt, eos_id, pad_id):
    place = torch.ones_like(ids).cumsum(1)
    return ~((place <= n_prompt.unsqueeze(1)) | ids.eq(pad_id))


def learn_by_end(ids, n_prompt, eos_id, pad_id):
    end = (ids == eos_id).int().argmax(1, keepdim=True)
    places = torch.arange(ids.shape[1]).expand_as(ids)
    return torch.logical_and(places >= n_prompt[:, None], places <= end)


def learn_mean_length(ids, n_prompt, eos_id, pad_id):
    places = torch.arange(ids.shape[1])[None, :]
    return (places >= n_prompt.float().mean()) & (ids != pad_id)


def learn_ids(ids, n_prompt, eos_id, pad_id):
    return torch.where(learn_rows(ids, n_prompt, eos_id, pad_id), ids, -100)


def learn_for_logits(ids, n_prompt, eos_id, pad_id):
    """The mask of the logits that predict, one column to the left."""
    return F.pad(learn_rows(ids, n_prompt, eos_id, pad_id)[:, 1:], (0, 1))


def learn_answer_without_last(ids, n_prompt, eos_id, pad_id):
    out = learn_rows(ids, n_prompt, eos_id, pad_id)
    return out & F.pad(out[:, 1:], (0, 1))


# REINFORCE
def reinforce_matrix(logp, logp_ref, rewards, mask, beta):
    B = len(rewards)
    others = (1 - torch.eye(B)) / (B - 1)
    with torch.no_grad():
        R = rewards - beta * torch.where(mask, logp - logp_ref, 0.0).sum(1)
    return -((R - others @ R) @ torch.where(mask, logp, 0.0).sum(1)) / B


def reinforce_scaled(logp, logp_ref, rewards, mask, beta):
    """B/(B−1) times the difference to the mean of all is the same."""
    B, m = len(rewards), mask.float()
    R = rewards + beta * ((logp_ref - logp) * m).sum(1)
    A = (R - R.mean()) * B / (B - 1)
    return (-A.detach() * (m * logp).sum(1)).sum() / B


def reinforce_loops(logp, logp_ref, rewards, mask, beta):
    R, said = [], []
    for p, q, r, m in zip(logp, logp_ref, rewards, mask, strict=True):
        R.append(float(r) - beta * float((p[m] - q[m]).sum()))
        said.append(p[m].sum())
    A = [x - (sum(R) - x) / (len(R) - 1) for x in R]
    return -sum(a * s for a, s in zip(A, said, strict=True)) / len(R)


def reinforce_attached(logp, logp_ref, rewards, mask, beta):
    """Right in value; the gradient also makes the KL inside of the advantages do what pays."""
    R = total(logp, logp_ref, rewards, mask, beta)
    return -((R - (R.sum() - R) / (len(R) - 1)) * (logp * mask).sum(1)).mean()


def reinforce_numbers(logp, logp_ref, rewards, mask, beta):
    """Right in value, and a float: nothing can be learned from it."""
    return float(reinforce_loops(logp, logp_ref, rewards, mask, beta))


def reinforce_all_detached(logp, logp_ref, rewards, mask, beta):
    """Detaches one line too early, where the value of the loss does not change."""
    logp = logp.detach()
    return reinforce_scaled(logp, logp_ref, rewards, mask, beta) + 0 * rewards.requires_grad_().sum()


def reinforce_ratio(logp, logp_ref, rewards, mask, beta):
    """As PPO's first step has it: the right gradient, but a value of zero."""
    R = total(logp.detach(), logp_ref, rewards, mask, beta)
    A = R - (R.sum() - R) / (len(R) - 1)
    return -(A[:, None] * (logp - logp.detach()).exp() * mask).sum() / len(R)


def total(logp, logp_ref, rewards, mask, beta):
    return rewards - beta * ((logp - logp_ref) * mask).sum(1)


def reinforce_whitened(logp, logp_ref, rewards, mask, beta):
    R = total(logp, logp_ref, rewards, mask, beta)
    return -((R - R.mean()) / (R.std() + 1e-6) * (logp * mask).sum(1)).mean()


def reinforce_mean_logp(logp, logp_ref, rewards, mask, beta):
    R = total(logp, logp_ref, rewards, mask, beta)
    A = R - (R.sum() - R) / (len(R) - 1)
    return -(A * (logp * mask).sum(1) / mask.sum(1)).mean()


def reinforce_kl_absolute(logp, logp_ref, rewards, mask, beta):
    R = rewards - beta * ((logp - logp_ref).abs() * mask).sum(1)
    return -((R - (R.sum() - R) / (len(R) - 1)) * (logp * mask).sum(1)).mean()


def reinforce_probabilities(logp, logp_ref, rewards, mask, beta):
    R = total(logp, logp_ref, rewards, mask, beta)
    return -((R - (R.sum() - R) / (len(R) - 1)) * (logp * mask).sum(1).exp()).mean()


def reinforce_for_each(logp, logp_ref, rewards, mask, beta):
    R = total(logp, logp_ref, rewards, mask, beta)
    return -(R - (R.sum() - R) / (len(R) - 1)) * (logp * mask).sum(1)


def reinforce_divided_by_all(logp, logp_ref, rewards, mask, beta):
    R = total(logp, logp_ref, rewards, mask, beta)
    return -((R - (R.sum() - R) / len(R)) * (logp * mask).sum(1)).mean()


MUTANTS = {
    "nucleus": {
        "strict, but never empty": nucleus_strict,
        "softmax of probabilities": nucleus_softmax,
        "order for index": nucleus_order_as_index,
        "spread evenly": nucleus_spread,
        "one more": nucleus_one_more,
        "unchanged": lambda probs, P: probs,
        "not_scaled": lambda probs, P: probs * (nucleus_by_rows(probs, P) > 0),
        "a mask": lambda probs, P: nucleus_by_rows(probs, P) > 0,
        "only_the_best": lambda probs, P: F.one_hot(probs.argmax(-1), probs.shape[-1]).float(),
        "top-3": lambda probs, P: F.normalize(probs * (probs >= probs.topk(3).values[:, -1:]), p=1, dim=-1),
    },
    "action_logp": {
        "rolled the wrong way": logp_rolled,
        "prompt too": logp_prompt_too,
        "of the likeliest": logp_of_best,
        "softmax over time": logp_over_time,
        "summed": lambda *a: logp_all_then_cut(*a).sum(1),
        "no_temperature": lambda z, i, n, t: logp_all_then_cut(z, i, n, 1.0),
        "base two": lambda *a: logp_all_then_cut(*a) / 0.693147,
        "sign": lambda *a: -logp_all_then_cut(*a),
    },
    "learn_mask": {
        "mean length": learn_mean_length,
        "the targets": learn_ids,
        "shifted for the logits": learn_for_logits,
        "last one lost": learn_answer_without_last,
        "no_end": lambda ids, n, eos, pad: learn_rows(ids, n, eos, pad) & (ids != eos),
        "padding_too": lambda ids, n, eos, pad: torch.arange(ids.shape[1])[None] >= n[:, None],
        "all real tokens": lambda ids, n, eos, pad: ids != pad,
        "end only": lambda ids, n, eos, pad: ids == eos,
    },
    "reinforce_loss": {
        "whitened": reinforce_whitened,
        "mean log-prob": reinforce_mean_logp,
        "absolute log-ratios": reinforce_kl_absolute,
        "probabilities": reinforce_probabilities,
        "for each text": reinforce_for_each,
        "others divided by all": reinforce_divided_by_all,
        "own_included": lambda p, q, r, m, b: reinforce_matrix(p, q, r, m, b) * (len(r) - 1) / len(r),
        "rewards only": lambda p, q, r, m, b: -(r * (p * m).sum(1)).mean(),
        "through_reward": reinforce_attached,
        "plain numbers": reinforce_numbers,
        "all detached": reinforce_all_detached,
        "ratios": reinforce_ratio,
        "reference pushed": lambda p, q, r, m, b: reinforce_loops(q, p, r, m, b),
    },
    "falling_nicely": {
        "learning rate": {"fault": "a", "evidence": "train"},
        "prompts": {"fault": "c", "evidence": "train"},
        "by heart": {"fault": "d", "evidence": "held_out"},
        "no end": {"fault": "e", "evidence": "ended"},
        "right fault, held-out": {"fault": "b", "evidence": "held_out"},
        "right fault, grammar": {"fault": "b", "evidence": "grammatical"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "nucleus": {"by rows": nucleus_by_rows, "by threshold": nucleus_by_threshold, "all pairs": nucleus_by_ahead},
    "action_logp": {"all, then cut": logp_all_then_cut, "cross_entropy": logp_cross_entropy, "loops": logp_loops},
    "learn_mask": {"by rows": learn_rows, "negated": learn_by_product, "by the end token": learn_by_end},
    "reinforce_loss": {"a matrix": reinforce_matrix, "scaled": reinforce_scaled, "loops": reinforce_loops},
    "falling_nicely": {
        "as asked": {"fault": "b", "evidence": "train"},
        "dressed": {"evidence": "Train", "fault": " B) "},
    },
}
