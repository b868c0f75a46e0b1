"""The id that the next server gave a mail, read out of its answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.given_id import given_id

SES = "0102018f1e2c3d4e-5f6a7b8c-9d0e-1f2a-3b4c-5d6e7f8a9b0c-000000"


@pytest.mark.parametrize(
    ("host", "text", "found"),
    [
        ("email-smtp.eu-west-1.amazonaws.com", f"Ok {SES}", f"{SES}@eu-west-1.amazonses.com"),
        ("email-smtp.us-east-1.amazonaws.com", f"Ok {SES}", f"{SES}@email.amazonses.com"),
        ("email-smtp-fips.us-west-2.amazonaws.com", f"Ok {SES}", f"{SES}@us-west-2.amazonses.com"),
        (
            "smtp.office365.com",
            "2.0.0 OK <AM0P.1@AM0P.eurprd01.outlook.com> [Hostname=AM0P]",
            "AM0P.1@AM0P.eurprd01.outlook.com",
        ),
        ("smtp-relay.brevo.com", "2.0.0 OK: queued as <2026.1@smtp-relay.mailin.fr>", "2026.1@smtp-relay.mailin.fr"),
        ("smtp.office365.com", "2.0.0 OK", ""),
        ("smtp.gmail.com", "2.0.0 OK 1700000000 ab12-gsmtp", ""),
        ("mail.evil.example", f"Ok {SES} <x@y.example>", ""),
        ("office365.com.evil.example", "<x@y.example>", ""),
        ("email-smtp.eu-west-1.amazonaws.com", "Ok", ""),
    ],
)
def test_what_servers_tell(host: str, text: str, found: str) -> None:
    assert given_id(host, text) == found


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_answer_is_read(text: str) -> None:
    for host in ("smtp.office365.com", "email-smtp.eu-west-1.amazonaws.com"):
        found = given_id(host, text)
        assert not found or "@" in found
        assert not any(char in found for char in " \r\n<>")
