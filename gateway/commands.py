"""SMTP commands as text: verb and argument, MAIL and RCPT with their parameters (RFC 5321 section 4.1.1). No I/O."""

import re
from dataclasses import dataclass

from gatepost.address import Address, AddressError, parse_address, parse_domain
from gatepost.envelope import NOTHING_ASKED, Asked
from gatepost.gateway.dsn_parameters import read_envid, read_notify, read_orcpt, read_ret
from gatepost.reply import Refused

PATH_LIMIT = 254
LOOSE_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")


@dataclass(frozen=True, slots=True)
class MailFrom:
    """MAIL FROM: `address` is None for `<>`; `size` in octets is what the client announced, or 0; RFC 3461's two."""

    address: Address | None
    size: int = 0
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class RcptTo:
    """RCPT TO, and what it asks to be told."""

    address: Address
    asked: Asked = NOTHING_ASKED


def read_command(line: bytes) -> tuple[str, str]:
    """Verb in capitals and argument of a command line without its CRLF. Raises Refused."""
    if b"\r" in line or b"\n" in line or b"\0" in line:
        raise Refused(500, "5.5.2", "A command holds a bare CR, a bare LF or a NUL; every line must end with CRLF")
    try:
        verb, _, argument = line.decode().partition(" ")
    except UnicodeDecodeError:
        raise Refused(500, "5.5.2", "A command is not UTF-8 text") from None
    return verb.upper(), argument.strip(" ")


def read_mail(argument: str, *, dsn: bool = False) -> MailFrom:
    """The argument of MAIL. Raises Refused with 501 5.1.7 for the address, 501 5.5.4 or 555 5.5.4 for a parameter.

    With `dsn` it may have RET and ENVID.
    """
    path, parameters = read_path(argument, "FROM:", "5.1.7")
    size, smtputf8, ret, envid = 0, False, "", ""
    for name, value in parameters.items():
        if name == "SIZE" and value.isascii() and value.isdigit() and len(value) <= 20:
            size = int(value)
        elif name == "SMTPUTF8" and not value:
            smtputf8 = True
        elif dsn and name == "RET":
            ret = read_ret(value)
        elif dsn and name == "ENVID":
            envid = read_envid(value)
        elif (name == "AUTH" and value) or (name == "BODY" and value.upper() in ("7BIT", "8BITMIME")):
            continue
        elif name in ("SIZE", "SMTPUTF8", "AUTH", "BODY"):
            raise Refused(501, "5.5.4", f"The value of the MAIL parameter {name} is not valid")
        else:
            raise Refused(555, "5.5.4", f"The MAIL parameter {shown(name)} is not known here")
    return MailFrom(read_sender(path, smtputf8) if path else None, size, smtputf8, ret, envid)


def read_rcpt(argument: str, smtputf8: bool, postmaster: str = "", *, dsn: bool = False) -> RcptTo:
    """The argument of RCPT. Raises Refused with 501 5.1.3 for the address, 501 or 555 5.5.4 for a parameter.

    With `dsn` it may have NOTIFY and ORCPT. `postmaster`, where given, is the address that `<postmaster>` without a
    domain stands for (RFC 5321 section 4.5.1).
    """
    path, parameters = read_path(argument, "TO:", "5.1.3")
    asked = NOTHING_ASKED
    if dsn:
        notify, orcpt = parameters.pop("NOTIFY", None), parameters.pop("ORCPT", None)
        asked = Asked("" if notify is None else read_notify(notify), "" if orcpt is None else read_orcpt(orcpt))
    if parameters:
        raise Refused(555, "5.5.4", f"The RCPT parameter {shown(next(iter(parameters)))} is not known here")
    if not path:
        raise Refused(501, "5.1.3", "The recipient is empty; write RCPT TO:<name@example.org>")
    if postmaster and path.lower() == "postmaster":
        path = postmaster
    return RcptTo(read_address(path, "5.1.3", smtputf8), asked)


def read_path(argument: str, keyword: str, status: str) -> tuple[str, dict[str, str]]:
    """What stands between the angle brackets, and the parameters behind, names in capitals. Raises Refused."""
    if argument[: len(keyword)].upper() != keyword:
        raise Refused(501, "5.5.4", f"Expected {keyword}<address>")
    rest = argument[len(keyword) :].lstrip(" ")
    end = path_end(rest)
    if end < 0 or rest[end + 1 : end + 2] not in ("", " "):
        raise Refused(501, status, f"Write the address between angle brackets, as {keyword}<name@example.org>")
    parameters: dict[str, str] = {}
    for word in rest[end + 1 :].split(" "):
        if word:
            name, _, value = word.partition("=")
            if name.upper() in parameters:
                raise Refused(501, "5.5.4", f"The parameter {shown(name.upper())} is given twice")
            parameters[name.upper()] = value
    return rest[1:end], parameters


def path_end(text: str) -> int:
    """Where the closing bracket is; those within a quoted local part do not count. -1 where there is none."""
    if not text.startswith("<"):
        return -1
    if not text.startswith('<"'):
        return text.find(">")
    place = 2
    while place < len(text) and text[place] != '"':
        place += 2 if text[place] == "\\" else 1
    return text.find(">", place)


def read_address(path: str, status: str, smtputf8: bool) -> Address:
    """A Mailbox. Raises Refused: 501 and `status`, or 553 5.6.7 for UTF-8 without SMTPUTF8 (RFC 6531 section 3.4)."""
    if not smtputf8 and not path.isascii():
        raise Refused(553, "5.6.7", "An address outside ASCII needs the SMTPUTF8 parameter of MAIL")
    try:
        return parse_address(path)
    except AddressError as error:
        raise Refused(501, status, f"The address is not valid: {error}") from None


def read_sender(path: str, smtputf8: bool) -> Address:
    """A reverse-path; what mailing services and old systems write in it must not lose their mail. Raises Refused.

    So a local part may be longer than 64 octets, as in tagged return paths, or have dots beside each other.
    """
    local, _, domain = path.rpartition("@")
    try:
        return read_address(path, "5.1.7", smtputf8)
    except Refused:
        if len(path) > PATH_LIMIT or not LOOSE_LOCAL.fullmatch(local):
            raise
        try:
            return Address(local, parse_domain(domain))
        except AddressError:
            pass
        raise


def shown(name: str) -> str:
    """A word of the client's that may stand in a reply."""
    return "".join(c for c in name[:30] if c.isascii() and (c.isalnum() or c == "-")) or "given"
