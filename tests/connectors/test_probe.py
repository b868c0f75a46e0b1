"""Trying a mailbox at a real Dovecot: every step is told, and afterwards the mailbox is as it was."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gatepost.connectors.probe import Probe, Trial, probe
from gatepost.connectors.wire import Connect
from tests.connectors.sending_rig import RAW
from tests.rig.dovecot import PASSWORD, Dovecot


@pytest.fixture
def trial(shared_dovecot: Dovecot, now: datetime) -> Trial:
    user = shared_dovecot.add_user()
    shared_dovecot.deliver(user, RAW % b"first")
    login = Connect("localhost", shared_dovecot.port, "none", user, PASSWORD)
    return Trial(login, user, "probe@gatepost.test", now, private_hosts=True)


def names(found: Probe) -> list[tuple[str, bool | None]]:
    return [(step.name, step.ok) for step in found.steps]


def mails(dovecot: Dovecot, trial: Trial) -> dict[str, int]:
    folders = ("INBOX", "Drafts", "Sent")
    roots = {folder: dovecot.maildir(trial.address, folder) for folder in folders}
    return {
        folder: sum(1 for part in ("cur", "new") for _ in (root / part).iterdir()) for folder, root in roots.items()
    }


def test_everything_works_and_nothing_stays(trial: Trial, shared_dovecot: Dovecot) -> None:
    found = probe(replace(trial, try_sending=lambda content: (True, "It takes our login.", "", "")))
    assert names(found) == [(name, True) for name in ("login", "folders", "folder", "sent", "write", "send")]
    assert (found.ok, found.receives, found.sent_folder, found.messages) == (True, True, "Sent", 1)
    assert found.steps[3].sentence == "Gatepost puts one copy of sent mail into Sent, which the server marks as Sent."
    assert found.steps[4].sentence == "A mail was put into Drafts, found, and taken away again."
    assert mails(shared_dovecot, trial) == {"INBOX": 1, "Drafts": 0, "Sent": 0}


def test_what_sends_and_what_keeps_copies(trial: Trial) -> None:
    google = probe(
        replace(trial, keeps_copies="Google", try_sending=lambda content: (False, "No.", "Do.", "smtp_port"))
    )
    assert "Google keeps a copy of sent mail in Sent by itself." in [step.sentence for step in google.steps]
    assert google.problem
    assert (google.problem.name, google.problem.field, google.receives) == ("send", "smtp_port", True)
    other = probe(replace(trial, sent_folder="Out"))
    assert other.problem
    assert (other.problem.name, other.problem.field) == ("sent", "sent_folder")


@pytest.mark.parametrize(
    ("change", "name", "field", "words"),
    [
        ({"password": "wrong"}, "login", "password", "refused the user name or the password"),
        ({"port": 1}, "login", "port", "Nothing answers on port 1"),
        ({"folder": "Nowhere"}, "folder", "folder", "There is no folder Nowhere"),
        ({"security": "tls"}, "login", "security", "does not speak TLS from the first byte"),
    ],
)
def test_what_does_not_work_names_the_setting(
    trial: Trial, change: dict[str, Any], name: str, field: str, words: str
) -> None:
    found = probe(replace(trial, settings=replace(trial.settings, **change)))
    assert found.problem
    assert (found.problem.name, found.problem.field, found.receives) == (name, field, False)
    assert words in found.problem.sentence
    assert found.problem.fix


@pytest.mark.parametrize(
    ("keeps", "copies", "ok"), [("", 0, True), ("Google", 1, True), ("", 1, False), ("Google", 0, False)]
)
def test_a_mail_to_itself_shows_where_copies_land(
    trial: Trial, shared_dovecot: Dovecot, keeps: str, copies: int, ok: bool
) -> None:
    """Complaint 43: sent copies that land elsewhere than thought."""

    def send(content: bytes | None) -> tuple[bool, str, str, str]:
        assert content
        shared_dovecot.deliver(trial.address, content)
        for _ in range(copies):
            shared_dovecot.deliver(trial.address, content, "Sent")
        return True, "It took a mail.", "", ""

    found = probe(replace(trial, keeps_copies=keeps, try_sending=send, round_trip=True))
    told = {step.name: step for step in found.steps}
    assert told["arrive"].ok
    assert (told["copy"].ok, bool(told["copy"].fix)) == (ok, not ok)
    assert mails(shared_dovecot, trial) == {"INBOX": 1, "Drafts": 0, "Sent": 0}


def test_a_mail_that_does_not_arrive(trial: Trial) -> None:
    send = replace(trial, try_sending=lambda content: (True, "", "", ""), round_trip=True, sleep=lambda seconds: None)
    found = probe(send)
    assert found.problem
    assert (found.problem.name, "did not arrive within 60 seconds" in found.problem.sentence) == ("arrive", True)
