"""How much memory a process has had at most. Linux tells it of itself; getrusage would remember what started it."""

import re
from pathlib import Path

MOST_MB = 512  # of a worker
WORKER_MB = 220  # what one has before it is asked anything


def peak_mb() -> int:
    """Of this process, from its beginning or the last `forget_the_peak`."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024


def forget_the_peak() -> int:
    """Begin anew; returns what is in use now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()
