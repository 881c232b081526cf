"""The whole of RLHF in one generator: write pairs, have them judged, learn the reward, fine-tune, test blind.

Each stage is a function of its own, so that lessons can open the loop part by part; `rlhf_loop` composes them.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from rlhf_edu.core import trainer
from rlhf_edu.evaluation import blind_test
from rlhf_edu.feedback.types import Preference, Query, from_json, to_json, to_pairs
from rlhf_edu.lm.checkpoint import load_state, replace, save_state
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.train import FitConfig, fit_preferences
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.rlhf.shaping import normalised
from rlhf_edu.rlhf.studio import Studio
