"""A course on reinforcement learning from human feedback. Import from the submodules: `from rlhf_edu.rlhf.ppo import ppo`."""

__version__ = "0.1.0"
