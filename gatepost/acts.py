"""What people may do with a delivery, by its state: one table, and the sentence for what does not go."""

from dataclasses import dataclass

from gatepost.words import DeliveryState as State

WAITING = frozenset((State.QUEUED, State.DELAYED))
ENDED = frozenset((State.FAILED, State.BOUNCED, State.EXPIRED, State.UNCERTAIN, State.SUPPRESSED))
UNDER_WAY = frozenset((*WAITING, State.SENDING))
FROM: dict[str, frozenset[State]] = {
    "retry": WAITING | ENDED,
    "hold": UNDER_WAY,
    "release": frozenset((State.HELD,)),
    "cancel": UNDER_WAY | {State.HELD},
    "reroute": WAITING | ENDED | {State.HELD},
    "resend": UNDER_WAY | ENDED | {State.HELD, State.CANCELLED},
}
INTO = {
    "retry": State.QUEUED,
    "hold": State.HELD,
    "release": State.QUEUED,
    "cancel": State.CANCELLED,
    "reroute": State.QUEUED,
}
DONE = {
    "retry": ("delivery.retried", "Will be tried again now"),
    "hold": ("delivery.held", "Held back"),
    "release": ("delivery.released", "Released"),
    "cancel": ("delivery.cancelled", "Cancelled"),
    "reroute": ("delivery.rerouted", "Sent over"),
}
SENDS = frozenset(("retry", "release", "reroute"))
WHY_NOT = {
    State.QUEUED: "it is waiting to be sent",
    State.DELAYED: "it is waiting to be sent",
    State.SENDING: "it is just being sent; its result comes within minutes",
    State.DELIVERED: "it was delivered",
    State.HELD: "it is held; release it instead",
    State.CANCELLED: "it was cancelled; send it again to another address, or as a new mail",
    State.COMPLAINED: "it was delivered, and the recipient complained",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user, or a name such as that of the command line or of a system."""

    name: str
    user_id: str | None = None


def may(
    act: str, state: str, *, leased: bool = False, suppressed: bool = False, left: bool = False, purged: bool = False
) -> tuple[bool, str]:
    """Whether an act applies to a delivery in this state, and why not.

    `leased`: a process is sending it at this moment; `suppressed`: its address is on the suppression list; `left`: its
    recipient has unsubscribed from the stream that it belongs to; `purged`: what it said was deleted for ever.
    """
    if state not in FROM[act]:
        ended = "it has ended" if state in ENDED else ""
        return False, WHY_NOT.get(State(state), ended)
    if state == State.SENDING and leased:
        return False, WHY_NOT[State.SENDING]
    if act in SENDS and purged:
        return False, "what it said was deleted for ever, so there is nothing left to send"
    if act in SENDS and suppressed:
        return False, "its address is on the suppression list; remove it there first"
    if act in SENDS and left:
        return False, "its recipient has unsubscribed from this mail; only take him back in if he asks for it"
    return True, ""


def possible(state: str) -> tuple[str, ...]:
    """The acts that apply to a delivery in this state when nobody is sending it, in the order that people need them."""
    return tuple(
        act for act in ("retry", "release", "resend", "hold", "cancel") if state != State.SENDING and may(act, state)[0]
    )
