"""What could not be done at providers, summed up; `tests/web/test_sending.py` counts it in a database."""

from gatepost.store.undone import Undone, added


def test_what_was_given_up_says_why_first() -> None:
    waits = added(Undone(), "due", "The server is away.", copies=2)
    assert waits == Undone(2, 0, 0, "The server is away.")
    given_up = added(waits, "failed", "The folder is full.", copies=1)
    assert given_up == Undone(3, 0, 1, "The folder is full.")
    assert added(given_up, "failed", "No such folder.", acts=4) == Undone(3, 4, 5, "The folder is full.")
    assert added(given_up, "due", "The server is away.", acts=1) == Undone(3, 1, 1, "The folder is full.")
