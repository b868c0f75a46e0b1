"""What a conversation shows of a mail: quotes known by the mail that it answers, and what cannot be opened."""

from base64 import b64encode

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.ids import new_id
from gatepost.model import Message
from gatepost.store import conversations, messages
from tests.core.tnef import full, winmail
from tests.web.conftest import Site

OURS = "Please send us the number that stands below the lamp, and a photo of its plug.\r\nWe will then send a new one."


def put(site: Site, number: int, raw: str, direction: str, header_id: str, *, size: int = 0) -> None:
    """A mail in a conversation."""
    data = raw.encode()

    def op(session: Session) -> None:
        conversation = conversations.by_number(session, number)
        assert conversation
        key = new_id("msg")
        message = Message(
            id=key, direction=direction, digest=key, message_id=header_id, subject="x", at=site.now,
            from_address="c@customer.example", size=size or len(data),
            conversation_id=conversation.id, channel_id=conversation.channel_id,
        )  # fmt: skip
        messages.put_message(session, message, Content(data, None, len(data)))

    site.parts.ledger.write(op)


def ask(site: Site, number: int, *, size: int = 0) -> None:
    raw = f"From: support@example.org\r\nMessage-ID: <p1@example.org>\r\n\r\n{OURS}\r\n"
    put(site, number, raw, "out", "p1@example.org", size=size)


def answer(site: Site) -> str:
    """The page with an answer that quotes without any mark."""
    head = "From: c@customer.example\r\nMessage-ID: <a1@customer.example>\r\nIn-Reply-To: <p1@example.org>\r\n"
    put(site, site.conversation, f"{head}\r\nIt is 4711.\r\n\r\n{OURS}\r\n", "in", "a1@customer.example")
    return site.client("ben@example.org").get(f"/inbox/{site.conversation}").text


def quoted(page: str) -> bool:
    """Whether our words stand in a part that is folded away."""
    folded = page.partition('class="quoted text"')[2].partition("</div>")[0]
    return "photo of its plug" in folded


def test_a_quote_without_marks_is_known_by_the_mail_it_answers(site: Site) -> None:
    ask(site, site.conversation)
    page = answer(site)
    assert "It is 4711." in page
    assert quoted(page)


def test_a_mail_of_another_conversation_is_not_looked_at(site: Site) -> None:
    ask(site, site.foreign)
    assert not quoted(answer(site))


def test_a_large_mail_is_not_compared(site: Site) -> None:
    ask(site, site.conversation, size=1024 * 1024)
    assert not quoted(answer(site))


def test_winmail_dat_is_explained(site: Site) -> None:
    raw = (
        "From: c@customer.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
        "Content-Disposition: attachment; filename=winmail.dat\r\n\r\nx\r\n--b--\r\n"
    )
    put(site, site.conversation, raw, "in", "w1@customer.example")
    page = site.client("ben@example.org").get(f"/inbox/{site.conversation}").text
    assert "which only Outlook opens (TNEF)" in page
    assert "ask the sender to send it again as HTML or plain text" in page


def test_what_is_in_winmail_dat_is_listed_and_downloaded(site: Site) -> None:
    packed = b64encode(winmail(full("Plan.pdf", b"%PDF-1.7 plan"))).decode()
    raw = (
        "From: c@customer.example\r\nMIME-Version: 1.0\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{packed}\r\n"
    )
    put(site, site.conversation, raw, "in", "w2@customer.example")
    client = site.client("ben@example.org")
    page = client.get(f"/inbox/{site.conversation}").text
    path = page.rpartition("/parts/1")[0].rpartition('"')[2] + "/parts/1"
    assert "Plan.pdf" in page
    found = client.get(path)
    assert found.content == b"%PDF-1.7 plan"
    assert "Plan.pdf" in found.headers["content-disposition"]
