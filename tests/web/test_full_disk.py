"""A disk without room: pages and reads go on, what would store mail is told, monitors know."""

import errno

import pytest

from gatepost.blobs import Blobs
from gatepost.disk import Disk
from tests.web.api_rig import SIMPLE, Api, api
from tests.web.conftest import Site

__all__ = ["api"]
ALL = 2**62


def fill(disk: Disk) -> None:
    """From now on there is never room enough; as if a second had passed."""
    disk.least, disk.steady = ALL, iter(range(10**9, 10**10, 10)).__next__


def test_the_api_answers_507_and_reads_go_on(api: Api) -> None:
    _, auth = api.key()
    sent = api.send(auth)
    fill(api.parts.blobs.disk)
    refused = api.client.post("/v1/messages", json=SIMPLE, headers=auth)
    assert (refused.status_code, refused.json()["code"]) == (507, "storage-full")
    assert refused.json()["detail"].startswith("The disk of this server has no room for mail at the moment.")
    assert refused.headers["retry-after"] == "30"
    assert api.client.get(f"/v1/messages/{sent['id']}", headers=auth).status_code == 200
    api.parts.blobs.disk.least = 0
    api.send(auth)


def test_a_write_that_finds_no_room_is_507_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(self: Blobs, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device: /secret/path")

    _, auth = api.key()
    monkeypatch.setattr(Blobs, "keep", keep)
    refused = api.client.post("/v1/messages", json=SIMPLE, headers=auth)
    assert refused.status_code == 507
    assert "secret" not in refused.text


def test_monitors_know_and_pages_work(site: Site) -> None:
    client = site.client("ada@example.org")
    assert client.get("/readyz").text == "ready\n"
    disk = site.parts.blobs.disk
    fill(disk)
    ready, told = client.get("/readyz"), client.get("/metrics").text
    assert ready.status_code == 503
    assert ready.text.startswith("no mail is taken: ")
    assert "gatepost_disk_refusing 1.0" in told
    assert "gatepost_disk_sync_failed 0.0" in told
    assert "gatepost_disk_free_bytes" in told
    assert client.get("/inbox").status_code == 200
    answered = client.post(f"/inbox/{site.conversation}/reply", data={"text": "Hello"})
    assert answered.status_code < 500
    disk.least = 0
    assert client.get("/readyz").status_code == 200
    disk.fail(OSError(errno.EIO, "Input/output error"))
    assert "the disk failed to sync" in client.get("/readyz").text
    assert "gatepost_disk_sync_failed 1.0" in client.get("/metrics").text
