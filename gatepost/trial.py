"""Trying a mailbox, connected or about to be: the reading side by connectors, the sending side by the gateway."""

from gatepost.amount import amount
from gatepost.connectors.access import Access
from gatepost.connectors.probe import Probe, Step, Trial, before_saving, probe
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_login import Login, NoLogin, NotTaken, Server, leads_elsewhere
from gatepost.gateway.account_way import server_hop
from gatepost.gateway.route import TlsPolicy
from gatepost.gateway.route_config import RouteConfig, config_hop
from gatepost.gateway.route_ways import NoHop, pinned
from gatepost.gateway.send_trial import Tried, try_sending
from gatepost.gateway.send_trial import try_login as try_send_login
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


def try_new_server(gate: Gate, access: Access, account: Account, server: Server, password: str) -> NotTaken | None:
    """Try another server for a connected mailbox before that is saved, with its own login, or the password as typed.

    None where it takes the login, where none is named, and where it is the one that is saved already. Nothing is sent.
    """
    if not server.host or server == Server(account.smtp_host, account.smtp_port, account.smtp_security):
        return None
    named = {"smtp_host": server.host, "smtp_port": server.port, "smtp_security": server.security}
    changed = Account(**{**account.model_dump(), **named})
    try:
        proven = password and account.auth == "password" and leads_elsewhere(account, server.host, server.security)
        login = Login("password", password) if proven else smtp_login(access)(changed, "")  # guesses are tried nowhere
        hop = server_hop(gate, changed, login, RouteConfig(tls=tls_of(gate, changed)))
    except NoHop as error:
        return NotTaken("smtp_host", f"Sending cannot be tried: {error}. Check the server for sending.")
    except NoLogin as error:
        return NotTaken("smtp_host", f"Sending cannot be tried: {error}")
    (ok, sentence, fix, field), passing = try_send_login(hop)
    beside = field if field != "smtp_password" else "password" if account.auth == "password" else "smtp_host"
    return None if ok else NotTaken(beside, f"{sentence} {fix}".strip(), passing)


def in_words(found: Probe, folder: str) -> str:
    """What a trial that went well showed."""
    more = [step.sentence for step in found.steps if step.name in ("sent", "write")]
    return " ".join((f"Connected: {amount(found.messages, 'message')} in {folder}.", *more))


def tls_of(gate: Gate, account: Account) -> TlsPolicy:
    """The TLS policy: a login is only sent over TLS, save where private hosts are allowed and it was asked for."""
    return "none" if account.smtp_security == "none" and gate.settings.private_hosts else "required"
