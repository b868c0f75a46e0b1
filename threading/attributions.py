"""The words that mail programs put before a quoted mail, in many languages, as data; all lower case."""

WROTE = (
    "wrote", "writes", "sent", "schrieb", "schrieben", "geschrieben", "a écrit", "écrit", "escribió", "escribio",
    "ha scritto", "scritto", "escreveu", "schreef", "geschreven", "skrev", "skriver", "kirjoitti", "napsal", "napsala",
    "napsal(a)", "napísal", "napísal(a)", "napísala", "napisał", "napisał(a)", "napisała", "pisze", "írta", "a scris",
    "написал", "написала", "написал(а)", "пишет", "написав", "пише", "написа", "написао", "је написао/ла",
    "је написао", "је написала", "yazdı", "şunu yazdı", "έγραψε", "napisao", "napisao je", "je napisao/la", "napisal",
    "je napisal", "rašė", "rakstīja", "kirjutas", "đã viết", "menulis", "написал(-а)", "va escriure", "idatzi du",
    "shkroi", "skrifaði", "scrisse", "respondeu", "viết", "mengatakan", "napisala", "wrote:-",
)  # fmt: skip
"""Words that stand near the end of `On ... <somebody> wrote:`."""

WROTE_CJK = (
    "写道",
    "寫道",
    "のメッセージ",
    "さんは書きました",
    "が書きました",
    "님이 작성",
    "작성:",
    "כתב",
    "كتب",
    "เขียน",
    "لکھا",
    "نوشت",
    "ने लिखा",
    "さんのメール",
)
"""The same in scripts that set no blanks between words."""

STARTERS = (
    "on", "le", "am", "il", "el", "em", "op", "den", "på", "dne", "dňa", "dnia", "w dniu", "vào", "v", "в", "ср", "пн",
    "вт", "чт", "пт", "сб", "вс", "tarihinde", "στις", "la", "pe", "in data", "at", "from", "quoting", "dana", "2",
    "1", "0", "3", "sent from", "a las", "tir", "man", "ons", "tor", "fre", "lør", "søn", "ma", "ti", "ke", "to", "su",
    "bei", "kl", "no dia", "um", "pada", "tanggal", "ngày", "τη", "את", "ב", "في",
)  # fmt: skip
"""How attribution lines begin, where a day is not the first word."""

FIELDS: dict[str, tuple[str, ...]] = {
    "from": (
        "from", "von", "de", "van", "da", "od", "fra", "från", "lähettäjä", "от", "від", "feladó", "kimden",
        "gönderen", "από", "de la", "expéditeur", "remitente", "mittente", "发件人", "發件人", "寄件者", "寄件人",
        "差出人", "보낸 사람", "보낸사람", "מאת", "من", "từ", "dari", "nuo", "no", "kellelt", "šalje", "pošiljatelj",
        "avsender", "afzender", "absender", "message de", "di", "送信者", "จาก",
    ),
    "date": (
        "date", "sent", "gesendet", "datum", "envoyé", "envoyé le", "verzonden", "inviato", "data", "enviado",
        "enviado el", "enviada em", "fecha", "skickat", "sendt", "dato", "lähetetty", "päiväys", "wysłano", "odesláno",
        "odoslané", "elküldve", "küldve", "дата", "отправлено", "надіслано", "gönderildi", "gönderme tarihi", "tarih",
        "ημερομηνία", "στάλθηκε", "trimis", "发送时间", "發送時間", "日期", "寄件日期", "时间", "送信日時", "日時",
        "보낸 날짜", "날짜", "נשלח", "תאריך", "تاريخ الإرسال", "التاريخ", "đã gửi", "ngày", "dikirim", "tanggal",
        "poslano", "data e orës", "когда", "enviado em", "message du", "sendt den", "kuupäev", "išsiųsta", "nosūtīts",
        "wann", "invio", "วันที่",
    ),
    "to": (
        "to", "an", "à", "aan", "a", "para", "till", "til", "vastaanottaja", "do", "komu", "címzett", "кому", "kime",
        "alıcı", "προς", "către", "收件人", "收件者", "宛先", "받는 사람", "받는사람", "אל", "إلى", "đến", "tới",
        "kepada", "za", "prima", "destinataire", "destinatario", "per", "kam", "kellele", "ถึง",
    ),
    "subject": (
        "subject", "betreff", "objet", "onderwerp", "oggetto", "asunto", "assunto", "ämne", "emne", "aihe", "temat",
        "předmět", "predmet", "tárgy", "тема", "konu", "θέμα", "subiect", "主题", "主旨", "主題", "件名", "제목",
        "נושא", "الموضوع", "chủ đề", "tiêu đề", "subjek", "perihal", "naslov", "zadeva", "tema", "teema", "betr", "re",
        "เรื่อง",
    ),
    "cc": ("cc", "kopie", "copie", "copie à", "copia", "kopi", "kopia", "dw", "kopio",
    "копия", "copy", "抄送", "参照",
    "副本", "참조", "másolat", "bcc", "reply-to", "reply to", "importance"),
}  # fmt: skip
"""Names of the header lines that programs put above a quoted mail."""

ORIGINAL = (
    "original message", "original-message", "originalnachricht", "ursprüngliche nachricht", "original nachricht",
    "message d'origine", "message d’origine", "message original", "message initial", "oorspronkelijk bericht",
    "oorspronkelijke bericht", "mensaje original", "messaggio originale", "messaggio di origine", "mensagem original",
    "ursprungligt meddelande", "originalmeddelande", "oprindelig besked", "oprindelig meddelelse",
    "opprinnelig melding", "original besked", "alkuperäinen viesti", "oryginalna wiadomość", "wiadomość oryginalna",
    "původní zpráva", "pôvodná správa", "eredeti üzenet", "исходное сообщение", "оригинальное сообщение",
    "первоначальное сообщение", "оригінальне повідомлення", "özgün ileti", "orijinal ileti", "orijinal mesaj",
    "αρχικό μήνυμα", "mesaj original", "mesajul original", "originalna poruka", "izvirno sporočilo", "原始邮件",
    "原始郵件", "原邮件", "元のメッセージ", "original mail", "원본 메일", "원본 메시지", "הודעה מקורית",
    "الرسالة الأصلية", "thư gốc", "tin nhắn gốc", "pesan asli", "reply message", "reply above this line",
    "original email", "missatge original", "algne kiri", "originalus laiškas",
)  # fmt: skip
"""What stands between dashes above a quoted mail."""

FORWARDED = (
    "forwarded message", "forwarded by", "begin forwarded message", "weitergeleitete nachricht", "message transféré",
    "mensaje reenviado", "messaggio inoltrato", "mensagem encaminhada", "doorgestuurd bericht", "vidarebefordrat",
    "videresendt", "välitetty viesti", "wiadomość przekazana", "přeposlaná zpráva", "továbbított üzenet",
    "пересылаемое сообщение", "пересланное сообщение", "iletilen mesaj", "iletilmiş ileti", "προωθημένο μήνυμα",
    "转发的邮件", "轉寄的郵件", "転送メッセージ", "전달된 메시지", "הודעה שהועברה", "رسالة معاد توجيهها",
    "anfang der weitergeleiteten", "début du message", "inizio messaggio inoltrato", "forwarded mail",
    "начало переадресованного", "thư được chuyển tiếp", "mesaj redirecționat",
)  # fmt: skip
"""What stands above a mail that is passed on: not a quote, it stays."""

MOBILE = (
    "sent from my ", "sent from mail for", "sent from outlook", "sent from yahoo", "sent from samsung",
    "sent from android", "sent from typeapp", "sent from iphone", "sent from ", "sent with ", "sent via ",
    "get outlook for", "sent using ", "von meinem ", "gesendet von ", "gesendet mit ", "von meinem iphone gesendet",
    "diese nachricht wurde von meinem", "envoyé de mon", "envoyé depuis", "envoyé à partir", "envoyé avec",
    "télécharger outlook", "obtenez outlook", "enviado desde", "enviado do", "enviado a partir", "enviado de mi",
    "enviado con", "enviado via", "obtener outlook", "obter o outlook", "inviato da", "inviato dal", "inviato con",
    "scarica outlook", "verzonden vanaf", "verstuurd vanaf", "verzonden met", "verzonden via", "download outlook",
    "outlook voor", "skickat från", "hämta outlook", "sendt fra", "hent outlook", "lähetetty ", "hanki outlook",
    "wysłane z", "wysłano z", "pobierz outlook", "odesláno z", "odoslané z", "küldve ", "отправлено с",
    "отправлено из", "отправлено от", "надіслано з", "iphone'umdan", "i̇phone'umdan", "android'den", "στάλθηκε από",
    "trimis de pe", "poslano s", "poslano z", "发自我的", "從我的", "从我的", "來自我的", "iphoneから送信", "から送信",
    "나의 iphone에서", "에서 보냄", "נשלח מה", "أُرسلت من", "تم الإرسال من", "gửi từ", "đã gửi từ", "dikirim dari",
    "išsiųsta iš", "saadetud minu", "enviat des de", "från min ", "fra min ", "da mobile",
)  # fmt: skip
"""How the lines begin (or, in some languages, end) that mobile programs add under a mail."""

MOBILE_SENTENCES = ("sent with proton mail", "sent from proton mail", "sent with spark", "sent from my mobile device")
"""Those of them that are whole sentences with a full stop."""

REPLY_ABOVE = (
    "reply above this line",
    "please type your reply above",
    "bitte antworten sie oberhalb",
    "répondez au-dessus",
    "##- ",
)
"""Markers that say where the answer ends."""
