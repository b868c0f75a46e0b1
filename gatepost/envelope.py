"""What an SMTP client handed over (RFC 5321 section 2.3.1): the envelope, the content, and who it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatepost.blobs import ContentFile


@dataclass(frozen=True, slots=True)
class Asked:
    """What one RCPT command asked to be told (RFC 3461): NOTIFY in capitals, ORCPT as it came; empty if not given."""

    notify: str = ""
    orcpt: str = ""


NOTHING_ASKED = Asked()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One SMTP transaction.

    `mail_from` is the reverse-path without brackets, empty for `<>`; `content` the octets between DATA and the final
    dot, unstuffed, with CRLF line ends; `tls` the protocol's name, such as `TLSv1.3`, or None. `ret`, `envid` and, by
    recipient, `asked` are what the client asked to be told. Content over 128 KB is in the file `spool`, and `content`
    is empty.
    """

    mail_from: str
    recipients: tuple[str, ...]
    content: bytes
    remote_ip: str = ""
    helo: str = ""
    tls: str | None = None
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    asked: Mapping[str, Asked] = field(default_factory=dict)
    spool: ContentFile | None = None

    @property
    def size(self) -> int:
        """Octets of the content."""
        return self.spool.size if self.spool else len(self.content)

    @property
    def source(self) -> bytes | ContentFile:
        """The content, wherever it is."""
        return self.spool or self.content

    def head(self, most: int) -> bytes:
        """The first octets of the content."""
        return self.spool.head(most) if self.spool else self.content[:most]
