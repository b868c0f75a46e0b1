"""What the browser tests stand on: a shop's installation, a logged-in tab that is watched, and mail of the world."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, StorageState
from sqlmodel import Session

from gatepost.model import Credential, Message
from gatepost.store.pages import conversations_with
from tests.lives.letters import answer, letter
from tests.rig.gatepost import PASSWORD, Product

SHOP = "support@northwind.example"
MAYA = "maya@northwind.example"
LEO = "leo@northwind.example"
WRONG_FORM = "status of 422"  # a form that comes back with what is wrong in it


@dataclass(slots=True)
class Watch:
    """What a tab did that it must not: requests to other hosts, and complaints of the browser (CSP among them)."""

    home: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Watch all pages of a browser context."""
        context.on("request", lambda request: self.requested(request))
        context.on("console", lambda message: self.said(message))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def requested(self, request: Request) -> None:
        if not request.url.startswith((f"{self.home}/", "data:", "blob:")):
            self.requests.append(request.url)

    def said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and WRONG_FORM not in message.text:
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


@dataclass(slots=True)
class Desk:
    """A running product with a mailbox, a system that sends, and the cookies of people who are logged in."""

    product: Product
    credential: tuple[Credential, str]
    states: dict[str, StorageState] = field(default_factory=dict)

    def url(self, path: str) -> str:
        """The address of a page."""
        return self.product.web + path

    def submit(self, subject: str, recipients: Sequence[str], text: str = "Thank you for your order.") -> str:
        """The shop sends a mail to these recipients (each as `Name <address>` or an address); its id."""
        sender = f"Northwind <{SHOP}>"
        _, mail = letter(sender, ", ".join(recipients), subject, text)
        envelope = [one.rpartition("<")[2].rstrip(">") for one in recipients]
        return self.product.submit(self.credential, SHOP, envelope, mail)

    def settled(self, message_id: str, *states: str) -> None:
        """Wait until the deliveries of a message are in these states and no other."""
        self.product.until(lambda: {row.state for row in self.product.deliveries(message_id).values()} == set(states))

    def receive(self, mail: EmailMessage | bytes, sender: str) -> None:
        """A server of the world hands us a mail for the shop."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        reply = self.product.deliver(sender, SHOP, raw)
        assert reply.code == 250, str(reply)

    def question(self, subject: str, text: str, sender: str = "Ana Ruiz <ana@calderon.test>") -> Message:
        """A customer writes first."""
        header_id, mail = letter(sender, SHOP, subject, text)
        self.receive(mail, address(sender))
        return self.product.message(header_id)

    def answer(self, asked: Message, text: str, sender: str = "Ana Ruiz <ana@calderon.test>") -> None:
        """A customer writes again, referring to a mail."""
        _, mail = answer(sender, SHOP, asked.subject, text, asked.message_id)
        self.receive(mail, address(sender))

    def page_of(self, message_id: str) -> str:
        """The path of the newest conversation that shows a message."""

        def find(session: Session) -> int:
            return conversations_with(session, session.get_one(Message, message_id))[-1].number

        return f"/inbox/{self.product.read(find)}"


def address(sender: str) -> str:
    """The address in `Name <address>`."""
    return sender.rpartition("<")[2].rstrip(">")


def log_in(page: Page, home: str, email: str, password: str = PASSWORD) -> None:
    """Fill the login form and send it."""
    page.goto(f"{home}/login")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
