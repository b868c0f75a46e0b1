"""Status code, reply code and reason class out of the text of a remote server (RFC 3463, RFC 5321 section 4.2)."""

import re

from gatepost.threading.report_reasons import HARD_REASONS, OVERRULED, REASONS, STATUS_REASONS, TELLING

TEXT_LIMIT = 8192
STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\d]|\.\d)")
CODE_BESIDE_STATUS = re.compile(r"(?<![\w.])([45]\d\d)[ \-:,;(\[#]{1,4}[245]\.\d{1,3}\.\d{1,3}(?!\d|\.\d)")
CODE_AFTER_DOTS = re.compile(r"\.\.\. ([45]\d\d) ")
CODE_AT_START = re.compile(
    r"(?:^|[>\]:;(\[\"'|=]|said|code|error|reply|response|returned|status)[ \t#]{0,4}([45]\d\d)(?=[ \-:,;.)\]\"'#<]|$)",
    re.IGNORECASE | re.MULTILINE,
)
CODE_BEFORE_WORD = re.compile(
    r"(?<![\w.:\-/])([45][0-5]\d)[ \-]{1,3}(?!sec|min|hour|day|times|[kmKM]?[bB]yte|octet|char)(?=[A-Za-z<#\"'\[(])"
)


def read_status(text: str) -> str | None:
    """The most telling enhanced status code: permanent before temporary ones, named details before `x.0.0`."""
    found = [status for status in STATUS.findall(text[:TEXT_LIMIT]) if status[0] in "45"]
    told = [status for status in found if not is_vague(status)]
    return next(iter(told or found), None)


def is_vague(status: str | None) -> bool:
    """Whether a status says little: none, undefined, or only that time ran out after some other trouble."""
    return status is None or status.endswith((".0.0", ".1.0", "4.4.7"))


def read_code(text: str, status: str | None = None) -> int | None:
    """The reply code of the server, best the one that stands before the chosen (or some) status code."""
    text = text[:TEXT_LIMIT]
    for beside in CODE_BESIDE_STATUS.finditer(text):
        if status and beside[0].endswith(status):
            return int(beside[1])
    for pattern in (CODE_BESIDE_STATUS, CODE_AFTER_DOTS, CODE_AT_START, CODE_BEFORE_WORD):
        found = pattern.search(text)
        if found and found[1][1] in "012345":
            return int(found[1])
    return None


def read_reason(text: str, status: str | None) -> str:
    """The reason class: by the status code where it names one, else by the words, else `unknown`."""
    by_status = STATUS_REASONS.get(status[2:], "") if status else ""
    lower = text[:TEXT_LIMIT].lower()
    by_words = next((reason for reason, words in REASONS if any(word in lower for word in words)), "")
    if by_status and status and status[2:] not in OVERRULED:
        return by_status
    if by_status in ("", "policy", "network") or by_words in TELLING:
        return by_words or by_status or "unknown"
    return by_status


def is_hard(reason: str, status: str | None, code: int | None) -> bool:
    """Whether a failure is for good and about the address itself, not about the mail, its sender or the moment."""
    if reason not in HARD_REASONS:
        return False
    if status:
        return status[0] == "5"
    return code is None or code >= 500
