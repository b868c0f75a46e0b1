import threading

from gatepost.bell import MOST_RINGS, Bell


def test_a_ring_wakes_one_who_waits() -> None:
    bell, woken = Bell(), threading.Semaphore(0)

    def wait() -> None:
        if bell.wait(30):
            woken.release()

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    bell.ring()
    assert woken.acquire(timeout=10)
    assert not woken.acquire(timeout=0.05)
    bell.ring()
    for thread in threads:
        thread.join(10)
    assert woken.acquire(timeout=10)


def test_a_ring_that_nobody_heard_is_kept_and_many_are_not() -> None:
    bell = Bell()
    assert not bell.wait(0)
    bell.ring(100)
    assert [bell.wait(0) for _ in range(MOST_RINGS + 1)] == [True] * MOST_RINGS + [False]
