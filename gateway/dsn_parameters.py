"""Parameters of delivery status notifications (RFC 3461): read strictly, and written for the next server. No I/O."""

import re
from dataclasses import dataclass

from gatepost.reply import Refused

XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
HEX = re.compile(r"\+([0-9A-F]{2})")
ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]{1,60}")
ENVID_LIMIT = 100
ORCPT_LIMIT = 500
DSN_TRIGGER = "dsn"
ACKNOWLEDGEMENT = "acknowledgement"
NULL_PATH = (DSN_TRIGGER, ACKNOWLEDGEMENT)
"""What goes out with the null reverse-path: nothing may come back for it."""
"""The trigger of messages that are notifications of ours."""

NOTIFY = ("SUCCESS", "FAILURE", "DELAY")


@dataclass(frozen=True, slots=True)
class DsnRequest:
    """What is passed on with one recipient: RET, ENVID, NOTIFY and ORCPT in their wire forms, empty where not given.

    `null_path`: the mail is itself a notification, which goes out with the null reverse-path.
    """

    ret: str = ""
    envid: str = ""
    notify: str = ""
    orcpt: str = ""
    null_path: bool = False

    @property
    def mail_words(self) -> str:
        """The parameters of MAIL, each with a blank before it."""
        return (f" RET={self.ret}" if self.ret else "") + (f" ENVID={self.envid}" if self.envid else "")

    @property
    def rcpt_words(self) -> str:
        """The parameters of RCPT. NEVER is not passed on, and FAILURE always is: reports come to our return path."""
        words = [word for word in self.notify.split(",") if word in NOTIFY]
        if words and "FAILURE" not in words:
            words.append("FAILURE")
        asked = f" NOTIFY={','.join(words)}" if words else ""
        return asked + (f" ORCPT={self.orcpt}" if self.orcpt else "")


NO_REQUEST = DsnRequest()


def read_ret(value: str) -> str:
    """The value of RET (section 4.3). Raises Refused."""
    if value.upper() not in ("FULL", "HDRS"):
        raise Refused(501, "5.5.4", "RET is FULL or HDRS")
    return value.upper()


def read_envid(value: str) -> str:
    """The value of ENVID (section 4.4), in its wire form. Raises Refused."""
    if len(value) > ENVID_LIMIT or decode_xtext(value) is None:
        raise Refused(501, "5.5.4", f"ENVID is at most {ENVID_LIMIT} printable characters as xtext (RFC 3461)")
    return value


def read_notify(value: str) -> str:
    """The value of NOTIFY (section 4.1), in capitals. Raises Refused."""
    words = value.upper().split(",", 4)
    if words != ["NEVER"] and (len(set(words)) != len(words) or not set(words) <= set(NOTIFY)):
        raise Refused(501, "5.5.4", "NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY, separated by commas")
    return ",".join(words)


def read_orcpt(value: str) -> str:
    """The value of ORCPT (section 4.2), in its wire form. Raises Refused."""
    kind, _, address = value.partition(";")
    if len(value) > ORCPT_LIMIT or not ADDRESS_TYPE.fullmatch(kind) or decode_xtext(address) is None:
        raise Refused(501, "5.5.4", "ORCPT is such as rfc822;name@example.org, the address as xtext (RFC 3461)")
    return value


def decode_xtext(value: str) -> str | None:
    """The text that xtext stands for (section 4); None for what is none, or hides what cannot be printed."""
    if len(value) > ORCPT_LIMIT or not XTEXT.fullmatch(value):
        return None
    text = HEX.sub(lambda found: chr(int(found[1], 16)), value)
    return text if text.isascii() and text.isprintable() else None


def encode_xtext(text: str) -> str:
    """Text as xtext; what ASCII does not have becomes `\\x{F6}` (RFC 6533 section 3)."""
    shown = "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in text)
    return "".join(char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in shown)


def orcpt_of(recipient: str) -> str:
    """The ORCPT of a recipient that came without one."""
    return f"{'rfc822' if recipient.isascii() else 'utf-8'};{encode_xtext(recipient)}"
