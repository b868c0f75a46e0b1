"""Message identifiers (RFC 5322 section 3.6.4) out of whatever a header field holds."""

import re

VALUE_LIMIT = 65536
ID_LIMIT = 998
IDS_LIMIT = 1000
ID = re.compile(r"<([^<>]*)>")
BARE_ID = re.compile(r"[^\s<>(),;\"]+")
UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")


def extract_ids(value: str) -> tuple[str, ...]:
    """All ids in a Message-ID, In-Reply-To or References value, without brackets, in order, each once.

    Comments, phrases and garbage are passed over; where no `<...>` is found, bare words with an `@` count. Blanks that
    folding put inside an id are removed. Total and linear.
    """
    value = value[:VALUE_LIMIT]
    found: dict[str, None] = {}
    for written in ID.findall(value):
        _keep(UNSEEN.sub("", written), found)
    if not found:
        for word in BARE_ID.findall(value):
            if 0 < word.find("@") < len(word) - 1:
                _keep(UNSEEN.sub("", word), found)
    return tuple(found)


def _keep(identifier: str, found: dict[str, None]) -> None:
    size = len(identifier.encode("utf-8", "replace"))  # an index entry of PostgreSQL holds 2,704 octets
    if 0 < size <= ID_LIMIT and len(found) < IDS_LIMIT:
        found[identifier] = None
