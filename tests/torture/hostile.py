"""Sending to servers that misbehave at every step: each attempt ends in time, in little memory, as a Reply."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

from gatepost.gateway.route import Hop
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_connection import Timeouts
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.send_transcript import LIMIT
from gatepost.reply import TEXT_LIMIT, is_shown
from tests.fakes.certificates import self_signed
from tests.torture.hostile_server import ACTS, Scene
from tests.torture.product import ROOT
from tests.torture.run import Run, Verdict

STAGES = ("CONNECT", "EHLO", "STARTTLS", "EHLO in TLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT")
ELSEWHERE = {
    "HANDSHAKE": (
        *("silence", "close", "reset", "endless noise", "byte by byte", "TLS alert", "half a ServerHello"),
        *("TLS record too large", "SMTP in place of TLS", "stop reading"),
    ),
    "BODY": (
        *("silence", "close", "reset", "stop reading", "endless line", "endless answer", "endless answers"),
        *("endless noise", "byte by byte", "554", "421", "354", "binary", "only LF"),
    ),
    "QUIT": ("silence", "close", "reset", "endless answers", "endless noise", "byte by byte", "554"),
    "RSET": ("silence", "close", "reset", "endless answers", "endless noise", "byte by byte", "554"),
}
ONLY_TLS = ("TLS alert", "half a ServerHello", "TLS record too large", "SMTP in place of TLS")
TIMES = Timeouts(connect=0.4, command=0.4, data=0.4, block=0.4, dot=0.4, until_dot=0.8)
DEADLINE = TIMES.until_dot + TIMES.dot
SLACK = 0.6
"""Seconds that closing, and a machine with other work, may take besides."""
MEMORY = 10.0
"""MB."""
SPEAKS = ("MAIL", "RCPT", "DATA", "BODY", "DOT")
"""Where a 5xx is an answer about the mail."""
CONTENT = b"From: a@gatepost.test\r\nTo: b@hostile.test\r\nSubject: x\r\n\r\n" + (b"y" * 76 + b"\r\n") * 2000
LARGE = CONTENT + (b"y" * 76 + b"\r\n") * 60_000


def scenes() -> list[Scene]:
    """Every act at every stage where it makes sense."""
    usual = [act for act in ACTS if act not in ONLY_TLS and act != "stop reading"]
    found = [Scene(stage, act) for stage in STAGES for act in usual]
    return found + [Scene(stage, act) for stage, acts in ELSEWHERE.items() for act in acts]


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt went: seconds, MB above what was there before, tasks and descriptors left over."""

    scene: Scene
    sent: Sent
    seconds: float
    memory: float
    tasks: int
    descriptors: int


@contextmanager
def hostile_servers(stages: Sequence[Scene], folder: Path) -> Iterator[list[int]]:
    """The servers' process; the port of each scene."""
    self_signed(folder)
    pairs = json.dumps([[scene.stage, scene.act] for scene in stages])
    command = [sys.executable, "-m", "tests.torture.hostile_server", str(folder)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environ, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            print(pairs, file=process.stdin, flush=True)
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def hop_of(scene: Scene, port: int, folder: Path) -> Hop:
    """The hop for a scene: with TLS and a login where the scene is about them."""
    tls = scene.stage in ("STARTTLS", "HANDSHAKE", "EHLO in TLS")
    login = ("shop", "s3cret") if scene.stage == "AUTH" else ("", "")
    ca = str(folder / "localhost.crt")
    return Hop("localhost", port, False, "required" if tls else "none", *login, ca=ca, address="127.0.0.1")


async def send(scene: Scene, port: int, folder: Path) -> tuple[Sent, float]:
    """One attempt, and how many seconds it took."""
    content = LARGE if scene.stage == "BODY" else CONTENT
    pool = Pool() if scene.stage in ("RSET", "QUIT") else None
    recipient = "unknown@hostile.test" if scene.stage == "RSET" else "b@hostile.test"
    began = time.monotonic()
    hop = hop_of(scene, port, folder)
    sent = await transact(hop, "a@bounce.gatepost.test", recipient, content, timeouts=TIMES, pool=pool)
    seconds = time.monotonic() - began
    if pool:
        await pool.close()
    return sent, seconds


def peak() -> float:
    """The largest resident size of this process since the last `forget_peak`, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def forget_peak() -> None:
    """Let the largest size be that of now."""
    Path("/proc/self/clear_refs").write_text("5")


def descriptors_open() -> int:
    """How many file descriptors this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def measured(scene: Scene, port: int, folder: Path) -> Ended:
    """One attempt alone, with what it took."""
    tasks, descriptors = len(asyncio.all_tasks()), descriptors_open()
    forget_peak()
    before = peak()
    sent, seconds = await send(scene, port, folder)
    memory = peak() - before
    for _ in range(40):
        if len(asyncio.all_tasks()) <= tasks and descriptors_open() <= descriptors:
            break
        await asyncio.sleep(0.05)
    tasks, descriptors = len(asyncio.all_tasks()) - tasks, descriptors_open() - descriptors
    return Ended(scene, sent, seconds, memory, tasks, descriptors)


async def one_by_one(todo: Sequence[Scene], ports: Sequence[int], folder: Path) -> list[Ended]:
    """Each alone, so that memory can be told."""
    await measured(todo[0], ports[0], folder)  # what is loaded at the first time is not this scene's
    return [await measured(scene, port, folder) for scene, port in zip(todo, ports, strict=True)]


async def together(todo: Sequence[Scene], ports: Sequence[int], folder: Path) -> list[Ended]:
    """Forty at a time: quick, without figures for each."""
    places = asyncio.Semaphore(40)

    async def one(scene: Scene, port: int) -> Ended:
        async with places:
            sent, seconds = await send(scene, port, folder)
            return Ended(scene, sent, seconds, 0, 0, 0)

    found = await asyncio.gather(*(one(scene, port) for scene, port in zip(todo, ports, strict=True)))
    await asyncio.sleep(0.2)
    return found


def faults(ended: Ended) -> list[str]:
    """What an attempt did that it may not, whatever the server does."""
    sent, scene = ended.sent, ended.scene
    rules: dict[str, Callable[[], bool]] = {
        "text that cannot be shown": lambda: any(not is_shown(char) for char in sent.reply.text),
        "long text": lambda: len(sent.reply.text) > TEXT_LIMIT or len(sent.transcript.encode()) > LIMIT,
        "final without a 5xx about the mail": lambda: sent.reply.permanent and not refused(scene),
        "uncertain without a dot": lambda: sent.uncertain and sent.stage != "dot",
        "taken without a yes": lambda: sent.reply.positive and not takes(scene),
        "a task left": lambda: ended.tasks > 0,
        "a descriptor left": lambda: ended.descriptors > 0,
    }
    return [f"{scene.stage}, {scene.act}: {name}: {sent.reply}" for name, broken in rules.items() if broken()]


def refused(scene: Scene) -> bool:
    """Whether the server really said 5xx about the mail."""
    return scene.stage in SPEAKS and scene.act in (
        "554",
        "only LF",
        "terminal codes",
        "command in the answer",
        "two codes",
    )


def takes(scene: Scene) -> bool:
    """Whether the server took the mail, as far as a client can see; only the first three digits are its code."""
    if scene.stage in ("QUIT", "RSET") or scene.act in ("one answer too many", "NUL", "code 2500"):
        return True
    if scene.stage == "DOT":
        return scene.act in ("answer and close", "large answer", "endless answers")
    return (scene.stage, scene.act) in (("EHLO", "554"), ("EHLO", "334"), ("DATA", "354"))


def hostile(run: Run) -> Verdict:
    """A hostile server at every step of sending: each attempt within its deadline and 10 MB, no wrong result (G20)."""
    verdict, todo = Verdict(), scenes()
    with hostile_servers(todo, run.folder) as ports:
        ended = asyncio.run((together if run.short else one_by_one)(todo, ports, run.folder))
    verdict.note(scenes=len(ended))
    if not run.short:
        slowest, largest = max(ended, key=lambda one: one.seconds), max(ended, key=lambda one: one.memory)
        verdict.check("slowest_seconds", round(slowest.seconds, 2), DEADLINE + SLACK)
        verdict.check("largest_memory_mb", round(largest.memory, 1), MEMORY)
        verdict.note(slowest=f"{slowest.scene.stage}, {slowest.scene.act}")
        verdict.note(largest=f"{largest.scene.stage}, {largest.scene.act}")
    found = [fault for one in ended for fault in faults(one)]
    verdict.check("wrong", len(found), 0)
    for fault in found[:20]:
        verdict.hold(False, fault)
    return verdict
