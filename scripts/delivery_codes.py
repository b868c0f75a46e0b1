"""Writes docs/delivery-codes.md from gatepost/codes_data.py: `.venv/bin/python scripts/delivery_codes.py`."""

from pathlib import Path

from gatepost.codes import Code, reference

PAGE = Path(__file__).resolve().parents[1] / "docs" / "delivery-codes.md"
HEAD = """\
# Delivery codes

What Gatepost says when a server answers with one of these codes. Made from `gatepost/codes_data.py`; a vague answer
(such as `5.0.0`, or `550` alone) is explained by the words that come with it, where they are known.

A status that begins with 4 is temporary: Gatepost tries again by itself, for as long as `retry_days` says. One that
begins with 5 is final. *Who* can act: the `sender` of the mail, its `recipient`, an `admin`, or nobody but time
(`wait`). *Later* says whether sending the same mail once more may work.

| code | what happened | what to do | who | later |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page; both classes of a status share a line where they are explained alike."""
    lines: dict[tuple[str, str, str, str], list[Code]] = {}
    for code in reference():
        found = code.explanation
        detail = code.code.partition(".")[2] or code.code
        lines.setdefault((detail, found.reason, found.advice, found.who), []).append(code)
    return HEAD + "".join(line(codes) for codes in lines.values())


def line(codes: list[Code]) -> str:
    """One line of the table."""
    found = codes[0].explanation
    shown = ", ".join(f"`{code.code}`" for code in codes)
    return f"| {shown} | {found.reason} | {found.advice} | {found.who} | {later(codes)} |\n"


def later(codes: list[Code]) -> str:
    """Whether these may work later; by class where that differs."""
    if len({code.explanation.retryable for code in codes}) == 1:
        return "yes" if codes[0].explanation.retryable else "no"
    return ", ".join(f"{code.code[0]}: {'yes' if code.explanation.retryable else 'no'}" for code in codes)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
