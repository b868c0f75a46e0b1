"""What bounces say, as data: who sends them, how they begin, where the returned mail starts, which words mean what."""

DAEMONS = (
    "mailer-daemon", "mailer_daemon", "maildaemon", "mail-daemon", "mailerdaemon", "mail.delivery.system", "mdaemon",
    "postmaster", "post_master", "smtp_mail_service", "mailadm", "mailmaster", "mail-master", "microsoftexchange",
    "double-bounce", "mail-delivery",
)  # fmt: skip
"""Beginnings or parts of the local part (or the display name, blanks as `-`) of those who send bounces, lower case."""

DAEMON_NAMES = (
    "mail delivery sub", "mail delivery system", "mail deliver system", "mail delivery service", "mail administrator",
    "internet mail delivery", "postmaster", "mailer-daemon", "system administrator", "mail router", "mailer daemon",
    "delivery subsystem",
)  # fmt: skip

SUBJECTS = (
    "undeliver", "non-deliver", "not deliver", "nondeliver", "delivery status", "delivery failure",
    "delivery notification",
    "delivery problem", "delivery error", "delivery has failed", "delivery report", "delivery failed",
    "delivery unsuccessful",
    "failure notice", "failure delivery", "returned mail", "returned to sender", "mail failure", "mail delivery",
    "delivery incomplete",
    "error sending", "failed mail", "mail error", "undeliverable", "not be delivered",
    "was not delivered",
    "could not send", "mail could not", "processing error", "message refused",
    "mail rejected",
    "returned message", "unable to deliver", "user unknown", "unknown user", "address unknown", "delivery delayed",
    "permanent delivery", "failed delivery", "email not delivered", "failed to deliver", "couldn't be delivered",
    "warning:",
    "warning--", "not accepted", "message undelivered", "mail system error", "delayed mail", "mail not",
    "host unknown",
    "unzustellbar", "zustell", "non remis", "non distribu", "échec de", "non livr", "no entregad",
    "no se puede entregar",
    "mancata consegna", "niet bestelbaar", "onbestelbaar", "olevererbar", "ikke levere", "nedoruč", "niedostarcz",
    "не доставлен",
    "недоставлен", "não entreg", "falha na entrega", "配信不能", "送信エラー", "退信", "投递失败", "無法傳遞",
    "não foi possível entregar",
    "iletilemedi", "dead letter", )  # fmt: skip
"""Parts of the subjects of bounces, lower case."""

PHRASES = (
    "could not be delivered", "couldn't be delivered", "cannot be delivered", "can't be delivered",
    "can not be delivered",
    "not be delivered", "was not delivered", "wasn't delivered", "been delivered to the following", "did not reach",
    "unable to deliver", "able to deliver", "unable to be delivered", "undeliverable", "undelivered",
    "delivery failed",
    "delivery has failed", "delivery attempt", "delivery failure", "delivery error", "failed permanently",
    "failed to deliver",
    "delivery to the following", "delivery to these", "following address", "following recipient",
    "the following user",
    "failed recipient", "fatal error", "permanent error", "delivery problem", "error delivering",
    "attempting to deliver", "had trouble delivering",
    "error sending your mail",
    "transcript of session", "following error", "was rejected", "has been rejected", "rejected by", "rejected your",
    "been returned", "returned message", "returned mail", "is returned", "returned to", "could not deliver",
    "cannot deliver",
    "can't deliver", "couldn't deliver", "did not receive", "not accepting", "does not exist", "doesn't exist",
    "user unknown",
    "unknown user", "no such user", "no such recipient", "invalid user", "invalid recipient", "mailbox unavailable",
    "mailbox full", "not deliver", "non-delivery", "nondelivery", "unrouteable", "will be retried",
    "will keep trying",
    "still being retried", "not yet been delivered", "failed because", "did not exactly match", "temporarily",
    "not found",
    "message was undeliverable", "could not be sent", "could not send", "message was not sent",
    "email address is wrong",
    "wasn't found", "has a problem", "access denied", "error message", "had delivery error", "delivery report",
    "failure",
    "zugestellt", "zustellung", "n'a pas pu être", "pas été distribu", "no se pudo entregar", "non è stato possibile",
    "не доставлен", "не удалось", "невозможно доставить", "não pôde ser", "送信できません",
    "配信できません", "届けられません",
    "can not send", "delivery delayed", "delivery is delayed", "delivery to", "over quota", "account is full",
    "nicht erreicht",
)  # fmt: skip
"""Parts of the sentences that say that something was not delivered, lower case."""

RETURNED_MARKS = (
    "--- below this line is", "--- below the next line", "--- this is a copy", "------ this is a copy",
    "- this is a copy of",
    "below this line is a copy", "start of returned message", "returned message", "original message follows",
    "original message:",
    "the original message headers", "message header follows", "unsent message", "message text follows",
    "original message",
    "returned mail", "copy of the message", "copy of your message", "header of the original",
    "headers of the original",
    "message headers follow", "original headers", "text of message", "original mail follows", "message follows",
    "first part of the message",
    "here is a copy", "enclosed is a copy", "included is a copy", "undelivered message follows",
    "this is the original",
    "message contents follow", "returned content", "the header page", "begin message", "original-message",
    "original text",
    "beginning of the original", "received message", "failed message", "undeliverable message follows",
    "end of text", "old message",
)  # fmt: skip
"""Parts of the lines after which the returned mail begins, lower case."""

DELAY_PHRASES = (
    "delayed", "delay", "still being retried", "will keep trying", "will continue", "not yet been delivered",
    "will be retried",
    "warning message only", "do not need to resend", "no need to resend", "will retry", "temporary failure, will",
    "past 8", "being retried",
    "could not send mail for past", "was deferred", "temporarily deferred", "queued for", "warning: could not send",
)  # fmt: skip
"""Parts of the sentences that say that it will be tried again, lower case."""

FINAL_PHRASES = (
    "given up", "giving up", "permanent", "failed", "could not be delivered", "undeliverable", "not delivered",
    "returned",
    "too long", "fatal", "expired", "no further", "unable to deliver", "cannot be delivered", "timed out",
)  # fmt: skip
"""Parts of the sentences that say that it is over."""

LABELS = (
    "recipient", "addressed to", "rcpt to", "rcpt", "address:", "deliver to", "delivery to", "delivering to",
    "delivered to", "intended for",
    "errors:", "sent to", "user:", "user ", "mailbox", "following address", "unknown", "account", "failed:", "to:",
    "to ", "for ",
    "e-mail address", "destination", "email address", "address",
)  # fmt: skip
"""What stands before an address in a line that names a recipient, strongest first, lower case."""

NOT_RECIPIENT = (
    "contact", "from:", " from ", "postmaster@", "sender", "mail from", "message-id", "return-path", "help",
    "assist", "support",
    "reply-to", "report", "forward", "question", "http", "abuse@", "notify", "subject:", "in-reply-to", "cc:",
    "write to", "mailto:",
    "reporting-mta", "x-envelope-from", "administrator",
)  # fmt: skip
"""What makes the address in a line that of somebody else, lower case."""

REASONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mailbox full", (
        "mailbox full", "mailbox is full", "over quota", "overquota", "quota exceeded", "exceeded quota",
        "disk quota", "exceeds quota",
        "quota", "mailfolder is full", "mailbox has exceeded", "storage", "too much mail", "account is full",
        "insufficient space",
        "insufficient system storage", "inbox is full", "out of space",
    )),
    ("size", ("message too large", "too large", "too big", "size limit", "exceeds size", "size exceed",
    "maximum size", "file too", "message size",
              "max message size")),
    ("domain", (
        "host unknown", "unknown host", "host not found", "domain not found", "name service error", "no such host",
        "unrouteable",
        "unrouteable address", "unroutable", "name or service not known", "couldn't find any host",
        "bad destination system",
        "no mail exchanger", "illegal host", "domain does not exist", "invalid domain", "no mx", "null mx",
        "nullmx", "dns error",
        "host lookup", "name lookup", "domain name not found", "host name lookup",
    )),
    ("reputation", (
        "blacklist", "black list", "blocklist", "block list", "blocked using", "spamhaus", "rbl", "dnsbl",
        "reputation", "bad ip",
        "client host rejected", "poor", "listed at", "is listed", "blocked by", "banned", "ip address has been",
        "ptr", "reverse dns",
        "rate limit", "too many connections", "invalid ip", "sending limit",
    )),
    ("auth", ("spf", "dkim", "dmarc", "unauthenticated", "authentication required", "authentication", "sender id")),
    ("spam", ("spam", "junk", "unsolicited", "bulk mail", "message looks like", "considered uce")),
    ("content", ("content", "virus", "malware", "attachment", "infected", "banned file", "phish", "urls in",
    "message filtered", "encoding")),
    ("invalid recipient", (
        "user unknown", "unknown user", "no such user", "no such recipient", "invalid recipient",
        "unknown recipient", "recipient unknown",
        "invalid mailbox", "no mailbox", "mailbox unavailable", "mailbox not found", "does not exist",
        "doesn't exist", "no such",
        "not a valid", "unknown or illegal", "recipient address rejected", "recipient rejected", "not found",
        "unknown address", "address unknown",
        "addressee unknown", "not listed", "invalid user", "invalid address", "doesn't have", "not our customer",
        "user not", "bad address",
        "account disabled", "disabled", "inactive", "suspended", "discontinued", "not recognized", "no account",
        "unknown", "undeliverable address",
        "no longer", "not known", "wasn't found", "bad destination mailbox", "moved", "illegal alias",
        "recipient not",
    )),
    ("expired", (
        "expired", "too long", "retry timeout", "retry time", "given up", "giving up", "gave up", "message age",
        "too many hops", "hop count",
        "loop", "has not been collected", "delivery time", "deferred", "not yet been delivered",
    )),
    ("network", (
        "timed out", "timeout", "connection refused", "connection reset", "connection closed", "no route",
        "network", "could not connect",
        "unreachable", "not reachable", "couldn't be reached", "connect to", "lost connection", "connection",
        "not responding", "tls",
    )),
    ("policy", (
        "policy", "relay", "denied", "not permitted", "prohibited", "not allowed", "not authorized",
        "not accepting", "refused", "rejected",
        "restricted", "access", "sender address", "administrative", "local problem", "blocked", "violat",
    )),
)  # fmt: skip
"""Reason classes with the words that show them; the first class with a word in the text wins."""

STATUS_REASONS = {
    "1.1": "invalid recipient", "1.2": "domain", "1.3": "invalid recipient", "1.4": "invalid recipient",
    "1.5": "invalid recipient",
    "1.6": "invalid recipient", "1.8": "policy", "1.10": "domain", "2.1": "invalid recipient",
    "2.2": "mailbox full", "2.3": "size",
    "3.1": "mailbox full", "3.4": "size", "4.1": "network", "4.2": "network", "4.3": "domain", "4.4": "domain",
    "4.6": "expired",
    "4.7": "expired", "6.0": "content", "7.1": "policy", "7.20": "auth", "7.21": "auth", "7.22": "auth",
    "7.23": "auth",
    "7.26": "auth", "7.25": "reputation", "7.27": "policy", "7.28": "reputation",
}  # fmt: skip
"""Reason class by subject and detail of the status code (RFC 3463, RFC 7372), where the text says nothing."""

EXTENDED_WORDS = {
    "user unknown": "5.1.1",
}
