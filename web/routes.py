"""The table of pages: path, function, need. What is not here does not exist; what is here has a need."""

from gatepost.web import (
    accounts,
    acts,
    api_docs,
    arrange,
    aside,
    by_mail,
    codes,
    completeness,
    connect_approval,
    connect_back,
    connect_link,
    connecting,
    contacts,
    conversation,
    deleted,
    disconnecting,
    domains,
    expiries,
    fixing,
    folder_choice,
    guide,
    health,
    imports,
    inbound,
    inbox,
    login,
    mail_view,
    mailboxes,
    messages,
    oauth_registration,
    people,
    permissions,
    placing,
    profile,
    sandbox,
    sender_addresses,
    senders,
    sending,
    suppressions,
    unsubscribe,
    ways_out,
    webhooks,
)
from gatepost.web.route import Need, Page, open_page, page

POST = ("POST",)
USER = Need("user")
FRESH = Need("user", fresh=True)
ADMIN = Need("admin", action="manage")
READ = Need("user", "conversation", "read")
ANSWER = Need("user", "conversation", "answer")
ASSIGN = Need("user", "conversation", "assign")
MAIL = Need("user", "message", "read")
ANSWER_MAIL = Need("user", "message", "answer")
KEPT = Need("user", "sandbox", "read")


def routes() -> list[Page]:
    """All pages but the live stream."""
    return [*open_pages(), *work_pages(), *mail_pages(), *own_pages(), *admin_pages(), *system_pages()]


def open_pages() -> list[Page]:
    return [
        open_page("/healthz", health.healthz),
        open_page("/readyz", health.readyz),
        open_page("/metrics", health.metrics),
        open_page("/login", login.login_page),
        open_page("/login", login.log_in, POST),
        open_page("/invite/{token}", login.invite_page),
        open_page("/invite/{token}", login.accept_invite, POST),
        open_page("/confirm/{token}", sender_addresses.confirm_page),
        open_page("/confirm/{token}", sender_addresses.confirm, POST),
        open_page("/agent-address/{token}", by_mail.confirm_page),
        open_page("/agent-address/{token}", by_mail.confirm, POST),
        *connect_open_pages(),
        open_page("/u/{token}", unsubscribe.unsubscribe_page),
        unsubscribe.posting(),
        page("/logout", login.log_out, FRESH, POST),
        page("/password", login.password_page, FRESH),
        page("/password", login.change_password, FRESH, POST),
    ]


def work_pages() -> list[Page]:
    return [
        page("/", inbox.home, USER),
        page("/inbox", inbox.inbox, USER),
        page("/inbox/selected", deleted.selected, USER, POST),
        page("/inbox/purge", deleted.purge_page, ADMIN),
        page("/inbox/purge", deleted.purge_all, ADMIN, POST),
        page("/inbox/{number:int}", conversation.conversation_page, READ),
        page("/inbox/{number:int}/events", conversation.events_drawer, READ),
        page("/inbox/{number:int}/reply", conversation.send_reply, ANSWER, POST),
        page("/inbox/{number:int}/note", conversation.add_note, ANSWER, POST),
        page("/inbox/{number:int}/close", conversation.close, ASSIGN, POST),
        page("/inbox/{number:int}/reopen", conversation.reopen, ASSIGN, POST),
        page("/inbox/{number:int}/delete", deleted.delete, ASSIGN, POST),
        page("/inbox/{number:int}/restore", deleted.restore, ASSIGN, POST),
        page("/inbox/{number:int}/follow", by_mail.follow, READ, POST),
        page("/inbox/{number:int}/assign", conversation.assign, ASSIGN, POST),
        page("/inbox/{number:int}/arrange", arrange.arrange_page, ASSIGN),
        page("/inbox/{number:int}/arrange", arrange.arrange, ASSIGN, POST),
        page("/inbox/{number:int}/join", arrange.join_claimed, ASSIGN, POST),
        page("/inbox/{number:int}/undo", arrange.undo, ASSIGN, POST),
        page("/inbox/{number:int}/aside", aside.aside_page, ANSWER),
        page("/inbox/{number:int}/aside", aside.aside, ANSWER, POST),
        page("/inbox/{number:int}/take-back", arrange.take_back, ASSIGN, POST),
    ]


def mail_pages() -> list[Page]:
    return [
        page("/messages", messages.messages, USER),
        page("/messages/retry", acts.retry_page, USER),
        page("/messages/retry", acts.retry_all, USER, POST),
        page("/messages/fix", fixing.fix_page, USER),
        page("/messages/fix", fixing.fix, USER, POST),
        page("/messages/{id}", messages.message_page, MAIL),
        page("/messages/{id}/act", acts.act_on_message, ANSWER_MAIL, POST),
        page("/messages/{id}/resend", acts.resend_page, ANSWER_MAIL),
        page("/messages/{id}/resend", acts.resend, ANSWER_MAIL, POST),
        page("/m/{id}/body", mail_view.body, MAIL),
        page("/m/{id}/parts/{part:int}", mail_view.attachment, MAIL),
        page("/m/{id}/parts/{part:int}/image", mail_view.image, MAIL),
        page("/m/{id}/source", mail_view.source, MAIL),
        page("/contacts", contacts.contact_list, USER),
        page("/contact", contacts.contact_page, USER),
        page("/contact/name", contacts.rename, USER, POST),
        page("/contact/address", contacts.add_address, USER, POST),
        page("/contact/remove", contacts.remove_address, USER, POST),
        page("/delivery-codes", codes.index, USER),
        page("/delivery-codes/{code}", codes.code_page, USER),
        page("/docs/api", api_docs.api_page, USER),
        page("/help/permissions", permissions.help_page, USER),
    ]


def own_pages() -> list[Page]:
    return [
        page("/sandbox", sandbox.sandbox, USER),
        page("/sandbox/{id}", sandbox.sandbox_page, KEPT),
        page("/profile", profile.profile, USER),
        page("/profile/theme", profile.set_theme, USER, POST),
        page("/profile/codes", profile.set_codes, USER, POST),
        page("/profile/addresses", by_mail.add_address, USER, POST),
        page("/profile/addresses/remove", by_mail.remove_address, USER, POST),
        page("/profile/follows", by_mail.set_follows, USER, POST),
        page("/profile/sessions/end", profile.end_session, USER, POST),
        page("/profile/sessions/end-others", profile.end_others, USER, POST),
    ]


def admin_pages() -> list[Page]:
    return [
        page("/mailboxes", mailboxes.mailboxes, ADMIN),
        page("/mailboxes", mailboxes.create, ADMIN, POST),
        page("/mailboxes/{id}", mailboxes.mailbox, ADMIN),
        page("/mailboxes/{id}", mailboxes.save, ADMIN, POST),
        page("/mailboxes/{id}/acknowledgement", by_mail.save_acknowledgement, ADMIN, POST),
        page("/mailboxes/{id}/resume", by_mail.resume, ADMIN, POST),
        page("/mailboxes/{id}/delete", mailboxes.delete, ADMIN, POST),
        page("/mailboxes/{id}/account", accounts.connect, ADMIN, POST),
        page("/mailboxes/{id}/account/off", accounts.disconnect, ADMIN, POST),
        page("/mailboxes/{id}/account/on", accounts.enable, ADMIN, POST),
        page("/mailboxes/{id}/account/poll", accounts.poll, ADMIN, POST),
        page("/mailboxes/{id}/sending", sending.sending_page, ADMIN),
        page("/mailboxes/{id}/sending", sending.save_sending, ADMIN, POST),
        page("/mailboxes/{id}/sending/again", sending.try_failed, ADMIN, POST),
        page("/mailboxes/{id}/test", sending.try_sending, ADMIN, POST),
        page("/mailboxes/{id}/completeness", completeness.completeness_page, ADMIN),
        page("/mailboxes/{id}/completeness", completeness.verify_now, ADMIN, POST),
        page("/mailboxes/{id}/import", imports.import_page, ADMIN),
        page("/mailboxes/{id}/import", imports.choose, ADMIN, POST),
        page("/mailboxes/{id}/folders", folder_choice.folders_page, ADMIN),
        page("/mailboxes/{id}/folders", folder_choice.choose, ADMIN, POST),
        page("/expiries", expiries.expiries, ADMIN),
        *connect_pages(),
        page("/senders", senders.senders, ADMIN),
        page("/senders/credentials", senders.create_credential, ADMIN, POST),
        page("/senders/credentials/{id}/switch", senders.toggle_credential, ADMIN, POST),
        page("/senders/addresses", sender_addresses.ask, ADMIN, POST),
        page("/senders/addresses/{id}/delete", sender_addresses.remove, ADMIN, POST),
        page("/senders/domains", senders.add_domain, ADMIN, POST),
        page("/senders/domains/{id}", domains.domain_page, ADMIN),
        page("/senders/domains/{id}/check", domains.check, ADMIN, POST),
        page("/senders/domains/{id}/zone", domains.zone, ADMIN),
        page("/senders/domains/{id}/rotate", domains.rotate, ADMIN, POST),
        page("/senders/domains/{id}/back", domains.back, ADMIN, POST),
        page("/senders/domains/{id}/delete", domains.remove, ADMIN, POST),
    ]


def connect_open_pages() -> list[Page]:
    """What somebody without a login of ours needs to connect a mailbox, or to approve that."""
    return [
        open_page("/connect/callback", connect_back.callback),
        open_page("/connect/done", connect_link.done),
        open_page("/connect/it/{provider}", permissions.it_page),
        open_page("/connect/link/{token}", connect_link.choose_page),
        open_page("/connect/link/{token}/{provider}", connect_link.go_page),
        open_page("/connect/link/{token}/{provider}", connect_link.go, POST),
    ]


def connect_pages() -> list[Page]:
    return [
        page("/mailboxes/{id}/connect", connecting.address_page, ADMIN),
        page("/mailboxes/{id}/connect/link", connect_link.make, ADMIN, POST),
        page("/mailboxes/{id}/connect/link/end", connect_link.end, ADMIN, POST),
        page("/mailboxes/{id}/connect/{provider}", connecting.journey_page, ADMIN),
        page("/mailboxes/{id}/connect/{provider}", connecting.go, ADMIN, POST),
        page("/mailboxes/{id}/connect/{provider}/approval", connect_approval.ask, ADMIN, POST),
        page("/mailboxes/{id}/disconnect", disconnecting.disconnect, ADMIN, POST),
        page("/oauth-clients", oauth_registration.clients_page, ADMIN),
        page("/oauth-clients/{provider}", oauth_registration.save, ADMIN, POST),
        page("/oauth-clients/{provider}/delete", oauth_registration.remove, ADMIN, POST),
    ]


def system_pages() -> list[Page]:
    return [
        page("/inbound", inbound.inbound, ADMIN),
        page("/inbound/again", inbound.again_all, ADMIN, POST),
        page("/inbound/{id}", inbound.arrival_page, ADMIN),
        page("/inbound/{id}/source", inbound.arrival_source, ADMIN),
        page("/inbound/{id}/act", inbound.act_on_arrival, ADMIN, POST),
        page("/placing", placing.placing_page, ADMIN),
        page("/placing", placing.put_mails, ADMIN, POST),
        page("/placing/undo", placing.undo, ADMIN, POST),
        page("/help/mail", guide.guide, ADMIN),
        page("/routes", ways_out.list_page, ADMIN),
        page("/routes", ways_out.add, ADMIN, POST),
        page("/routes/{name}", ways_out.route_page, ADMIN),
        page("/routes/{name}", ways_out.change, ADMIN, POST),
        page("/routes/{name}/test", ways_out.test, ADMIN, POST),
        page("/routes/{name}/delete", ways_out.remove, ADMIN, POST),
        page("/suppressions", suppressions.list_page, ADMIN),
        page("/suppressions", suppressions.add, ADMIN, POST),
        page("/suppressions/remove", suppressions.remove, ADMIN, POST),
        page("/suppressions/back", suppressions.take_back, ADMIN, POST),
        page("/suppressions/stream", suppressions.name_stream, ADMIN, POST),
        page("/webhooks", webhooks.list_page, ADMIN),
        page("/webhooks", webhooks.add, ADMIN, POST),
        page("/webhooks/{id}", webhooks.log_page, ADMIN),
        page("/webhooks/{id}/test", webhooks.test, ADMIN, POST),
        page("/webhooks/{id}/enable", webhooks.enable, ADMIN, POST),
        page("/webhooks/{id}/rotate", webhooks.rotate, ADMIN, POST),
        page("/webhooks/{id}/rotate/finish", webhooks.finish, ADMIN, POST),
        page("/webhooks/{id}/delete", webhooks.remove, ADMIN, POST),
        page("/webhooks/{id}/replay", webhooks.replay, ADMIN, POST),
        page("/users", people.people, ADMIN),
        page("/users", people.invite, ADMIN, POST),
        page("/users/{id}", people.person, ADMIN),
        page("/users/{id}", people.save, ADMIN, POST),
        page("/users/{id}/switch", people.toggle, ADMIN, POST),
        page("/users/{id}/link", people.new_link, ADMIN, POST),
    ]
