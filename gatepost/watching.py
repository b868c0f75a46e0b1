"""Watching connected mailboxes, wired: as many as the settings and the file descriptors of the process allow."""

import resource
import threading

from gatepost.connectors.idle_watch import Watch
from gatepost.connectors.polling import Polling

SPARE_DESCRIPTORS = 500
"""For everything else that a process opens."""


def start_watching(polling: Polling, most: int) -> list[threading.Thread]:
    """Watch until the polling stops, in the thread that is returned; none where nothing is to be watched."""
    most = min(most, room(most))
    if most <= 0:
        return []
    watch = Watch(polling, most)
    thread = threading.Thread(target=watch.run, name="idle", daemon=True)
    thread.start()
    return [thread]


def room(wanted: int) -> int:
    """How many descriptors there are for connections; the process takes what the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_DESCRIPTORS
    if soft < needed and soft != resource.RLIM_INFINITY:
        soft = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft - min(SPARE_DESCRIPTORS, soft // 2)
