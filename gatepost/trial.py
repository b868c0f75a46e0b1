"""Trying a mailbox, connected or about to be: the reading side by connectors, the sending side by the gateway."""

from gatepost.amount import amount
from gatepost.connectors.access import Access
from gatepost.connectors.probe import Probe, Step, Trial, before_saving, probe
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_login import Login, NoLogin
from gatepost.gateway.account_way import server_hop
from gatepost.gateway.route import TlsPolicy
from gatepost.gateway.route_config import RouteConfig, config_hop
from gatepost.gateway.route_ways import NoHop, pinned
from gatepost.gateway.send_trial import Tried, try_sending
from gatepost.ids import new_id
from gatepost.mailbox_access import imap_login, keeps_copies, smtp_login
from gatepost.model import Account
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.tokens import mint_message_id


def try_account(gate: Gate, access: Access, account: Account, address: str, *, round_trip: bool = False) -> Probe:
    """Try a connected mailbox with its own login; `round_trip` sends a mail to itself and waits for it."""
    try:
        settings = imap_login(access, account)
        login = smtp_login(access)(account, "") if account.smtp_host else None
    except Trouble as trouble:
        return Probe((Step("login", False, trouble.what, trouble.fix, trouble.field),))
    except NoLogin as error:
        return Probe((Step("login", False, str(error), "Connect the mailbox again.", "password"),))
    return try_mailbox(gate, access, account, settings, login, address, round_trip=round_trip)


def try_mailbox(
    gate: Gate,
    access: Access,
    account: Account,
    settings: Connect,
    login: Login | None,
    address: str,
    *,
    round_trip: bool = False,
) -> Probe:
    """Try a mailbox that need not be stored; without `login` it does not send."""

    def send(content: bytes | None) -> Tried:
        if login is None:
            return False, "", "", ""
        try:
            hop = server_hop(gate, account, login, RouteConfig(tls=tls_of(gate, account)))
        except NoHop as error:
            return False, f"Sending cannot be tried: {error}.", "Check the server for sending.", "smtp_host"
        return try_sending(hop, address, content)

    now = clock()
    trial = Trial(
        settings=settings,
        address=address,
        message_id=mint_message_id(gate.keys, new_id("msg"), gate.settings.domain),
        now=now,
        private_hosts=gate.settings.private_hosts,
        keeps_copies=keeps_copies(access, account),
        sent_copy=account.sent_copy,
        sent_folder=account.sent_folder,
        try_sending=send if login else None,
        round_trip=round_trip,
    )
    return probe(trial)


def try_login(settings: Settings, wanted: Connect) -> Probe:
    """Try a login that is about to be saved: fetching, and a mail put into Drafts and taken away."""
    address = wanted.username if "@" in wanted.username else f"postmaster@{settings.domain}"
    return probe(before_saving(wanted, address, settings.domain, clock(), private_hosts=settings.private_hosts))


def try_server(gate: Gate, host: str, port: int, security: str, wanted: Connect) -> Step:
    """Try the server that a mailbox is about to send over, with the login that it is fetched with: nothing is sent."""
    config = RouteConfig(url=f"{'smtps' if security == 'tls' else 'smtp'}://{host}:{port}", tls="required")
    try:
        hop = pinned(gate, config, config_hop(gate.settings, config, wanted.username, wanted.password))
    except NoHop as error:
        return Step("send", False, f"Sending cannot be tried: {error}.", "Check the server for sending.", "smtp_host")
    return Step("send", *try_sending(hop, wanted.username))


def in_words(found: Probe, folder: str) -> str:
    """What a trial that went well showed."""
    more = [step.sentence for step in found.steps if step.name in ("sent", "write")]
    return " ".join((f"Connected: {amount(found.messages, 'message')} in {folder}.", *more))


def tls_of(gate: Gate, account: Account) -> TlsPolicy:
    """The TLS policy: a login is only sent over TLS, save where private hosts are allowed and it was asked for."""
    return "none" if account.smtp_security == "none" and gate.settings.private_hosts else "required"
