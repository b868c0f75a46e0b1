"""How states look: a word, a tone and an icon each, never a colour alone."""

from dataclasses import dataclass

from gatepost.words import DeliveryState, Strength


@dataclass(frozen=True, slots=True)
class Look:
    """`tone` is ok, warn, bad or empty; `title` says in a sentence what the word means."""

    label: str
    tone: str
    icon: str
    title: str = ""


DELIVERY = {
    DeliveryState.QUEUED: Look("Queued", "", icon="stack-2", title="Waits for its first attempt."),
    DeliveryState.SENDING: Look("Sending", "", icon="send", title="Is being handed over now."),
    DeliveryState.DELIVERED: Look("Delivered", "ok", icon="circle-check", title="Accepted by the recipient's server."),
    DeliveryState.DELAYED: Look("Delayed", "warn", icon="clock-exclamation", title="Will be tried again by itself."),
    DeliveryState.FAILED: Look("Failed", "bad", icon="circle-x", title="Refused for good; it is not tried again."),
    DeliveryState.UNCERTAIN: Look(
        "Uncertain", "warn", icon="help-circle", title="The connection was lost after the mail was handed over."
    ),
    DeliveryState.HELD: Look("Held", "warn", icon="player-pause", title="Kept back until somebody releases it."),
    DeliveryState.SUPPRESSED: Look("Suppressed", "bad", icon="ban", title="Not sent: this address bounced before."),
    DeliveryState.EXPIRED: Look("Expired", "bad", icon="clock-x", title="Given up after trying for days."),
    DeliveryState.CANCELLED: Look("Cancelled", "", icon="ban", title="Taken back before it was sent."),
    DeliveryState.BOUNCED: Look(
        "Bounced", "bad", icon="mail-x", title="Accepted first, then reported as not delivered."
    ),
    DeliveryState.COMPLAINED: Look("Complained", "bad", icon="flag", title="The recipient reported it as unwanted."),
}

STRENGTH = {
    Strength.BOTH: Look(
        "Verified sender",
        "ok",
        icon="shield-check",
        title="The domain is authenticated and the mail answers one of ours.",
    ),
    Strength.ALIGNED: Look(
        "Verified sender", "ok", icon="shield-check", title="DMARC or DKIM proves that the mail comes from this domain."
    ),
    Strength.TOKEN: Look(
        "Known reply", "", icon="key", title="Sent to a signed reply address of ours; its domain is not authenticated."
    ),
    Strength.NONE: Look(
        "Not verified", "", icon="shield-question", title="Nothing proves who wrote this. Do not act on it alone."
    ),
    Strength.FAILING: Look(
        "Sender check failed",
        "bad",
        icon="shield-x",
        title="The domain says that mail like this is not from it. Treat it as forged.",
    ),
}

ACCOUNT = {
    "connecting": Look("Connecting", "warn", icon="plug-connected"),
    "importing": Look("Importing", "", icon="download"),
    "live": Look("Connected", "ok", icon="circle-check"),
    "delayed": Look("Delayed", "warn", icon="clock-exclamation"),
    "needs reconnect": Look("Needs reconnect", "bad", icon="plug-x"),
    "needs admin approval": Look("Needs admin approval", "bad", icon="shield-question"),
    "disabled": Look("Off", "", icon="player-pause"),
}

EVENTS = {
    "conversation.created": Look("Conversation opened", "", icon="message-plus"),
    "conversation.updated": Look("Conversation changed", "", icon="edit"),
    "conversation.closed": Look("Closed", "ok", icon="circle-check"),
    "conversation.opened": Look("Opened again", "", icon="rotate"),
    "conversation.assigned": Look("Assigned", "", icon="user-check"),
    "conversation.deleted": Look("Deleted", "", icon="trash"),
    "conversation.restored": Look("Restored", "", icon="rotate"),
    "conversation.purged": Look("Deleted for ever", "", icon="trash"),
    "conversation.merged": Look("Merged", "", icon="link"),
    "conversation.shown": Look("Shown in another mailbox too", "", icon="inbox"),
    "conversation.handed_over": Look("Forwarded by an agent for a customer", "", icon="mail-forward"),
    "conversation.taken_back": Look("Counts as the agent's own mail", "", icon="rotate"),
    "conversation.side_opened": Look("Somebody else was asked", "", icon="mail-forward"),
    "conversation.split": Look("Split", "", icon="mail-forward"),
    "arrival.read_again": Look("Read again", "ok", icon="rotate"),
    "arrival.discarded": Look("Set-aside mail discarded", "", icon="trash"),
    "arrival.released": Look("Let in from review", "ok", icon="circle-check"),
    "arrival.kept_out": Look("Kept out", "", icon="ban"),
    "arrival.linked": Look("Report shown at a delivery", "", icon="link"),
    "correction.undone": Look("Move undone", "", icon="rotate"),
    "message.moved": Look("Moved", "", icon="mail-forward"),
    "message.received": Look("Received", "", icon="mail-down"),
    "message.written": Look("Sent with another mail program", "", icon="send"),
    "message.queued": Look("Queued", "", icon="stack-2"),
    "unsubscribe.added": Look("Left a stream", "warn", icon="ban"),
    "unsubscribe.removed": Look("In a stream again", "ok", icon="circle-check"),
    "suppression.added": Look("Address suppressed", "warn", icon="ban"),
    "suppression.removed": Look("Address no longer suppressed", "ok", icon="circle-check"),
    "domain.broken": Look("A domain's record broke", "bad", icon="alert-triangle"),
    "domain.healed": Look("A domain's records are right again", "ok", icon="circle-check"),
    "domain.removed": Look("Domain removed", "", icon="trash"),
    "domain.rotated": Look("DKIM key changed", "", icon="key"),
    "domain.verified": Look("Domain verified", "ok", icon="world-check"),
    "route.added": Look("Route added", "", icon="plus"),
    "route.changed": Look("Route changed", "", icon="edit"),
    "route.removed": Look("Route removed", "", icon="trash"),
    "sender.asked": Look("Address asked to confirm", "", icon="send"),
    "sender.confirmed": Look("Address confirmed", "ok", icon="circle-check"),
    "sender.removed": Look("Address removed", "", icon="trash"),
    "dsn.sent": Look("Sending system notified", "", icon="mail-forward"),
    "webhook.disabled": Look("Webhook switched off", "bad", icon="plug-x"),
    "webhook.test": Look("Webhook tested", "", icon="send"),
    "account.state": Look("Mailbox login changed its state", "", icon="plug-connected"),
    "account.import": Look("Import of old mail", "", icon="download"),
    "account.incomplete": Look("Mail is missing in a mailbox", "bad", icon="alert-triangle"),
    "account.complete": Look("A mailbox is complete again", "ok", icon="circle-check"),
    "account.folders": Look("Folders to be read were chosen", "", icon="list-check"),
    "expiry.near": Look("Something ends soon", "warn", icon="clock-exclamation"),
    "account.outage": Look("A provider does not answer", "warn", icon="clock-exclamation"),
    "account.approved": Look("Approval link came back", "ok", icon="shield-check"),
    "connect.begun": Look("Login at a provider begun", "", icon="plug-connected"),
    "connect.ended": Look("Login at a provider ended", "", icon="plug-connected"),
    "user.login": Look("Logged in", "", icon="key"),
    "delivery.retried": Look("Tried again by a person", "", icon="rotate"),
    "delivery.released": Look("Released", "", icon="send"),
    "delivery.readdressed": Look("Sent to a corrected address", "", icon="edit"),
    "agent.asked": Look("Agent asked to confirm an address", "", icon="send"),
    "agent.confirmed": Look("Agent's address confirmed", "ok", icon="circle-check"),
    "agent.removed": Look("Agent's address removed", "", icon="trash"),
    "agent.mailed": Look("Agent wrote by mail", "", icon="mail-down"),
    "agent.held": Look("Mail in an agent's name waits for a look", "warn", icon="alert-triangle"),
    "agent.acted": Look("Agent's mail carried out", "ok", icon="circle-check"),
    "agent.failed": Look("Agent's mail not carried out", "bad", icon="alert-circle"),
    "automatic.stopped": Look("Automatic mail stopped", "warn", icon="ban"),
    "automatic.resumed": Look("Automatic mail allowed again", "", icon="circle-check"),
    "note.added": Look("Note added", "", icon="note"),
}

UNKNOWN = Look("", "", icon="point")


def delivery_look(state: str) -> Look:
    """How a delivery state looks; a word of a later version is shown as it is."""
    return (
        DELIVERY.get(DeliveryState(state), UNKNOWN) if state in list(DeliveryState) else Look(state, "", UNKNOWN.icon)
    )


def strength_look(strength: str) -> Look:
    """How a sender's proof looks."""
    return STRENGTH[Strength(strength)] if strength in list(Strength) else STRENGTH[Strength.NONE]


def account_look(state: str) -> Look:
    """How an account's state looks."""
    return ACCOUNT.get(state, Look(state, "", UNKNOWN.icon))


def event_look(kind: str) -> Look:
    """How an event looks; delivery events look like the state they lead to."""
    family, _, rest = kind.partition(".")
    if family == "delivery" and kind not in EVENTS:
        return delivery_look(rest)
    return EVENTS.get(kind, Look(kind.replace(".", " ").replace("_", " ").capitalize(), "", UNKNOWN.icon))
