"""Octets that one database keeps and the other refuses come in by the API as well."""

from tests.web.api_rig import Api
from tests.web.api_rig import api as api


def test_control_characters_do_no_harm_on_either_database(api: Api) -> None:
    _, auth = api.key()
    sent = api.send(auth, text="a\0b \x01", html="<p>\0</p>", **{"from": "S\x01 <orders@shop.example>"})
    assert api.client.get(f"/v1/messages/{sent['id']}", headers=auth).status_code == 200
    for path in ("/v1/messages/msg_%00", "/v1/conversations/%00", "/v1/conversations/999999999"):
        assert api.client.get(path, headers=auth).status_code == 404
    raw = b"From: orders@shop.example\r\nSubject: a =?utf-8?q?=00x?=\r\nTo: =?utf-8?q?=00?= <a@b.example>\r\n\r\n\0\r\n"
    headers = auth | {"Content-Type": "message/rfc822"}
    assert api.client.post("/v1/messages?to=a@b.example", content=raw, headers=headers).status_code == 202
