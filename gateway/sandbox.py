"""The sandbox route: no mail leaves; the recipient's local part decides what a remote server would have answered."""

import re
from dataclasses import dataclass
from typing import Literal

from gatepost.gateway.route import direct_hop
from gatepost.gateway.send import Sent, transact
from gatepost.reply import Reply

REMOTE_HOST = "sandbox.invalid"
FOLLOW_UP_AFTER = 5.0
SLOW = 10.0
FULL_TRIES = 3
WANTED = re.compile(r"code\+([245]\d\d)(?:-([245])\.(\d{1,3})\.(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class SandboxAnswer:
    """The reply, the seconds to wait before it, and what arrives by mail `FOLLOW_UP_AFTER` seconds after it."""

    reply: Reply
    wait: float = 0
    follow_up: Literal["bounce", "autoreply"] | None = None


ANSWERS = {
    "unknown": SandboxAnswer(
        Reply(550, "5.1.1", "<{to}>: Recipient address rejected: User unknown in local mailbox table")
    ),
    "spam": SandboxAnswer(
        Reply(550, "5.7.1", "Message rejected as spam by content filter (sandbox.invalid); see your sender reputation")
    ),
    "big": SandboxAnswer(Reply(552, "5.3.4", "Message size exceeds fixed maximum message size of sandbox.invalid")),
    "gone": SandboxAnswer(Reply(None, "5.1.2", "Domain not found: {domain} has neither an MX nor an address record")),
    "slow": SandboxAnswer(Reply(250, "2.0.0", "Ok: queued as SANDBOX, after a while"), wait=SLOW),
    "bounce-later": SandboxAnswer(Reply(250, "2.0.0", "Ok: queued as SANDBOX"), follow_up="bounce"),
    "autoreply": SandboxAnswer(Reply(250, "2.0.0", "Ok: queued as SANDBOX"), follow_up="autoreply"),
}
ACCEPTED = SandboxAnswer(Reply(250, "2.0.0", "Ok: queued as SANDBOX"))
FULL = SandboxAnswer(Reply(452, "4.2.2", "<{to}>: Mailbox full, user is over quota; try again later"))


def answer(recipient: str, attempt: int) -> SandboxAnswer:
    """What the sandbox answers at this attempt (the first is 1). `unknown+2@...` is another one like `unknown@...`."""
    local, _, domain = recipient.rpartition("@")
    name, _, _detail = local.lower().partition("+")
    if name == "full":
        chosen = FULL if attempt < FULL_TRIES else ACCEPTED
    elif name == "code":
        chosen = wanted(local.lower())
    else:
        chosen = ANSWERS.get(name, ACCEPTED)
    reply = chosen.reply
    text = reply.text.replace("{to}", recipient).replace("{domain}", domain)
    return SandboxAnswer(Reply(reply.code, reply.status, text), chosen.wait, chosen.follow_up)


def wanted(local: str) -> SandboxAnswer:
    """The answer of `code+NNN-X.Y.Z` or `code+NNN`; the classes of both codes must be the same."""
    found = WANTED.fullmatch(local)
    if not found or (found[2] and found[2] != found[1][0]):
        text = "write code+NNN or code+NNN-X.Y.Z with the same class twice, such as code+451-4.7.1"
        return SandboxAnswer(Reply(550, "5.1.3", f"Bad recipient address syntax; {text}"))
    status = f"{found[2]}.{int(found[3])}.{int(found[4])}" if found[2] else None
    return SandboxAnswer(Reply(int(found[1]), status, "sandbox.invalid answers as the recipient's address asks"))


async def deliver_follow_up(mx_host_port: str, mail_from: str, recipient: str, content: bytes) -> Sent:
    """Hand a follow-up to our own MX at `host:port` by SMTP, as a remote server would. Never raises."""
    return await transact(direct_hop(mx_host_port, helo=REMOTE_HOST), mail_from, recipient, content)
