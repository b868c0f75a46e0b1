"""Several processes that share the duties out, on PostgreSQL; on SQLite one does everything."""

from dataclasses import replace

import pytest

from tests.lives.letters import letter
from tests.rig.gatepost import Product, installed, until

SENDER = "orders@gatepost.test"


def order(to: str) -> bytes:
    return letter(SENDER, to, "Your order 81", "It is on its way.")[1]


def test_what_one_process_takes_another_one_delivers(postgres_database: str) -> None:
    with installed(database=postgres_database) as gateway:
        login = gateway.credential("gatepost.test")
        sender = replace(gateway, ports={}, stack=type(gateway.stack)())
        gateway.start("--role", "gateway")
        assert gateway.ports["web"] == ""
        message_id = gateway.submit(login, SENDER, ["ana@shop.test"], order("ana@shop.test"))
        assert [row.state for row in gateway.deliveries(message_id).values()] == ["queued"]
        sender.start("--role", "deliver", "--role", "web")
        try:
            assert sender.ports["submission"] == sender.ports["mx"] == ""
            assert sender.ports["web"]
            until(lambda: gateway.deliveries(message_id)["ana@shop.test"].state == "delivered", sender.log)
            second = gateway.submit(login, SENDER, ["ben@shop.test"], order("ben@shop.test"))
            until(lambda: gateway.deliveries(second)["ben@shop.test"].state == "delivered", sender.log)
        finally:
            sender.stop()


@pytest.mark.parametrize(
    ("role", "says"), [("deliver", "use PostgreSQL"), ("everything", "gateway, web, sync, deliver, notify")]
)
def test_what_cannot_be_is_told(product: Product, role: str, says: str) -> None:
    done = product.run("serve", "--role", role)
    assert done.returncode in (1, 2)
    assert says in done.stderr
