"""The doctor's look at what comes back with answers: which signs that lead them to their conversation survive."""

from datetime import timedelta

from sqlmodel import Session

from gatepost.amount import amount
from gatepost.cli.findings import Findings, ok, warn
from gatepost.gateway.large import split_source
from gatepost.mail import parse_head
from gatepost.model import Channel, Message
from gatepost.parts import Parts, clock
from gatepost.store.arrivals import arrivals_of
from gatepost.store.channels import list_channels
from gatepost.store.messages import RawLost, open_raw
from gatepost.store.placing import newest_inbound
from gatepost.threading.routing import Tally, count, lost_its_signs, signs_of

DAYS = 30
MOST = 500
FIX = (
    "a server on their way takes our Message-ID and reply address away: see with `gatepost trace {message}` which one "
    "sent it, and ask who runs it to keep References and In-Reply-To; `gatepost thread --dry-run --policy archive` "
    "shows where such mail belongs"
)


def look_at_routing(parts: Parts) -> Findings:
    """What the last answers to each mailbox carried."""
    tallies: dict[str, Tally] = {}
    with parts.database.session() as session:
        for message in newest_inbound(session, clock() - timedelta(days=DAYS), MOST):
            tally = tallies.setdefault(message.channel_id or "", Tally())
            signs = signs_in(session, parts, message)
            count(tally, message, signs, lost=not signs and lost_its_signs(session, message))
        channels = list_channels(session)
    for channel in channels:
        if channel.id in tallies:
            yield from told(channel, tallies[channel.id])


def signs_in(session: Session, parts: Parts, message: Message) -> tuple[str, ...]:
    """As `signs_of` for a stored mail; none where storage lost it."""
    try:
        head, _ = split_source(open_raw(session, message.raw_id, parts.blobs))
    except RawLost:
        return ()
    arrival = next(iter(arrivals_of(session, message.id)), None)
    return signs_of(parts.keys, parts.settings.replies, parse_head(head), arrival.recipient if arrival else "")


def told(channel: Channel, tally: Tally) -> Findings:
    """What there is to say about one mailbox; nothing where nobody answered."""
    if tally.answers:
        ordered = sorted(tally.carried.items(), key=lambda one: (-one[1], one[0]))
        where = ", ".join(f"{name} in {number}" for name, number in ordered)
        yield ok("routing", f"{channel.address}: {amount(tally.answers, 'answer')} in {DAYS} days led back by {where}")
    if tally.lost:
        what = f"{amount(len(tally.lost), 'mail')} in {DAYS} days looked like an answer, and carried no sign of ours"
        fix = FIX.format(message=tally.lost[0].id)
        yield warn("routing", f"{channel.address}: {what}, so that a new conversation was begun", fix)
