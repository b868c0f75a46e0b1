"""Why mail that a server lists is not here, or not as it lies there: words that are kept, and what people are told."""

from enum import StrEnum


class Reason(StrEnum):
    """Why; the word is what rows of `left_out` hold."""

    OLDER = "older"
    DRAFT = "draft"
    TOO_LARGE = "too large"
    NOT_HANDED = "not handed over"
    UNREADABLE = "unreadable"
    FOLDER = "folder not chosen"
    SHOWN_TWICE = "shown twice"
    DELETED = "deleted here"


SENTENCES = {
    Reason.OLDER: "there before the mailbox was connected, left out by choice",
    Reason.DRAFT: "a draft",
    Reason.TOO_LARGE: "larger than the limit, only the header is here",
    Reason.NOT_HANDED: "the server lists it, but does not hand it over",
    Reason.UNREADABLE: "set aside as unreadable, kept as it came",
    Reason.FOLDER: "the folder is not chosen",
    Reason.SHOWN_TWICE: "shows mail of other folders again",
    Reason.DELETED: "deleted here",
}
EARLIER = {"it was there before the mailbox was connected": Reason.OLDER, "a draft": Reason.DRAFT}
"""What rows of `left_out` held before they held words."""

TOO_LARGE = "larger than the limit of"


def too_large(limit: int) -> str:
    """Why a mail is put aside of which only the header was fetched; `reason_of` knows it again."""
    return f"{TOO_LARGE} {limit} octets; only its header was fetched"


def reason_of(why: str, octets: int) -> Reason:
    """The reason of an arrival that was put aside with this sentence, and so many octets of which are here."""
    if why.startswith(TOO_LARGE):
        return Reason.TOO_LARGE
    return Reason.UNREADABLE if octets else Reason.NOT_HANDED


def reason_in(row: str) -> str:
    """The reason that a row of `left_out` holds; one of another version stays what it is."""
    return EARLIER.get(row, row)


def sentence_of(reason: str) -> str:
    """A reason as people are told it."""
    return SENTENCES.get(Reason(reason), reason) if reason in list(Reason) else reason
