"""Status code, reply code and reason class out of the text of a remote server (RFC 3463, RFC 5321 section 4.2)."""

import re

from gatepost.threading.report_data import REASONS, STATUS_REASONS

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
    if by_status and by_status not in ("policy", "network"):
        return by_status
    lower = text[:TEXT_LIMIT].lower()
    for reason, words in REASONS:
        if any(word in lower for word in words):
            return reason
    return by_status or "unknown"


def is_hard(status: str | None, code: int | None, delayed: bool) -> bool:
    """Permanent by the codes; without any, what was given up is."""
    if delayed:
        return False
    if status:
        return status[0] == "5"
    return code is None or code >= 500
