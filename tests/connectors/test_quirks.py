from gatepost.connectors.quirks import is_stand_in, octets_a_day

STAND_IN = (
    b'From: "Microsoft Exchange Server" <Administrator@contoso.test>\r\nTo: a@contoso.test\r\n'
    b"Subject: Retrieval using the IMAP4 protocol failed for the following message: 205\r\n\r\n"
    b"The server couldn't retrieve the following message:\r\n"
)


def test_what_exchange_makes_up_for_a_mail_is_recognised() -> None:
    assert is_stand_in(STAND_IN)


def test_a_mail_that_came_by_smtp_is_no_stand_in_whatever_it_says() -> None:
    assert not is_stand_in(b"Received: from a by b; x\r\n" + STAND_IN)
    assert not is_stand_in(STAND_IN.replace(b"Microsoft Exchange", b"Somebody"))
    assert not is_stand_in(b"From: Microsoft Exchange\r\n\r\nSubject: Retrieval using the IMAP4 protocol failed")


def test_only_gmail_limits_a_day() -> None:
    assert octets_a_day("IMAP.gmail.com.") == 2_000_000_000
    assert octets_a_day("imap.example.com") == 0
