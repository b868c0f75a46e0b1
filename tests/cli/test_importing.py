"""`gatepost import`: every file has an outcome, nothing twice, nothing lost."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bench.mails import Maker
from gatepost.cli.importing import BATCH
from gatepost.model import Conversation, WebhookCall
from gatepost.parts import clock
from gatepost.store.arrivals import count_outcomes
from gatepost.store.events import last_seq
from gatepost.store.messages import messages_by_header_id, raw_of
from gatepost.store.webhook_calls import put_calls
from gatepost.store.webhooks import create_webhook
from tests.cli.conftest import SUPPORT, Command

HEADER = b"Message-ID: <1@x.example>\nFrom: Ana <ana@x.example>\nDate: Fri, 02 Jan 2009 10:00:00 +0100\n"
FIRST = HEADER + b"Subject: Order\n\nHi\n"
SECOND = b"Message-ID: <2@x.example>\nFrom: ana@x.example\nSubject: Re: Order\nReferences: <1@x.example>\n\nAnd?\n"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A folder with a mail, an mbox, a picture and an empty file."""
    folder = tmp_path / "history"
    (folder / "more").mkdir(parents=True)
    (folder / "1.eml").write_bytes(FIRST)
    (folder / "more" / "box").write_bytes(b"From a\n" + SECOND + b"\nFrom b\n" + SECOND.replace(b"<2@", b"<3@") + b"\n")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    (folder / "zero").write_bytes(b"")
    return folder


def load(gatepost: Command, *paths: Path, code: int = 0) -> dict[str, str]:
    rows = gatepost.objects("import", *map(str, paths), "--mailbox", SUPPORT, code=code)
    return {row["file"].rpartition("/")[2]: row["outcome"] for row in rows}


def test_every_file_has_an_outcome(gatepost: Command, history: Path) -> None:
    outcomes = load(gatepost, history, code=3)
    placed = {"1.eml": "placed", "box#1": "placed", "box#2": "placed"}
    assert outcomes == {**placed, "picture.png": "skipped", "zero": "skipped"}
    with gatepost.parts() as parts, parts.database.session() as session:
        (message,) = messages_by_header_id(session, "1@x.example")
        (answer,) = messages_by_header_id(session, "2@x.example")
        assert message.sent_at == datetime(2009, 1, 2, 9, tzinfo=UTC)
        assert raw_of(session, message.raw_id, parts.blobs) == FIRST
        assert message.conversation_id == answer.conversation_id
        assert message.channel_id


def test_a_second_run_adds_nothing(gatepost: Command, history: Path) -> None:
    load(gatepost, history, code=3)
    again = load(gatepost, history, code=3)
    assert [again[name] for name in ("1.eml", "box#1", "box#2")] == ["already there"] * 3
    with gatepost.parts() as parts, parts.database.session() as session:
        assert count_outcomes(session) == {"placed": 3}


def test_a_mailbox_that_grew_brings_only_what_is_new(gatepost: Command, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.write_bytes(b"From a\n" + FIRST + b"\n")
    assert load(gatepost, box) == {"box": "placed"}
    box.write_bytes(b"From a\n" + FIRST + b"\nFrom b\n" + SECOND + b"\n")
    assert load(gatepost, box) == {"box#1": "already there", "box#2": "placed"}


def test_many_files_in_several_batches(gatepost: Command, tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"{number:03}.eml").write_bytes(FIRST.replace(b"<1@", b"<%d@" % number))
    files = sorted(tmp_path.glob("*.eml"))
    assert set(load(gatepost, *files).values()) == {"placed"}
    with gatepost.parts() as parts, parts.database.session() as session:
        assert count_outcomes(session) == {"placed": 120}


def test_large_mail_is_a_file_and_larger_mail_is_skipped(gatepost: Command, tmp_path: Path) -> None:
    (tmp_path / "large.eml").write_bytes(FIRST + b"x" * 200_000)
    assert load(gatepost, tmp_path / "large.eml") == {"large.eml": "placed"}
    gatepost.environment["GATEPOST_MESSAGE_SIZE"] = "1000"
    (tmp_path / "larger.eml").write_bytes(FIRST + b"y" * 2000)
    assert load(gatepost, tmp_path / "larger.eml", code=3) == {"larger.eml": "skipped"}


def test_importing_sends_nothing(gatepost: Command, history: Path) -> None:
    load(gatepost, history, code=3)
    assert gatepost.objects("queue", "counts")[0] == dict.fromkeys(gatepost.objects("queue", "counts")[0], 0)


def test_people_are_told_the_sum_and_the_reasons(gatepost: Command, history: Path) -> None:
    result = gatepost.run("import", str(history), "--mailbox", SUPPORT, code=3)
    assert "it is not a mail" in result.stdout
    assert "5 files and mails: 3 placed, 2 skipped" in result.stderr


def test_bad_input_stores_nothing(gatepost: Command, history: Path) -> None:
    assert "no such file" in gatepost.refused("import", str(history), "/nowhere", "--mailbox", SUPPORT)
    assert SUPPORT in gatepost.refused("import", str(history), "--mailbox", "x@gatepost.test")
    assert "--mailbox" in gatepost.run("import", str(history), code=2).stderr
    with gatepost.parts() as parts, parts.database.session() as session:
        assert count_outcomes(session) == {}


def open_when_read(pipe: Path, process: "subprocess.Popen[bytes]") -> int:
    """The writing end of a pipe, once the process has come to it and waits."""
    while process.poll() is None:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.02)
    raise AssertionError("it ended before it came to the pipe")


def test_interrupted_it_ends_with_130_and_keeps_what_it_has(gatepost: Command, tmp_path: Path) -> None:
    for number in range(BATCH + 10):
        (tmp_path / f"{number:03}.eml").write_bytes(FIRST.replace(b"<1@", b"<%d@" % number))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    files = [str(path) for path in [*sorted(tmp_path.glob("*.eml")), pipe]]
    default = ["env", "--default-signal=INT"]  # tests that run in the background of a shell ignore it, and so would it
    command = [*default, sys.executable, "-m", "gatepost", "import", "--json", "--mailbox", SUPPORT, *files]
    environment = {**os.environ, **gatepost.environment}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        writer = open_when_read(pipe, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        os.close(writer)
    assert (process.returncode, err) == (130, b"")
    assert len(out.splitlines()) == BATCH
    with gatepost.parts() as parts, parts.database.session() as session:
        assert count_outcomes(session) == {"placed": BATCH}


def test_a_mail_that_comes_twice_in_one_run_is_stored_once(gatepost: Command, tmp_path: Path) -> None:
    files = [tmp_path / "a.eml", tmp_path / "b.eml"]
    for file in files:
        file.write_bytes(FIRST)
    assert load(gatepost, *files) == {"a.eml": "placed", "b.eml": "already there"}


def test_a_dry_run_stores_nothing_and_says_what_is_new(gatepost: Command, history: Path) -> None:
    rows = gatepost.objects("import", str(history), "--channel", SUPPORT, "--dry-run", code=3)
    assert sorted(row["outcome"] for row in rows) == ["new", "new", "new", "skipped", "skipped"]
    assert "2009-01-02 from ana@x.example" in next(row["why"] for row in rows if row["file"].endswith("1.eml"))
    with gatepost.parts() as parts, parts.database.session() as session:
        assert count_outcomes(session) == {}


def test_nobody_is_told_of_imported_mail(gatepost: Command, history: Path) -> None:
    with gatepost.parts() as parts:
        options: dict[str, Any] = {"url": "https://x.example/", "kinds": [], "credential_id": None, "now": clock()}
        parts.ledger.write(lambda session: create_webhook(session, parts.keys, **options))
    load(gatepost, history, code=3)
    with gatepost.parts() as parts:
        horizon = parts.ledger.write(last_seq)
        assert horizon > 0
        parts.ledger.write(lambda session: put_calls(session, horizon, clock()))
        with parts.database.session() as session:
            calls = session.exec(select(WebhookCall)).all()
            assert [call.kind for call in calls if call.kind.startswith(("message.", "conversation."))] == []


def test_a_maildir_and_what_many_mails_say_in_children(gatepost: Command, tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    mails = list(Maker(repetitive=False).mails(260))
    for number, raw in enumerate(mails):
        (tmp_path / "cur" / f"{number:03}.host:2,S").write_bytes(raw)
    assert set(load(gatepost, tmp_path / "cur").values()) == {"placed"}
    with gatepost.parts() as parts, parts.database.session() as session:
        assert count_outcomes(session) == {"placed": 260}
        conversations = session.exec(select(Conversation)).all()
        assert len(conversations) == sum(b"In-Reply-To:" not in raw for raw in mails)
        assert sum(one.messages for one in conversations) == 260
