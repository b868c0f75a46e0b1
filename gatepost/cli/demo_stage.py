"""What the demo stands on: its mailbox and credential, real SMTP to the running listeners, and waiting for results."""

import smtplib
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlmodel import Session

from gatepost.certificate import certificate_files
from gatepost.cli.demo_mails import SHOP, SHOP_DOMAIN, Letter
from gatepost.cli.frame import Failed
from gatepost.compose import compose
from gatepost.model import Conversation, Delivery, Message
from gatepost.parts import Parts, clock
from gatepost.seal import SealError, seal, unseal
from gatepost.settings import Settings
from gatepost.store.channels import channel_by_address, create_channel
from gatepost.store.credentials import check_credential, create_credential
from gatepost.store.deliveries import deliveries_of
from gatepost.store.domains import add_domain, domain_by_name, new_domain
from gatepost.store.messages import conversation_messages, get_message, messages_by_header_id
from gatepost.store.pages import conversations_with
from gatepost.words import WAITING

T = TypeVar("T")

PATIENCE = 45.0
LOGIN = "demo.login"
ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "::1"}  # noqa: S104  what to connect to


@dataclass(frozen=True, slots=True)
class Stage:
    """An installation with the demo's login (user name, secret)."""

    parts: Parts
    login: tuple[str, str]

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.parts.settings

    def read(self, op: Callable[[Session], T]) -> T:
        """Read from the store."""
        with self.parts.database.session() as session:
            return op(session)

    def deliveries(self, message_id: str) -> Sequence[Delivery]:
        """Where each recipient's copy is."""
        return self.read(lambda session: deliveries_of(session, message_id))

    def conversation(self, message_id: str) -> Conversation | None:
        """The newest conversation that shows a message."""

        def find(session: Session) -> Conversation | None:
            message = get_message(session, message_id)
            found = conversations_with(session, message) if message else []
            return found[-1] if found else None

        return self.read(find)

    def thread(self, message_id: str) -> Sequence[Message]:
        """All messages of the newest conversation that shows a message."""
        conversation = self.conversation(message_id)
        return self.read(lambda session: conversation_messages(session, conversation)) if conversation else ()

    def message(self, header_id: str) -> Message | None:
        """The message with this Message-ID."""
        return self.read(lambda session: next(iter(messages_by_header_id(session, header_id)), None))


def set_stage(parts: Parts) -> Stage:
    """Make or reuse the demo's mailbox, domain and credential."""
    now = clock()
    with parts.database.session() as session:
        channel, domain = channel_by_address(session, SHOP), domain_by_name(session, SHOP_DOMAIN)
    if channel is None:
        name, footer = "Northwind Support", "Northwind Furniture, 12 Quay Street, Portmere"
        parts.ledger.write(lambda s: create_channel(s, name=name, address=SHOP, footer=footer, now=now))
    if domain is None:
        made = new_domain(parts.keys, SHOP_DOMAIN, now)
        parts.ledger.write(lambda session: add_domain(session, made))
    return Stage(parts, known_login(parts) or new_login(parts, now))


def login_file(parts: Parts) -> Path:
    """Where the demo's secret is kept, sealed."""
    return parts.settings.path(parts.settings.var) / "demo-login"


def known_login(parts: Parts) -> tuple[str, str] | None:
    """The login of an earlier demo, if it is still good."""
    with suppress(OSError, SealError, ValueError):
        username, secret = unseal(parts.keys, LOGIN, login_file(parts).read_bytes()).decode().split()
        with parts.database.session() as session:
            if check_credential(session, parts.keys, username, secret):
                return username, secret
    return None


def new_login(parts: Parts, now: datetime) -> tuple[str, str]:
    """A credential that makes a conversation of every mail, so that all of the scene is seen in the inbox."""
    credential, secret = parts.ledger.write(
        lambda session: create_credential(
            session,
            parts.keys,
            kind="smtp",
            name="Northwind shop (demo)",
            senders=[SHOP_DOMAIN],
            conversations="always",
            now=now,
        )
    )
    login_file(parts).write_bytes(seal(parts.keys, LOGIN, f"{credential.username} {secret}".encode()))
    return credential.username, secret


def place_of(listener: str) -> tuple[str, int]:
    """Host and port to connect to for a listener's setting."""
    host, _, port = listener.rpartition(":")
    return ANYWHERE.get(host, host).strip("[]"), int(port)


@contextmanager
def connected(settings: Settings, setting: str) -> Iterator[smtplib.SMTP]:
    """A connection to a listener of ours, encrypted where it logs in. Raises Failed when nothing answers there."""
    listener = str(getattr(settings, setting))
    if not listener:
        raise Failed(f"the listener `{setting}` is switched off in the settings; the demo needs it")
    host, port = place_of(listener)
    try:
        client = smtplib.SMTP(host, port, local_hostname="shop.northwind.example", timeout=60)
    except OSError as error:
        raise Failed(
            f"nothing answers at {listener} ({setting}): {error}. "
            "Start Gatepost with `make run` (or `gatepost serve`) in another terminal, then run this again"
        ) from None
    with client:
        client.ehlo()
        if setting == "submission":
            client.starttls(context=own_certificate(settings))
            client.ehlo()
        yield client


def own_certificate(settings: Settings) -> ssl.SSLContext:
    """Trust in the certificate that our listeners show, by whatever name they are reached."""
    context = ssl.create_default_context(cafile=str(certificate_files(settings, clock())[0]))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def compose_letter(letter: Letter, header_id: str, answered: str = "") -> bytes:
    """A letter as octets; `answered` is the Message-ID that it answers."""
    return compose(
        from_=letter.sender,
        to=letter.to,
        cc=letter.cc,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        message_id=header_id,
        date=clock(),
        in_reply_to=[answered] if answered else [],
        references=[answered] if answered else [],
        attachments=letter.files,
    )


def submit(stage: Stage, letter: Letter) -> str:
    """Send a mail of the shop through the submission listener; its id. Raises Failed."""
    mail = compose_letter(letter, f"{uuid.uuid4()}@{SHOP_DOMAIN}")
    with connected(stage.settings, "submission") as client:
        try:
            client.login(*stage.login)
        except smtplib.SMTPAuthenticationError:
            raise Failed("the server does not know the demo's login: it serves other data; use its --config") from None
        client.mail(SHOP)
        for _, address in (*letter.to, *letter.cc):
            client.rcpt(address)
        code, text = client.data(mail)
    if code != 250:
        raise Failed(f"the submission listener answered {code} {text.decode()}")
    return text.decode().split()[-1]


def deliver(stage: Stage, letter: Letter, answered: str = "") -> Message:
    """Hand a customer's mail to the MX listener, as his server does; the message. Raises Failed."""
    header_id = f"{uuid.uuid4()}@{letter.sender[1].rpartition('@')[2]}"
    with connected(stage.settings, "mx") as client:
        client.mail(letter.sender[1])
        code, text = client.rcpt(letter.to[0][1])
        if code == 250:
            code, text = client.data(compose_letter(letter, header_id, answered))
    message = stage.message(header_id)
    if code != 250 or message is None:
        raise Failed(f"the MX listener answered {code} {text.decode()}")
    return message


def wait_for(what: str, look: Callable[[], T]) -> T:
    """What `look` gives once that is something, with a sign of life meanwhile. Raises Failed after 45 s."""
    from rich.console import Console

    begin = time.monotonic()
    with Console(stderr=True).status(f"  {what}"):
        while not (found := look()):
            if time.monotonic() - begin > PATIENCE:
                raise Failed(f"waited {PATIENCE:.0f} s for this: {what}. Look at what `gatepost serve` prints")
            time.sleep(0.2)
    return found


def settled(stage: Stage, message_id: str) -> Sequence[Delivery]:
    """A message's deliveries once none of them waits any more."""

    def look() -> Sequence[Delivery]:
        rows = stage.deliveries(message_id)
        return rows if all(row.state not in WAITING for row in rows) else ()

    return wait_for("waiting for the answers of the recipients' servers", look)
