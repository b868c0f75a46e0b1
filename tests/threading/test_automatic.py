"""Automatic mail is told from mail by people (RFC 3834)."""

import pytest

from gatepost.mail import Mail, parse
from gatepost.threading.automatic import classify
from gatepost.words import Kind


def mail(*headers: str, body: str = "Hello") -> Mail:
    lines = ["From: Ana Ruiz <ana@customer.example>", "To: desk@shop.example", *headers, "", body]
    return parse("\r\n".join(lines).encode())


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (rejected)",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Subject: Automatic reply: Order 17",
        "Subject: AW: Abwesenheitsnotiz",
        "Subject: Réponse automatique : commande",
    ],
)
def test_automatic_answers(header: str) -> None:
    kind, why = classify(mail(header), None)
    assert kind == Kind.AUTO_REPLY
    assert why


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: no",
        "Subject: Re: your automatic reply tool is broken",
        "Precedence: list",
        "List-Id: <users.lists.example>",
        "Subject: Undelivered parcel",
    ],
)
def test_mail_by_people(header: str) -> None:
    assert classify(mail(header), "ana@customer.example") == (Kind.MESSAGE, [])


def test_an_empty_reverse_path_is_automatic() -> None:
    kind, why = classify(mail("Subject: Hi"), "")
    assert kind == Kind.AUTO_REPLY
    assert "3834" in why[0]
