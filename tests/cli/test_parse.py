"""`gatepost parse` and `gatepost thread` as functions."""

import io
import json
from pathlib import Path
from typing import Any

from gatepost.cli.parse import parse_files, split_mbox
from gatepost.cli.thread import thread_paths

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


def test_an_mbox_is_split_at_its_from_lines() -> None:
    assert split_mbox(b"From a\nX: 1\n\nbody\n\nFrom b\nX: 2\n\n") == [b"X: 1\n\nbody\n", b"X: 2\n\n"]
    assert split_mbox(b"X: 1\n\n\nFrom b\n") == [b"X: 1\n\n\nFrom b\n"]


def test_thread_says_why(tmp_path: Path) -> None:
    for name, raw in (("1.eml", FIRST), ("2.eml", SECOND), ("3.txt", b"no mail")):
        (tmp_path / name).write_bytes(raw)
    for policy in ("desk", "archive"):
        out = io.StringIO()
        assert thread_paths([tmp_path], policy, True, out) == 3
        error, first, second = lines(out)
        assert "not a mail" in error["error"]
        assert first["conversation"] == second["conversation"]
        assert second["why"] == ["References names <1@x.example>"]
    assert thread_paths([tmp_path], "guess", True, io.StringIO()) == 2
    assert thread_paths([tmp_path / "gone"], "desk", False, io.StringIO()) == 2
