import pytest

from gatepost.connectors.folder_names import NAMES
from gatepost.connectors.folders import ROLES, Entry, chosen, entry_of, listed_of, role_by_name, told_apart

EXCHANGE = [
    "INBOX", "Archiv", "Aufgaben", "Entwürfe", "Gelöschte Elemente", "Gesendete Elemente", "Junk-E-Mail", "Kalender",
    "Kontakte", "Kunden", "Kunden/Gesendete Elemente", "Notizen", "Postausgang",
]  # fmt: skip
GMAIL = [
    ("INBOX", []), ("[Gmail]", ["\\Noselect"]), ("[Gmail]/Alle Nachrichten", ["\\All"]),
    ("[Gmail]/Gesendet", ["\\Sent"]), ("[Gmail]/Markiert", ["\\Flagged"]), ("[Gmail]/Wichtig", ["\\Important"]),
    ("[Gmail]/Papierkorb", ["\\Trash"]), ("[Gmail]/Spam", ["\\Junk"]), ("[Gmail]/Entwürfe", ["\\Drafts"]),
    ("Label", []),
]  # fmt: skip


def names(entries: list[Entry]) -> list[str]:
    return [entry.name for entry in entries]


def test_exchange_names_no_roles_so_names_decide() -> None:
    entries = told_apart([entry_of([], name, "/") for name in EXCHANGE])
    assert names(chosen(entries, gmail=False, folder="INBOX")) == [
        "INBOX", "Gesendete Elemente", "Archiv", "Kunden", "Kunden/Gesendete Elemente",
    ]  # fmt: skip
    assert {entry.name: entry.role for entry in entries}["Kunden/Gesendete Elemente"] == ""


def test_gmail_is_read_by_all_mail_alone() -> None:
    entries = told_apart([entry_of(flags, name, "/") for name, flags in GMAIL])
    assert names(chosen(entries, gmail=True, folder="INBOX")) == ["[Gmail]/Alle Nachrichten"]


def test_gmail_that_hides_all_mail_from_imap_is_read_by_its_folders() -> None:
    entries = [entry_of(flags, name, "/") for name, flags in GMAIL if "\\All" not in flags]
    assert names(chosen(entries, gmail=True, folder="INBOX")) == ["INBOX", "[Gmail]/Gesendet", "Label"]


def test_all_elsewhere_is_a_view_and_not_read() -> None:
    entries = [entry_of(["\\All"], "Everything", "/"), entry_of([], "INBOX", "/")]
    assert names(chosen(entries, gmail=False, folder="INBOX")) == ["INBOX"]


def test_what_a_person_said_of_a_folder_counts() -> None:
    entries = [entry_of([], name, "/") for name in ("INBOX", "Spam", "Private", "Sent")]
    said = {("Spam", True), ("Private", False)}
    assert names(chosen(entries, gmail=False, folder="INBOX", said=said)) == ["INBOX", "Sent", "Spam"]


def test_an_account_of_one_folder_reads_that_and_what_was_sent() -> None:
    entries = [entry_of([], name, ".") for name in ("INBOX", "Shop", "Gesendet", "Other")]
    assert names(chosen(entries, gmail=False, folder="Shop")) == ["Gesendet", "Shop"]


def test_what_the_server_says_goes_before_what_a_name_sounds_like() -> None:
    entries = told_apart(
        [entry_of(["\\Junk"], "Quarantine", "/"), entry_of([], "Spam", "/"), entry_of([], "INBOX", "/")]
    )
    assert {entry.name: entry.role for entry in entries} == {"Quarantine": "junk", "Spam": "", "INBOX": "inbox"}


def test_a_folder_that_cannot_be_opened_is_not_read() -> None:
    assert chosen([entry_of(["\\NonExistent"], "Old", "/")], gmail=False, folder="INBOX") == []


@pytest.mark.parametrize(
    ("name", "delimiter", "role"),
    [
        ("Sent Items", "/", "sent"), ("INBOX.Sent", ".", "sent"), ("inbox/送信済みアイテム", "/", "sent"),
        ("ENVOYÉS", "/", "sent"),
        ("Envoye\u0301s", "/", "sent"), ("Отправленные", "|", "sent"), ("Projects/Sent", "/", ""),
        ("Sentinel", "/", ""),
        ("INBOX", "", "inbox"), ("Inbox", "/", "inbox"), ("Calendario", "/", "no mail"), ("", "/", ""),
    ],
)  # fmt: skip
def test_roles_by_name(name: str, delimiter: str, role: str) -> None:
    assert role_by_name(name, delimiter) == role


def test_names_are_written_as_they_are_compared_and_mean_one_thing() -> None:
    seen: dict[str, str] = {}
    for role, listed in NAMES.items():
        assert role in ROLES
        for name in listed:
            assert name == name.casefold()
            assert seen.setdefault(name, role) == role


def test_every_folder_says_why_it_is_read_or_not() -> None:
    entries = told_apart([entry_of(flags, name, "/") for name, flags in GMAIL])
    found = listed_of(entries, gmail=True, folder="INBOX")
    assert "[Gmail]" not in found
    everything = "[Gmail]/Alle Nachrichten holds its mail already"
    assert {name.rpartition("/")[2]: (one.read, one.why) for name, one in found.items()} == {
        "INBOX": (False, everything),
        "Alle Nachrichten": (True, "it holds every mail once, whatever its labels"),
        "Gesendet": (False, everything),
        "Markiert": (False, everything),
        "Wichtig": (False, everything),
        "Papierkorb": (False, "it holds what was thrown away"),
        "Spam": (False, "it holds what the provider takes for junk"),
        "Entwürfe": (False, everything),
        "Label": (False, everything),
    }
    named = listed_of(entries, gmail=False, folder="Label")
    assert (named["Label"].read, named["Label"].why) == (True, "it is the folder that this account names")
    assert (named["INBOX"].read, named["INBOX"].why) == (False, "this account names another folder, Label")
    assert named["[Gmail]/Gesendet"].read


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_reason(role: str) -> None:
    (found,) = listed_of([Entry("A", role, by_flag=True)], gmail=False, folder="INBOX").values()
    assert found.why.startswith(("it ", "drafts "))
    assert found.read == (role in ("inbox", "sent", "archive", ""))
