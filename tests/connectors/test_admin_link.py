"""The approval link: for one organisation, and its answer read in the right order."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.connectors.admin_link import admin_link, read_answer, tenant_for

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"
SCOPES = ("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send", "offline_access")
BACK = "https://mail.example.org/connect/callback"


def link(tenant: str, *, app_only: bool = False) -> str:
    return admin_link(
        "https://login.microsoftonline.com", tenant, "id & more", BACK, "a-state", SCOPES, app_only=app_only
    )


def test_the_link_names_the_organisation_and_what_is_asked() -> None:
    parts = urlsplit(link("contoso.com"))
    assert (parts.netloc, parts.path) == ("login.microsoftonline.com", "/contoso.com/v2.0/adminconsent")
    query = parse_qs(parts.query)
    assert query["scope"] == [" ".join(SCOPES[:2])]
    assert query["client_id"] == ["id & more"]
    assert query["redirect_uri"] == [BACK]
    assert query["state"] == ["a-state"]
    assert parse_qs(urlsplit(link(GUID, app_only=True)).query)["scope"] == ["https://ps.outlook.com/.default"]
    assert urlsplit(link("organizations")).path.startswith("/organizations/")


@pytest.mark.parametrize("tenant", ["common", "consumers", "", "a/b", "a?b=c", "../x", "evil.example#", "plain"])
def test_no_link_for_what_is_no_organisation(tenant: str) -> None:
    with pytest.raises(ValueError, match="no organisation"):
        link(tenant)


@pytest.mark.parametrize(
    ("address", "registered", "tenant"),
    [
        ("ada@contoso.com", "", "contoso.com"),
        ("ada@Contoso.COM", "common", "contoso.com"),
        ("ada@contoso.com", "organizations", "contoso.com"),
        ("ada@contoso.com", GUID, GUID),
        ("ada@contoso.com", "fabrikam.com", "fabrikam.com"),
        ("ada@outlook.com", "", ""),
        ("ada@hotmail.co.uk", "common", ""),
        ("ada@[192.0.2.1]", "", ""),
        ("nonsense", "", ""),
        ("ada@contoso.com", "a/b", ""),
    ],
)
def test_which_organisation_is_asked(address: str, registered: str, tenant: str) -> None:
    assert tenant_for(address, registered) == tenant


def test_an_error_is_read_before_admin_consent() -> None:
    denied = read_answer(
        {
            "error": "access_denied",
            "error_description": "AADSTS65004: declined",
            "admin_consent": "True",
            "state": "a-x",
        }
    )
    assert not denied.approved
    assert denied.problem is not None
    assert denied.problem.codes == (65004,)
    assert read_answer({"admin_consent": "True", "tenant": GUID}).approved
    assert not read_answer({"tenant": GUID}).approved
    assert not read_answer({"admin_consent": "False"}).approved
