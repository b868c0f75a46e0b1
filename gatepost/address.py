"""Addresses (RFC 5321 section 4.1.2, RFC 6531), domains as A-labels (RFC 5891), and the mailboxes of header fields."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from gatepost.mail_words import clean_name, decode_words, encode_words
from gatepost.reply import HIDDEN

ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
DOT_ATOM = re.compile(rf"[{ATEXT}\x80-\U0010ffff]+(?:\.[{ATEXT}\x80-\U0010ffff]+)*")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
QUOTED_PAIR = re.compile(r"\\(.)")
PLAIN_PHRASE = re.compile(rf"[ {ATEXT}]*")
LOCAL_LIMIT = 64
DOMAIN_LIMIT = 253
ADDRESS_LIMIT = 254
VALUE_LIMIT = 65536
TOKEN = re.compile(r'[,;:<>"()]|\\.|[^,;:<>"()\\]+|\\', re.DOTALL)
LOOSE_LOCAL = re.compile(rf"[.{ATEXT}\x80-\U0010ffff]+")


class AddressError(ValueError):
    """Not an address we can use; str() is a sentence for people."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A mailbox `local@domain`: the local part without quotes, the domain a lower-case A-label."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{quote_local(self.local)}@{self.domain}"

    @property
    def key(self) -> str:
        """The lower-cased address: how addresses are compared and stored."""
        return str(self).lower()

    @property
    def base(self) -> "Address":
        """The address without its `+detail` (RFC 5233)."""
        name = self.local.partition("+")[0]
        return Address(name, self.domain) if name else self


def quote_local(local: str) -> str:
    """A local part as it is written: a dot-string where possible, else a quoted string (RFC 5321 section 4.1.2)."""
    if DOT_ATOM.fullmatch(local):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse_domain(text: str) -> str:
    """A domain name as lower-case A-labels without a trailing dot; single labels such as `localhost` are allowed.

    Raises AddressError for empty, too long or malformed names and for IP addresses.
    """
    name = text.removesuffix(".") if len(text) <= 4 * DOMAIN_LIMIT else ""
    if not name:
        raise AddressError("The domain is missing." if not text else "The domain is too long or empty.")
    if not name.isascii():
        name = _to_a_labels(name)
    name = name.lower()
    if len(name) > DOMAIN_LIMIT:
        raise AddressError(f"The domain is longer than {DOMAIN_LIMIT} characters.")
    labels = name.split(".")
    for label in labels:
        if not LABEL.fullmatch(label):
            raise AddressError(f"“{clean_name(text, 80)}” is not a domain name: use letters, digits and hyphens.")
    if labels[-1].isdigit():
        raise AddressError("An IP address cannot stand in place of a domain name.")
    return name


def _to_a_labels(name: str) -> str:
    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii").removesuffix(".")
    except (UnicodeError, ValueError, IndexError) as error:
        raise AddressError(f"“{clean_name(name, 80)}” is not an international domain name.") from error


def parse_address(text: str) -> Address:
    """The address written as `local@domain` (RFC 5321 Mailbox, with UTF-8 as in RFC 6531).

    Raises AddressError; comments, source routes, address literals and control characters are not accepted, at most
    64 octets before the @ and 254 in all.
    """
    if len(text) > 4 * ADDRESS_LIMIT:
        raise AddressError(f"The address is longer than {ADDRESS_LIMIT} characters.")
    return _parsed(text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address:
    """The few addresses that a batch of mails has again and again are read once."""
    written, at, domain = text.rpartition("@")
    if not at:
        raise AddressError(f"“{clean_name(text, 80)}” is not an address: the @ is missing.")
    if not written:
        raise AddressError("The part before the @ is missing.")
    local = _parse_local(written)
    return make_address(local, parse_domain(domain))


def make_address(local: str, domain: str) -> Address:
    """The address of a local part (without quotes) and a domain already checked; raises AddressError."""
    local = unicodedata.normalize("NFC", local)
    if not local or HIDDEN.search(local):
        raise AddressError("The part before the @ is empty or has characters that cannot be seen.")
    address = Address(local, domain)
    if len(quote_local(local).encode("utf-8", "replace")) > LOCAL_LIMIT:
        raise AddressError(f"The part before the @ is longer than {LOCAL_LIMIT} characters.")
    if len(str(address).encode("utf-8", "replace")) > ADDRESS_LIMIT:
        raise AddressError(f"The address is longer than {ADDRESS_LIMIT} characters.")
    return address


def _parse_local(written: str) -> str:
    if DOT_ATOM.fullmatch(written):
        return written
    inner = written[1:-1]
    if len(written) < 2 or written[0] != '"' or written[-1] != '"' or not _is_quoted_content(inner):
        raise AddressError(
            f"“{clean_name(written, 80)}” cannot stand before the @ like this; is there a blank or a typo?"
        )
    return QUOTED_PAIR.sub(r"\1", inner)


def _is_quoted_content(inner: str) -> bool:
    bare = QUOTED_PAIR.sub("", inner)
    return '"' not in bare and "\\" not in bare


def format_mailbox(name: str, address: str) -> str:
    """A mailbox for a header field, `Name <local@domain>`, encoded words where the name needs them (RFC 2047).

    Raises AddressError for a bad address; nothing in either argument can add a line or a second address.
    """
    spec = str(parse_address(address))
    shown = clean_name(name)
    if not shown:
        return spec
    if not shown.isascii():
        return f"{encode_words(shown)} <{spec}>"
    if PLAIN_PHRASE.fullmatch(shown) and "=?" not in shown:
        return f"{shown} <{spec}>"
    if "=?" in shown:
        return f"{encode_words(shown)} <{spec}>"
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{spec}>'


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox of a header field: the display name cleaned, the address or None when unusable, the text."""

    name: str
    address: Address | None
    raw: str


def parse_mailboxes(value: str) -> tuple[Mailbox, ...]:
    """The mailboxes of a From, To, Cc... value (RFC 5322 section 3.4): total, linear, tolerant.

    Members of groups are listed, group names are not; comments serve as names where there is no other.
    """
    reader = _Reader()
    pieces = TOKEN.findall(value[:VALUE_LIMIT])
    _pair_up(pieces)
    group_ends = max((i for i, piece in enumerate(pieces) if piece == ";"), default=-1)
    for index, piece in enumerate(pieces):
        reader.read(piece, in_group=index < group_ends)
    reader.flush()
    return tuple(reader.mailboxes)


def _pair_up(pieces: list[str]) -> None:
    """Join quoted strings and comments to one piece each, in place; what is never closed stays plain text."""
    out: list[str] = []
    opened: list[int] = []
    quote = -1
    for piece in pieces:
        out.append(piece)
        if quote >= 0:
            if piece == '"':
                out[quote:] = ["".join(out[quote:])]
                quote = -1
        elif piece == '"' and not opened:
            quote = len(out) - 1
        elif piece == "(":
            opened.append(len(out) - 1)
        elif piece == ")" and opened:
            start = opened.pop()
            if not opened:
                out[start:] = ["".join(out[start:])]
    unclosed = min([*opened[:1], *([quote] if quote >= 0 else [])], default=len(out))
    out[unclosed:] = [" " if piece in ('"', "(", ")") else piece for piece in out[unclosed:]]
    pieces[:] = out


class _Reader:
    """Collects the pieces of one mailbox until a separator ends it."""

    def __init__(self) -> None:
        self.mailboxes: list[Mailbox] = []
        self._begin()

    def _begin(self) -> None:
        self.phrase: list[str] = []
        self.has_at = False
        self.angle: list[str] | None = None
        self.closed = False
        self.comments: list[str] = []
        self.raw: list[str] = []

    def read(self, piece: str, *, in_group: bool) -> None:
        """Take one piece in."""
        inside = self.angle is not None and not self.closed
        if piece in (",", ";") and not (inside and piece == "," and self._is_route()):
            self.flush()
            return
        self.raw.append(piece)
        if piece[0] == "(" and len(piece) > 1:
            self.comments.append(piece[1:-1])
        elif piece == "<":
            self._open_angle()
        elif piece == ">":
            self.closed = self.angle is not None
        elif inside and self.angle is not None:
            self.angle.append(piece)
        elif piece == ":" and in_group and self.angle is None and not self.has_at:
            self._begin()
        else:
            self.phrase.append(piece)
            self.has_at = self.has_at or "@" in piece

    def _is_route(self) -> bool:
        return bool(self.angle) and "".join(self.angle or [])[:1] == "@"

    def _open_angle(self) -> None:
        if self.angle:  # "<a@b> <c@d>": what stood in the first becomes part of the name
            self.phrase += self.angle
        self.angle, self.closed = [], False

    def flush(self) -> None:
        """End the mailbox: keep it unless it is empty."""
        raw = "".join(self.raw).strip()
        if raw:
            self.mailboxes.append(self._mailbox(raw))
        self._begin()

    def _mailbox(self, raw: str) -> Mailbox:
        if self.angle is not None:
            spec = _without_route("".join(self.angle).strip())
            address: Address | None = _read_spec(spec)
            words = self.phrase
            if address is None and not spec and "@" in (bare := "".join(self.phrase).strip()):
                address, words = _read_spec(bare), []
        else:
            address, words = _bare_address(self.phrase)
        name = _phrase_text(words) or clean_name(decode_words(" ".join(self.comments)))
        return Mailbox(name, address, clean_name(raw, 1000))


def _without_route(spec: str) -> str:
    """Without an obsolete source route `@a,@b:` (RFC 5321 appendix C) or a `mailto:`."""
    if spec[:1] == "@":
        return spec.partition(":")[2].strip()
    return spec[7:] if spec[:7].lower() == "mailto:" else spec


def _bare_address(phrase: list[str]) -> tuple[Address | None, list[str]]:
    """The address of a mailbox without brackets, and the words that are its name."""
    text = "".join(phrase).strip()
    address = _read_spec(_without_route(text))
    if address is not None:
        return address, []
    words = text.split()
    for index in (len(words) - 1, 0) if words and len(text) < 1000 else ():
        if "@" in words[index] and (address := _read_spec(words[index].strip("<>[]\"'"))) is not None:
            return address, [" ".join(words[:index] + words[index + 1 :])]
    return None, phrase


def _read_spec(spec: str) -> Address | None:
    """The address of an addr-spec, obsolete blanks and dots in odd places forgiven (RFC 5322 section 4.4)."""
    if "@" not in spec or len(spec) > 4 * ADDRESS_LIMIT:
        return None
    try:
        return parse_address(spec)
    except AddressError:
        pass
    local, _, domain = (".".join(piece.strip() for piece in side.split(".")) for side in spec.rpartition("@"))
    try:
        if LOOSE_LOCAL.fullmatch(local):
            return make_address(local, parse_domain(domain))
        return parse_address(f"{local}@{domain}")
    except AddressError:
        return None


def _phrase_text(words: list[str]) -> str:
    text = "".join(_unquote(word) if word[:1] == '"' else word for word in words)
    return clean_name(decode_words(text)).strip("' ")


def _unquote(piece: str) -> str:
    return QUOTED_PAIR.sub(r"\1", piece[1:-1])
