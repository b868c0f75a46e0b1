"""Move, merge and undo over the API, within what a key may see."""

from gatepost.store.conversations import get_conversation
from tests.web.api_rig import Api, api, arrive, desk_address, question

__all__ = ["api"]


def test_a_key_moves_merges_and_takes_back(api: Api) -> None:
    _, key = api.key()
    first, second = two(api)
    assert (
        api.client.post(f"/v1/conversations/{first}/move", json={"messages": ["msg_x"], "to": "new"}).status_code == 401
    )
    done = api.client.post(f"/v1/conversations/{second}/merge", json={"into": str(first)}, headers=key)
    assert done.status_code == 200, done.text
    merged = done.json()
    assert (merged["kind"], merged["source"], merged["target"], merged["undone_at"]) == ("merge", second, first, None)
    again = api.client.post(f"/v1/conversations/{second}/merge", json={"into": str(first)}, headers=key)
    assert again.status_code == 422
    reply = api.client.post(f"/v1/conversations/{second}/replies", json={"text": "x"}, headers=key)
    assert "merged into another one" in reply.json()["detail"]
    split = {"messages": merged["messages"], "to": "new"}
    moved = api.client.post(f"/v1/conversations/{first}/move", json=split, headers=key).json()
    assert moved["kind"] == "split"
    for one in (moved["id"], merged["id"]):
        assert api.client.post(f"/v1/corrections/{one}/undo", headers=key).json()["undone_at"]


def test_a_key_that_sees_neither_finds_nothing(api: Api) -> None:
    _, key = api.key()
    _, other = api.key(senders=("other.example",))
    first, second = two(api)
    done = api.client.post(f"/v1/conversations/{second}/merge", json={"into": str(first)}, headers=key).json()
    refused = api.client.post(f"/v1/conversations/{second}/merge", json={"into": str(first)}, headers=other)
    assert refused.status_code == 404
    assert api.client.post(f"/v1/corrections/{done['id']}/undo", headers=other).status_code == 404
    assert api.client.post("/v1/corrections/cor_x/undo", headers=key).status_code == 404
    unknown = api.client.post(f"/v1/conversations/{first}/merge", json={"into": "99"}, headers=key)
    assert unknown.status_code == 422


def two(api: Api) -> tuple[int, int]:
    """The numbers of two conversations of the shop's mailbox."""
    desk_address(api)
    numbers = []
    for subject in ("Where is it?", "And the lamp?"):
        received = arrive(api, question(subject), "help@shop.example")
        with api.parts.database.session() as session:
            found = get_conversation(session, received.conversation_id or "")
        assert found
        numbers.append(found.number)
    return numbers[0], numbers[1]
