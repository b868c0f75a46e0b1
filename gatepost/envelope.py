"""What an SMTP client handed over (RFC 5321 section 2.3.1): the envelope, the content, and who it was."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """One SMTP transaction.

    `mail_from` is the reverse-path without brackets, empty for `<>`; `content` the octets between DATA and the final
    dot, unstuffed, with CRLF line ends; `tls` the protocol's name, such as `TLSv1.3`, or None.
    """

    mail_from: str
    recipients: tuple[str, ...]
    content: bytes
    remote_ip: str = ""
    helo: str = ""
    tls: str | None = None
    smtputf8: bool = False
