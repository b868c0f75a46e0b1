"""The MIME structure of a mail (RFC 2046) as a flat list of parts: offsets into the raw octets, nothing copied."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gatepost.mail_header import Header, Headers, first, read_header
from gatepost.mail_params import TYPE, Structured, clean_file_name, content_type, file_name, read_structured
from gatepost.mail_tnef import read_tnef
from gatepost.mail_transfer import decode_transfer, decoded_size, read_encoding
from gatepost.message_ids import extract_ids

PARTS_LIMIT = 1000
DEPTH_LIMIT = 20
BOUNDARY_LIMIT = 2048
LINES_LIMIT = 100_000
LINE_FEED = 10
TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
TNEF_NAME = "winmail.dat"
OCTETS = "application/octet-stream"
LOOKS_LIKE_BOUNDARY = re.compile(rb"^(--[^\r\n]{1,200})\r?\nContent-[TtDd]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: the root has index 0, depth 0 and parent None; `size` counts decoded octets.

    A nested mail (message/rfc822) is one part, not walked into: parse its `content` where its inside matters.
    A file inside a winmail.dat is a part below it, whose `raw` is that part's decoded content.
    """

    index: int
    depth: int
    content_type: str
    charset: str | None
    name: str | None
    disposition: str
    content_id: str | None
    size: int
    params: Mapping[str, str]
    parent: int | None
    headers: Headers
    encoding: str
    start: int
    end: int
    raw: bytes = field(repr=False, compare=False)

    @property
    def content(self) -> bytes:
        """The decoded octets, decoded anew at each call."""
        return decode_transfer(self.raw[self.start : self.end], self.encoding)

    @property
    def is_multipart(self) -> bool:
        """Whether its children hold the content."""
        return self.content_type.startswith("multipart/")


@dataclass(slots=True)
class _Walk:
    raw: bytes
    parts: list[Part] = field(default_factory=list)
    defects: dict[str, None] = field(default_factory=dict)
    lines: int = LINES_LIMIT

    def note(self, *defects: str) -> None:
        for defect in defects:
            self.defects[defect] = None


def read_parts(raw: bytes, header: Header) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """All parts in document order, at most 1,000 and 20 deep, and the defects; linear and total."""
    walk = _Walk(raw)
    _read_part(walk, header, len(raw), None, 0, "text/plain")
    return tuple(walk.parts), tuple(walk.defects)


def _read_part(walk: _Walk, header: Header, end: int, parent: int | None, depth: int, default: str) -> None:
    type_ = read_structured(first(header.fields, "content-type"))
    media_type = content_type(type_, default)
    spans: list[tuple[int, int]] = []
    if type_.value and media_type != type_.value:
        walk.note("malformed content type")
    if media_type.startswith("multipart/"):
        spans = _spans(walk, type_, header.body, end, depth)
        if not spans:
            media_type = "text/plain" if depth < DEPTH_LIMIT else OCTETS
    part = _make_part(walk, header, end, parent, depth, media_type, type_)
    walk.parts.append(part)
    if media_type in TNEF_TYPES or (media_type == OCTETS and (part.name or "").lower() == TNEF_NAME):
        _add_files(walk, part)
    inner = "message/rfc822" if media_type == "multipart/digest" else "text/plain"
    for start, stop in spans:
        if len(walk.parts) >= PARTS_LIMIT:
            walk.note("too many parts")
            return
        _read_part(walk, read_header(walk.raw, start, stop), stop, part.index, depth + 1, inner)


def _make_part(
    walk: _Walk, header: Header, end: int, parent: int | None, depth: int, media_type: str, type_: Structured
) -> Part:
    disposition = read_structured(first(header.fields, "content-disposition"))
    encoding, understood = read_encoding(first(header.fields, "content-transfer-encoding"))
    if not understood:
        walk.note("unknown transfer encoding")
    if media_type.startswith("multipart/"):
        encoding = ""
    start = min(header.body, end)
    return Part(
        index=len(walk.parts),
        depth=depth,
        content_type=media_type,
        charset=type_.params.get("charset"),
        name=file_name(disposition, type_),
        disposition=disposition.value if disposition.value in ("inline", "attachment") else _fallback(disposition),
        content_id=next(iter(extract_ids(first(header.fields, "content-id") or "")), None),
        size=decoded_size(walk.raw, start, end, encoding),
        params=type_.params,
        parent=parent,
        headers=header.fields,
        encoding=encoding,
        start=start,
        end=end,
        raw=walk.raw,
    )


def _add_files(walk: _Walk, part: Part) -> None:
    """The files inside a winmail.dat, as attachments."""
    octets = part.content
    files, whole = read_tnef(octets)
    if not whole:
        walk.note("winmail.dat could not be read to its end")
    for file in files[: PARTS_LIMIT - len(walk.parts)]:
        harmless = TYPE.fullmatch(file.content_type) and not file.content_type.startswith(("multipart/", "message/"))
        walk.parts.append(
            Part(
                index=len(walk.parts),
                depth=part.depth + 1,
                content_type=file.content_type if harmless else OCTETS,
                charset=None,
                name=clean_file_name(file.name) or None,
                disposition="attachment",
                content_id=next(iter(extract_ids(file.content_id)), None),
                size=file.end - file.start,
                params={},
                parent=part.index,
                headers=(),
                encoding="",
                start=file.start,
                end=file.end,
                raw=octets,
            )
        )


def _fallback(disposition: Structured) -> str:
    """Unknown dispositions count as attachment (RFC 2183 section 2.8); none at all is the empty string."""
    return "attachment" if disposition.value else ""


def _spans(walk: _Walk, type_: Structured, start: int, end: int, depth: int) -> list[tuple[int, int]]:
    """Where the children of a multipart begin and end."""
    boundary = type_.params.get("boundary", "").rstrip().encode("utf-8", "replace")
    if depth >= DEPTH_LIMIT:
        walk.note("parts nested too deep")
        return []
    if not boundary or len(boundary) > BOUNDARY_LIMIT:
        walk.note("multipart without a boundary")
        return []
    spans = _between(walk, b"--" + boundary, start, end)
    if not spans and (guessed := LOOKS_LIKE_BOUNDARY.search(walk.raw, start, end)):
        walk.note("wrong boundary")
        spans = _between(walk, guessed[1].rstrip(), start, end)
    if not spans:
        walk.note("multipart without parts")
    return spans


def _between(walk: _Walk, marker: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """The spans between the delimiter lines that begin with the marker."""
    spans: list[tuple[int, int]] = []
    opened = -1
    for line, after, closing in _delimiters(walk, marker, start, end):
        if opened >= 0:
            spans.append((opened, max(opened, _before_break(walk.raw, line))))
        opened = -1 if closing else after
        if len(spans) + len(walk.parts) > PARTS_LIMIT:
            walk.note("too many parts")
            return spans
    if opened >= 0:
        walk.note("multipart without an end")
        spans.append((opened, end))
    return spans


def _delimiters(walk: _Walk, marker: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(offset of the line, offset after it, whether it closes) per delimiter line (RFC 2046 section 5.1.1)."""
    raw = walk.raw
    at = raw.find(marker, start, end)
    while at >= 0:
        walk.lines -= 1
        if walk.lines < 0:
            walk.note("too many boundary lines")
            return
        after = at + len(marker)
        if at == start or raw[at - 1] == LINE_FEED:
            stop = raw.find(b"\n", after, end)
            stop = end if stop < 0 else stop
            rest = raw[after : min(stop, after + 200)].strip()
            if rest in (b"", b"--"):
                yield at, min(stop + 1, end), rest == b"--"
        at = raw.find(marker, after, end)


def _before_break(raw: bytes, line: int) -> int:
    """The offset before the line break that belongs to a delimiter."""
    line -= 1
    return line - 1 if line > 0 and raw[line - 1] == 13 else line
