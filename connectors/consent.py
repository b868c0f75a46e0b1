"""The consent doctor: a provider's refusal told as what happened, who must act, and the next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gatepost.connectors.consent_data import ENTRIES, SHOWN
from gatepost.connectors.consent_entry import Entry, Who
from gatepost.connectors.consent_rules import CODES, LOGIN, RULES, SMTP
from gatepost.connectors.problem import TEXT_LIMIT, Problem, Stage, numbers, word
from gatepost.reply import clean_text

TESTING_FROM = timedelta(days=6, hours=12)
TESTING_TO = timedelta(days=8)
TENANT_LIMIT = 100
ORGANISATION = "your organisation"
SHOWN_STAGES: dict[Stage, str] = {"login": "imap_refused_token", "smtp": "smtp_refused"}


@dataclass(frozen=True, slots=True)
class Advice:
    """What a refusal means. `who` acts: owner, it (the organisation's), admin (of Gatepost) or nobody.

    `state` is the account's new state, empty where it does not change; with `admin_link` an administrator's approval
    may be what is missing, so the page offers its link. `waits` says that it passes by itself.
    """

    key: str
    what: str
    who: Who
    steps: tuple[str, ...]
    state: str
    admin_link: bool
    waits: bool = False

    @property
    def sentence(self) -> str:
        """In one line: what happened, and the first step."""
        return f"{self.what} {self.steps[0]}"


def explain(problem: Problem, *, tenant: str = "", age: timedelta | None = None) -> Advice:
    """What a refusal means for the organisation `tenant`; `age` is how long ago the permission was given.

    Never raises. What nobody knows is temporary while it may pass, and a cancelled login where one was under way.
    """
    return advice(find(problem, age), problem, tenant)


def advice(entry: Entry, problem: Problem, tenant: str) -> Advice:
    """An entry in words; a login that was only tried changes no account."""
    shown = clean_text(tenant)[:TENANT_LIMIT] or ORGANISATION
    what, *steps = (text.replace("{tenant}", shown) for text in (entry.what, *entry.steps))
    state = "" if problem.stage == "authorize" else entry.state
    if shown == ORGANISATION:
        what = what[:1].upper() + what[1:]
    return Advice(entry.key, what, entry.who, tuple(steps), state, entry.admin_link, entry.decision == "wait")


def by_key(key: str, *, tenant: str = "") -> Advice | None:
    """The advice that was kept by its key; None for a key of another version."""
    entry = ENTRIES.get(key)
    return advice(entry, Problem("", "authorize", ""), tenant) if entry else None


def shown_at(provider: str, *, tenant: str = "") -> list[tuple[str, Advice]]:
    """What a provider says on its own page and never sends back, each explained."""
    found = ((words, by_key(key, tenant=tenant)) for words, key in SHOWN.get(provider, ()))
    return [(words, each) for words, each in found if each]


def find(problem: Problem, age: timedelta | None = None) -> Entry:
    """The entry of a refusal. `error` and `suberror` decide what follows; a number only chooses among its words."""
    if problem.stage == "scopes":
        return ENTRIES["scope_unticked"]
    if problem.stage == "address":
        return ENTRIES["wrong_address"]
    if problem.stage in SHOWN_STAGES:
        return by_text(problem)
    decided = by_error(problem)
    if decided.key == "google_grant_ended" and age is not None and TESTING_FROM <= age <= TESTING_TO:
        return ENTRIES["google_testing_ended"]
    return by_code(problem, decided)


def by_error(problem: Problem) -> Entry:
    """The entry that OAuth's own words lead to."""
    for rule in RULES:
        fits = rule.error == problem.error and rule.provider in ("", problem.provider)
        if fits and rule.suberror in ("", problem.suberror):
            return ENTRIES[rule.key]
    return ENTRIES["cancelled" if problem.stage == "authorize" else "busy"]


def by_code(problem: Problem, decided: Entry) -> Entry:
    """The words for an AADSTS number, where they lead to the same decision."""
    if problem.provider != "microsoft":
        return decided
    for code in problem.codes or numbers(None, problem.text):
        entry = ENTRIES.get(CODES.get(code, ""))
        if entry and entry.decision == decided.decision:
            return entry
    return decided


def by_text(problem: Problem) -> Entry:
    """What a mail server's refusal says."""
    text = problem.text[:TEXT_LIMIT].lower()
    table = LOGIN if problem.stage == "login" else SMTP
    key = next((key for needle, key in table if needle in text), SHOWN_STAGES[problem.stage])
    return ENTRIES[key]


def look_up(text: str, provider: str = "") -> tuple[Advice, ...]:
    """What a text means that somebody saw at a provider: an error word, an AADSTS number, a server's refusal."""
    text = clean_text(text[:TEXT_LIMIT])
    found = [entry for number in seen_numbers(text) if (entry := ENTRIES.get(CODES.get(number, "")))]
    found += seen_words(text, provider)
    found += seen_refusals(text)
    seen = Problem(provider, "token", "", text=text)
    unique = {entry.key: entry for entry in found}
    return tuple(advice(entry, seen, "") for entry in unique.values())


def seen_numbers(text: str) -> Sequence[int]:
    """AADSTS numbers, with or without their prefix."""
    bare = (part.strip(".,:;()") for part in text.split())
    return [
        *numbers(None, text.upper()),
        *(int(part) for part in bare if part.isascii() and part.isdigit() and len(part) < 9),
    ]


def seen_words(text: str, provider: str) -> list[Entry]:
    """Entries of the error words in a text, for one provider or all."""
    words = {word(part.strip(".,:;()\"'")) for part in text.replace("=", " ").replace("&", " ").split()[:200]}
    rules = [rule for rule in RULES if rule.error in words and (not provider or rule.provider in ("", provider))]
    exact = [rule for rule in rules if rule.suberror and rule.suberror in words]
    named = exact or [rule for rule in rules if rule.provider and not rule.suberror]
    if "need admin approval" in text.lower():
        return [ENTRIES["microsoft_admin_approval"]]
    return [ENTRIES[rule.key] for rule in named or rules if not rule.suberror or rule in exact]


def seen_refusals(text: str) -> list[Entry]:
    """Entries of what mail servers say."""
    lowered = text.lower()
    return [ENTRIES[key] for needle, key in (*LOGIN, *SMTP) if needle in lowered][:3]
