"""What the bridge itself wants of Mediaservice: carried out, or told so that it may be logged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rpcbridge.errors import OrderFailed
from rpcbridge.platforms.conversation import Order
from rpcbridge.platforms.mediaservice.outgoing import Offered, client_of, faults, verifier_of
from rpcbridge.platforms.mediaservice.section_outgoing import Outgoing
from tests.support.backend import Backend as Server
from tests.support.backend import reply, reset
from tests.support.mediaservice import valid_request
from tests.support.rsa_keys import private_file, public_file

SPLIT = Order("splitconnection", {"replyId": "r", "connectionId": "c"})


def offered(folder: Path, url: str, **more) -> Offered:
    section = Outgoing(url=url, domain="customer.example", private_key_file=str(private_file(folder)), **more)
    assert list(faults(section)) == []
    return Offered(client_of(section), section)


def test_an_order_is_sent(tmp_path: Path, backend: Server):
    backend.behave = reply({"success": True})
    operations = offered(tmp_path, "http://127.0.0.1:9", site_urls=(backend.url,))
    operations.tell(Order(SPLIT.operation, SPLIT.body, backend.url), 2)
    (request,) = backend.requests
    valid_request(request.target, request.method, request.json)


@pytest.mark.parametrize(
    ("behave", "said", "outcome"),
    [
        (reply({"success": False, "reason": "0540000000 has hung up"}), "refused_by_platform, HTTP 200", "refused"),
        (reply({"message": "0540000000"}, 400), "http_4xx, HTTP 400", "refused"),
        (reply(b"", 500), "http_5xx, HTTP 500", "unclear"),
        (reset(), "reset", "unclear"),
    ],
)
def test_an_order_that_fails_says_how_and_holds_no_number(tmp_path: Path, backend: Server, behave, said: str, outcome: str):
    backend.behave = behave
    with pytest.raises(OrderFailed) as caught:
        offered(tmp_path, backend.url).tell(SPLIT, 2)
    assert (str(caught.value), caught.value.outcome) == (said, outcome)


def test_an_order_that_cannot_be_sent_names_its_fields(tmp_path: Path, backend: Server):
    with pytest.raises(OrderFailed, match=r"^cannot be sent: destAddr, sipFrom$"):
        offered(tmp_path, backend.url).tell(Order("placeivrcall", {"destAddr": "0540000000", "sipFrom": "05400\n00000"}), 2)
    with pytest.raises(OrderFailed, match=r"^unknown_site$"):
        offered(tmp_path, backend.url).tell(Order("placeivrcall", {"destAddr": "sip:a@b"}, "http://0540000000"), 2)
    with pytest.raises(OrderFailed, match=re.escape("not_configured: mediaservice.url is not set")):
        Offered(None, Outgoing()).tell(SPLIT, 2)
    assert backend.requests == []


def test_what_asks_for_the_api_asks_for_all_it_needs():
    assert list(faults(Outgoing())) == list(faults(Outgoing(domain="customer.example"))) == []
    assert client_of(Outgoing(domain="customer.example")) is None
    for some in (Outgoing(url="https://api.example"), Outgoing(site_urls=("https://site.example",))):
        assert {"mediaservice.domain", "mediaservice.private_key_file"} <= {fault.path for fault in faults(some)}


def test_keys_that_cannot_be_used_let_nobody_in(tmp_path: Path):
    assert verifier_of(Outgoing()) is None
    for files in ((str(tmp_path / "none.pem"),), (str(public_file(tmp_path)), str(tmp_path / "none.pem"))):
        verifier = verifier_of(Outgoing(public_key_files=files))
        assert verifier is not None
        assert verifier.refusal("a.b.c", 0) != ""
