"""Commands in the first lines of an agent's mail, such as `#close` and `#assign me`: read as values, all or none."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.model import Conversation, User
from gatepost.store.conversations import assign, set_state
from gatepost.store.shelf import add_tags, snooze
from gatepost.store.showing import may
from gatepost.store.users import list_users

LINE = re.compile(r"#([A-Za-z]{1,20})(?:[ \t]+([^\r\n]{0,200}))?")
SPAN = re.compile(r"([1-9][0-9]{0,2}) ?([hdw])")
SPANS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
TAG = re.compile(r"[\w.-]{1,50}")
MOST = 10
STATES = {"close": "closed", "open": "open"}
HELP = "Known are #close, #open, #assign me, #assign name, #assign nobody, #tag name, #note, #snooze 2d, #status"


class BadCommand(ValueError):
    """What is wrong with a command; nothing of the mail is done."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, and what stands behind it."""

    name: str
    value: str = ""


def read_commands(text: str) -> tuple[list[Command], str]:
    """The commands of the first lines, and the text below. Raises BadCommand for one that is unknown or wrong."""
    lines = text.lstrip("\n").split("\n")
    found: list[Command] = []
    while lines and (match := LINE.fullmatch(lines[0].strip())):
        found.append(read_command(match[1].lower(), (match[2] or "").strip()))
        lines.pop(0)
        if len(found) > MOST:
            raise BadCommand(f"More than {MOST} commands stand in one mail")
    return found, "\n".join(lines).strip("\n")


def read_command(name: str, value: str) -> Command:
    """One command, its value checked as far as that needs no database."""
    if name == "reopen":
        name = "open"
    if name in ("close", "open", "note", "status"):
        if value and name != "note":
            raise BadCommand(f"#{name} takes nothing behind it, but there stands “{value[:50]}”")
        return Command(name, value)
    if name == "tag":
        tags = value.replace(",", " ").split()
        wrong = next((tag for tag in tags if not TAG.fullmatch(tag)), "")
        if not tags or wrong:
            raise BadCommand("#tag needs a name: letters, digits, dot, dash and underline")
        return Command(name, " ".join(tag.lower() for tag in tags))
    if name == "assign":
        if not value:
            raise BadCommand("#assign needs a name: me, nobody, or the name or address of an agent")
        return Command(name, value)
    if name == "snooze":
        if not SPAN.fullmatch(value):
            raise BadCommand("#snooze needs a time: 4h, 2d or 1w")
        return Command(name, value)
    raise BadCommand(f"#{name} is no command. {HELP}")


def span_of(value: str) -> timedelta:
    """The time of a #snooze."""
    match = SPAN.fullmatch(value)
    return int(match[1]) * SPANS[match[2]] if match else timedelta()


def check_commands(session: Session, conversation: Conversation, user: User, commands: list[Command]) -> None:
    """Raises BadCommand for what cannot be done here, before anything is done."""
    for command in commands:
        if command.name == "assign":
            assignee_of(session, conversation, user, command.value)


def assignee_of(session: Session, conversation: Conversation, user: User, value: str) -> User | None:
    """Whom #assign means: exactly one who works in this mailbox. Raises BadCommand."""
    wanted = value.lower()
    if wanted in ("nobody", "none"):
        return None
    if wanted == "me":
        return user
    here = [each for each in list_users(session) if works_here(session, each, conversation)]
    found = [each for each in here if wanted in (each.name.lower(), each.email)]
    found = found or [each for each in here if wanted in each.name.lower().split()]
    if len(found) != 1:
        names = ", ".join(sorted(each.name for each in (found or here))[:20])
        how = "fits several" if found else "is nobody who works in this mailbox"
        raise BadCommand(f"#assign {value[:50]}: that {how}. There are: {names}")
    return found[0]


def works_here(session: Session, user: User, conversation: Conversation) -> bool:
    return may(session, user, conversation, "answer")


def carry_out(session: Session, conversation: Conversation, user: User, commands: list[Command], now: datetime) -> None:
    """Do what was commanded, in the caller's transaction."""
    for command in commands:
        if command.name in ("close", "open"):
            set_state(session, conversation, STATES[command.name], user.id, now)
        elif command.name == "assign":
            assign(session, conversation, assignee_of(session, conversation, user, command.value), user.id, now)
        elif command.name == "tag":
            add_tags(session, conversation, command.value.split(), user.id, now)
        elif command.name == "snooze":
            snooze(session, conversation, now + span_of(command.value), user.id, now)


def foresee(
    session: Session, conversation: Conversation, user: User, commands: list[Command], now: datetime
) -> tuple[list[str], Conversation]:
    """What commands will have done, in words, and the conversation as it will be. Raises BadCommand."""
    after = Conversation(**conversation.model_dump())
    done: list[str] = []
    for command in commands:
        if command.name in ("close", "open"):
            after.state = STATES[command.name]
            done.append(f"The conversation is {after.state}.")
        elif command.name == "assign":
            assignee = assignee_of(session, conversation, user, command.value)
            after.assignee_id = assignee.id if assignee else None
            done.append(f"It is assigned to {assignee.name if assignee else 'nobody'}.")
        elif command.name == "tag":
            after.tags = list(dict.fromkeys([*after.tags, *command.value.split()]))
            done.append(f"Tagged: {command.value}.")
        elif command.name == "snooze":
            after.state = "closed"
            until = now + span_of(command.value)
            done.append(f"It is closed, and opens again on {until:%Y-%m-%d at %H:%M} UTC or with the next mail.")
    return done, after
