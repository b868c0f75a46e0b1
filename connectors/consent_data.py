"""The consent doctor's table: what each refusal of Google and Microsoft means, who must act, and how.

From the providers' own documentation of 2026; menus move, so they are named here and nowhere else.
"""

from gatepost.connectors.consent_entry import AGAIN, APPROVAL, DELAYED, LATER, SEND_LINK, SEND_TOO, TOLD, Entry
from gatepost.connectors.consent_servers import COMMON, SERVERS

ENTRA = (
    "Log in at entra.microsoft.com (Microsoft Entra, formerly Azure Active Directory) as Global Administrator.",
    "Open Enterprise apps.",
    "Open Consent and permissions, User consent settings (in older menus: User settings).",
    (
        "Review the two settings: whether users may consent to apps that access company data on their behalf, and for "
        "the groups they own. Yes lets every user authorise apps without further help; No has apps approved one by one."
    ),
    (
        'With No, switch on "Users can request admin consent to apps they are unable to consent to" under Admin '
        "consent settings, so that users can ask from the login page itself."
    ),
)

MICROSOFT = (
    Entry(
        "microsoft_cancelled",
        "Microsoft sent you back without permission: either the login was cancelled, or {tenant} lets only an "
        "administrator approve apps. Microsoft does not tell which.",
        "owner",
        ("If you cancelled it: press Connect once more and accept.", 'If it said "Need admin approval": ' + SEND_TOO),
        admin_link=True,
    ),
    Entry(
        "microsoft_declined",
        "The permissions were declined on Microsoft's page.",
        "owner",
        (AGAIN, "Accept the permissions that are listed there; if you may not: " + SEND_TOO),
        admin_link=True,
    ),
    Entry(
        "microsoft_consent_missing",
        "The permission for this mailbox is missing at Microsoft, or was withdrawn.",
        "owner",
        (AGAIN, 'If it then says "Need admin approval": ' + SEND_TOO),
        admin_link=True,
    ),
    Entry(
        "microsoft_admin_approval",
        "{tenant} lets only an administrator approve apps that read mail. This is a security measure of the "
        "organisation, also for apps that use official Microsoft interfaces; nothing is to be set in Gatepost.",
        "it",
        (SEND_LINK, TOLD),
        state=APPROVAL,
        admin_link=True,
    ),
    Entry(
        "microsoft_risky_app",
        "Microsoft rates the app as risky, mostly because its publisher is not verified, so only an administrator may "
        "approve it.",
        "it",
        (
            SEND_LINK,
            "Or have the app registered as a single-tenant app in the organisation's own tenant: then it is its own.",
        ),
        state=APPROVAL,
        admin_link=True,
    ),
    Entry(
        "microsoft_not_assigned",
        "The app is approved, but only for users who are assigned to it, and you are not.",
        "it",
        (
            "An administrator opens entra.microsoft.com, Enterprise apps, this app, Users and groups, and adds you.",
            "Or sets Assignment required to No under Properties.",
            AGAIN,
        ),
        state=APPROVAL,
    ),
    Entry(
        "microsoft_other_tenant",
        "The account that logged in belongs to another organisation, or is a private one, and the app serves one only.",
        "owner",
        ("Press Connect once more and choose the account of this mailbox; use a private window if none is offered.",),
    ),
    Entry(
        "microsoft_app_unknown",
        "Microsoft does not know our app in this organisation: the client id or the tenant is wrong.",
        "admin",
        ("Compare client id and tenant in Gatepost, OAuth clients, with the app's Overview page in Entra.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "microsoft_redirect",
        "The redirect address is not registered with the app.",
        "admin",
        ("In Entra, App registrations, this app, Authentication, add the redirect address of Gatepost, as Web.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "microsoft_secret_wrong",
        "The client secret in Gatepost is not the app's.",
        "admin",
        (
            "In Entra, App registrations, this app, Certificates & secrets, make a new client secret.",
            "Copy its Value (not the Secret ID) into Gatepost, OAuth clients. Mailboxes go on by themselves.",
        ),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "microsoft_secret_expired",
        "The app's client secret has expired. No mailbox has to be connected again.",
        "admin",
        (
            "In Entra, App registrations, this app, Certificates & secrets, make a new client secret.",
            "Copy its Value and its end date into Gatepost, OAuth clients. Mailboxes go on by themselves.",
        ),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "microsoft_policy",
        "A Conditional Access policy of {tenant} blocks this login. Trying again does not help.",
        "it",
        (
            "An administrator looks up the login in Entra, Sign-in logs, where the policy is named.",
            "He excludes this app or this server's address from it, or includes the user's device.",
            AGAIN,
        ),
        state=APPROVAL,
    ),
    Entry(
        "microsoft_second_factor",
        "{tenant} asks for a second step (MFA) that this login does not have yet.",
        "owner",
        (AGAIN, "Complete the second step there."),
    ),
    Entry(
        "microsoft_session_ended",
        "Microsoft ended the permission: it was withdrawn, the password was reset, or it was not used for 90 days.",
        "owner",
        (AGAIN,),
    ),
    Entry(
        "microsoft_code_used",
        "This login was used already, by a reload or a double click.",
        "owner",
        ("Nothing if the mailbox shows as connected; else press Connect once more.",),
    ),
    Entry(
        "microsoft_account_off",
        "The account is switched off, locked or does not exist any more.",
        "it",
        ("An administrator looks at the user in the Microsoft 365 admin centre.", AGAIN),
    ),
    Entry(
        "microsoft_password_expired",
        "The password of the account has expired.",
        "owner",
        ("Log in at office.com and set a new password.", AGAIN),
    ),
    Entry(
        "microsoft_no_permission",
        "The app asks for a permission that is not set up for it.",
        "admin",
        ("In Entra, App registrations, this app, API permissions, add the permissions that Gatepost lists.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "microsoft_busy", "Microsoft's login has a problem of its own just now.", "nobody", (LATER,), DELAYED, "wait"
    ),
)

GOOGLE = (
    Entry(
        "google_cancelled",
        "Google sent you back without permission: the login was cancelled.",
        "owner",
        (
            AGAIN,
            "Choose Allow, and leave the box for reading and sending mail ticked.",
            "If Google said that access is blocked, compare its words with those below.",
        ),
    ),
    Entry(
        "google_admin_policy",
        "The Google Workspace administrator of {tenant} blocks apps like this. Nothing is to be set in Gatepost.",
        "it",
        (
            "An administrator opens admin.google.com, Security, API controls, Manage app access.",
            "He configures a new app by its client id, which the page for IT names, and sets it to Trusted.",
            AGAIN,
        ),
        state=APPROVAL,
    ),
    Entry(
        "google_org_internal",
        "The app is internal to another Google Workspace organisation than this account's.",
        "owner",
        (
            "Log in with an account of the organisation.",
            "If that is this mailbox's: the admin of Gatepost makes the OAuth client in a project of its organisation.",
        ),
    ),
    Entry(
        "google_testing_ended",
        "The permission ended after seven days, because the app's consent screen is External and in Testing.",
        "admin",
        (
            "In Google Cloud, Google Auth Platform, Audience, make the app Internal, or publish it.",
            "Then connect the mailbox once more: permissions given before still end.",
        ),
    ),
    Entry(
        "google_grant_ended",
        "Google ended the permission: it was withdrawn, the password was changed, it was not used for six months, "
        "or the account gave it to too many others.",
        "owner",
        (AGAIN, "If this comes every seven days, the app's consent screen is in Testing: make it Internal."),
    ),
    Entry(
        "google_session_policy",
        "Google Workspace asks for a new login from time to time (session control).",
        "owner",
        (AGAIN, "An administrator can exempt trusted apps: admin.google.com, Security, Google Cloud session control."),
    ),
    Entry(
        "google_redirect",
        "The redirect address is not registered with the OAuth client.",
        "admin",
        ("In Google Cloud, Google Auth Platform, Clients, add exactly the redirect address of Gatepost.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "google_client_wrong",
        "Google does not know our OAuth client, or its secret is wrong.",
        "admin",
        ("Compare client id and secret in Gatepost, OAuth clients, with Google Cloud, Google Auth Platform, Clients.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "google_api_off",
        "The Gmail API is not switched on in the project of the OAuth client.",
        "admin",
        ("In Google Cloud, APIs and services, Library, find Gmail API and press Enable.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "google_not_a_tester",
        "The app is in Testing, and this account is not one of its test users.",
        "admin",
        (
            "In Google Cloud, Google Auth Platform, Audience, make the app Internal (Google Workspace), or publish it.",
            "A test user's permission ends after seven days, so that is no lasting way.",
        ),
    ),
    Entry("google_busy", "Google's login has a problem of its own just now.", "nobody", (LATER,), DELAYED, "wait"),
)

ENTRIES: dict[str, Entry] = {entry.key: entry for entry in (*MICROSOFT, *GOOGLE, *COMMON, *SERVERS)}

SHOWN: dict[str, tuple[tuple[str, str], ...]] = {
    "google": (
        ("admin_policy_enforced", "google_admin_policy"),
        ("org_internal", "google_org_internal"),
        ("Gatepost has not completed the Google verification process (access_denied)", "google_not_a_tester"),
        ("redirect_uri_mismatch", "google_redirect"),
        ("access_not_configured", "google_api_off"),
    ),
    "microsoft": (
        ("AADSTS50020: the user account does not exist in tenant", "microsoft_other_tenant"),
        ("AADSTS53003: access has been blocked by Conditional Access", "microsoft_policy"),
        ("AADSTS50105: not assigned to a role for the application", "microsoft_not_assigned"),
        ("AADSTS900941: risky app", "microsoft_risky_app"),
        ("AADSTS700016: application not found in the directory", "microsoft_app_unknown"),
        ("AADSTS50011: the redirect URI does not match", "microsoft_redirect"),
    ),
}
"""What a provider shows on its own page and never sends back: in its words, and the entry that explains it."""
