"""What monitors ask: alive, ready, and numbers (Prometheus text format)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import ip_address, ip_network

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import PlainTextResponse, Response

from gatepost.database import Database
from gatepost.disk import Disk
from gatepost.store import pages, users
from gatepost.store.accounts import list_accounts
from gatepost.store.completeness import verifications
from gatepost.store.deliveries import count_states, next_due
from gatepost.store.events import last_seq
from gatepost.store.idling import Word, count_words
from gatepost.store.undone import undone_by_account
from gatepost.web.route import Guest
from gatepost.web.session import read_cookie
from gatepost.web.state import App
from gatepost.words import DeliveryState, Outcome

CLOSED = "The numbers are not open to this address: add its network to metrics_networks, or log in as an admin.\n"


def healthz(guest: Guest) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


def readyz(guest: Guest) -> Response:
    """The database answers, the ledger writes, and the disk has room for mail; others are told yes or no alone."""
    near = may_read(guest)
    why = not_ready(guest, write=near)
    if not why:
        return PlainTextResponse("ready\n")
    return PlainTextResponse(f"{why}\n" if near else "not ready\n", 503)


def not_ready(guest: Guest, *, write: bool) -> str:
    """Why no mail can be served now; empty when it can. With `write` the ledger is tried too."""
    disk = guest.app.blobs.disk
    if disk.failed:
        return f"the disk failed to sync, serving stops: {disk.failed}"
    try:
        last_seq(guest.session)
        if write:
            guest.app.ledger.write(lambda session: None)
    except (SQLAlchemyError, RuntimeError, OSError):
        return "the database does not answer; see the log"
    low = disk.low()
    return f"no mail is taken: {low}" if low else ""


def may_read(guest: Guest) -> bool:
    """Whether the numbers are this reader's to see: by his network, or as an admin."""
    try:
        address = ip_address(guest.ip)
    except ValueError:
        address = None
    if address and any(address in ip_network(net) for net in guest.app.settings.metrics_networks):
        return True
    try:
        known = users.session_by_token(guest.session, read_cookie(guest.request, guest.app.secure), guest.now)
    except SQLAlchemyError:
        return False
    return bool(known and known[1].role == "admin")


def metrics(guest: Guest) -> Response:
    """Numbers, read when they are asked for; for the networks of `metrics_networks` and admins that are logged in."""
    if not may_read(guest):
        return PlainTextResponse(CLOSED, 403)
    registry: CollectorRegistry = guest.request.app.state.metrics
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def make_registry(app: App) -> CollectorRegistry:
    """A registry of this application alone."""
    registry = CollectorRegistry()
    registry.register(Numbers(app.database, app.now))
    registry.register(Space(app.blobs.disk))
    return registry


class Space(Collector):
    """Gauges of the disk under `var`; they need no database."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is looked at while registering."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is free, whether mail is refused for it, and whether a sync has failed."""
        room = self.disk.room()
        if room:
            yield GaugeMetricFamily("gatepost_disk_free_bytes", "Octets that are free under var", room.octets)
            yield GaugeMetricFamily("gatepost_disk_free_inodes", "Files that can still be made under var", room.files)
        refusing = int(self.disk.refusal() is not None)
        yield GaugeMetricFamily("gatepost_disk_refusing", "1 while no mail is taken for lack of room", refusing)
        failed = int(bool(self.disk.failed))
        yield GaugeMetricFamily("gatepost_disk_sync_failed", "1 after a failed sync: the process ends", failed)


class Numbers(Collector):
    """Gauges counted in the database."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is counted while registering."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Deliveries by state, inbound mail by outcome, accounts by state, and when the outbox is due next."""
        with self.database.session() as session:
            states, outcomes = count_states(session), pages.outcome_counts(session)
            accounts, due, arrival = list_accounts(session), next_due(session), pages.newest_arrival(session)
            checks, undone = verifications(session), undone_by_account(session)
            watched = count_words(session, self.now())
        yield family(
            "gatepost_deliveries", "Deliveries by state", "state", {s: states.get(s, 0) for s in DeliveryState}
        )
        yield family("gatepost_inbound", "Inbound mail by outcome", "outcome", {o: outcomes.get(o, 0) for o in Outcome})
        found: dict[str, int] = {}
        for account in accounts:
            found[account.state] = found.get(account.state, 0) + 1
        yield family("gatepost_accounts", "Connected mailboxes by state", "state", found)
        told = {str(word): watched.get(word, 0) for word in Word}
        yield family("gatepost_mailboxes_watched", "Mailboxes over whose open connection news is told", "how", told)
        names = {account.id: account.address or account.username for account in accounts}
        missing = dict.fromkeys(names.values(), 0)
        missing |= {names[key]: check.missing for key, check in checks.items() if key in names}
        about = "Mails on a mailbox's server that are not here, as last compared"
        yield family("gatepost_mailbox_missing", about, "mailbox", missing)
        lacking = dict.fromkeys(names.values(), 0)
        lacking |= {names[key]: one.copies + one.acts for key, one in undone.items() if key in names}
        about = "Copies in Sent and changes of mails that could not be done at a mailbox's provider, given up or not"
        yield family("gatepost_mailbox_undone", about, "mailbox", lacking)
        yield time_gauge("gatepost_outbox_due_timestamp_seconds", "When the outbox has something to do next", due)
        yield time_gauge("gatepost_inbound_last_timestamp_seconds", "When the last inbound mail came", arrival)


def family(name: str, about: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, about, labels=[label])
    for value, count in values.items():
        gauge.add_metric([str(value)], count)
    return gauge


def time_gauge(name: str, about: str, moment: object) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, about)
    if hasattr(moment, "timestamp"):
        gauge.add_metric([], moment.timestamp())
    return gauge
