"""What is said while a mailbox is watched: no socket, no clock."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.connectors.idle import ANSWER_SECONDS, SLICE_SECONDS, Left, News, Phase, Talk, idle_words


def talk(*, idles: bool = True, folders: tuple[bytes, ...] = (), exists: int = 3) -> Talk:
    return Talk(idles, folders, exists, 60, lambda: 1.0)


def idling(now: float = 0) -> Talk:
    """A talk that idles and has told what it tells at first."""
    found = talk()
    assert found.begin(now) == b"W1 IDLE\r\n"
    found.take(b"+ idling\r\n", now)
    assert found.take_news() is News.MAIL
    return found


def test_mail_that_came_before_idling_is_told_when_it_begins() -> None:
    found = talk()
    found.begin(0)
    assert (found.take_news(), found.watching) == (News.NONE, False)
    found.take(b"+ idling\r\n", 0)
    assert (found.take_news(), found.watching, found.phase) == (News.MAIL, True, Phase.IDLING)


@pytest.mark.parametrize(
    ("line", "news"),
    [
        (b"* 4 EXISTS\r\n", News.MAIL),
        (b"* 3 EXISTS\r\n", News.NONE),  # said again after every command, by some
        (b"* 2 EXISTS\r\n", News.CHANGED),
        (b"* 1 RECENT\r\n", News.NONE),
        (b"* 2 EXPUNGE\r\n", News.CHANGED),
        (b"* 2 FETCH (FLAGS (\\Seen))\r\n", News.CHANGED),
        (b"* VANISHED 405\r\n", News.CHANGED),
        (b"* OK Still here\r\n", News.NONE),
        (b"* 4 exists\r\n", News.MAIL),
        (b"* FLAGS (\\Seen)\r\n", News.NONE),
        (b"* 99999999999999999999999999 EXISTS\r\n", News.MAIL),
        (b"*\r\n", News.NONE),
        (b"\r\n", News.NONE),
        (b"junk\xff\x00\r\n", News.NONE),
        (b"W9 OK not ours\r\n", News.NONE),
    ],
)
def test_what_a_line_tells(line: bytes, news: News) -> None:
    found = idling()
    assert found.take(line, 1) == b""
    assert found.take_news() is news
    assert found.take_news() is News.NONE


def test_a_mail_after_an_expunge_is_news_though_the_number_is_the_same() -> None:
    found = idling()
    found.take(b"* 1 EXPUNGE\r\n", 1)
    found.take_news()
    found.take(b"* 3 EXISTS\r\n", 1)
    assert found.take_news() is News.MAIL


def test_an_event_glued_to_the_continuation_counts() -> None:
    found = talk()
    found.begin(0)
    found.take(b"* 4 EXISTS\r\n", 0)  # even before it: imapclient's idle() fails on that
    found.take(b"+ idling\r\n", 0)
    found.take(b"* 5 EXISTS\r\n", 0)
    assert (found.take_news(), found.exists, found.phase) == (News.MAIL, 5, Phase.IDLING)


def test_idle_is_issued_again_in_slices() -> None:
    found = idling()
    assert found.tick(SLICE_SECONDS - 1) == b""
    assert found.tick(SLICE_SECONDS) == b"DONE\r\n"
    assert found.take(b"* 4 EXISTS\r\n", SLICE_SECONDS) == b""
    assert found.take(b"W1 OK done\r\n", SLICE_SECONDS) == b"W2 IDLE\r\n"
    found.take(b"+ idling\r\n", SLICE_SECONDS)
    assert (found.phase, found.take_news()) == (Phase.IDLING, News.MAIL)


def test_other_folders_are_compared_between_slices() -> None:
    found = talk(folders=(b'"Sent"', b'"Archive"'))
    asked = found.begin(0)
    status = b" (MESSAGES UIDNEXT UIDVALIDITY)\r\n"
    assert asked == b'W1 STATUS "Sent"' + status + b'W2 STATUS "Archive"' + status + b"W3 NOOP\r\n"

    def answer(uidnext: bytes, number: int, now: float) -> bytes:
        found.take(b"* STATUS Sent (MESSAGES 1 UIDNEXT " + uidnext + b" UIDVALIDITY 1)\r\n", now)
        found.take(b"* STATUS Archive (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1)\r\n", now)
        for tag in (number, number + 1):
            assert found.take(f"W{tag} OK\r\n".encode(), now) == b""
        return found.take(f"W{number + 2} OK done\r\n".encode(), now)

    assert answer(b"2", 1, 0) == b"W4 IDLE\r\n"
    found.take(b"+\r\n", 0)
    assert found.take_news() is News.MAIL
    now, number = 0.0, 4
    for uidnext, news in ((b"2", News.NONE), (b"3", News.MAIL), (b"3", News.NONE)):
        now += SLICE_SECONDS
        assert found.tick(now) == b"DONE\r\n"
        assert found.take(f"W{number} OK\r\n".encode(), now).startswith(f"W{number + 1} STATUS".encode())
        assert answer(uidnext, number + 1, now).endswith(b" IDLE\r\n")
        number += 4
        found.take(b"+ idling\r\n", now)
        assert found.take_news() is news


def test_without_idle_the_server_is_asked() -> None:
    found = talk(idles=False)
    assert found.begin(0) == b"W1 NOOP\r\n"
    assert found.take(b"W1 OK\r\n", 0) == b""
    assert (found.take_news(), found.watching) == (News.MAIL, True)
    assert found.tick(59) == b""
    assert found.tick(60) == b"W2 NOOP\r\n"
    found.take(b"* 4 EXISTS\r\n", 60)
    found.take(b"W2 OK\r\n", 60)
    assert found.take_news() is News.MAIL


@pytest.mark.parametrize("answer", [b"W1 NO not here\r\n", b"W1 BAD what?\r\n", b"W1 OK done\r\n"])
def test_a_server_that_offers_idle_and_does_not_do_it_is_asked(answer: bytes) -> None:
    found = talk()
    found.begin(0)
    assert found.take(answer, 0) == b""
    assert (found.idles, found.phase, found.tick(60)) == (False, Phase.RESTING, b"W2 NOOP\r\n")


def test_an_idle_that_the_server_ends_is_begun_again_but_not_without_end() -> None:
    found = idling()
    assert found.take(b"W1 OK timeout\r\n", 100) == b"W2 IDLE\r\n"
    found.take(b"+\r\n", 100)
    assert found.take(b"W2 OK done\r\n", 100.5) == b""
    assert (found.phase, found.idles) == (Phase.RESTING, False)


@pytest.mark.parametrize("line", [b"* BYE Session expired\r\n", b"W1 BAD Request is throttled.\r\n"])
def test_what_ends_the_watch_is_told_in_the_servers_words(line: bytes) -> None:
    found = idling()
    found.tick(SLICE_SECONDS)
    with pytest.raises(Left, match=line.decode().split(" ", 2)[2].strip()[:12]):
        found.take(line, SLICE_SECONDS)


def test_silence_and_floods_end_the_watch() -> None:
    found = talk()
    found.begin(0)
    with pytest.raises(Left, match="stopped answering"):
        found.tick(ANSWER_SECONDS)
    found = idling()
    found.tick(SLICE_SECONDS)
    with pytest.raises(Left, match="stopped answering"):
        found.tick(SLICE_SECONDS + ANSWER_SECONDS)
    found = idling()
    for _ in range(4_000):
        found.take(b"* 1 FETCH (" + b"x" * 1000 + b")\r\n", 1)
    with pytest.raises(Left, match="far more"):
        found.take(b"* 1 FETCH (" + b"x" * 200_000 + b")\r\n", 1)


def test_leave_is_taken_as_the_protocol_wants_it() -> None:
    assert idling().farewell() == b"DONE\r\nW0 LOGOUT\r\n"
    assert talk().farewell() == b"W0 LOGOUT\r\n"


KNOWN = (
    b"+ ok",
    b"* 5 EXISTS",
    b"* 5 EXPUNGE",
    b"W1 OK",
    b"W2 NO",
    b"W3 BAD",
    b"* BYE",
    b"* STATUS x (",
    b"* -1 EXISTS",
)
LINES = st.one_of(st.binary(max_size=60), st.sampled_from(KNOWN))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(LINES, st.floats(0, 400))), st.booleans())
def test_whatever_a_server_says_it_is_heard_or_left(lines: list[tuple[bytes, float]], idles: bool) -> None:
    found, now = talk(idles=idles, folders=(b'"Sent"',)), 0.0
    said = [found.begin(now)]
    with suppress(Left):
        for line, later in lines:
            now += later
            said.append(found.tick(now))
            said.append(found.take(line + b"\r\n", now))
    assert all(octets.endswith(b"\r\n") for octets in said if octets)
    assert len([octets for octets in said if octets]) <= 1 + 2 * len(lines)


def test_how_it_goes_is_told_in_words() -> None:
    assert idle_words("idle", "", 60) == "The server tells of new mail at once (IDLE)."
    assert "no IDLE" in idle_words("asking", "", 60)
    assert "h ended the connection. It is asked every 60 s meanwhile" in idle_words(
        "waiting", "h ended the connection.", 60
    )
    assert idle_words("", "", 60) == idle_words("waiting", "", 60) == "The server is asked for new mail every 60 s."
