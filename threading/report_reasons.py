"""Why a mail was not delivered, as data: classes with the words and the status codes that show them."""

HARD_REASONS = ("invalid recipient", "domain")
"""Classes that are about the address itself: for good, whatever mail comes next."""

REASONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mailbox full", (
        "mailbox full", "mailbox is full", "over quota", "overquota", "over its quota", "quota exceeded", "quota",
        "mailfolder is full", "mailbox has exceeded", "mailbox exceeds", "out of storage", "storage", "too much mail",
        "account is full", "insufficient space", "inbox is full", "out of space", "mailbox size", "postfach voll",
        "postfach ist voll", "boîte pleine", "boite pleine", "buzón lleno", "bandeja de entrada llena",
        "casella piena", "caixa cheia", "skrzynka pełna", "переполнен", "容量", "已满", "已滿", "いっぱい", "가득",
    )),
    ("size", (
        "message too large", "message too big", "too large", "too big", "size limit", "exceeds size", "size exceed",
        "maximum size", "file too", "message size", "max message size", "exceeds the maximum", "exceeds fixed limit",
        "zu groß", "trop volumineux", "demasiado grande", "troppo grande", "zbyt duż", "слишком больш",
    )),
    ("policy", (
        "sender address rejected", "domain of sender", "sender domain", "sender rejected", "sender denied",
        "sender verify failed", "sender address has", "invalid sender", "bad sender", "sender not",
        "not allowed to send", "relaying denied", "relay not permitted", "relay access denied", "unable to relay",
        "relaying not", "prohibited by policy", "at a rate", "too many messages", "rate limited",
    )),
    ("domain", (
        "host unknown", "domain name (", "the domain name", "unknown host", "host not found", "domain not found",
        "name service error", "no such host", "no such domain", "unrouteable", "unroutable",
        "name or service not known", "couldn't find any host", "bad destination system", "no mail exchanger",
        "no mail server", "illegal host", "domain does not exist", "domain couldn't be found", "invalid domain",
        "no mx", "null mx", "nullmx", "nxdomain", "no smtp service", "indicated no", "does not accept mail",
        "dns error", "host lookup", "name lookup", "host name lookup", "domain not exist", "unknown domain",
        "domain is not reachable", "domain nicht gefunden", "domaine introuvable", "dominio no", "dominio non",
        "domena nie", "домен не", "域名",
    )),
    ("auth", (
        "spf", "dkim", "dmarc", "unauthenticated", "authentication required", "authentication", "sender id",
        "not authenticated", "must authenticate",
    )),
    ("spam", (
        "spam firewall", "bulk email filter", "spam filter", "suspicion of spam", "considered spam", "as spam",
        "like spam", "is spam", "spam message", "spam content",
    )),
    ("reputation", (
        "blacklist", "black list", "blocklist", "block list", "blocked using", "spamhaus", "rbl", "dnsbl",
        "reputation", "bad ip", "client host rejected", "poor", "listed at", "is listed", "blocked by", "banned",
        "ip address has been", "ptr", "reverse dns", "rate limit", "too many connections", "invalid ip",
        "sending limit", "barracudacentral", "spamcop", "senderscore", "sender score", "sorbs", "ip blocked",
        "your ip", "client ip", "mail server ip",
    )),
    ("spam", (
        "spam", "junk", "unsolicited", "bulk mail", "message looks like", "considered uce", "bulk email", "high score",
        "unerwünscht", "indésirable", "no deseado", "indesiderat", "спам", "垃圾",
    )),
    ("content", (
        "content", "virus", "malware", "attachment", "infected", "banned file", "phish", "urls in", "message filtered",
        "encoding", "prohibited url", "bad header", "header error", "not rfc", "rfc 5322", "rfc5322", "8bit",
    )),
    ("invalid recipient", (
        "user unknown", "unknown user", "no such user", "no such recipient", "invalid recipient", "unknown recipient",
        "recipient unknown", "invalid mailbox", "no mailbox", "mailbox unavailable", "mailbox not found",
        "does not exist", "doesn't exist", "not exist", "no such", "not a valid", "unknown or illegal",
        "recipient address rejected", "recipient rejected", "not found", "unknown address", "address unknown",
        "addressee unknown", "not listed", "invalid user", "invalid address", "doesn't have", "not our customer",
        "user not", "bad address", "account disabled", "disabled", "inactive", "suspended", "discontinued",
        "not recognized", "no account", "unknown", "undeliverable address", "no longer", "not known", "wasn't found",
        "couldn't be found", "bad destination mailbox", "moved", "illegal alias", "recipient not", "frozen",
        "malformed address", "address rejected", "not a registered", "invalid final delivery", "no matches",
        "existiert nicht", "nicht gefunden", "unbekannt", "n'existe pas", "inconnu", "introuvable", "no existe",
        "desconocid", "non esiste", "sconosciut", "bestaat niet", "onbekend", "finns inte", "findes ikke",
        "finnes ikke", "ei ole olemassa", "nie istnieje", "neexistuje", "nem létezik", "не существует", "не найден",
        "не існує", "nu există", "mevcut değil", "bulunamadı", "δεν υπάρχει", "não existe", "não encontrad",
        "見つかりません", "存在しません", "不存在", "找不到", "존재하지", "찾을 수 없", "לא קיימ", "غير موجود",
        "không tồn tại", "tidak ditemukan",
    )),
    ("expired", (
        "expired", "too long", "retry timeout", "retry time", "given up", "giving up", "gave up", "message age",
        "too many hops", "hop count", "loop", "has not been collected", "delivery time", "deferred",
        "not yet been delivered", "stopped trying", "attempts",
    )),
    ("network", (
        "timed out", "timeout", "connection refused", "connection reset", "connection closed", "no route", "network",
        "could not connect", "unreachable", "not reachable", "couldn't be reached", "connect to", "lost connection",
        "connection", "not responding", "tls", "can't connect", "service not available", "service unavailable",
        "temporarily unavailable", "unable to contact", "disk space", "system storage", "temporary failure",
        "try again later",
    )),
    ("policy", (
        "policy", "relay", "denied", "not permitted", "prohibited", "not allowed", "not authorized", "permission",
        "not accepting", "refused", "rejected", "restricted", "access", "sender address", "administrative",
        "local problem", "blocked", "violat", "not accept",
    )),
)  # fmt: skip
"""Classes with the words that show them, lower case; the first class with a word in the text wins."""

STATUS_REASONS = {
    "1.1": "invalid recipient", "1.2": "domain", "1.3": "invalid recipient", "1.4": "invalid recipient",
    "1.5": "invalid recipient", "1.6": "invalid recipient", "1.7": "policy", "1.8": "policy",
    "2.1": "invalid recipient", "2.2": "mailbox full", "2.3": "size", "3.1": "network", "3.4": "size", "4.1": "network",
    "4.2": "network", "4.3": "domain", "4.4": "domain", "4.6": "expired", "4.7": "expired", "6.0": "content",
    "7.1": "policy", "7.20": "auth", "7.21": "auth", "7.22": "auth", "7.23": "auth", "7.25": "reputation",
    "7.26": "auth", "7.27": "domain", "7.28": "reputation",
}  # fmt: skip
"""Class by subject and detail of the status code (RFC 3463, RFC 7372, RFC 7505)."""

OVERRULED = ("1.1", "2.1", "3.1", "4.1", "4.2", "4.3", "4.4", "4.6", "4.7", "6.0", "7.1")
"""Status codes that servers also use where their words are more exact."""

TELLING = ("mailbox full", "size", "auth", "reputation", "spam")
"""Classes whose words weigh more than such a status code."""
