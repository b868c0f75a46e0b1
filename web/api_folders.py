"""The API of which folders of a connected mailbox are read, for the keys of operators."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from gatepost.connectors.folder_words import what_stands
from gatepost.store.credentials import DESK_SCOPE
from gatepost.store.folder_choice import choose_folders, folder_lines
from gatepost.store.folders import is_read
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken
from gatepost.web.api_whole import PLACE, account_of
from gatepost.web.folder_choice import sentence


class FolderOut(Given):
    """A folder: what it is for (`role`, empty for a plain one), whether it is `read` and `why`, in words.

    `chosen` is what a person said about that, null where its role decides. `here` counts its mails that are stored,
    `on_server` those of the last comparison, null before the first.
    """

    folder: str
    role: str
    read: bool
    chosen: bool | None
    why: str
    here: int
    on_server: int | None


class FoldersOut(Given):
    """The folders that the server listed last: those that are read first, each part by name."""

    mailbox: str
    folders: list[FolderOut]


class FoldersIn(Taken):
    """`read` says of folders by name whether they are read: true, false, or null for as their role says.

    With `list_again` the server is asked for its folders first.
    """

    read: Annotated[dict[str, bool | None], Field(default_factory=dict, max_length=1000)]
    list_again: bool = False


CHOICE: TypeAdapter[FoldersIn] = TypeAdapter(FoldersIn)


def get_folders(call: Call) -> Answer:
    """Which folders of a mailbox are read, and why."""
    read_query(call, NoQuery)
    return folders_answer(call)


def folders_answer(call: Call) -> Answer:
    with call.app.database.session() as session:
        account = account_of(session, call)
        found = [
            FolderOut(
                folder=line.row.folder,
                role=line.row.role,
                read=is_read(line.row),
                chosen=line.row.chosen,
                why=what_stands(line.row, account, line.here),
                here=line.here,
                on_server=line.on_server,
            )
            for line in folder_lines(session, account.id)
        ]
    return Answer(FoldersOut(mailbox=call.path("address"), folders=found))


def set_folders(call: Call) -> Answer:
    """Choose which folders of a mailbox are read; what is stored stays."""
    read_query(call, NoQuery)
    given = read_json(call, CHOICE)
    with call.app.database.session() as session:
        account_id = account_of(session, call).id
    if given.list_again and call.app.list_folders:
        try:
            call.app.list_folders(account_id)
        except ValueError as error:
            raise wrong_field("#/list_again", str(error)) from None
    try:
        call.app.ledger.write(lambda session: choose_folders(session, account_of(session, call), given.read, call.now))
    except ValueError as error:
        raise wrong_field("#/read", f"{sentence(str(error))}.") from None
    call.app.bell.ring()
    return folders_answer(call)


MAILBOX_FOLDERS: tuple[Operation, ...] = (
    Operation("GET", f"{PLACE}/folders", get_folders, DESK_SCOPE, FoldersOut, NoQuery, problems=HERE),
    Operation(
        *("POST", f"{PLACE}/folders", set_folders, DESK_SCOPE, FoldersOut, NoQuery),
        takes=CHOICE,
        problems=(*HERE, *BODY),
        once=False,
    ),
)
