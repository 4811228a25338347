"""File locks that end with their holders."""

try:
    import fcntl
except ImportError:  # Windows: place.py refuses, but settings.py must load there when DATABASE_URL is set
    fcntl = None


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file unless another process has it. The lock lasts until every copy of `descriptor` is closed."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
