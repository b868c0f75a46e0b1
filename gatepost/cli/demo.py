"""`gatepost demo`: a scene through the real listeners that shows every state, told in words as it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gatepost.cli import demo_mails as mails
from gatepost.cli.demo_mails import SHOP, Letter
from gatepost.cli.demo_stage import Stage, connected, deliver, set_stage, settled, submit, wait_for
from gatepost.cli.frame import Failed, opened, say
from gatepost.model import Delivery, Message
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.words import DeliveryState, Kind


@dataclass(frozen=True, slots=True)
class Shown:
    """Something to look at afterwards."""

    label: str
    message_id: str


Scene = Callable[[Stage, str], list[Shown]]


def run(settings: Settings) -> None:
    """Play it. Raises Failed where it cannot be played, with the fix."""
    if settings.route != "sandbox":
        raise Failed("the demo writes to invented people, so it plays on the sandbox route only: set route = sandbox")
    for listener in ("submission", "mx"):
        with connected(settings, listener):
            pass
    with opened(settings) as parts:
        stage = set_stage(parts)
        number = f"{clock():%d%H%M}"
        say(f"Northwind, an invented shop, writes and is written to. Watch it live: {settings.base_url}/inbox")
        shown: list[Shown] = []
        for at, (title, scene) in enumerate(SCENES, 1):
            say(f"\n{at}/{len(SCENES)}  {title}")
            shown += scene(stage, number)
        say("\nWhere to look:")
        for one in shown:
            say(f"  {address_of(stage, one.message_id):<36} {one.label}")
        say(f"  {settings.base_url + '/inbox?tab=failed':<36} everything not delivered")
        say(f"  {settings.base_url + '/sandbox':<36} what the sandbox kept")


def address_of(stage: Stage, message_id: str) -> str:
    """The page of the conversation that shows a message, else its own page."""
    conversation = stage.conversation(message_id)
    page = f"inbox/{conversation.number}" if conversation else f"messages/{message_id}"
    return f"{stage.settings.base_url}/{page}"


def tell(rows: Sequence[Delivery]) -> None:
    """What became of each recipient."""
    for row in rows:
        reply = " ".join(str(part) for part in (row.code, row.status, row.text) if part)
        said = "" if row.state == DeliveryState.DELIVERED else f"  {reply if len(reply) < 72 else reply[:70] + '…'}"
        say(f"     {row.recipient:<34} {row.state}{said}")


def send(stage: Stage, letter: Letter) -> str:
    """Submit a mail of the shop and say so; its id."""
    message_id = submit(stage, letter)
    say(f"     “{letter.subject}” to {len(letter.to) + len(letter.cc)} by SMTP submission: queued")
    return message_id


def relay(stage: Stage, letter: Letter) -> str:
    """Submit a mail and tell what became of every recipient; its id."""
    message_id = send(stage, letter)
    tell(settled(stage, message_id))
    return message_id


def invoice(stage: Stage, number: str) -> list[Shown]:
    """Delivered, then answered by the customer: the answer carries the id of our mail."""
    message_id = relay(stage, mails.invoice(number))
    origin = stage.read(lambda session: session.get_one(Message, message_id))
    answer = deliver(stage, mails.invoice_answer(number), origin.message_id)
    say(f"     Ana answers by SMTP to our MX: {reason(answer)}")
    return [Shown("delivered to all, and answered", message_id)]


def reason(message: Message) -> str:
    """Why a mail is where it is."""
    decisive = [str(why["text"]) for why in message.why if why.get("result") in ("joined", "new")]
    return decisive[0] if decisive else message.outcome


def one_failed(stage: Stage, number: str) -> list[Shown]:
    """The only recipient does not exist."""
    return [Shown("failed, single recipient", relay(stage, mails.shipping_notice(number)))]


def some_failed(stage: Stage, number: str) -> list[Shown]:
    """One of three is reached."""
    return [Shown("failed for some", relay(stage, mails.access(number)))]


def all_failed(stage: Stage, number: str) -> list[Shown]:
    """Nobody is reached."""
    return [Shown("failed for all", relay(stage, mails.delivery_date(number)))]


def deferred(stage: Stage, number: str) -> list[Shown]:
    """A full mailbox is tried again until it has room."""
    message_id = send(stage, mails.address_change(number))

    def delayed() -> bool:
        return any(row.state == DeliveryState.DELAYED for row in stage.deliveries(message_id))

    wait_for("waiting for the first attempt", delayed)
    tell(stage.deliveries(message_id))
    say("     tried again after 2 and 4 seconds ...")
    tell(settled(stage, message_id))
    return [Shown("deferred, then delivered", message_id)]


def out_of_office(stage: Stage, number: str) -> list[Shown]:
    """An automatic answer joins, and opens nothing."""
    message_id = relay(stage, mails.collection(number))

    def look() -> list[Message]:
        return [row for row in stage.thread(message_id) if row.kind == Kind.AUTO_REPLY]

    (answer, *_) = wait_for("the out-of-office answer comes 5 seconds later", look)
    say(f"     “{answer.subject}” arrives: {reason(answer)}")
    return [Shown("an out-of-office answer", message_id)]


def late_bounce(stage: Stage, number: str) -> list[Shown]:
    """Accepted first; then a report comes to the signed return path of one recipient."""
    message_id = relay(stage, mails.order_confirmation(number))

    def look() -> bool:
        return any(row.state == DeliveryState.BOUNCED for row in stage.deliveries(message_id))

    wait_for("a bounce comes by mail 5 seconds later", look)
    say("     5 seconds later a bounce arrives by mail:")
    tell(stage.deliveries(message_id))
    return [Shown("a late bounce", message_id)]


def strangers(stage: Stage, number: str) -> list[Shown]:
    """People who write first."""
    shown = []
    for letter in mails.first_letters(number):
        message = deliver(stage, letter)
        say(f"     {letter.sender[0]} writes to {SHOP}: {reason(message)}")
        shown.append(Shown(f"new, from {letter.sender[0]}", message.id))
    return shown


SCENES: tuple[tuple[str, Scene], ...] = (
    ("Delivered to all recipients, and a customer's answer", invoice),
    ("One recipient, who does not exist", one_failed),
    ("Three recipients, some not reached", some_failed),
    ("Two recipients, none reached", all_failed),
    ("Deferred, then delivered", deferred),
    ("An out-of-office answer", out_of_office),
    ("A late bounce", late_bounce),
    ("New conversations from people who write first", strangers),
)
