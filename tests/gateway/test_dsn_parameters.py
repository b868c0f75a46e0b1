"""RFC 3461's parameters, strictly: what is taken, what is refused, what is passed on."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.commands import read_mail, read_rcpt
from gatepost.gateway.dsn_parameters import DsnRequest, decode_xtext, encode_xtext, orcpt_of
from gatepost.reply import Refused


def test_all_four_are_read() -> None:
    mail = read_mail("FROM:<a@x.example> RET=hdrs ENVID=QQ+2B314159 SIZE=5", dsn=True)
    assert (mail.ret, mail.envid, mail.size) == ("HDRS", "QQ+2B314159", 5)
    rcpt = read_rcpt("TO:<b@y.example> notify=success,Failure ORCPT=rfc822;Bob+2Bnews@y.example", False, dsn=True)
    assert (str(rcpt.address), rcpt.asked.notify) == ("b@y.example", "SUCCESS,FAILURE")
    assert rcpt.asked.orcpt == "rfc822;Bob+2Bnews@y.example"
    assert read_rcpt("TO:<b@y.example> NOTIFY=NEVER", False, dsn=True).asked.notify == "NEVER"


@pytest.mark.parametrize(
    "words", ["RET=", "RET=ALL", "RET=FULL RET=HDRS", "ENVID=", "ENVID=a+b", "ENVID=" + "x" * 101, "ENVID=a+0Db"]
)
def test_bad_parameters_of_mail_are_refused(words: str) -> None:
    with pytest.raises(Refused, match=r"501 5\.5\.4"):
        read_mail(f"FROM:<a@x.example> {words}", dsn=True)


@pytest.mark.parametrize(
    "words",
    [
        *("NOTIFY=", "NOTIFY=NEVER,FAILURE", "NOTIFY=FAILURE,FAILURE", "NOTIFY=OFTEN", "NOTIFY=FAILURE,"),
        *("NOTIFY=SUCCESS,FAILURE,DELAY,NEVER,NEVER,NEVER", "NOTIFY=FAILURE NOTIFY=DELAY"),
        *("ORCPT=b@y.example", "ORCPT=;b@y.example", "ORCPT=rfc822;", "ORCPT=rfc822;b=c@y.example"),
        *("ORCPT=rfc822;a+0D+0ARCPT", "ORCPT=rfc822;" + "a" * 500, "ORCPT=rf c;b@y.example"),
    ],
)
def test_bad_parameters_of_rcpt_are_refused(words: str) -> None:
    with pytest.raises(Refused, match=r"(501|555) 5\.5\.4"):
        read_rcpt(f"TO:<b@y.example> {words}", False, dsn=True)


def test_they_are_not_known_where_they_are_not_offered() -> None:
    with pytest.raises(Refused, match="555"):
        read_mail("FROM:<a@x.example> RET=FULL")
    with pytest.raises(Refused, match="555"):
        read_rcpt("TO:<b@y.example> NOTIFY=NEVER", False)


@given(st.text(min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_xtext_carries_any_printable_text(text: str) -> None:
    written = encode_xtext(text)
    assert written.isascii()
    read = decode_xtext(written)
    if text.isascii() and text.isprintable():
        assert read == text


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_reading_is_total(text: str) -> None:
    for command in (lambda: read_mail(f"FROM:<a@x.example> {text}", dsn=True), lambda: decode_xtext(text)):
        with suppress(Refused):
            command()


def test_never_stays_with_us_and_failure_is_always_asked_of_the_next() -> None:
    assert DsnRequest(notify="NEVER").rcpt_words == ""
    assert DsnRequest(notify="SUCCESS").rcpt_words == " NOTIFY=SUCCESS,FAILURE"
    request = DsnRequest("FULL", "x1", "FAILURE", orcpt_of("jörg@y.example"))
    assert request.mail_words == " RET=FULL ENVID=x1"
    assert request.rcpt_words == r" NOTIFY=FAILURE ORCPT=utf-8;j\x{F6}rg@y.example"
