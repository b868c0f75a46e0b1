"""A bell that wakes threads which wait for work, one for each ring."""

import threading

MOST_RINGS = 16


class Bell:
    """`ring` from any thread; who waits is woken at once, and a ring that nobody heard wakes the next who waits."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.rings = 0

    def ring(self, times: int = 1) -> None:
        """Wake so many of those who wait; rings beyond 16 that nobody heard are forgotten."""
        with self.changed:
            self.rings = min(self.rings + times, MOST_RINGS)
            self.changed.notify(times)

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, so long at most; whether there was one."""
        with self.changed:
            heard = self.changed.wait_for(lambda: self.rings > 0, seconds)
            if heard:
                self.rings -= 1
            return heard
