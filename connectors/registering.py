"""How Gatepost is registered at a provider, once: the steps, with its own redirect address and permissions in them."""

from collections.abc import Sequence

STEPS: dict[str, tuple[str, ...]] = {
    "google": (
        "Open console.cloud.google.com with an account of your organisation, and make a project.",
        "APIs and services, Library: find Gmail API and press Enable.",
        "Google Auth Platform, Branding: name the app Gatepost, give a support address.",
        (
            "Google Auth Platform, Audience: choose Internal, so that it is your organisation's own app, needs no "
            "verification, and its permissions do not end after seven days."
        ),
        "Google Auth Platform, Data access: add the scopes {scopes}.",
        "Google Auth Platform, Clients, Create client: Web application; Authorised redirect URI: {redirect}",
        "Copy client id and client secret into the form.",
    ),
    "microsoft": (
        "Open entra.microsoft.com as administrator of your organisation: App registrations, New registration.",
        "Name it Gatepost; supported account types: accounts in this organisational directory only (single tenant).",
        "Redirect URI: platform Web, {redirect}",
        (
            "API permissions, Add: APIs my organisation uses, Office 365 Exchange Online, Delegated: {scopes}. "
            "Microsoft Graph, Delegated: offline_access, openid, email, profile."
        ),
        'Press Grant admin consent for your organisation: then nobody meets "Need admin approval".',
        "Certificates & secrets, New client secret: note its end date, and copy its Value.",
        "Copy Application (client) ID, Directory (tenant) ID and the secret's Value into the form.",
    ),
}


def steps(provider: str, redirect: str, scopes: Sequence[str]) -> list[str]:
    """The steps for one installation; `scopes` are those of the mail, which the provider lists apart."""
    named = ", ".join(scope.rpartition("/")[2] if "//outlook." in scope else scope for scope in scopes)
    return [text.replace("{redirect}", redirect).replace("{scopes}", named) for text in STEPS.get(provider, ())]
