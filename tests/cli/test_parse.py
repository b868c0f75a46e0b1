"""`gatepost parse` and `gatepost thread` as functions."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gatepost.child import Children
from gatepost.cli import parse
from gatepost.cli.app import app
from gatepost.cli.frame import print_object, say, warn
from gatepost.cli.parse import describe, describe_safely, parse_files
from gatepost.cli.sources import find_files, looks_like_mail, read_sources, split_mbox
from gatepost.cli.thread import thread_paths
from gatepost.reply import is_shown

FIRST = b"Message-ID: <1@x.example>\nFrom: Ana <ana@x.example>\nTo: desk@y.example\nSubject: Order\n\nHello\n"
SECOND = b"Message-ID: <2@x.example>\nFrom: desk@y.example\nSubject: Re: Order\nReferences: <1@x.example>\n\nYes\n"


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_object_per_file(tmp_path: Path) -> None:
    path = tmp_path / "one.eml"
    path.write_bytes(FIRST)
    out = io.StringIO()
    assert parse_files([path], True, out) == 0
    (found,) = lines(out)
    assert found["file"] == str(path)
    assert found["message_id"] == "1@x.example"
    assert found["from"] == [{"name": "Ana", "address": "ana@x.example", "raw": "Ana <ana@x.example>"}]
    assert (found["kind"], found["reply_text"], found["recipients"]) == ("message", "Hello", [])


def test_a_bounce_lists_its_recipients(tmp_path: Path) -> None:
    path = tmp_path / "bounce.eml"
    path.write_bytes(
        b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\nCould not deliver:\n\n"
        b"<ana@x.example>:\n550 5.1.1 no such user\n"
    )
    out = io.StringIO()
    assert parse_files([path], True, out) == 0
    (found,) = lines(out)
    assert found["kind"] == "bounce"
    (fact,) = found["recipients"]
    assert (fact["address"], fact["status"], fact["code"], fact["hard"]) == ("ana@x.example", "5.1.1", 550, True)


def test_folders_and_mbox_give_each_mail(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(b"From a\n" + FIRST + b"\nFrom b\n" + SECOND)
    (tmp_path / "b.eml").write_bytes(SECOND)
    out = io.StringIO()
    assert parse_files([tmp_path], True, out) == 0
    assert [found["file"].rsplit("/", 1)[1] for found in lines(out)] == ["a.mbox#1", "a.mbox#2", "b.eml"]


def test_what_is_not_there_or_no_mail(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    out = io.StringIO()
    assert parse_files([path], True, out) == 3
    assert "not a mail" in lines(out)[0]["defects"][0]
    assert parse_files([tmp_path / "gone"], True, out) == 2


def test_a_summary_for_people(tmp_path: Path) -> None:
    path = tmp_path / "one.eml"
    path.write_bytes(FIRST)
    out = io.StringIO()
    assert parse_files([path], False, out) == 0
    assert "message: Order" in out.getvalue()
    assert "| Hello" in out.getvalue()


def split(raw: bytes, limit: int = 1000) -> list[bytes]:
    return list(split_mbox(io.BytesIO(raw), limit))


def test_an_mbox_is_split_at_its_from_lines() -> None:
    assert split(b"From a\nX: 1\n\nbody\n\nFrom b\nX: 2\n\n") == [b"X: 1\n\nbody\n", b"X: 2\n"]
    assert split(b"From a\r\nX: 1\r\n\r\nbody\r\n\r\nFrom b\r\nX: 2\r\n") == [b"X: 1\r\n\r\nbody\r\n", b"X: 2\r\n"]


def test_a_paragraph_that_begins_with_from_ends_no_mail() -> None:
    raw = b"From a\nX: 1\n\nbody\n\nFrom now on we\nwrite to you.\n"
    assert split(raw) == [raw.partition(b"\n")[2]]
    assert split(b"From a\nX: 1\n\nFrom b") == [b"X: 1\n\nFrom b"]


def test_a_mail_of_an_mbox_is_cut_behind_the_limit() -> None:
    raw = b"From a\nX: 1\n\n" + b"line\n" * 100 + b"\nFrom b\nX: 2\n"
    first, second = split(raw, 20)
    assert (len(first), second) == (21, b"X: 2\n")


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_octets_can_be_split(raw: bytes) -> None:
    assert all(len(mail) <= 101 for mail in split(b"From " + raw, 100))
    looks_like_mail(raw)


def test_what_looks_like_a_mail() -> None:
    for raw in (b"Subject: x\n\n", b"From a@b\nX-A: 1\nFrom: a\n", b"X-A: 1\r\n folded\r\nReceived : x\r\n"):
        assert looks_like_mail(raw)
    for raw in (b"", b"{\n", b"key: value\n", b"# Subject: x\n", b"X: 1\n\nSubject: x\n", b"no mail\nSubject: x"):
        assert not looks_like_mail(raw)


def test_files_are_found_and_judged(tmp_path: Path) -> None:
    (tmp_path / "b.eml").write_bytes(FIRST)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "big.eml").write_bytes(FIRST + b"x" * 1000)
    (tmp_path / ".hidden").write_bytes(FIRST)
    (tmp_path / "empty").write_bytes(b"")
    files = find_files([tmp_path, tmp_path / ".hidden"])
    assert [file.name for file in files] == ["big.eml", "b.eml", "empty", ".hidden"]
    big, plain, empty, _ = (source for file in files for source in read_sources(file, 500))
    assert "message_size" in big.problem
    assert (plain.raw, plain.problem) == (FIRST, "")
    assert empty.problem == "it is empty"
    assert "No such file" in next(iter(read_sources(tmp_path / "gone", 500))).problem


def threads(tmp_path: Path, policy: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    assert thread_paths([tmp_path], policy, True, out) == 0
    return lines(out)


def test_the_archive_joins_by_ids(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(FIRST)
    (tmp_path / "2.eml").write_bytes(SECOND)
    first, second = threads(tmp_path, "archive")
    assert first["conversation"] == second["conversation"]
    assert second["why"] == ["References names <1@x.example>"]


def test_the_desk_asks_who_writes(tmp_path: Path) -> None:
    again = SECOND.replace(b"desk@y", b"ana@x").replace(b"<2@", b"<3@").replace(b"Yes", b"And now?")
    for name, raw in (("1", FIRST), ("2", SECOND), ("3", again), ("4", FIRST)):
        (tmp_path / f"{name}.eml").write_bytes(raw)
    first, stranger, known, copy = threads(tmp_path, "desk")
    assert first["why"] == ["A new conversation: the mail refers to none that we know"]
    assert known["conversation"] == first["conversation"] == copy["conversation"]
    assert "ana@x.example takes part" in known["why"][0]
    assert stranger["conversation"] != first["conversation"]
    assert "desk@y.example does not take part" in stranger["why"][0]
    out = io.StringIO()
    thread_paths([tmp_path], "desk", False, out)
    assert out.getvalue().startswith("#1  ")


def test_thread_says_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "3.txt").write_bytes(b"no mail")
    for policy in ("desk", "archive"):
        out = io.StringIO()
        assert thread_paths([tmp_path], policy, True, out) == 3
        assert "not a mail" in lines(out)[0]["error"]
    assert thread_paths([tmp_path], "guess", True, io.StringIO()) == 2
    assert thread_paths([tmp_path / "gone"], "desk", False, io.StringIO()) == 2


def test_parse_and_thread_need_no_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("GATEPOST_DOMAIN", "no domain")
    (tmp_path / "1.eml").write_bytes(FIRST)
    for command in ("parse", "thread"):
        result = CliRunner().invoke(app, [command, "--json", str(tmp_path / "1.eml")])
        assert result.exit_code == 0
        assert json.loads(result.stdout)["message_id"] == "1@x.example"
    assert not (tmp_path / "var").exists()


def test_a_mail_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.eml"
    path.write_bytes(
        b"Message-ID: <1@x.example>\nFrom: ana@x.example\nSubject: hi\nContent-Type: text/plain; charset=utf-8\n\n"
        b"a\x1b]0;owned\x07\x1b[2Jb \xc2\x9b31m \xe2\x80\xaetxt\n"
    )
    out = io.StringIO()
    assert parse_files([path], False, out) == 0
    assert "a]0;owned[2Jb 31m txt" in out.getvalue()
    assert all(char == "\n" or is_shown(char) for char in out.getvalue())


def test_lines_and_objects_do_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("550 no \x1b[31m\x9b\u202e\nnext\tone")
    warn("\x1b]0;owned\x07")
    print_object({"text": "Grüße\x7f\x9b31m\u202e\ufeff\x1b"})
    told = capsys.readouterr()
    assert told.err == "]0;owned\n"
    first, second, third = told.out.splitlines()
    assert (first, second) == ("550 no [31m", "next\tone")
    assert all(is_shown(char) for char in third)
    assert "Grüße" in third
    assert json.loads(third) == {"text": "Grüße\x7f\x9b31m\u202e\ufeff\x1b"}


def test_what_the_command_makes_is_readable_by_its_user_only(tmp_path: Path) -> None:
    environment = {"GATEPOST_VAR": str(tmp_path / "var"), "PATH": os.environ["PATH"]}
    old = os.umask(0o022)
    try:
        subprocess.run([sys.executable, "-m", "gatepost", "init"], env=environment, check=True, capture_output=True)
    finally:
        os.umask(old)
    made = [tmp_path / "var", *(tmp_path / "var").rglob("*")]
    assert (tmp_path / "var" / "gatepost.db") in made
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []


def test_a_large_mail_is_read_in_a_child_and_reads_the_same() -> None:
    raw = b"From: a@x.example\nContent-Type: text/html\n\n" + b"<p>Hello <b>you</b>\n" * 2000
    assert describe_safely(raw) == describe(raw)


def test_a_mail_that_a_child_gives_up_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    children = Children(wall=0.001)
    monkeypatch.setattr(parse, "CHILDREN", children)
    (tmp_path / "large.eml").write_bytes(b"From: a@x.example\n\n" + b"line\n" * 20_000)
    out = io.StringIO()
    assert parse.parse_files([tmp_path], True, out) == 3
    assert "it would be quarantined" in json.loads(out.getvalue())["error"]
    children.close()
