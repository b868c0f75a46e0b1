"""What single providers do otherwise: stand-ins for mail, limits a day."""

STAND_IN = b"subject: retrieval using the imap4 protocol failed for the following message"
STAND_IN_HEAD = 4_096
DAY_OCTETS = {"imap.gmail.com": 2_000_000_000, "imap.googlemail.com": 2_000_000_000}
"""Gmail ends a day's IMAP at 2,500 MB, and locks the mailbox then; other programs of its owner need some too."""


def is_stand_in(raw: bytes) -> bool:
    """Whether Exchange made this text up because it cannot hand over the mail; it may be able to later."""
    head = raw[:STAND_IN_HEAD].lower().partition(b"\r\n\r\n")[0]
    return (
        STAND_IN in head and b"\nreceived:" not in b"\n" + head and b"microsoft exchange" in raw[:STAND_IN_HEAD].lower()
    )


def octets_a_day(host: str) -> int:
    """How much may be fetched from an account in a day; 0: as much as there is."""
    return DAY_OCTETS.get(host.lower().rstrip("."), 0)
