"""For every test: helpers in this folder can be imported, and two threads at most share the two cores of a small machine."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("RLHF_EDU_FAST", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # several test processes run side by side
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
