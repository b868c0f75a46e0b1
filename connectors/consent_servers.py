"""The part of the consent doctor's table that providers share, and what mail servers say."""

from gatepost.connectors.consent_entry import AGAIN, DELAYED, LATER, Entry

COMMON = (
    Entry(
        "scope_unticked",
        "The login went well, but the permission for mail was not given: its box was not ticked.",
        "owner",
        (AGAIN, "Tick the box for reading, writing and sending mail; without it nothing can be fetched."),
    ),
    Entry(
        "wrong_address",
        "Another account logged in than the mailbox that was meant.",
        "owner",
        (
            "Press Connect once more and choose the account of this mailbox.",
            "If the account is right and only has another main address, set that as the mailbox's address.",
            "For a shared mailbox, tick Shared mailbox and log in as a person who has full access to it.",
        ),
    ),
    Entry(
        "attempt_over",
        "This login took longer than ten minutes, was used already, or began in another browser.",
        "owner",
        (AGAIN,),
    ),
    Entry(
        "scope_invalid",
        "The provider does not know a permission that Gatepost asks for.",
        "admin",
        ("Compare the permissions of the OAuth client with those that Gatepost lists.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry(
        "client_wrong",
        "The provider does not accept our OAuth client.",
        "admin",
        ("Compare client id and secret in Gatepost, OAuth clients, with those at the provider.",),
        state=DELAYED,
        decision="setup",
    ),
    Entry("grant_ended", "The provider ended the permission for this mailbox.", "owner", (AGAIN,)),
    Entry(
        "cancelled",
        "The provider sent you back without permission.",
        "owner",
        (AGAIN, "Accept what is asked there."),
    ),
    Entry("busy", "The provider's login has a problem just now.", "nobody", (LATER,), DELAYED, "wait"),
)

SERVERS = (
    Entry(
        "imap_refused_token",
        "The login at the provider is valid, but its mail server refuses it for this mailbox.",
        "it",
        (
            "Check that IMAP is switched on for the mailbox and that it has a licence.",
            "Check the user name: it must be the mailbox's address; a shared one needs full access for the person.",
            "For app-only access, check the mailbox permission of the Enterprise app's service principal.",
        ),
        state=DELAYED,
    ),
    Entry(
        "imap_off",
        "IMAP is switched off for this mailbox.",
        "it",
        (
            "Microsoft 365: admin centre, Users, the user, Mail, Manage email apps, tick IMAP.",
            "Google Workspace: admin.google.com, Apps, Gmail, End user access, switch on IMAP.",
            'Outlook.com: Settings, Mail, Forwarding and IMAP, "Let devices and apps use IMAP".',
        ),
        state=DELAYED,
    ),
    Entry(
        "imap_app_password",
        "The provider takes no ordinary password here.",
        "owner",
        ("Connect through the provider's login, or make an app password and enter it as the password.",),
    ),
    Entry(
        "imap_not_connected",
        "Exchange took the login and then gave no mailbox: IMAP is off, a licence is missing, too many connections "
        "were opened, or Microsoft has an outage.",
        "it",
        ("Wait a few minutes: Gatepost tries again.", "If it stays, check IMAP and the licence of the mailbox."),
        DELAYED,
        "wait",
    ),
    Entry(
        "imap_throttled",
        "The provider slows this mailbox down, or its connections are used up.",
        "nobody",
        (LATER, "Close other mail programs that read the mailbox, if it stays."),
        DELAYED,
        "wait",
    ),
    Entry("imap_busy", "The provider cannot check logins just now.", "nobody", (LATER,), DELAYED, "wait"),
    Entry(
        "smtp_auth_off",
        "Receiving works. Sending does not: SMTP AUTH is switched off for the mailbox or the organisation.",
        "it",
        (
            "Microsoft 365 admin centre, Users, the user, Mail, Manage email apps, tick Authenticated SMTP.",
            "If it stays: Exchange admin centre, Settings, Mail flow, untick Turn off SMTP AUTH protocol.",
            "Security defaults in Entra switch it off as well; Conditional Access policies replace them.",
        ),
        state="",
    ),
    Entry(
        "smtp_password_refused",
        "The provider takes no passwords for sending.",
        "owner",
        ("Connect the mailbox through the provider's login instead of a password.",),
        state="",
    ),
    Entry(
        "smtp_app_password",
        "The provider wants an app password for sending.",
        "owner",
        ("Make one in the security settings of the account, or connect through the provider's login.",),
        state="",
    ),
    Entry(
        "smtp_send_as",
        "The login may not send as this address.",
        "it",
        ("An administrator gives the account Send As permission for the mailbox's address.",),
        state="",
    ),
    Entry(
        "smtp_refused",
        "Receiving works. Sending does not: the server refuses the login.",
        "it",
        ("Check that the mailbox may send by SMTP, and that the permission to send was given.",),
        state="",
    ),
    Entry("smtp_busy", "The sending server has a problem of its own just now.", "nobody", (LATER,), "", "wait"),
)
