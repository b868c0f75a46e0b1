"""The page behind an unsubscribe link: looking changes nothing, posting leaves, and admins see and undo it."""

from sqlmodel import Session, select

from gatepost.envelope import Envelope
from gatepost.gateway.accept import accept
from gatepost.gateway.put import Submission
from gatepost.gateway.streams import link
from gatepost.model import Credential
from gatepost.store.credentials import create_credential, get_credential
from gatepost.store.deliveries import deliveries_of
from gatepost.store.unsubscribes import has_left, set_stream
from tests.gateway.test_streams import OWN
from tests.web.conftest import Site

POST = {"List-Unsubscribe": "One-Click"}


def stream_link(site: Site) -> str:
    """A link as a recipient of a stream has it."""
    app = site.parts

    def make(session: Session) -> Credential:
        made, _ = create_credential(
            session,
            app.keys,
            kind="smtp",
            name="News",
            senders=["shop.example"],
            now=site.now,
        )
        set_stream(session, made.id, "Order news")
        return made

    made = app.ledger.write(make)
    with app.database.session() as session:
        credential = get_credential(session, made.id)
        assert credential
    envelope = Envelope("orders@shop.example", ("ana@x.example",), f"{OWN}\r\nHi\r\n".encode())
    submission = Submission(envelope, ("shop.example",), "smtp", credential=credential)
    message_id = accept(app.gate, submission, site.now).result(10)
    with app.database.session() as session:
        (row,) = deliveries_of(session, message_id)
    return "/u/" + link(app.gate, row.id).rpartition("/")[2]


def gone(site: Site) -> bool:
    with site.parts.database.session() as session:
        return has_left(session, "Order news", "ana@x.example")


def test_complaint_34_a_scanner_that_opens_the_link_unsubscribes_nobody(site: Site) -> None:
    path, scanner = stream_link(site), site.client()
    for _ in range(3):
        page = scanner.get(path)
        assert (page.status_code, "Send no more" in page.text) == (200, True)
        assert scanner.head(path).status_code == 200
    assert not gone(site)
    del scanner.headers["Sec-Fetch-Site"]
    assert scanner.post(path, data={}).status_code == 400
    assert not gone(site)
    assert scanner.post(path, data=POST).status_code == 200  # one click at the mail provider, from no browser
    assert gone(site)
    assert "You are unsubscribed" in scanner.get(path).text


def test_a_provider_posts_from_anywhere_in_either_form(site: Site) -> None:
    path, provider = stream_link(site), site.client()
    answer = provider.post(path, data=POST, files={"x": b""}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, gone(site)) == (200, True)
    assert provider.post(path, content=b"x" * 70_000).status_code == 413


def test_a_link_that_is_not_ours(site: Site) -> None:
    path = stream_link(site)
    wrong = path[:-1] + ("a" if path[-1] != "a" else "b")
    for each in (wrong, "/u/x", "/u/" + "a" * 53):
        assert site.client().get(each).status_code == 404
        assert site.client().post(each, data=POST).status_code == 404
    assert not gone(site)


def test_an_admin_sees_who_left_and_takes_it_back(site: Site) -> None:
    path, admin = stream_link(site), site.client("ada@example.org")
    site.client().post(path, data=POST)
    page = admin.get("/suppressions").text
    assert "ana@x.example" in page
    assert "Order news" in page
    back = admin.post("/suppressions/back", data={"stream": "Order news", "address": "ana@x.example"})
    assert back.headers["location"] == "/suppressions?done=back"
    assert not gone(site)


def test_an_admin_names_a_stream(site: Site) -> None:
    stream_link(site)
    admin = site.client("ada@example.org")
    with site.parts.database.session() as session:
        row = session.exec(select(Credential).where(Credential.name == "News")).one()
    wrong = admin.post("/suppressions/stream", data={"credential": row.id, "stream": "x" * 80})
    assert (wrong.status_code, "up to 60 characters" in wrong.text) == (422, True)
    assert admin.post("/suppressions/stream", data={"credential": row.id, "stream": "Offers"}).status_code == 303
    with site.parts.database.session() as session:
        found = get_credential(session, row.id)
        assert found
        assert found.stream == "Offers"
