"""How the process gives memory back."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE = 1024 * 1024
ARENAS = 2
"""Heaps that threads share; by itself the C library makes eight for each processor, and each keeps what it had once."""


def give_back_large_memory() -> bool:
    """Have the C library return blocks over 1 MB to the system as soon as they are free; whether it can (glibc).

    By itself it learns from the first large mail to keep such blocks, in each thread's own heap. To be called before
    there are threads.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt(M_ARENA_MAX, ARENAS)
    return bool(mallopt(M_MMAP_THRESHOLD, LARGE) and mallopt(M_TRIM_THRESHOLD, LARGE))
