import pytest

from gatepost.reply import Reply
from gatepost.suppression import would_suppress

NOBODY = Reply(550, "5.1.1", "no such user")


@pytest.mark.parametrize(
    ("reply", "source", "earlier", "suppressed"),
    [
        (NOBODY, "dialogue", 0, True),
        (NOBODY, "return path", 0, False),
        (NOBODY, "return path", 1, True),
        (NOBODY, "message id", 5, False),
        (NOBODY, "sandbox", 5, False),
        (Reply(550, "5.1.6", "moved"), "dialogue", 0, False),
        (Reply(550, "5.1.6", "moved"), "dialogue", 1, True),
        (Reply(550, "5.2.1", "mailbox disabled"), "dialogue", 1, True),
        (Reply(None, "5.2.1", ""), "return path", 1, True),
        (Reply(556, "5.1.10", "null MX"), "dialogue", 1, True),
        (Reply(550, None, "No such user here"), "dialogue", 0, False),
        (Reply(550, None, "No such user here"), "dialogue", 1, True),
        (Reply(550, "5.4.1", "Recipient address rejected: Access denied"), "dialogue", 1, True),
        (Reply(450, "4.1.1", "try later"), "dialogue", 5, False),
        (Reply(450, "4.2.1", "mailbox disabled for now"), "dialogue", 5, False),
        (Reply(250, "2.1.5", "ok"), "dialogue", 5, False),
        (Reply(552, "5.2.2", "mailbox full"), "dialogue", 5, False),
        (Reply(550, "5.2.2", ""), "dialogue", 5, False),
        (Reply(550, "5.1.1", "user is over quota"), "dialogue", 5, False),
        (Reply(550, "5.0.0", ""), "dialogue", 5, False),
        (Reply(550, None, ""), "dialogue", 5, False),
        (Reply(550, "5.4.4", "no route"), "dialogue", 5, False),
        (Reply(None, "5.4.7", "expired"), "return path", 5, False),
    ],
)
def test_only_proven_failures_of_the_address_itself_count(
    reply: Reply, source: str, earlier: int, suppressed: bool
) -> None:
    decided, why = would_suppress(reply, source, earlier)
    assert decided == suppressed, why
    assert why[0].isupper()


@pytest.mark.parametrize("source", ["dialogue", "return path"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(554, "5.7.1", "Message rejected as spam"),
        Reply(550, "5.1.1", "Your mail was classified as SPAM"),
        Reply(550, "5.7.1", "no such user, or listed by spamhaus"),
        Reply(550, "5.7.26", "unauthenticated email"),
        Reply(554, "5.7.0", "poor reputation"),
        Reply(550, "5.7.606", "access denied, banned sending IP"),
        Reply(552, "5.3.4", "message too large"),
        Reply(550, "5.6.0", "bad content"),
        Reply(550, "5.7.1", "relay access denied"),
        Reply(535, "5.7.8", "authentication failed"),
        Reply(554, "5.4.6", "too many hops"),
        Reply(550, "5.7.1", "mailbox unavailable, user unknown to this policy"),
    ],
)
def test_complaint_32_content_and_reputation_never_count_against_an_address(reply: Reply, source: str) -> None:
    assert not would_suppress(reply, source, 100)[0]
