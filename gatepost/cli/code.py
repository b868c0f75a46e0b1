"""`gatepost code`: what a delivery code means, what to do, who can do it, and whether later may work."""

from typing import Any

from gatepost.cli.frame import BadInput, print_object, say
from gatepost.codes import WHO, Code, look_up, search


def explain(words: list[str], as_json: bool) -> None:
    """The code that is named, else all whose sentences or known answers have these words. Raises BadInput."""
    text = " ".join(words)[:100]
    exact = look_up(text)
    found = [exact] if exact else search(text)
    if not found:
        raise BadInput(f"CODE {text}: no delivery code has these words; write it as 550 or 5.1.1, or try fewer words")
    for number, code in enumerate(found):
        if as_json:
            print_object(row_of(code))
        else:
            tell(code, apart=number > 0)


def row_of(code: Code) -> dict[str, Any]:
    """As the API gives it."""
    about = code.explanation
    return {
        "code": code.code,
        "known": code.known,
        "reason": about.reason,
        "advice": about.advice,
        "who": about.who,
        "retryable": about.retryable,
        "texts": [{"who": saying.who, "text": saying.text} for saying in code.sayings],
    }


def tell(code: Code, apart: bool) -> None:
    about = code.explanation
    if apart:
        say("")
    say(f"{code.code}  {about.reason}")
    say(f"  what to do      {about.advice}")
    say(f"  who can fix it  {WHO[about.who]}")
    say(
        f"  later may work  {'yes, the same mail may be taken' if about.retryable else 'no, it would be refused again'}"
    )
    if not code.known:
        say("  not registered  servers that use it mean something of their own; their text tells more")
    for saying in code.sayings:
        say(f"  {saying.who}: {saying.text}")
