"""The state of a training run between two steps: taken, and put back, so that an interrupted run goes on with the same numbers."""

from pathlib import Path

import torch

from rlhf_edu.lm.checkpoint import check_fits, load_state


def snapshot(step: int, beta: float, policy, value_head, optimizer, generator: torch.Generator) -> dict:
    """All that the next step depends on."""
    return dict(
        step=step,
        beta=beta,
        policy=policy.state_dict(),
        value_head=value_head.state_dict(),
        optimizer=optimizer.state_dict(),
        generator=generator.get_state(),
    )


def restore(path: Path, device: torch.device, policy, value_head, optimizer, generator) -> tuple[float, int]:
    """Put everything back as it was; β and the next step. ValueError, and nothing changed, when the file is another's."""
    state = load_state(path, device)
    try:
        check_fits(policy, state["policy"], path)
        check_fits(value_head, state["value_head"], path)
        policy.load_state_dict(state["policy"])
        value_head.load_state_dict(state["value_head"])
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"].cpu())
        return state["beta"], state["step"]
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"the checkpoint {path} is of another model or device ({reason}): delete it to start afresh"
        ) from None
