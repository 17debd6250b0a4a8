"""Memory that is used again, rather than handed back to the system and fetched page by page at the next step."""

import ctypes
import platform
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_KEPT, _FROM_HEAP = 2**28, 2**25  # bytes; the second is the most that glibc allows


@cache
def keep_freed_memory() -> None:
    """Lets this process keep up to 256 MiB that it has freed; where the C library is not glibc, nothing.

    A step frees and asks for the same few megabytes again. glibc gives them back in between, as its thresholds suit
    small programs, and every page must then be mapped and cleared anew: 4 to 7 % of the time of a training
    (`benchmarks/pages.py`; mallopt(3)).

    Example:
        >>> keep_freed_memory()
    """
    if platform.libc_ver()[0] != "glibc":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_TRIM_THRESHOLD, _KEPT)
    mallopt(_MMAP_THRESHOLD, _FROM_HEAP)
