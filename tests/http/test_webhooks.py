"""Webhooks over HTTP: what is answered, what is refused, and what is listed of what was sent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.webhooks import WEBHOOKS_MAX
from infrastructure.sql.tables import webhooks
from tests.http.town import NOBODY, Town, ok, refused

pytestmark = pytest.mark.slow

HOOKS = "/api/webhooks"
URL = "https://1.1.1.1/hook"
"""Nothing is sent to it: here, targets are in memory."""


def service(town: Town) -> httpx.AsyncClient:
    """Another service of the town."""
    return town.client("app", roles=["service"])


async def created(town: Town, **body: Any) -> dict[str, Any]:
    """A webhook that was created."""
    answer = ok(await service(town).post(HOOKS, json={"url": URL, **body}), 201)
    hook: dict[str, Any] = answer["data"]
    return hook


async def listed(town: Town) -> list[dict[str, Any]]:
    """The town's webhooks."""
    hooks: list[dict[str, Any]] = ok(await service(town).get(HOOKS))["data"]
    return hooks


async def delivered(town: Town, hook: dict[str, Any], **query: Any) -> dict[str, Any]:
    """A page of what was sent to a webhook."""
    page: dict[str, Any] = ok(await service(town).get(f"{HOOKS}/{hook['id']}/deliveries", params=query))["data"]
    return page


async def test_a_webhook_is_created_listed_and_deleted_and_its_secret_is_shown_once(town: Town, other: Town) -> None:
    hook = await created(town, types=["story.published", "story.created"])
    assert hook["secret"].startswith("whsec_")
    assert hook["types"] == ["story.created", "story.published"]
    (shown,) = await listed(town)
    assert "secret" not in shown
    assert (shown["id"], shown["url"], shown["status"], shown["attempts"]) == (hook["id"], URL, "active", 0)
    assert shown["createdAt"] == hook["createdAt"]
    assert hook["secret"] not in (await service(town).get(HOOKS)).text
    assert await listed(other) == []
    refused(await service(other).delete(f"{HOOKS}/{hook['id']}"), 404, "not_found")
    answer = ok(await service(town).delete(f"{HOOKS}/{hook['id']}"))
    assert answer == {"success": True, "message": "Webhook deleted successfully"}
    assert await listed(town) == []
    refused(await service(town).delete(f"{HOOKS}/{hook['id']}"), 404, "not_found")


async def test_what_happens_is_sent_and_said_to_have_been(town: Town) -> None:
    hook = await created(town)
    story = await town.post_text()

    async def both() -> None:
        assert (await delivered(town, hook))["totalCount"] == 2

    await town.eventually(both)
    page = await delivered(town, hook, pageSize=1)
    assert (page["page"], page["pageSize"], page["totalPages"]) == (1, 1, 2)
    (last,) = page["deliveries"]
    assert (last["type"], last["status"], last["httpStatus"], last["attempt"]) == (
        "story.published",
        "delivered",
        204,
        1,
    )
    assert story
    assert (await delivered(town, hook, status="dead"))["deliveries"] == []
    (first,) = (await delivered(town, hook, page=2, pageSize=1))["deliveries"]
    assert (first["type"], first["position"] < last["position"]) == ("story.created", True)
    assert (await listed(town))[0]["position"] == last["position"]


async def test_a_replay_needs_no_body_and_goes_back_as_far_as_it_is_asked_to(town: Town) -> None:
    hook = await created(town)
    await town.post_text()

    async def sent(times: int) -> None:
        assert (await delivered(town, hook))["totalCount"] == times

    await town.eventually(lambda: sent(2))
    first = (await delivered(town, hook))["deliveries"][-1]["position"]
    path = f"{HOOKS}/{hook['id']}/replay"
    assert ok(await service(town).post(path))["data"]["deadLetters"] == 0
    for body in ({}, {"after": None, "deadLetters": None}):
        assert ok(await service(town).post(path, json=body))["data"]["deadLetters"] == 0
    answer = ok(await service(town).post(path, json={"after": first - 1}))["data"]
    assert answer == {"id": hook["id"], "position": first - 1, "deadLetters": 0}
    await town.eventually(lambda: sent(4))


async def test_a_webhook_asked_for_again_with_its_key_is_one_with_one_secret(town: Town) -> None:
    key = {"Idempotency-Key": "my-webhook"}
    first = await service(town).post(HOOKS, json={"url": URL}, headers=key)
    again = await service(town).post(HOOKS, json={"url": URL}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await service(town).post(HOOKS, json={"url": URL, "types": ["user.erased"]}, headers=key)
    refused(other, 409, "idempotency_key_reused")
    assert len(await listed(town)) == 1


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://127.0.0.1/",
            "http://localhost:5432/",
            "https://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data",
        ),
        *("http://[::1]/", "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/", "http://2130706433/", "http://0/"),
        *("http://192.168.1.1:8080/a", "http://100.64.0.1/", "http://nowhere.invalid/", "file:///etc/passwd"),
        *("https://user:word@1.1.1.1/", "gopher://1.1.1.1/", "//1.1.1.1/", "", "https://1.1.1.1:99999/"),
    ],
)
async def test_a_target_that_is_not_public_or_no_url_is_refused(town: Town, url: str) -> None:
    response = await service(town).post(HOOKS, json={"url": url})
    refused(response, 400, "url_not_allowed")
    assert [error["field"] for error in response.json()["errors"]] == ["url"]
    assert await town.rows(webhooks) == 0


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"url": 1}, {"url": None}, [], {"url": URL, "types": "story.created"}, {"url": URL, "types": []}),
        *({"url": URL, "types": ["story.exploded"]}, {"url": URL, "types": [None]}),
    ],
)
async def test_a_body_that_is_none_is_refused(town: Town, body: Any) -> None:
    refused(await service(town).post(HOOKS, json=body), 400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        *({"after": -1}, {"after": "1"}, {"after": 2**63}, {"after": 2**62}, {"deadLetters": [0]}),
        *({"deadLetters": ["a"]}, {"deadLetters": [1] * 1_001}, {"deadLetters": [2**63]}, []),
    ],
)
async def test_a_replay_that_cannot_be_is_refused(town: Town, body: Any) -> None:
    hook = await created(town)
    refused(await service(town).post(f"{HOOKS}/{hook['id']}/replay", json=body), 400, "invalid_request")


async def test_a_replay_is_sent_as_json(town: Town) -> None:
    hook = await created(town)
    path = f"{HOOKS}/{hook['id']}/replay"
    refused(await service(town).post(path, content=b"{}"), 415, "unsupported_media_type")
    response = await service(town).post(path, content=b"{", headers={"Content-Type": "application/json"})
    refused(response, 400, "malformed_json")


@pytest.mark.parametrize("query", ["status=lost", "status=null", "page=0", "pageSize=101", "status=dead&status=dead"])
async def test_deliveries_are_asked_for_within_bounds(town: Town, query: str) -> None:
    hook = await created(town)
    response = await service(town).get(f"{HOOKS}/{hook['id']}/deliveries?{query}")
    assert (response.status_code, response.json()["success"]) == (400, False)


async def test_what_there_is_not_is_not_found_whatever_it_is_called(town: Town) -> None:
    for unknown in (NOBODY, "no-id", "{}"):
        refused(await service(town).get(f"{HOOKS}/{unknown}/deliveries"), 404, "not_found")
        refused(await service(town).post(f"{HOOKS}/{unknown}/replay"), 404, "not_found")
        refused(await service(town).delete(f"{HOOKS}/{unknown}"), 404, "not_found")


async def test_an_organisation_has_a_bounded_number_of_them(town: Town) -> None:
    for _ in range(WEBHOOKS_MAX):
        await created(town, types=["user.erased"])
    refused(await service(town).post(HOOKS, json={"url": URL}), 409, "conflict")
    assert len(await listed(town)) == WEBHOOKS_MAX


async def test_nobody_but_a_service_has_to_do_with_them(town: Town) -> None:
    hook = await created(town)
    for user, roles in (("alice", []), ("mod", ["moderator"]), ("root", ["admin"])):
        client = town.client(user, roles=roles)
        for response in (
            await client.post(HOOKS, json={}),
            await client.get(HOOKS),
            await client.delete(f"{HOOKS}/{hook['id']}"),
            await client.get(f"{HOOKS}/{hook['id']}/deliveries"),
            await client.post(f"{HOOKS}/{hook['id']}/replay"),
        ):
            refused(response, 403, "role_required")
    assert (await town.stranger().get(HOOKS)).status_code == 401
