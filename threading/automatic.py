"""Whether a mail was written by a person or by a machine (RFC 3834 and its relatives)."""

from gatepost.mail import Mail
from gatepost.threading.report import read_report
from gatepost.words import Kind

ANSWER_SUBJECTS = (
    "out of office", "out of the office", "automatic reply", "auto reply", "autoreply", "auto-reply",
    "auto response", "autoresponse",
    "auto:", "away from", "on vacation", "vacation reply", "vacation:", "i am away", "i'm away", "abwesenheit",
    "automatische antwort",
    "réponse automatique", "absence du bureau", "respuesta automática", "fuera de la oficina",
    "risposta automatica", "fuori sede",
    "automatisch antwoord", "afwezig", "automatiskt svar", "frånvaro", "automatisk svar", "automaattinen vastaus",
    "automatická odpověď",
    "automatyczna odpowiedź", "automatikus válasz", "resposta automática", "fora do escritório", "ausência",
    "автоответ",
    "автоматический ответ", "otomatik yanıt", "自动答复", "自动回复", "自動回覆", "自動応答", "不在", "자동 회신",
    "부재중", "răspuns automat",
    "automatski odgovor", "αυτόματη απάντηση", "מענה אוטומטי", "رد تلقائي", "trả lời tự động",
    "automatinis atsakymas",
)  # fmt: skip
"""Beginnings of the subjects of absence notices, lower case; they stand first or after a reply prefix."""

ANSWER_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-vacation",
)
PRECEDENCE = ("auto_reply", "auto-reply")
BULK = ("bulk", "list", "junk", *PRECEDENCE)
LIST_HEADERS = ("list-id", "list-unsubscribe", "list-post", "list-help", "mailing-list", "x-mailing-list")
SUPPRESSED = ("all", "autoreply", "oof")
ROBOT_HEADERS = ("x-loop", "feedback-id", "x-csa-complaints", "x-failed-recipients")
ROBOT_STARTS = (
    "no-reply", "noreply", "no_reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster", "bounce", "owner-",
    "daemon", "root@", "autoreply", "auto-reply", "listserv", "majordomo",
)  # fmt: skip
ROBOT_ENDS = ("-request", "-owner", "-bounces", "-relay", "-noreply", "-no-reply")
"""Local parts that nobody reads (RFC 3834 section 2, RFC 5321 section 6.1)."""


def classify(mail: Mail, envelope_from: str | None) -> tuple[Kind, list[str]]:
    """What kind of mail this is, and what shows it; `envelope_from` is "" for the null reverse-path or None."""
    report = read_report(mail)
    if report:
        return report.kind, list(report.why)
    why = automatic_signs(mail)
    if why:
        return Kind.AUTO_REPLY, why
    if envelope_from == "":
        return Kind.AUTO_REPLY, ["the reverse-path is empty (RFC 3834 section 3.1.2)"]
    return Kind.MESSAGE, []


def automatic_signs(mail: Mail) -> list[str]:
    """The signs of an automatic answer; mail of lists and bulk mail written by people has none."""
    signs: list[str] = []
    submitted = (mail.header("auto-submitted") or "").split(";")[0].split("(")[0].strip().lower()
    if submitted and submitted != "no":
        signs.append(f"Auto-Submitted: {submitted[:40]} (RFC 3834 section 5)")
    signs.extend(
        f"{name.title()} is set" for name in ANSWER_HEADERS if (mail.header(name) or "no").strip().lower() != "no"
    )
    precedence = (mail.header("precedence") or "").strip().lower()
    if precedence in PRECEDENCE:
        signs.append(f"Precedence: {precedence}")
    subject = _bare(mail.subject)
    if subject.startswith(ANSWER_SUBJECTS):
        signs.append("the subject is that of an absence notice")
    return signs


def unanswerable_signs(mail: Mail) -> list[str]:
    """Why a mail gets no automatic answer: it is one, came by a list or in bulk, or asks for none."""
    signs = automatic_signs(mail)
    signs.extend(f"{name.title()} is set: it came by a list" for name in LIST_HEADERS if mail.header(name))
    precedence = (mail.header("precedence") or "").strip().lower()
    if precedence in BULK:
        signs.append(f"Precedence: {precedence}")
    suppressed = (mail.header("x-auto-response-suppress") or "").lower()
    if any(word.strip() in SUPPRESSED for word in suppressed[:200].split(",")):
        signs.append("X-Auto-Response-Suppress asks for no automatic answer")
    signs.extend(f"{name.title()} is set" for name in ROBOT_HEADERS if mail.header(name))
    local = next((box.address.local.lower() for box in mail.from_ if box.address), "")
    if local.startswith(ROBOT_STARTS) or local.endswith(ROBOT_ENDS):
        signs.append(f"{local[:64]} is the address of a program")
    return signs


def _bare(subject: str) -> str:
    """The subject in lower case without one short reply prefix."""
    lower = subject.strip().lower()
    head, colon, rest = lower.partition(":")
    return rest.strip() if colon and len(head) <= 3 else lower
