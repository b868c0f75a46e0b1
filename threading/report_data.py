"""What bounces say, as data: who sends them, how they begin, where the returned mail starts."""

DAEMONS = (
    "mailer-daemon", "mailer_daemon", "maildaemon", "mail-daemon", "mailerdaemon", "mail.delivery.system", "mdaemon",
    "postmaster", "post_master", "smtp_mail_service", "mailadm", "mailmaster", "mail-master", "microsoftexchange",
    "double-bounce", "mail-delivery", "barracuda",
)  # fmt: skip
"""Beginnings or parts of the local part (or the display name, blanks as `-`) of those who send bounces, lower case."""

DAEMON_NAMES = (
    "mail delivery sub", "mail delivery system", "mail deliver system", "mail delivery service", "mail administrator",
    "internet mail delivery", "postmaster", "mailer-daemon", "system administrator", "mail router", "mailer daemon",
    "delivery subsystem", "mail system", "mail subsystem", "mail-daemon",
)  # fmt: skip
"""Parts of the From field of those who send bounces, lower case."""

MACHINE_HEADERS = ("x-mlserver", "x-ms-exchange-message-is-ndr", "x-mc-system")
"""Fields that gateways and list managers set in what they write themselves, lower case."""

SUBJECTS = (
    "undeliver", "non-deliver", "not deliver", "nondeliver", "delivery status", "delivery failure",
    "delivery notification", "delivery problem", "delivery error", "delivery has failed", "delivery report",
    "delivery failed", "delivery unsuccessful", "failure notice", "failure delivery", "returned mail",
    "returned to sender", "mail failure", "mail delivery", "delivery incomplete", "error sending", "failed mail",
    "mail error", "not be delivered", "could not send", "mail could not", "processing error", "message refused",
    "mail rejected", "returned message", "unable to deliver", "user unknown", "unknown user", "address unknown",
    "delivery delayed", "permanent delivery", "failed delivery", "failed to deliver", "couldn't be delivered",
    "warning:", "warning--", "not accepted", "mail system error", "delayed mail", "mail not", "host unknown",
    "zustell", "non remis", "non distribu", "échec de", "non livr", "no entregad", "no se puede entregar",
    "mancata consegna", "niet bestelbaar", "onbestelbaar", "olevererbar", "ikke levere", "nedoruč", "niedostarcz",
    "не доставлен", "недоставлен", "não entreg", "falha na entrega", "配信不能", "送信エラー", "退信", "投递失败",
    "無法傳遞", "não foi possível entregar", "iletilemedi", "dead letter", "message you sent blocked",
    "nicht zugestellt", "n'a pas été remis", "no se pudo entregar", "no se ha podido entregar", "error en la entrega",
    "devuelto", "devolvido", "non recapitabile", "impossibile recapitare", "non consegnat", "errore di consegna",
    "niet bezorgd", "kan niet worden bezorgd", "kunde inte levereras", "gick inte att leverera", "uleverbar",
    "ulevert", "toimittaminen epäonnistui", "ei voitu toimittaa", "ei toimitettu", "toimittamaton",
    "nie można dostarczyć", "nie dostarczono", "nelze doručit", "nie je možné doručiť", "kézbesíthetetlen",
    "nem kézbesíthető", "kézbesítés sikertelen", "не удалось доставить", "невозможно доставить", "ошибка доставки",
    "не може бути доставлен", "не вдалося доставити", "nelivrat", "nu a putut fi livrat", "nelivrabil",
    "teslim edilemedi", "teslim edilemeyen", "gönderilemedi", "δεν ήταν δυνατή η παράδοση", "αποτυχία παράδοσης",
    "não pôde ser entregue", "配信できません", "未配信", "配達できません", "宛先不明", "送信できません",
    "エラーメール", "配信に失敗", "无法送达", "未送达", "無法投遞", "未传递", "未送達", "投递失敗", "无法投递",
    "배달되지 않음", "배달 실패", "전달 실패", "전송 실패", "반송", "לא נמסר", "לא ניתן למסור", "تعذر تسليم",
    "غير قابل للتسليم", "فشل التسليم", "không gửi được", "gửi không thành công", "tidak terkirim", "gagal terkirim",
    "ไม่สามารถส่ง", "loop alert", "loop back warning", "automatically rejected", "rejected mail", "auto-rejected",
    "mail returned", "delayed:", "send failure", "bounced",
)  # fmt: skip
"""Parts of the subjects of bounces, lower case."""

PHRASES = (
    "couldn't be delivered", "can't be delivered", "not be delivered", "wasn't delivered",
    "been delivered to the following", "did not reach", "able to deliver", "unable to be delivered", "undeliverable",
    "undelivered", "delivery failed", "delivery has failed", "delivery attempt", "delivery error",
    "failed permanently", "failed to deliver", "following address", "following recipient", "the following user",
    "failed recipient", "fatal error", "permanent error", "delivery problem", "error delivering",
    "attempting to deliver", "had trouble delivering", "error sending your mail", "transcript of session",
    "following error", "was rejected", "has been rejected", "rejected by", "rejected your", "been returned",
    "returned message", "returned mail", "is returned", "returned to", "can't deliver", "couldn't deliver",
    "did not receive", "not accepting", "does not exist", "doesn't exist", "user unknown", "unknown user",
    "no such user", "no such recipient", "invalid user", "invalid recipient", "mailbox unavailable", "mailbox full",
    "not deliver", "non-delivery", "nondelivery", "unrouteable", "will be retried", "will keep trying",
    "still being retried", "not yet been delivered", "failed because", "did not exactly match", "temporarily",
    "not found", "could not be sent", "could not send", "message was not sent", "email address is wrong",
    "wasn't found", "has a problem", "problem delivering", "no se ha entregado", "access denied", "error message",
    "delivery report", "failure", "zugestellt", "zustellung", "n'a pas pu être", "pas été distribu",
    "no se pudo entregar", "non è stato possibile", "не доставлен", "не удалось", "невозможно доставить",
    "não pôde ser", "送信できません", "配信できません", "届けられません", "can not send", "delivery delayed",
    "delivery is delayed", "delivery to", "over quota", "account is full", "nicht erreicht", "nicht zustellen",
    "unzustellbar", "nicht ausgeliefert", "existiert nicht", "unbekannter empfänger", "impossible de remettre",
    "impossible de distribuer", "n'existe pas", "pas pu etre delivre", "no se ha podido entregar", "no se entregó",
    "no existe", "no ha podido ser entregado", "non è stato recapitato", "impossibile recapitare", "non esiste",
    "niet worden bezorgd", "niet afgeleverd", "bestaat niet", "kunde inte levereras", "gick inte att leverera",
    "finns inte", "kunne ikke leveres", "findes ikke", "finnes ikke", "ei voitu toimittaa", "ei ole olemassa",
    "nie można dostarczyć", "nie została dostarczona", "nie istnieje", "nelze doručit", "nebylo možné doručit",
    "neexistuje", "nem kézbesíthető", "nem létezik", "не был доставлен", "не было доставлено", "не существует",
    "не найден", "не існує", "nu a putut fi livrat", "nu există", "teslim edilemedi", "mevcut değil", "bulunamadı",
    "δεν παραδόθηκε", "δεν υπάρχει", "não foi entregue", "não existe", "não foi possível entregar",
    "não pode ser entregue", "配信されませんでした", "見つかりません", "存在しません", "届けることができません",
    "无法送达", "未能送达", "无法投递", "不存在", "退回", "投递失败", "無法傳遞", "找不到", "배달되지", "전달할 수 없",
    "존재하지 않", "찾을 수 없", "לא נמסרה", "לא קיימת", "لم يتم تسليم", "غير موجود", "không tồn tại", "không thể gửi",
    "tidak dapat dikirim", "tidak ditemukan", "duplicated message-id", "automatically rejected", "has been blocked",
    "is disabled", "over its quota", "out of storage", "has been suspended", "delivery has been delayed",
    "we tried to deliver", "tried to deliver your message",
)  # fmt: skip
"""Parts of the sentences that say that something was not delivered, lower case."""

RETURNED_MARKS = (
    "--- below this line is", "--- below the next line", "--- this is a copy", "- this is a copy of",
    "below this line is a copy", "returned message", "message header follows", "unsent message",
    "message text follows", "original message", "returned mail", "copy of the message", "copy of your message",
    "header of the original", "headers of the original", "message headers follow", "original headers",
    "text of message", "original mail follows", "message follows", "first part of the message", "here is a copy",
    "enclosed is a copy", "included is a copy", "this is the original", "message contents follow", "returned content",
    "the header page", "begin message", "original-message", "original text", "beginning of the original",
    "received message", "failed message", "end of text", "old message",
)  # fmt: skip
"""Parts of the lines after which the returned mail begins, lower case."""

DELAY_PHRASES = (
    "delay", "will keep trying", "will continue", "not yet been delivered", "will be retried", "warning message only",
    "do not need to resend", "no need to resend", "will retry", "temporary failure, will", "past 8", "being retried",
    "could not send mail for past", "was deferred", "temporarily deferred", "queued for", "warning: could not send",
    "verzögert", "retardé", "en retard", "retrasado", "ritardat", "vertraagd", "försenad", "forsinket", "viivästynyt",
    "opóźnion", "zpožděn", "késik", "задерж", "затрим", "întârziat", "gecik", "καθυστέρησε", "atrasad", "遅延",
    "遅れて", "延迟", "延遲", "지연", "עיכוב", "متأخر", "bị trì hoãn", "tertunda", "still trying to deliver",
    "will be attempted", "continue trying", "temporary problem delivering", "delivery incomplete",
    "no action is required", "has not yet been", "you do not need to",
)  # fmt: skip
"""Parts of the sentences that say that it will be tried again, lower case."""

FINAL_PHRASES = (
    "given up", "giving up", "permanent", "failed", "could not be delivered", "undeliverable", "not delivered",
    "returned", "too long", "fatal", "expired", "no further", "unable to deliver", "cannot be delivered", "timed out",
)  # fmt: skip
"""Parts of the sentences that say that it is over, lower case."""

LABELS = (
    "recipient", "addressed to", "rcpt to", "rcpt", "address:", "deliver to", "delivery to", "delivering to",
    "delivered to", "intended for", "errors:", "sent to", "user:", "user ", "mailbox", "following address", "unknown",
    "account", "failed:", "to:", "to ", "for ", "e-mail address", "destination", "email address", "address",
)  # fmt: skip
"""What stands before an address in a line that names a recipient, lower case."""

ANNOUNCEMENTS = (
    "recipient", "address", "following user", "users:", "user(s)", "deliver", "distribution list", "empfänger",
    "destinat", "direcci", "indirizz", "ontvanger", "mottagare", "modtager", "mottaker", "vastaanottaj", "odbiorc",
    "adres", "адрес", "получател", "одержувач", "příjemc", "príjemc", "címzett", "alıcı", "παραλήπτ", "endereç",
    "宛先", "受信者", "收件人", "收信人", "收件者", "地址", "받는 사람", "수신자", "נמען", "المستلم", "người nhận",
    "penerima",
)  # fmt: skip
"""Parts of the lines, ending in a colon, after which the recipients follow, lower case."""

NOT_RECIPIENT = (
    "contact", "from:", " from ", "postmaster@", "sender", "mail from", "message-id", "return-path", "help", "assist",
    "support", "reply-to", "report", "forward", "question", "http", "abuse@", "notify", "subject:", "in-reply-to",
    "cc:", "write to", "mailto:", "reporting-mta", "x-envelope-from", "administrator", "e.g.", "for example",
    "such as", "try sending", "on behalf of", "your address",
)  # fmt: skip
"""What makes the address in a line that of somebody else, lower case."""
