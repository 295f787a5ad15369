"""Live updates, over WebSocket and as Server-Sent Events: who hears what, when it ends, and that nothing is lost."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import insert, select
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.tables import outbox
from tests.http.ears import SOCKET, STREAM, by_socket, by_stream, ended, socket_url
from tests.http.town import TIME, Town, ok, refused
from tests.patience import PATIENCE_SECONDS
from tests.stage import Served, serve

pytestmark = pytest.mark.slow

POSTS = 30


def told(message: dict[str, Any]) -> tuple[str, str, str, dict[str, Any]]:
    assert TIME.fullmatch(message["time"])
    return message["type"], message["storyId"], message["userId"], message["data"]


async def test_friends_hear_of_a_story_from_its_beginning_to_its_end_and_others_do_not(town: Town, other: Town) -> None:
    await town.befriend("alice", "bob")
    await other.befriend("alice", "bob")
    async with (
        by_socket(town, "bob", org=town.org) as bob,
        by_stream(town.client("bob")) as bobs_page,
        by_socket(town, "carol", org=town.org) as carol,
        by_socket(other, "bob", org=other.org) as namesake,
        by_socket(town, "alice", org=town.org) as alice,
    ):
        story_id = await town.post_text("alice")
        heard = [await bob.next()]
        owner, path = town.client("alice"), f"/api/story/{story_id}"
        for request in (
            owner.patch(path, json={"overlays": [{"text": "Sea", "x": 0, "y": 0}]}),
            owner.post(f"{path}/archive"),
            owner.delete(path),
        ):
            ok(await request)
            heard.append(await bob.next())
        card = {"kind": "text", "expiresAt": heard[0]["data"]["expiresAt"]}
        assert [told(each) for each in heard] == [
            ("story.published", story_id, "alice", card),
            ("story.updated", story_id, "alice", {"changed": ["overlays"]}),
            ("story.archived", story_id, "alice", {}),
            ("story.deleted", story_id, "alice", {}),
        ]
        assert [await bobs_page.next() for _ in range(4)] == heard
        assert sorted(heard, key=lambda each: int(each["id"])) == heard
        # What comes first to those who were not told is what they are told next.
        for listener, somebody, name in ((carol, town, "carol"), (namesake, other, "bob"), (alice, town, "alice")):
            await somebody.befriend("dave", name)
            only = await somebody.post_text("dave")
            assert [each["storyId"] for each in await listener.until(only)] == [only]


async def test_the_owner_hears_what_others_do_with_a_story_and_the_one_they_answer_hears_them(town: Town) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_text("alice")
    alice, bob = town.client("alice"), town.client("bob")
    async with by_socket(town, "alice", org=town.org) as owner, by_stream(bob) as viewer:
        for _ in range(2):
            ok(await bob.post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": 3}))
        ok(await bob.post(f"/api/story/{story_id}/reactions", json={"reaction": "love"}))
        ok(await bob.delete(f"/api/story/{story_id}/reactions"))
        ok(await bob.post(f"/api/story/{story_id}/replies", json={"content": "Where is that?"}), 201)
        answer = await alice.post(f"/api/story/{story_id}/replies", json={"content": "At home", "to": "bob"})
        reply_id = ok(answer, 201)["data"]["replyId"]
        assert [told(await owner.next())[:1] + told(owner.heard[-1])[2:3] for _ in range(5)] == [
            ("story.viewed", "bob"),
            ("story.reacted", "bob"),
            ("story.reaction_removed", "bob"),
            ("story.replied", "bob"),
            ("story.replied", "alice"),
        ]
        answered = ("story.replied", story_id, "alice", {"replyId": reply_id, "sender": "alice", "recipient": "bob"})
        while (await viewer.next())["type"] == "story.published":
            pass  # it was posted a moment ago
        assert told(viewer.heard[-1]) == answered
        assert not any("home" in str(each) or "Where" in str(each) for each in owner.heard + viewer.heard)


async def test_somebody_who_is_no_friend_any_more_hears_nothing_from_that_moment_on(town: Town) -> None:
    await town.befriend("alice", "bob")
    await town.befriend("carol", "bob")
    async with by_socket(town, "bob", org=town.org) as bob, by_stream(town.client("bob")) as bobs_page:
        first = await town.post_text("alice")
        for ear in (bob, bobs_page):
            await ear.until(first)
        response = await town.client("alice").delete("/api/social/users/alice/friends/bob")
        assert response.status_code == 204
        hidden = [await town.post_text("alice") for _ in range(3)]
        ok(await town.client("alice").delete(f"/api/story/{hidden[0]}"))
        marker = await town.post_text("carol")
        for ear in (bob, bobs_page):
            assert [each["storyId"] for each in await ear.until(marker)] == [marker]
            assert not {each["storyId"] for each in ear.heard} & set(hidden)


async def test_whoever_may_not_see_a_story_any_more_is_told_that_it_is_gone(town: Town) -> None:
    for friend in ("bob", "carol"):
        await town.befriend("alice", friend)
    async with by_socket(town, "bob", org=town.org) as bob, by_socket(town, "carol", org=town.org) as carol:
        story_id = await town.post_text("alice")
        assert [(await bob.next())["type"], (await carol.next())["type"]] == ["story.published"] * 2
        edited = {"visibility": "Custom", "allowedUserIds": ["carol"]}
        ok(await town.client("alice").patch(f"/api/story/{story_id}", json=edited))
        assert (await bob.next())["type"] == "story.deleted"
        ok(await town.client("alice").delete(f"/api/story/{story_id}"))
        assert (await carol.next())["type"] == "story.deleted"
        marker = await town.post_text("alice")
        assert [each["storyId"] for each in await bob.until(marker)] == [marker]
        assert bob.heard[1]["data"] == carol.heard[1]["data"] == {}
        assert bob.heard[1]["id"] != carol.heard[1]["id"]


@pytest.mark.attack(54)
async def test_without_a_good_token_a_socket_is_closed_with_a_code_that_says_so(town: Town) -> None:
    expired = town.container.token_maker().make("bob", ttl_seconds=-30)
    bad: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({}, (4401, "unauthenticated")),
        ({"uri": socket_url(town, f"?access_token={town.token('bob')}")}, (4401, "unauthenticated")),
        ({"uri": socket_url(town, f"?token={town.token('bob')}")}, (4401, "unauthenticated")),
        ({"subprotocols": ["bearer", "x.y.z"]}, (4401, "invalid_token")),
        ({"subprotocols": ["bearer"]}, (4401, "invalid_token")),
        ({"subprotocols": ["bearer", expired]}, (4401, "invalid_token")),
        ({"subprotocols": ["bearer", town.token("bob"), town.token("eve")]}, (4401, "invalid_token")),
        (
            {
                "subprotocols": ["bearer", town.token("bob")],
                "additional_headers": {"Authorization": f"Bearer {town.token('eve')}"},
            },
            (4401, "invalid_token"),
        ),
        (
            {"subprotocols": ["bearer", town.token("bob", org="x")], "uri": socket_url(town, "?orgid=y")},
            (4403, "org_mismatch"),
        ),
        (
            {"subprotocols": ["bearer", town.token("bob", org="x")], "additional_headers": {"orgid": "y"}},
            (4403, "org_mismatch"),
        ),
    ]
    for options, code in bad:
        async with connect(options.pop("uri", socket_url(town)), proxy=None, **options) as connection:
            assert await ended(connection) == code, options


async def test_what_else_is_wrong_is_answered_before_there_is_a_socket(town: Town) -> None:
    bob = {"subprotocols": ["bearer", town.token("bob")]}
    for query, status, code in (
        ("?after=x", 400, "invalid_parameter"),
        ("?after=-1", 400, "invalid_parameter"),
        ("?after=1&after=2", 400, "duplicate_parameter"),
        ("?orgid=", 400, "org_invalid"),
        ("?orgid=a%20b", 400, "org_invalid"),
        ("?userId=eve", 403, "identity_mismatch"),
    ):
        with pytest.raises(InvalidStatus) as refusal:
            await connect(socket_url(town, query), proxy=None, **bob)  # type: ignore[arg-type]
        assert refusal.value.response.status_code == status
        assert f'"code":"{code}"'.encode() in bytes(refusal.value.response.body or b"")
    with pytest.raises(InvalidStatus) as refusal:
        await connect(socket_url(town, "?orgid=b"), proxy=None, additional_headers={"orgid": "a"}, **bob)  # type: ignore[arg-type]
    assert refusal.value.response.status_code == 400
    refused(await town.client("bob").get(STREAM, params={"after": "x"}), 400, "invalid_parameter")
    refused(await town.client("bob").get(STREAM, headers={"Last-Event-ID": "x"}), 400, "invalid_parameter")
    refused(await town.client("bob").get(STREAM, params={"userId": "eve"}), 403, "identity_mismatch")
    refused(await town.client().get(STREAM, params={"access_token": town.token("bob")}), 401, "unauthenticated")


async def test_a_browser_names_token_and_organisation_as_it_can(town: Town) -> None:
    await town.befriend("alice", "bob")
    async with AsyncExitStack() as stack:
        for address, token in (
            (socket_url(town, f"?orgid={town.org}"), town.token("bob")),
            (socket_url(town).replace("story", "Story"), town.token("bob", org=town.org)),
            (socket_url(town, f"?orgid={town.org}&userId=bob"), town.token("app", roles=["service"])),
        ):
            connection = await stack.enter_async_context(connect(address, subprotocols=["bearer", token], proxy=None))  # type: ignore[list-item]
            assert connection.subprotocol == "bearer"
            await _hears(connection, await town.post_text("alice"))


async def _hears(connection: Any, story_id: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert story_id in await connection.recv()


@pytest.mark.attack(48)
async def test_a_page_of_another_origin_opens_no_socket(town: Town) -> None:
    own = town.url
    for origin in ("https://evil.example", "null", own + ".evil.example", own.replace("http", "https")):
        with pytest.raises(InvalidStatus) as refusal:
            await connect(socket_url(town), origin=origin, subprotocols=["bearer", town.token("bob")], proxy=None)  # type: ignore[list-item,arg-type]
        assert refusal.value.response.status_code == 403
        assert b"origin_not_allowed" in bytes(refusal.value.response.body or b"")
    async with connect(socket_url(town), origin=own, subprotocols=["bearer", town.token("bob")], proxy=None):  # type: ignore[list-item,arg-type]
        pass


@pytest.mark.attack(54)
async def test_when_a_token_ends_so_does_what_was_opened_with_it(town: Town) -> None:
    maker = town.container.token_maker()
    token = maker.make("bob", ttl_seconds=3)
    over = time.time() + 3
    client = town.client("bob")
    client.headers["Authorization"] = f"Bearer {token}"

    async def hear_until_the_end() -> float:
        async with client.stream("GET", STREAM) as response:
            async for _ in response.aiter_lines():
                pass
        return time.time()

    async def be_closed() -> float:
        async with connect(socket_url(town), subprotocols=["bearer", token], proxy=None) as connection:  # type: ignore[list-item]
            assert await ended(connection) == (4401, "invalid_token")
        return time.time()

    for at in await asyncio.gather(hear_until_the_end(), be_closed()):
        assert over - 1 <= at <= over + 5
    refused(await client.get(STREAM), 401, "invalid_token")


@pytest.mark.attack(54)
async def test_who_sends_much_or_often_is_left(town: Town) -> None:
    async with connect(socket_url(town), subprotocols=["bearer", town.token("bob")], proxy=None) as connection:  # type: ignore[list-item]
        with suppress(ConnectionClosed):
            await connection.send("x" * 1_000_000)
        assert (await ended(connection))[0] == 1009
    async with connect(socket_url(town), subprotocols=["bearer", town.token("bob")], proxy=None) as connection:  # type: ignore[list-item]
        with suppress(ConnectionClosed):
            for _ in range(1_000):
                await connection.send("hello")
        assert (await ended(connection))[0] == 1008


async def test_what_a_client_says_is_ignored(town: Town) -> None:
    await town.befriend("alice", "bob")
    token = town.token("bob", org=town.org)
    async with connect(socket_url(town), subprotocols=["bearer", token], proxy=None) as connection:  # type: ignore[list-item]
        await connection.send('{"type": "ping"}')
        await connection.send(b"\x00")
        await _hears(connection, await town.post_text("alice"))


async def test_whoever_comes_back_has_missed_nothing_and_hears_nothing_twice(town: Town) -> None:
    await town.befriend("alice", "bob")

    async def post() -> list[str]:
        return [await town.post_text("alice") for _ in range(POSTS)]

    async def hear(listen: Any) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        while left := POSTS - len(heard):
            async with listen(heard[-1]["id"] if heard else start) as ear:
                heard += [await ear.next() for _ in range(min(3, left))]
        return heard

    client = town.client("bob")
    async with by_socket(town, "bob", org=town.org) as ready:
        start = (await ready.until(await town.post_text("alice")))[-1]["id"]
    by_ws, by_sse, by_query, posted = await asyncio.gather(
        hear(lambda after: by_socket(town, "bob", org=town.org, query=f"?after={after}")),
        hear(lambda after: by_stream(client, **{"Last-Event-ID": after})),
        hear(lambda after: by_stream(client, f"?after={after}")),
        post(),
    )
    for heard in (by_ws, by_sse, by_query):
        assert [each["storyId"] for each in heard] == posted


async def test_who_names_what_never_was_is_told_to_read_anew_and_goes_on(town: Town) -> None:
    await town.befriend("alice", "bob")
    async with (
        by_socket(town, "bob", org=town.org, query="?after=999999999999") as bob,
        by_stream(town.client("bob"), "?after=999999999999") as bobs_page,
    ):
        for ear in (bob, bobs_page):
            message = await ear.next()
            assert (message["type"], message["storyId"], message["data"]) == ("resync", None, {})
        story_id = await town.post_text("alice")
        for ear in (bob, bobs_page):
            assert [each["storyId"] for each in await ear.until(story_id)] == [story_id]


async def test_a_stream_says_how_far_it_is_before_anything_has_happened(town: Town) -> None:
    await town.befriend("alice", "bob")
    await town.post_text("alice")
    client = town.client("bob")
    async with client.stream("GET", STREAM) as response:
        lines = response.aiter_lines()
        beginning = [await anext(lines) for _ in range(5)]
    assert beginning[:3] == ["retry: 2000", "", ":"]
    name, _, position = beginning[3].partition(": ")
    assert name == "id"
    story_id = await town.post_text("alice")
    async with by_stream(client, **{"Last-Event-ID": position}) as ear:
        assert (await ear.until(story_id))[-1]["type"] == "story.published"


async def test_what_cannot_be_a_socket_is_a_request_as_any_other(town: Town) -> None:
    client = town.client("bob")
    head = await client.head(STREAM)
    assert (head.status_code, head.headers["content-type"], head.content) == (200, "text/event-stream", b"")
    refused(await client.get(SOCKET), 405)
    for method, path in (("GET", "/api/story/ws2"), ("POST", SOCKET), ("GET", "/nowhere")):
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        response = await client.request(method, path, headers=upgrade)
        assert response.status_code in {404, 405}, (method, path)
    broken = await client.get(SOCKET, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert broken.status_code == 400


@pytest.fixture
async def narrow(settings: Settings) -> AsyncIterator[Served]:
    """A server at which one user can listen once, and two altogether."""
    settings = structs.replace(settings, live_user_max=1, live_max=2)
    async with serve(settings, Container(settings=settings)) as served:
        yield served


async def test_no_more_can_listen_than_is_set_and_places_become_free(narrow: Served) -> None:
    bob = narrow.client("bob")
    async with by_stream(bob):
        assert refused(await bob.get(STREAM), 429, "rate_limited")
        with pytest.raises(InvalidStatus) as refusal:
            await connect(socket_url(narrow), subprotocols=["bearer", narrow.token("bob")], proxy=None)  # type: ignore[list-item]
        assert refusal.value.response.status_code == 429
        assert refusal.value.response.headers["Retry-After"] == "30"
        async with by_socket(narrow, "carol"):
            refused(await narrow.client("dave").get(STREAM), 503, "unavailable")
            metrics = (await narrow.client().get("/metrics")).text
            assert "stories_live_connections 2.0" in metrics
    await _alone(narrow)
    async with by_stream(bob), by_socket(narrow, "carol"):
        pass


async def test_when_the_server_stops_everybody_is_told_at_once(settings: Settings) -> None:
    async with AsyncExitStack() as listeners:
        async with serve(settings, Container(settings=settings)) as served:
            connection = await listeners.enter_async_context(
                connect(socket_url(served), subprotocols=["bearer", served.token("bob")], proxy=None)  # type: ignore[list-item]
            )
            await listeners.enter_async_context(by_stream(served.client("bob")))
            begun = time.monotonic()
        assert time.monotonic() - begun < 20
        assert (await ended(connection))[0] == 1012


@pytest.mark.attack(54)
async def test_a_reader_that_stands_still_is_left_and_others_go_on(settings: Settings) -> None:
    async with serve(settings, Container(settings=settings)) as served:
        await served.befriend("alice", "bob")
        story_id = await served.post_text("alice")
        reader, writer = await _stand_still(served, "alice")
        async with by_socket(served, "alice") as quick:
            assert served.container.hub().count == 2
            await _flood(served, story_id, viewers=2_500)
            for _ in range(2_500):
                await quick.next()
        await _alone(served)
        said = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not said.endswith(b"\x88\x08" + (1013).to_bytes(2) + b"resync"):
                said += await reader.read(65_536)
        writer.close()


async def _alone(served: Served) -> None:
    """Wait until nobody listens any more."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while served.container.hub().count:  # noqa: ASYNC110 - what another has done is what is looked for
            await asyncio.sleep(0.02)


async def _stand_still(served: Served, user: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket, and read nothing of it."""
    host, port = served.url.removeprefix("http://").split(":")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    plain.setblocking(False)  # noqa: FBT003 - the form of the standard library
    await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=plain)
    writer.write(
        f"GET {SOCKET} HTTP/1.1\r\nHost: stories\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: Bearer {served.token(user)}\r\n\r\n".encode()
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return reader, writer


async def _flood(served: Served, story_id: str, *, viewers: int) -> None:
    """So many people view a story, at once."""
    new_id = served.container.new_id()
    async with served.container.database().write(None) as connection:
        row = (
            await connection.execute(select(outbox).where(outbox.c.subject == story_id).limit(1))
        ).mappings().one()  # fmt: skip
        shared = {**row, "type": "story.viewed", "version": None, "position": None, "published_at": None}
        del shared["number"]
        await connection.execute(
            insert(outbox),
            [
                {**shared, "event_id": new_id(), "data": {"ownerId": "alice", "viewerId": f"{number:0>128}"}}
                for number in range(viewers)
            ],
        )
