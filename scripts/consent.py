"""Writes docs/consent.md from the consent doctor's table: `.venv/bin/python scripts/consent.py`."""

from pathlib import Path

from gatepost.cli.consent import WHO
from gatepost.connectors.consent_data import ENTRA, GOOGLE, MICROSOFT
from gatepost.connectors.consent_entry import Entry
from gatepost.connectors.consent_rules import CODES, LOGIN, RULES, SMTP
from gatepost.connectors.consent_servers import COMMON, SERVERS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "consent.md"
HEAD = """\
# When a mailbox cannot be connected

What Gatepost says when Google, Microsoft or a mail server refuses: what happened, who must act, and the next step.
Made from `connectors/consent_data.py` and `connectors/consent_servers.py`; `gatepost mailbox explain "AADSTS90094"`
looks one up, and the page *Help with permissions* does the same.

OAuth's own words (`error`, `suberror`) decide what becomes of the mailbox; AADSTS numbers only choose among the words,
and a refusal by a mail server alone never means that a mailbox has to be connected again. Nothing is to be set in
Gatepost where an organisation asks for its administrator's approval: the permission is given at the provider.

## "Need admin approval" at Microsoft 365

It comes up where the organisation lets only its administrator approve apps that read mail, also apps that use official
Microsoft interfaces. Microsoft then sends nothing back to Gatepost, or a cancelled login like any other. So the page of
the mailbox has the **approval link** of your organisation, with a mail for the IT team that holds it. When the
administrator has followed it, days later and in any browser, you are told by mail and finish with your own login. An
administrator who wants to review the settings instead goes this way:

{entra}

If it still cannot be connected, ask IT for further restrictions: Conditional Access, or apps that need assigned users.
What Gatepost asks for, what it does with it and how it is protected stands on the page *For your IT team*, which needs
no login and can be passed on.
"""


def page() -> str:
    """The whole page."""
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(ENTRA, 1))
    parts = (
        ("Microsoft", MICROSOFT),
        ("Google", GOOGLE),
        ("Either", COMMON),
        ("Mail servers", SERVERS),
    )
    return HEAD.format(entra=steps) + "".join(section(title, entries) for title, entries in parts)


def section(title: str, entries: tuple[Entry, ...]) -> str:
    """One table."""
    head = "| seen as | what happened | who acts | what to do | mailbox becomes |\n|---|---|---|---|---|\n"
    return f"\n## {title}\n\n{head}" + "".join(line(entry) for entry in entries)


def line(entry: Entry) -> str:
    """One line of a table."""
    what, *steps = (text.replace("{tenant}", "the organisation") for text in (entry.what, *entry.steps))
    cells = (
        seen_as(entry.key),
        what[:1].upper() + what[1:],
        WHO[entry.who],
        " ".join(steps),
        entry.state or "as it is",
    )
    return f"| {' | '.join(cells)} |\n"


def seen_as(key: str) -> str:
    """By which words of a provider an entry is found."""
    errors = [" ".join((rule.error, rule.suberror)).strip() for rule in RULES if rule.key == key]
    codes = [f"AADSTS{code}" for code, found in CODES.items() if found == key]
    texts = [needle for needle, found in (*LOGIN, *SMTP) if found == key]
    return ", ".join(f"`{word}`" for word in dict.fromkeys((*codes, *errors, *texts))) or f"({key.replace('_', ' ')})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
