"""`gatepost doctor`: looks at everything that serving needs and says what is wrong and how to fix it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from gatepost.amount import amount
from gatepost.cli import doctor_data, doctor_domains, doctor_net, doctor_routing
from gatepost.cli.findings import Finding, Findings, fail, guarded, ok, warn
from gatepost.cli.frame import DONE, FINDINGS, print_object, say
from gatepost.database import DatabaseError, open_database, schema_revision
from gatepost.parts import Parts, open_parts
from gatepost.resolver import Resolver, dns_resolver
from gatepost.seal import KeyFileError, load_keys
from gatepost.settings import Settings, SettingsError, load_settings

TRIAL = (".test", ".example", ".invalid", ".localhost")


def doctor(config: Path | None, as_json: bool) -> int:
    """Check, tell, and end with 3 when something should be done."""
    try:
        settings = load_settings(config)
        resolver = dns_resolver(settings.dns_servers or None)
    except SettingsError as error:
        findings = [
            fail("settings", problem, "correct it, then run `gatepost doctor` again") for problem in error.problems
        ]
    except ValueError as error:
        findings = [fail("settings", f"dns_servers: {error}", "write each as an address, such as 192.0.2.53")]
    else:
        findings = examine(settings, resolver)
    for finding in findings:
        tell(finding, as_json)
    bad = [finding for finding in findings if finding.state != "ok"]
    if not as_json:
        say("")
        say(
            f"{amount(len(findings), 'check')}, {len(bad)} with something to do."
            if bad
            else f"{len(findings)} checks, all well."
        )
    return FINDINGS if bad else DONE


def tell(finding: Finding, as_json: bool) -> None:
    """One finding on its line, its fix below."""
    if as_json:
        print_object(
            {"group": finding.group, "state": finding.state, "sentence": finding.sentence, "fix": finding.fix or None}
        )
        return
    say(f"{finding.state:4}  {finding.group:10} {finding.sentence}")
    if finding.fix:
        say(f"{'':17}fix: {finding.fix}")


def examine(settings: Settings, resolver: Resolver) -> list[Finding]:
    """All findings; what needs the database is left out where there is none."""
    found = [
        *guarded("settings", lambda: look_at_settings(settings)),
        *guarded("keys", lambda: look_at_keys(settings)),
        *guarded("database", lambda: look_at_database(settings)),
        *guarded("disk", lambda: doctor_data.look_at_disk(settings)),
        *guarded("tls", lambda: doctor_net.look_at_tls(settings)),
        *guarded("ports", lambda: doctor_net.look_at_ports(settings)),
        *guarded("route", lambda: doctor_net.look_at_route(settings)),
    ]
    if any(finding.state == "fail" and finding.group in ("keys", "database") for finding in found):
        return found
    checks: tuple[tuple[str, Callable[[Parts], Findings]], ...] = (
        ("domains", lambda parts: doctor_domains.look_at_domains(parts, resolver)),
        ("mailboxes", doctor_data.look_at_mailboxes),
        ("routing", doctor_routing.look_at_routing),
        ("expiries", doctor_data.look_at_expiries),
        ("queue", doctor_data.look_at_queue),
        ("arrivals", doctor_data.look_at_arrivals),
    )
    with open_parts(settings) as parts:
        for group, look in checks:
            found += guarded(group, lambda look=look: look(parts))  # type: ignore[misc]
    return found


def look_at_settings(settings: Settings) -> Findings:
    """The domain that everything is named after."""
    if settings.domain.endswith(TRIAL):
        yield ok("settings", f"the domain is {settings.domain}, for trials only: the outside world cannot answer it")
    else:
        yield ok("settings", f"the domain is {settings.domain}, replies go to {settings.replies}")
    if behind_a_proxy(settings):
        yield warn(
            "settings",
            f"browsers reach {settings.web_url}, which is not {settings.web}, so a proxy stands before the pages, and "
            "everybody seems to come from its address: login limits and metrics_networks cannot tell people apart",
            'set web_proxies to the proxy\'s address, such as ["127.0.0.1"]',
        )
    if settings.route != "sandbox" and settings.domain.endswith(TRIAL):
        yield warn("settings", f"mail leaves for the world as {settings.domain}", "set domain to a domain of yours")


def behind_a_proxy(settings: Settings) -> bool:
    """Whether the address that browsers use cannot be that of our own listener, and no proxy is named."""
    if not settings.web_url or settings.web_proxies:
        return False
    url = urlsplit(settings.web_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    return (url.scheme == "https") != settings.web_tls or port != int(settings.web.rpartition(":")[2])


def look_at_keys(settings: Settings) -> Findings:
    """The key file, without which nothing sealed can be read."""
    path = settings.key_path
    try:
        keys = load_keys(path)
    except KeyFileError as error:
        yield fail("keys", *split_fix(str(error)))
        return
    yield ok("keys", f"{path} holds {amount(len(keys.secrets), 'key')} and is readable by its owner only")


def split_fix(text: str) -> tuple[str, str]:
    """Sentence and fix of a text in the form `what: fix`."""
    what, colon, fix = text.rpartition(": ")
    return (what, fix) if colon else (text, "see the documentation")


def look_at_database(settings: Settings) -> Findings:
    """Reachable, durable, and of this program's version."""
    url = settings.database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        yield fail("database", f"there is no database at {url}", "run `gatepost init`")
        return
    try:
        database = open_database(url)
    except DatabaseError as error:
        yield fail("database", str(error), "correct database (GATEPOST_DATABASE), or start the server it names")
        return
    try:
        found, needed = schema_revision(database)
    finally:
        database.close()
    if found != needed:
        yield fail("database", f"it is at revision {found or 'none'}, needed is {needed}", "run `gatepost migrate`")
    else:
        yield ok("database", f"{database.url} is durable and at revision {found}")
