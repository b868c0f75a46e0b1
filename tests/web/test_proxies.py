"""Who asks, as the real listener sees it: a header that anybody can write counts only from a proxy that is named."""

import pytest
from pydantic import ValidationError

from gatepost.settings import Settings
from tests.rig.gatepost import Product, started


def addresses(product: Product, claimed: str) -> list[str]:
    """The addresses of a reader's sessions after a login that claims to come from elsewhere."""
    with product.client("maya@northwind.example") as client:
        client.headers["x-forwarded-for"] = claimed
        client.post("/profile/sessions/end-others")
        data = {"email": "maya@northwind.example", "password": "a-good-long-password"}
        client.cookies.clear()
        assert client.post("/login", data=data).status_code == 303
        return sorted(address for address in (claimed, "127.0.0.1") if f">{address}<" in client.get("/profile").text)


def test_who_asks_is_taken_from_named_proxies_only() -> None:
    with started() as product:
        product.user("maya@northwind.example")
        assert addresses(product, "203.0.113.7") == ["127.0.0.1"]
        product.restart(web_proxies='["127.0.0.1"]')
        assert "203.0.113.8" in addresses(product, "203.0.113.8")


def test_a_proxy_is_an_address_or_a_network() -> None:
    assert Settings(web_proxies=["127.0.0.1", "10.0.0.0/8"]).web_proxies
    with pytest.raises(ValidationError, match="does not appear to be"):
        Settings(web_proxies=["proxy.example"])
