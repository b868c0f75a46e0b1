"""T16, T17, T18: memory while large mail passes, while thousands of connections idle, and while lines never end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
from sqlmodel import select

from gatepost.model import Conversation, Message
from gatepost.parts import clock, open_parts
from gatepost.password import hash_password
from gatepost.store.users import create_user
from tests.torture.heavy import LIMIT, CountingSink, Dialogue, Prober, counting, large_mail
from tests.torture.load import mail_bytes
from tests.torture.product import MAILBOX, SENDER_DOMAIN, Gatepost, installed
from tests.torture.run import Run, Verdict

READER, PASSWORD = "reader@gatepost.test", "a-good-long-password"
RSS_MOST, STALL_MOST = 256, 250
LINE_GROWTH = 2.0
IDLE_KB = 12.0


def large_mails(run: Run) -> Verdict:
    """T16: 20 mails of 25 MB in and out at once, others by MX, one shown in the pages: at most 256 MB, no stall."""
    return asyncio.run(pass_large(run, run.pick(4, 20)))


async def pass_large(run: Run, count: int) -> Verdict:
    verdict, sink = Verdict(), CountingSink()
    async with heavy_product(run, sink) as product:
        verdict.note(rss_at_start=round(product.rss()))
        await refusals(verdict, product)
        first = await send_large(product.ports["mx"], "kim@harbour.test", MAILBOX, "first")
        verdict.hold(first == "250", f"a mail of exactly the limit was answered {first}")
        with Prober(product.ports["submission"]) as rest:
            await asyncio.sleep(3)
        with Prober(product.ports["submission"]) as prober:
            sends = [
                send_large(product.ports["submission"], f"shop@{SENDER_DOMAIN}", f"r{number}@sink.test", str(number))
                for number in range(count)
            ]
            arrive = [
                send_large(product.ports["mx"], f"kim{number}@harbour.test", MAILBOX, f"in{number}")
                for number in range(count // 5)
            ]
            began = time.monotonic()
            *replies, unshown = await asyncio.gather(*sends, *arrive, asyncio.to_thread(look, product))
            verdict.note(seconds_in=round(time.monotonic() - began, 1))
            await sink.until(count, 120)
        verdict.note(seconds_in_and_out=round(time.monotonic() - began, 1), mails=len(replies))
        verdict.hold(set(replies) == {"250"}, f"the replies to the dots were {replies}")
        verdict.hold(not unshown, f"a large mail was not shown: {unshown}")
        verdict.check("not_arrived_whole", count - len(sink.whole), 0)
        verdict.note(median_reply_ms=prober.median, longest_reply_at_rest_ms=rest.longest)
        verdict.check("stall_ms", prober.longest, STALL_MOST + rest.longest)
        verdict.check("rss_mb", round(product.peak()), RSS_MOST)
        spool = list((product.folder / "var" / "spool").iterdir())
        verdict.check("left_in_the_spool", len(spool), 0)
    return verdict


@asynccontextmanager
async def heavy_product(run: Run, sink: CountingSink) -> AsyncIterator[Gatepost]:
    """An installation that relays to the sink, with somebody who reads in its pages."""
    async with counting(sink):
        relay = {"route": "relay", "relay": f"smtp://127.0.0.1:{sink.port}", "relay_tls": "none"}
        with installed(run.folder / "product", dns_servers=["127.0.0.1"], **relay) as product:
            create_reader(product)
            product.start()
            yield product


def create_reader(product: Gatepost) -> None:
    """Somebody who may log in to its pages."""
    with open_parts(product.settings) as parts:
        hashed = hash_password(PASSWORD)
        about = {"email": READER, "name": "Reader", "role": "admin", "password_hash": hashed, "now": clock()}
        parts.ledger.write(lambda session: create_user(session, **about))  # type: ignore[arg-type]


async def send_large(port: int, sender: str, recipient: str, name: str) -> str:
    """Send a mail of exactly the limit; the code of the reply to its dot."""
    async with Dialogue.open(port) as client:
        await client.begin(sender, recipient, f" SIZE={LIMIT}")
        for piece in large_mail(sender, recipient, name, LIMIT):
            client.writer.write(piece)
            await client.writer.drain()
        return (await client.say(".", seconds=300))[:3]


async def refusals(verdict: Verdict, product: Gatepost) -> None:
    """One octet more than the limit is refused, where it is announced and at the dot."""
    async with Dialogue.open(product.ports["mx"]) as client:
        said = await client.say(f"MAIL FROM:<kim@harbour.test> SIZE={LIMIT + 1}")
        verdict.hold(said.startswith("552 5.3.4"), f"SIZE over the limit was answered {said}")
        await client.begin("kim@harbour.test", MAILBOX)
        for piece in large_mail("kim@harbour.test", MAILBOX, "over", LIMIT + 1):
            client.writer.write(piece)
            await client.writer.drain()
        said = await client.say(".", seconds=60)
        verdict.hold(said.startswith("552 5.3.4"), f"one octet over the limit was answered {said} at the dot")


def look(product: Gatepost) -> str:
    """Log in, and look at a large mail: its page, its HTML body and its source; what did not come."""
    with product.database() as database, database.session() as session:
        message = session.exec(select(Message).where(Message.direction == "in")).first()
        assert message is not None
        conversation = session.get(Conversation, message.conversation_id)
        assert conversation is not None
    web = f"http://127.0.0.1:{product.ports['web']}"
    with httpx2.Client(base_url=web, headers={"sec-fetch-site": "same-origin"}, timeout=120) as client:
        patiently(client, "POST", "/login", data={"email": READER, "password": PASSWORD})
        page = patiently(client, "GET", f"/inbox/{conversation.number}")
        body = patiently(client, "GET", f"/m/{message.id}/body")
        source = patiently(client, "GET", f"/m/{message.id}/source")
    if page.status_code == body.status_code == 200 and len(source.content) >= message.size:
        return ""
    return f"page {page.status_code}, body {body.status_code}, source {len(source.content)} of {message.size} octets"


def patiently(client: httpx2.Client, method: str, path: str, data: dict[str, str] | None = None) -> httpx2.Response:
    """The answer of a page, asked again for a minute while it says that it cannot answer now (503)."""
    deadline = time.monotonic() + 60
    while (answer := client.request(method, path, data=data)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(1)
    return answer


def endless(run: Run) -> Verdict:
    """T18: lines and headers that never end, and content after the limit: 2 MB more at most, cut at 1.1 x the limit."""
    return asyncio.run(pour_all(run))


async def pour_all(run: Run) -> Verdict:
    verdict, limit = Verdict(), run.pick(4 << 20, LIMIT)
    most = limit * 1.1 + socket_buffers()
    with installed(run.folder / "product", route="sandbox", message_size=limit) as product:
        product.start()
        await pour(product, b"a: b\r\n" * 10_000, limit)
        await pour(product, b"x" * 65536, limit)
        await pour(product, mail_bytes("x", MAILBOX, 65536), limit)
        pieces = {"endless_line": b"x" * 65536, "endless_header": b"X-Header: " + b"y" * 80 + b"\r\n"}
        pieces["after_the_limit"] = mail_bytes("x", MAILBOX, 65536)
        for name, piece in pieces.items():
            before = product.rss()
            sent, growth = await pour(product, piece * max(65536 // len(piece), 1), limit)
            verdict.check(f"{name}_sent_mb", round(sent / (1 << 20), 1), round(most / (1 << 20), 1))
            verdict.check(f"{name}_growth_mb", round(max(growth - before, product.rss() - before), 2), LINE_GROWTH)
        product.stop()
    return verdict


def socket_buffers() -> int:
    """What may lie in the buffers of both ends of a connection."""
    names = ("tcp_rmem", "tcp_wmem")
    return sum(int((Path("/proc/sys/net/ipv4") / name).read_text().split()[2]) for name in names)


async def pour(product: Gatepost, piece: bytes, limit: int) -> tuple[int, float]:
    """Send content until the connection is closed; how many octets went, and the most resident MB meanwhile."""
    sent, most = 0, 0.0
    async with Dialogue.open(product.ports["mx"]) as client:
        await client.begin("kim@harbour.test", MAILBOX)
        with suppress(OSError):
            while sent < limit * 2 and not client.reader.at_eof() and not client.writer.transport.is_closing():
                client.writer.write(piece)
                await client.writer.drain()
                sent += len(piece)
                await asyncio.sleep(0)
                most = max(most, product.rss())
    return sent, most


def idle(run: Run) -> Verdict:
    """T17: 2,000 idle connections: 12 KB each at most, and as many descriptors afterwards as before."""
    return asyncio.run(idle_many(run, run.pick(300, 2000)))


async def idle_many(run: Run, count: int) -> Verdict:
    verdict = Verdict()
    most = count + 100
    with installed(run.folder / "product", route="sandbox", connections=most, connections_per_ip=most) as product:
        product.start()
        port = product.ports["mx"]
        await hold(port, 50)
        files, before = descriptors(product), product.rss()
        clients = await hold_open(port, count)
        verdict.note(connections=len(clients))
        grown = product.rss() - before
        verdict.check("kb_for_each", round(grown * 1024 / len(clients), 1), IDLE_KB)
        for client in clients:
            client.writer.transport.abort()
        await asyncio.sleep(1)
        verdict.check("descriptors_left", descriptors(product) - files, 0)
        second = product.rss()
        await hold(port, count)
        await asyncio.sleep(1)
        verdict.check("growth_mb_the_second_time", round(product.rss() - max(second, before + grown), 1), LINE_GROWTH)
        product.stop()
    return verdict


async def hold_open(port: int, count: int) -> list[Dialogue]:
    """So many connections that said EHLO."""
    clients = []
    for _ in range(count):
        client = await Dialogue.connect(port)
        await client.say("EHLO idle.example")
        clients.append(client)
    return clients


async def hold(port: int, count: int) -> None:
    """Connections that come and go."""
    for client in await hold_open(port, count):
        client.writer.transport.abort()
    await asyncio.sleep(0.5)


def descriptors(product: Gatepost) -> int:
    return len(list(Path(f"/proc/{product.pid}/fd").iterdir()))
