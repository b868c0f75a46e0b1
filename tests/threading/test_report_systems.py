"""Bounces in the manner of some forty mail systems, with and without the returned mail."""

import pytest

from gatepost.mail import parse
from gatepost.threading.report import read_report
from tests.threading.report_mails import CASES, RETURNED, Case

ATTACHED = "\n------ This is a copy of the message, including all the headers. ------\n\n"


def written(case: Case, *, returned: bool) -> bytes:
    body = case.body + (ATTACHED + RETURNED if returned else "")
    return (
        f"{case.header}From: {case.sender}\nTo: desk@desk.example\nSubject: {case.subject}\nMIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}"
    ).encode()


@pytest.mark.parametrize("returned", [False, True])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.system)
def test_what_a_system_says(case: Case, returned: bool) -> None:
    report = read_report(parse(written(case, returned=returned)))
    assert report is not None
    assert [fact.address for fact in report.recipients] == ["ana@shop.example"]
    fact = report.recipients[0]
    assert (fact.status, fact.code, fact.reason) == (case.status, case.code, case.reason)
    assert report.kind == case.kind
    assert fact.hard is (case.kind == "bounce" and case.reason in ("invalid recipient", "domain"))
    assert fact.evidence
    assert report.message_id == ("m17@desk.example" if returned else None)
