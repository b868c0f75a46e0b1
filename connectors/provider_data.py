"""Providers as data: servers, signs by which they are known, permissions, and what a password needs there.

Sources: the providers' own help pages on IMAP and on signing in with OAuth 2.0.
"""

from gatepost.connectors.provider import Provider, Scope, Server

READS = "Reads the mail of this mailbox, so that it becomes conversations."
SENDS = "Sends answers as this mailbox; without it answers leave by another way."
KNOWS = "Tells which mailbox was connected, so that it is the one that was meant."
STAYS = "Lets Gatepost go on when nobody is logged in."
NOTE = "Make an app password in the security settings of the account, and enter it as Password."


def tls(host: str, port: int) -> Server:
    """TLS from the first octet."""
    return Server(host, port, "tls")


def starttls(host: str, port: int = 587) -> Server:
    """TLS after STARTTLS."""
    return Server(host, port, "starttls")


GOOGLE = Provider(
    key="google",
    name="Google",
    imap=tls("imap.gmail.com", 993),
    smtp=tls("smtp.gmail.com", 465),
    domains=("gmail.com", "googlemail.com"),
    mx=("google.com", "googlemail.com", "smtp.goog"),
    spf=("_spf.google.com",),
    note="Google takes no normal password: make an app password (Google Account, Security, 2-Step Verification).",
    copies_sent_itself=True,
    oauth="google",
    scopes=(
        Scope("openid", KNOWS),
        Scope("email", KNOWS),
        Scope(
            "https://mail.google.com/",
            "Reads, sends and files the mail of this mailbox: Google has no smaller permission for IMAP.",
            needed=True,
        ),
    ),
    issuer="https://accounts.google.com",
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106
    revoke_url="https://oauth2.googleapis.com/revoke",
    keys_url="https://www.googleapis.com/oauth2/v3/certs",
)
MICROSOFT = Provider(
    key="microsoft",
    name="Microsoft",
    imap=tls("outlook.office365.com", 993),
    smtp=starttls("smtp.office365.com"),
    domains=(
        *("outlook.com", "hotmail.com", "live.com", "msn.com"),
        *("outlook.de", "outlook.fr", "outlook.es", "hotmail.de", "hotmail.fr", "live.de", "live.fr"),
    ),
    mx=("mail.protection.outlook.com", "mx.microsoft", "olc.protection.outlook.com"),
    spf=("spf.protection.outlook.com",),
    note="Microsoft takes no passwords for IMAP: use its own login. At Outlook.com, switch on IMAP in the settings.",
    copies_sent_itself=True,
    oauth="microsoft",
    scopes=(
        Scope("openid", KNOWS),
        Scope("email", KNOWS),
        Scope("profile", KNOWS),
        Scope("offline_access", STAYS),
        Scope("https://outlook.office.com/IMAP.AccessAsUser.All", READS, needed=True),
        Scope("https://outlook.office.com/SMTP.Send", SENDS),
    ),
    app_scope="https://outlook.office365.com/.default",
    authority="https://login.microsoftonline.com",
    keys_url="https://login.microsoftonline.com/common/discovery/v2.0/keys",
)
OTHER = Provider(key="other", name="Another provider", imap=tls("", 993), smtp=tls("", 465))


def plain(
    key: str, name: str, imap: str, smtp: str, domains: str = "", mx: str = "", note: str = "", *, can_imap: bool = True
) -> Provider:
    """A provider that takes a password, with TLS on 993 and 465; domains and MX suffixes are separated by spaces."""
    host, _, port = smtp.partition(":")
    return Provider(
        key=key,
        name=name,
        imap=tls(imap, 993),
        smtp=starttls(host, int(port)) if port else tls(host, 465),
        domains=tuple(domains.split()),
        mx=tuple(mx.split()),
        note=note,
        can_imap=can_imap,
    )


WITH_PASSWORD = (
    plain(
        "icloud",
        "iCloud",
        "imap.mail.me.com",
        "smtp.mail.me.com:587",
        "icloud.com me.com mac.com",
        "mail.icloud.com",
        "Make an app-specific password (Apple Account, Sign-In and Security), and enter it as Password.",
    ),
    plain("aol", "AOL", "imap.aol.com", "smtp.aol.com", "aol.com", "", NOTE),
    plain(
        "yahoo",
        "Yahoo",
        "imap.mail.yahoo.com",
        "smtp.mail.yahoo.com",
        "yahoo.com yahoo.de yahoo.co.uk yahoo.fr yahoo.es yahoo.it ymail.com",
        "yahoodns.net",
        NOTE,
    ),
    plain(
        "fastmail",
        "Fastmail",
        "imap.fastmail.com",
        "smtp.fastmail.com",
        "fastmail.com fastmail.fm",
        "messagingengine.com",
        "Make an app password (Settings, Privacy & Security, App passwords), and enter it as Password.",
    ),
    plain("zoho-eu", "Zoho", "imap.zoho.eu", "smtp.zoho.eu", "", "zoho.eu", NOTE),
    plain(
        "zoho",
        "Zoho",
        "imap.zoho.com",
        "smtp.zoho.com",
        "zoho.com zohomail.com",
        "zoho.com zohomail.com",
        "Switch on IMAP in the settings of Zoho Mail; with two-step login make an app password.",
    ),
    plain(
        "gmx",
        "GMX",
        "imap.gmx.net",
        "mail.gmx.net",
        "gmx.de gmx.net gmx.at gmx.ch",
        "gmx.net",
        "Switch on POP3 and IMAP in the settings of GMX; with two-step login make an app password.",
    ),
    plain(
        "webde",
        "WEB.DE",
        "imap.web.de",
        "smtp.web.de",
        "web.de",
        "web.de",
        "Switch on POP3 and IMAP in the settings of WEB.DE; with two-step login make an app password.",
    ),
    plain(
        "tonline",
        "Telekom",
        "secureimap.t-online.de",
        "securesmtp.t-online.de",
        "t-online.de magenta.de",
        "t-online.de",
        "The Telekom wants the password for mail programs, which is set in its customer centre.",
    ),
    plain("mailboxorg", "mailbox.org", "imap.mailbox.org", "smtp.mailbox.org", "", "mailbox.org"),
    plain("posteo", "Posteo", "posteo.de", "posteo.de", "posteo.de posteo.net", "posteo.de"),
    plain("ionos", "IONOS", "imap.ionos.com", "smtp.ionos.com", "", "ionos.com ionos.co.uk 1and1.com"),
    plain("ionos-de", "IONOS", "imap.ionos.de", "smtp.ionos.de", "", "kundenserver.de ionos.de"),
    plain("strato", "Strato", "imap.strato.de", "smtp.strato.de", "", "rzone.de"),
    plain("ovh", "OVHcloud", "ssl0.ovh.net", "ssl0.ovh.net", "", "mail.ovh.net"),
    plain("gandi", "Gandi", "mail.gandi.net", "mail.gandi.net", "", "mail.gandi.net"),
    plain(
        "infomaniak",
        "Infomaniak",
        "mail.infomaniak.com",
        "mail.infomaniak.com",
        "ik.me",
        "infomaniak.ch infomaniak.com",
        "Infomaniak wants a password for the device, made in its mail settings.",
    ),
    plain("migadu", "Migadu", "imap.migadu.com", "smtp.migadu.com", "", "migadu.com"),
    plain("purelymail", "Purelymail", "imap.purelymail.com", "smtp.purelymail.com", "", "purelymail.com"),
    plain("rackspace", "Rackspace", "secure.emailsrvr.com", "secure.emailsrvr.com", "", "emailsrvr.com"),
    plain("privateemail", "Namecheap", "mail.privateemail.com", "mail.privateemail.com", "", "privateemail.com"),
    plain("hostinger", "Hostinger", "imap.hostinger.com", "smtp.hostinger.com", "", "hostinger.com"),
    plain("titan", "Titan", "imap.titan.email", "smtp.titan.email", "", "titan.email"),
    plain("godaddy", "GoDaddy", "imap.secureserver.net", "smtpout.secureserver.net", "", "secureserver.net"),
    plain("aruba", "Aruba", "imaps.aruba.it", "smtps.aruba.it", "aruba.it", "aruba.it"),
    plain(
        "yandex",
        "Yandex",
        "imap.yandex.com",
        "smtp.yandex.com",
        "yandex.com yandex.ru ya.ru",
        "mx.yandex.net mx.yandex.ru",
        "Switch on IMAP in the settings of Yandex Mail, and make an app password for mail.",
    ),
    plain("mailru", "Mail.ru", "imap.mail.ru", "smtp.mail.ru", "mail.ru bk.ru list.ru inbox.ru", "mail.ru", NOTE),
    plain(
        "proton",
        "Proton Mail",
        "",
        "",
        "proton.me protonmail.com pm.me",
        "protonmail.ch",
        "Proton Mail has no IMAP: run Proton Mail Bridge on your own server and connect to that, or forward the mail.",
        can_imap=False,
    ),
)
PROVIDERS: dict[str, Provider] = {each.key: each for each in (GOOGLE, MICROSOFT, *WITH_PASSWORD, OTHER)}
