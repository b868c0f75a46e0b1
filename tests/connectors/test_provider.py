import pytest

from gatepost.connectors.provider import Autoconfig, Server, configure_all, provider_of, under
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.settings import Settings

OWN = Autoconfig(Server("imap.northwind.de", 993, "tls"), Server("smtp.northwind.de", 587, "starttls"), "local", "file")
GMAIL = Autoconfig(Server("imap.gmail.com", 993, "tls"), None, "address", "file")


@pytest.mark.parametrize(
    ("address", "mx", "autoconfig", "spf", "key", "why"),
    [
        ("anna@gmail.com", [], None, "", "google", "gmail.com is a domain of Google."),
        ("anna@Hotmail.com", ["x.example"], None, "", "microsoft", "is a domain of Microsoft."),
        ("a@northwind.de", ["aspmx.l.google.com"], None, "", "google", "aspmx.l.google.com, which belongs to Google."),
        ("a@b.de", ["b-de.mail.protection.outlook.com"], None, "", "microsoft", "which belongs to Microsoft."),
        ("a@b.de", ["MX00.kundenserver.de."], None, "", "ionos-de", "which belongs to IONOS."),
        ("a@aol.com", ["mx-aol.mail.gm0.yahoodns.net"], None, "", "aol", "aol.com is a domain of AOL."),
        ("a@b.de", ["mx.b.de"], GMAIL, "", "google", "b.de publishes imap.gmail.com, the server of Google."),
        ("a@b.de", ["mx.b.de"], OWN, "v=spf1 include:_spf.google.com", "other", "publishes its servers itself (file)."),
        (
            *("a@b.de", ["mx1.pphosted.example"], None, "v=spf1 include:spf.protection.outlook.com -all"),
            *("microsoft", "The SPF record of b.de names Microsoft; its mail goes through a filter first."),
        ),
        ("a@b.de", ["mx.b.de"], None, "", "other", "Its mail goes to mx.b.de, which is not known."),
        ("a@b.de", [], None, "", "other", "No mail server is known for it."),
        ("a@evil-google.com", ["mx.evilgoogle.com"], None, "v=spf1 xinclude:_spf.google.com", "other", "not known"),
    ],
)
def test_every_answer_has_its_why(
    address: str, mx: list[str], autoconfig: Autoconfig | None, spf: str, key: str, why: str
) -> None:
    found, told = provider_of(address, mx, autoconfig, PROVIDERS, spf)
    assert found.key == key
    assert why in told


def test_published_servers_of_nobody_known_are_used_as_they_are() -> None:
    found, _ = provider_of("a@northwind.de", [], OWN, PROVIDERS)
    assert (found.imap, found.smtp, found.username, found.oauth) == (OWN.imap, OWN.smtp, "local", "")


def test_a_suffix_ends_at_a_dot() -> None:
    assert under("mx.google.com", ("google.com",))
    assert not under("evilgoogle.com", ("google.com",))


def test_the_table_is_sound() -> None:
    domains = [domain for provider in PROVIDERS.values() for domain in provider.domains]
    assert len(domains) == len(set(domains))
    for key, provider in PROVIDERS.items():
        assert key == provider.key
        known = bool(provider.imap.host)
        assert known == (provider.can_imap and key != "other")
        for server in (provider.imap, provider.smtp):
            assert server.security == ("tls" if server.port in (993, 465) else "starttls")
        assert bool(provider.oauth) == any(scope.needed for scope in provider.scopes)
        assert all(scope.why.endswith(".") for scope in provider.scopes)
        assert not provider.oauth or provider.note


def test_a_national_cloud_is_a_setting() -> None:
    setting = {
        "authority": "https://login.microsoftonline.us/",
        "resource": "https://outlook.office365.us",
        "imap": "outlook.office365.us:993",
        "smtp": "smtp.office365.us:587",
    }
    found = configure_all(PROVIDERS, Settings(providers={"microsoft": setting}).providers)
    cloud = found["microsoft"]
    assert cloud.authority == "https://login.microsoftonline.us"
    assert cloud.keys_url == "https://login.microsoftonline.us/common/discovery/v2.0/keys"
    assert cloud.imap == Server("outlook.office365.us", 993, "tls")
    assert cloud.smtp == Server("smtp.office365.us", 587, "starttls")
    assert [scope.name for scope in cloud.scopes if scope.name.startswith("https:")] == [
        "https://outlook.office365.us/IMAP.AccessAsUser.All",
        "https://outlook.office365.us/SMTP.Send",
    ]
    assert cloud.app_scope == "https://outlook.office365.us/.default"
    assert found["google"] == PROVIDERS["google"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"yahoo": {}}, "yahoo is not a provider with a login of its own"),
        ({"google": {"tokens": "x"}}, "google has no tokens: write one of issuer"),
        ({"google": {"imap": "imap.example"}}, "google.imap: write it as host:port"),
        ({"google": {"token_url": "http://x.example"}}, "google.token_url: write it as https://"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(setting: dict[str, dict[str, str]], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Settings(providers=setting)
