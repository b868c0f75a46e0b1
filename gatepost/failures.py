"""How failed deliveries are told below a message: one, all or some recipients, in the wordings that agents know."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from gatepost.codes import Explanation, explain, shown_code
from gatepost.reply import Reply
from gatepost.words import NOT_DELIVERED, DeliveryState

ALL = "Could not be delivered"
SOME = "Could not be delivered to some recipients"
EXPIRED = "Send it again, or reach the person another way."
UNCERTAIN_REASON = "The connection was lost just after the mail had been sent, so it may have arrived or not"
UNCERTAIN = "Ask the recipient whether it arrived before you send it again; the setting uncertain may do it by itself."


class Delivered(Protocol):
    """What is read of a delivery: `gatepost.model.Delivery`, or anything like it."""

    @property
    def recipient(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def code(self) -> int | None: ...
    @property
    def status(self) -> str | None: ...
    @property
    def text(self) -> str: ...


D = TypeVar("D", bound=Delivered)


@dataclass(frozen=True, slots=True)
class Failure(Generic[D]):
    """What to show below a message, and the deliveries beside whose names the icon stands."""

    scope: Literal["one", "all", "some"]
    sentence: str
    failed: tuple[D, ...]

    @property
    def reason(self) -> str:
        """The sentence without a code."""
        return advice_for(self.failed[0]).reason if self.scope == "one" else self.sentence

    @property
    def code(self) -> str:
        """The code of the single recipient's failure, where there is one; readers may have codes hidden."""
        return code_of(self.failed[0]) if self.scope == "one" else ""


def summarise(deliveries: Sequence[D]) -> Failure[D] | None:
    """The failure of a message with these deliveries, or None: only final failures count, a delay is none.

    A single recipient's reason and code stand in the sentence itself; of several recipients they are behind the icon.
    """
    failed = tuple(delivery for delivery in deliveries if has_failed(delivery))
    if not failed:
        return None
    if len(deliveries) == 1:
        return Failure("one", reason_and_code(failed[0]), failed)
    if len(failed) == len(deliveries):
        return Failure("all", ALL, failed)
    return Failure("some", SOME, failed)


def has_failed(delivery: Delivered) -> bool:
    """Whether it ended without reaching the recipient: failed, expired, bounced later, or suppressed."""
    return delivery.state in NOT_DELIVERED


def reply_of(delivery: Delivered) -> Reply:
    """The last reply of a delivery."""
    return Reply(delivery.code, delivery.status, delivery.text)


def reason_and_code(delivery: Delivered) -> str:
    """`The mailbox of anna@x.test is full (552 5.2.2)`; without the brackets where there is no code."""
    code = code_of(delivery)
    reason = advice_for(delivery).reason
    return f"{reason} ({code})" if code else reason


def code_of(delivery: Delivered) -> str:
    """`550 5.1.1`, `5.1.2`, or an empty string: the code is optional, and a yes is no code of a failure."""
    reply = reply_of(delivery)
    return "" if has_failed(delivery) and reply.positive else shown_code(reply)


def advice_for(delivery: Delivered) -> Explanation:
    """The reason, the advice and who can act, for a delivery in any state."""
    known = explain(failed_reply(delivery), delivery.recipient)
    match delivery.state:
        case DeliveryState.SUPPRESSED:
            return Explanation(
                delivery.text or f"Not sent: earlier mail to {delivery.recipient} could not be delivered",
                "Check the address; if it works again, remove it from the suppression list and send again.",
                "sender",
                True,
            )
        case DeliveryState.EXPIRED:
            return replace(
                known, reason=f"Given up after many attempts: {lowered(known.reason)}", advice=EXPIRED, retryable=True
            )
        case DeliveryState.HELD:
            return Explanation(
                delivery.text or "Held back before sending",
                "Release it on the Messages page, or cancel it.",
                "admin",
                True,
            )
        case DeliveryState.CANCELLED:
            return Explanation(
                delivery.text or "Cancelled before it was sent", "Send it again if it is still wanted.", "sender", False
            )
        case DeliveryState.UNCERTAIN:
            return Explanation(UNCERTAIN_REASON, UNCERTAIN, "sender", True)
        case DeliveryState.COMPLAINED:
            return Explanation(
                f"{delivery.recipient} marked the mail as spam",
                "Do not send there without being asked.",
                "sender",
                False,
            )
        case DeliveryState.QUEUED | DeliveryState.SENDING:
            return Explanation("On its way", "Nothing to do.", "wait", True)
        case _:
            return known


def failed_reply(delivery: Delivered) -> Reply:
    """The reply to explain; a failure whose last answer was a yes, as after a bounce without codes, is no yes."""
    reply = reply_of(delivery)
    if has_failed(delivery) and reply.positive:
        return Reply(None, "5.0.0", delivery.text)
    if delivery.state in (DeliveryState.FAILED, DeliveryState.BOUNCED) and reply.code is None and reply.status is None:
        return Reply(None, "5.0.0", delivery.text)
    return reply


def lowered(sentence: str) -> str:
    """A sentence as the second half of another; one that starts with an address stays."""
    first = sentence.partition(" ")[0]
    return sentence if "@" in first else sentence[:1].lower() + sentence[1:]
