"""What every benchmark says about itself: when, on what, with how many threads."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import date

import torch


def headline(threads: int) -> str:
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{date.today().isoformat()}, {os.cpu_count()} cores ({platform.machine()}){gpu}, {threads} torch threads, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median (lowest to highest)."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
