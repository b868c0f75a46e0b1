"""Bounces in the manner of many mail systems; every one of them is written for these tests."""

from dataclasses import dataclass

RETURNED = "Message-ID: <m17@desk.example>\nFrom: desk@desk.example\nTo: ana@shop.example\nSubject: Order 17\n\nHello\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A bounce of one system: sender, subject, body, and what it says about `ana@shop.example`."""

    system: str
    sender: str
    subject: str
    body: str
    status: str | None
    code: int | None
    reason: str
    header: str = ""
    kind: str = "bounce"


CASES = [
    Case("postfix", "MAILER-DAEMON@mx.example (Mail Delivery System)", "Undelivered Mail Returned to Sender",
         "This is the mail system at host mx.example.\n\nI'm sorry to have to inform you that your message could "
         "not\nbe delivered to one or more recipients. It's attached below.\n\n                   The mail system\n"
         "\n<ana@shop.example>: host mx.shop.example[192.0.2.4] said: 550 5.1.1\n    <ana@shop.example>: Recipient "
         "address rejected: User unknown in virtual mailbox\n    table (in reply to RCPT TO command)\n",
         "5.1.1", 550, "invalid recipient"),
    Case("postfix forward", "MAILER-DAEMON@mx.example (Mail Delivery System)", "Undelivered Mail Returned to Sender",
         "This is the mail system at host mx.example.\n\n<a.ruiz@home.example> (expanded from <ana@shop.example>): "
         "unable to\n    look up host home.example: Name or service not known\n",
         None, None, "domain"),
    Case("exim", "Mail Delivery System <Mailer-Daemon@mx.example>",
         "Mail delivery failed: returning message to sender",
         "This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
         "delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) "
         "failed:\n\n  ana@shop.example\n    host mx.shop.example [192.0.2.4]\n    SMTP error from remote mail "
         "server after RCPT TO:<ana@shop.example>:\n    552 5.2.2 <ana@shop.example> Mailbox over quota\n",
         "5.2.2", 552, "mailbox full", header="X-Failed-Recipients: ana@shop.example\n"),
    Case("exim delay", "Mail Delivery System <Mailer-Daemon@mx.example>", "Warning: message 1abc delayed 24 hours",
         "This message was created automatically by mail delivery software.\nA message that you sent has not yet "
         "been delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.example.\n\n"
         "The address to which the message has not yet been delivered is:\n\n  ana@shop.example\n    host "
         "mx.shop.example [192.0.2.4]\n    Delay reason: SMTP error from remote mail server: 451 4.7.1 Greylisted, "
         "try later\n\nNo action is required on your part. Delivery attempts will continue for\nsome time.\n",
         "4.7.1", 451, "expired", kind="delay"),
    Case("sendmail", "Mail Delivery Subsystem <MAILER-DAEMON@mx.example>", "Returned mail: see transcript for details",
         "The original message was received at Sun, 22 Nov 2026 10:12:00 GMT\nfrom desk.example [192.0.2.1]\n\n   "
         "----- The following addresses had permanent fatal errors -----\n<ana@shop.example>\n    (reason: 550 "
         "5.1.1 No such user)\n\n   ----- Transcript of session follows -----\n... while talking to "
         "mx.shop.example.:\n>>> DATA\n<<< 550 5.1.1 No such user\n550 5.1.1 <ana@shop.example>... User unknown\n",
         "5.1.1", 550, "invalid recipient"),
    Case("qmail", "MAILER-DAEMON@mx.example", "failure notice",
         "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to "
         "the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
         "<ana@shop.example>:\nSorry, I couldn't find any host named shop.example. (#5.1.2)\n",
         "5.1.2", None, "domain"),
    Case("courier", "\"Courier mail server at mx.example\" <@>", "NOTICE: mail delivery status.",
         "This is a delivery status notification from mx.example,\nrunning the Courier mail server.\n\nThe original "
         "message was received on Sun, 22 Nov 2026 10:12:00 +0000\n\n"
         "------------------------------------------------\n\n                           UNDELIVERABLE MAIL\n\nYour "
         "message to the following recipients cannot be delivered:\n\n<ana@shop.example>:\n    mx.shop.example "
         "[192.0.2.4]:\n>>> RCPT TO:<ana@shop.example>\n<<< 550 5.1.1 User unknown.\n",
         "5.1.1", 550, "invalid recipient", header="Return-Path: <>\n"),
    Case("exchange online", "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@shop.example>",
         "Undeliverable: Order 17",
         "mx.shop.example rejected your message to the following email addresses:\n\nAna Ruiz (ana@shop.example)\n"
         "The address you sent your message to wasn't found at the destination domain.\n\nDiagnostic information "
         "for administrators:\n\nGenerating server: EX1.shop.example\n\nana@shop.example\nmx.shop.example\nRemote "
         "server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'\n",
         "5.1.10", 550, "invalid recipient"),
    Case("exchange german", "Microsoft Outlook <postmaster@shop.example>", "Unzustellbar: Order 17",
         "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\nana@shop.example\nDie "
         "eingegebene E-Mail-Adresse konnte nicht gefunden werden.\n\nDiagnoseinformationen für Administratoren:\n\n"
         "Generierender Server: EX1.shop.example\n\nana@shop.example\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not "
         "found ##\n",
         "5.1.1", 550, "invalid recipient"),
    Case("exchange french", "Microsoft Outlook <postmaster@shop.example>", "Non remis : Order 17",
         "Échec de la remise pour les destinataires ou groupes suivants :\n\nana@shop.example\nLa boîte aux lettres "
         "du destinataire est pleine.\n\nInformations de diagnostic pour les administrateurs :\n\nana@shop.example\n"
         "#554 5.2.2 mailbox full ##\n",
         "5.2.2", 554, "mailbox full"),
    Case("exchange japanese", "Microsoft Outlook <postmaster@shop.example>", "配信不能: Order 17",
         "次の受信者またはグループへの配信に失敗しました:\n\nana@shop.example\n入力した電子メール "
         "アドレスが見つかりませんでした。\n\nana@shop.example\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found "
         "##\n",
         "5.1.1", 550, "invalid recipient"),
    Case("gmail", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "Delivery Status Notification (Failure)",
         "** Address not found **\n\nYour message wasn't delivered to ana@shop.example because the address couldn't "
         "be found, or is unable to receive mail.\n\nThe response from the remote server was:\n550 5.1.1 The email "
         "account that you tried to reach does not exist.\n",
         "5.1.1", 550, "invalid recipient"),
    Case("gmail spanish", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
         "Delivery Status Notification (Failure)",
         "** No se ha encontrado la dirección **\n\nTu mensaje no se ha entregado a ana@shop.example porque no se "
         "ha encontrado la dirección.\n\nRespuesta del servidor remoto:\n550 5.1.1 no such user\n",
         "5.1.1", 550, "invalid recipient"),
    Case("gmail delay", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
         "Delivery Status Notification (Delay)",
         "** Delivery incomplete **\n\nThere was a temporary problem delivering your message to ana@shop.example. "
         "Gmail will retry for 46 more hours. You'll be notified if the delivery fails permanently.\n\nThe response "
         "was:\n451 4.3.0 Temporary trouble\n",
         "4.3.0", 451, "unknown", kind="delay"),
    Case("yahoo", "MAILER-DAEMON@yahoo.com", "Failure Notice",
         "Sorry, we were unable to deliver your message to the following address.\n\n<ana@shop.example>:\nRemote "
         "host said: 554 delivery error: dd This user doesn't have a shop.example account (ana@shop.example) [0]\n",
         None, 554, "invalid recipient"),
    Case("mail.ru", "mailer-daemon@corp.mail.ru", "Mail failure.",
         "Это письмо создано автоматически сервером Mail.Ru, отвечать на него не нужно.\n\nК сожалению, Ваше письмо "
         "не может быть доставлено одному или нескольким получателям:\n\n********************\n\nana@shop.example\n"
         "SMTP error from remote mail server: 550 user not found\n",
         None, 550, "invalid recipient", header="X-Failed-Recipients: ana@shop.example\n"),
    Case("yandex", "MAILER-DAEMON@yandex.ru", "Недоставленное сообщение",
         "Это письмо отправлено почтовым сервером yandex.ru.\n\nК сожалению, мы вынуждены сообщить Вам о том, что "
         "Ваше письмо не может\nбыть отправлено одному или нескольким адресатам.\n\n<ana@shop.example>: host "
         "mx.shop.example[192.0.2.4] said: 554 5.7.1 [1] Message rejected under suspicion of SPAM\n",
         "5.7.1", 554, "spam"),
    Case("qq", "PostMaster@qq.com", "来自qq.com的退信",
         "抱歉，您的邮件被退回来了……\n原邮件信息：\n收信人：ana@shop.example\n"
         "退信原因：收件人邮件地址（ana@shop.example）不存在，邮件无法送达。\n550 5.1.1 user unknown\n",
         "5.1.1", 550, "invalid recipient"),
    Case("163", "Postmaster@163.com", "系统退信",
         "抱歉，您的邮件被退回来了……\n\n收件人：\nana@shop.example\n\n退信原因：\n对方邮箱已满\nSMTP error, RCPT "
         "TO: 552 Mailbox full\n",
         None, 552, "mailbox full"),
    Case("gmx", "GMX Mailer Daemon <mailer-daemon@gmx.net>", "Mail delivery failed: returning message to sender",
         "This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
         "delivered to one or more of\nits recipients. This is a permanent error. The following address\nfailed:\n\n"
         "ana@shop.example:\nSMTP error from remote server for RCPT TO command, host: mx.shop.example (192.0.2.4) "
         "reason: 550 5.7.1 Blocked by Spamhaus\n",
         "5.7.1", 550, "reputation"),
    Case("mimecast", "Postmaster <postmaster@relay.example>", "[Postmaster] Email Delivery Failure",
         "This is a delivery failure notification message indicating that\nan email you addressed to email address "
         ":\n-- ana@shop.example\n\ncould not be delivered. The problem appears to be :\n-- Recipient email address "
         "is possibly incorrect\n\nAdditional information follows :\n-- 550 5.1.1 User unknown\n",
         "5.1.1", 550, "invalid recipient"),
    Case("proofpoint", "Mail Delivery Subsystem <MAILER-DAEMON@mx0.pphosted.example>", "Returned mail: see transcript",
         "   ----- The following addresses had permanent fatal errors -----\n<ana@shop.example>\n    (reason: 550 "
         "5.7.0 Local Policy Violation)\n",
         "5.7.0", 550, "policy"),
    Case("barracuda", "<barracuda@spam.shop.example>", "**Message you sent blocked by our bulk email filter**",
         "Your message to: ana@shop.example\nwas blocked by our Spam Firewall. The email you sent with the "
         "following subject has NOT BEEN DELIVERED:\n\nSubject: Order 17\n",
         None, None, "spam", header="Return-Path: <>\n"),
    Case("domino", "Postmaster@desk.example",
         "DELIVERY FAILURE: User ana (ana@shop.example) not listed in Domino Directory",
         "Your message\n\n  Subject: Order 17\n\nwas not delivered to:\n\n  ana@shop.example\n\nbecause:\n\n  User "
         "ana (ana@shop.example) not listed in Domino Directory\n",
         None, None, "invalid recipient"),
    Case("groupwise", "Mailer-Daemon@shop.example", "Message status - undeliverable",
         "The message that you sent was undeliverable to the following:\n\tana@shop.example (user not found)\n",
         None, None, "invalid recipient"),
    Case("mailenable", "Postmaster <postmaster@mx.example>", "Message Delivery Failure",
         "Message could not be delivered to the following recipients:\n\nana@shop.example\n\nReason: The message "
         "could not be delivered because the domain name (shop.example) does not exist.\n\nThe following headers:\n",
         None, None, "domain"),
    Case("hmailserver", "mailer-daemon@mx.example", "Message undeliverable: Order 17",
         "Your message did not reach some or all of the intended recipients.\n\n   Sent: Sun, 22 Nov 2026\n   "
         "Subject: Order 17\n\nThe following recipient(s) could not be reached:\n\nana@shop.example\n   Error Type: "
         "SMTP\n   Remote server (192.0.2.4) issued an error.\n   hMailServer sent: RCPT TO:<ana@shop.example>\n   "
         "Remote server replied: 550 5.1.1 unknown user\n\nhMailServer\n",
         "5.1.1", 550, "invalid recipient"),
    Case("kerio", "Mail Delivery System <postmaster@mx.example>", "Delivery Failure Notification",
         "Your message has not been delivered to the following recipients:\n\n<ana@shop.example>\n\nReason: 5.7.1 "
         "Relay access denied\n",
         "5.7.1", None, "policy"),
    Case("ironport", "Mail Delivery System <MAILER-DAEMON@esa.example>", "Delivery Status Notification (Failure)",
         "The following message to <ana@shop.example> was undeliverable.\nThe reason for the problem:\n5.1.0 - "
         "Unknown address error 550-'5.1.1 <ana@shop.example>: Recipient address rejected'\n",
         "5.1.1", 550, "invalid recipient"),
    Case("symantec", "Mail Delivery System <postmaster@messagelabs.example>", "Mail Delivery Failure",
         "This is the mail delivery agent at messagelabs.example.\nI was unable to deliver your message to the "
         "following addresses:\n\nana@shop.example\n\nReason: 550 5.7.1 Message content rejected\n",
         "5.7.1", 550, "content"),
    Case("opensmtpd", "Mailer Daemon <MAILER-DAEMON@mx.example>", "Delivery status notification: failed",
         "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred "
         "while attempting to deliver a message for\n    the following list of recipients:\n\nana@shop.example: 550 "
         "5.1.1 unknown\n\n    Below is a copy of the original message:\n",
         "5.1.1", 550, "invalid recipient"),
    Case("james", "postmaster@mx.example", "[BOUNCE]",
         "Hi. This is the James mail server at mx.example.\nI'm afraid I wasn't able to deliver your message to the "
         "following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.  Below\nI "
         "include the list of recipients and the reason why I was unable to deliver\nyour message.\n\nFailed "
         "recipient(s):\nana@shop.example\n\nError message:\n550 5.1.1 unknown\n",
         "5.1.1", 550, "invalid recipient", header="Return-Path: <>\n"),
    Case("postal", "Mail Delivery Service <postmaster@postal.example>", "Mail Delivery Failed (Order 17)",
         "This is the mail delivery service responsible for delivering mail to postal.example.\n\nThe message "
         "you've sent cannot be delivered. The e-mail you sent to ana@shop.example was rejected:\n\n550 5.1.1 "
         "unknown user\n",
         "5.1.1", 550, "invalid recipient"),
    Case("ezmlm", "Mail Delivery System <MAILER-DAEMON@lists.example>", "failure notice",
         "Hi! This is the ezmlm program. I'm managing the list.\n\n<ana@shop.example>:\n192.0.2.4 failed after I "
         "sent the message.\nRemote host said: 554 5.6.0 Message contains a virus\n",
         "5.6.0", 554, "content"),
    Case("surfcontrol", "Postmaster <postmaster@gw.example>", "Undeliverable: Order 17",
         "Your message could not be sent.\nThe following recipients could not be reached:\n\nAddressed to: "
         "ana@shop.example\nServer response: 550 5.1.1 unknown user\n",
         "5.1.1", 550, "invalid recipient"),
    Case("zimbra", "MAILER-DAEMON@zimbra.example (Mail Delivery System)", "Undelivered Mail Returned to Sender",
         "This is the mail system at host zimbra.example.\n\n<ana@shop.example>: mail for shop.example loops back "
         "to myself\n",
         None, None, "expired"),
    Case("aol", "Mail Delivery Subsystem <MAILER-DAEMON@shop.example>", "Mail Delivery Problem",
         "Your mail to the following recipients could not be delivered because they are not accepting mail from "
         "desk@desk.example:\n\n\tana\n",
         None, None, "policy"),
    Case("autoreply with a refusal", "desk@shop.example", "Mail could not be delivered",
         "Your message could not be delivered to\nana@shop.example\n\nThe mailbox is full.\n",
         None, None, "mailbox full"),
]  # fmt: skip
