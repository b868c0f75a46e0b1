"""`/v1/delivery-codes`: what the codes of servers' answers mean, as the pages tell it."""

from typing import Annotated

from pydantic import Field

from gatepost.codes import Code, look_up, search
from gatepost.web.api_call import Answer, Call, Operation, read_query
from gatepost.web.api_errors import Problem
from gatepost.web.api_models import ExplanationOut, Given
from gatepost.web.api_requests import NoQuery, Taken


class SayingOut(Given):
    """An answer as a provider or server program is known to give it, shortened."""

    who: str
    text: str


class CodeOut(ExplanationOut):
    """A code such as `550` or `5.1.1`; `known` is false where only its class (4 or 5) explains it."""

    code: str
    known: bool
    texts: list[SayingOut]


class CodeList(Given):
    """The codes, those of final failures first."""

    data: list[CodeOut]


class CodeQuery(Taken):
    """Only codes with all these words in code, sentences or known answers."""

    q: Annotated[str, Field(max_length=100)] = ""


def code_out(code: Code) -> CodeOut:
    found = code.explanation
    return CodeOut(
        code=code.code,
        known=code.known,
        reason=found.reason,
        advice=found.advice,
        who=found.who,
        retryable=found.retryable,
        texts=[SayingOut(who=saying.who, text=saying.text) for saying in code.sayings],
    )


def list_delivery_codes(call: Call) -> Answer:
    """Every code with its reason, its advice, who can act, and whether the same mail may be taken later."""
    query = read_query(call, CodeQuery)
    return Answer(CodeList(data=[code_out(code) for code in search(query.q)]))


def get_delivery_code(call: Call) -> Answer:
    """One code, written as `550` or `5.1.1`."""
    read_query(call, NoQuery)
    found = look_up(call.path("code")[:20])
    if found is None:
        raise Problem("not-found")
    return Answer(code_out(found))


CODES: tuple[Operation, ...] = (
    Operation("GET", "/delivery-codes", list_delivery_codes, "messages:read", CodeList, CodeQuery),
    Operation(
        "GET",
        "/delivery-codes/{code}",
        get_delivery_code,
        "messages:read",
        CodeOut,
        NoQuery,
        problems=("not-found",),
    ),
)
