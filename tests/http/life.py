"""A whole life: somebody of whom every table that keeps something about people keeps something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import insert

from infrastructure.sql.tables import affinities, postings
from tests.http.town import Town, ok
from tests.stage import jpeg

WORD: Final = "kestrel-7f3a9"
"""In every text of theirs."""
EMAIL: Final = "kestrel@canary.example"
CLAIMS: Final[dict[str, Any]] = {
    "name": f"Alice {WORD}",
    "given_name": "Alice",
    "family_name": WORD,
    "email": EMAIL,
    "picture": f"https://cdn.example.com/{WORD}.png",
    "company": f"{WORD} Ltd",
}


@dataclass(frozen=True)
class Life:
    """What there is of alice, by the ids of stories.

    Attributes:
        own: her stories, oldest first: a text, a picture, one for a list, one archived, one whose media lie elsewhere.
        bobs: a story of bob's, for everybody: she has seen it, reacted to it and written about it.
        for_her: a story of bob's for her alone.
        for_two: a story of bob's for her and carol.
    """

    own: list[str]
    bobs: str
    for_her: str
    for_two: str


async def lead(town: Town) -> Life:
    """Have alice do, and have done to her, all that there is to be done."""
    alice, bob, carol = town.client("alice", **CLAIMS), town.client("bob"), town.client("carol")
    await _relate(town)
    posts = {"Idempotency-Key": WORD}
    text = {"content": f"A text: {WORD}", "privacy": "public"}
    own = [ok(await alice.post("/api/story/users/alice", json=text, headers=posts), 201)["data"]["storyId"]]
    picture = await alice.post(
        "/api/story/users/alice",
        files={"media": (f"{WORD}.jpg", jpeg() + WORD.encode())},
        data={"caption": f"A picture: {WORD}", "visibility": "Public"},
    )
    own.append(ok(picture, 201)["data"]["storyId"])
    await town.settled(alice, own[-1])
    listed = {"content": f"A list: {WORD}", "visibility": "Custom", "allowedUserIds": ["bob"]}
    own.append(ok(await alice.post("/api/story/users/alice", json=listed), 201)["data"]["storyId"])
    own.append(ok(await alice.post("/api/story/users/alice", json=text), 201)["data"]["storyId"])
    ok(await alice.post(f"/api/story/{own[-1]}/archive"))
    linked = {"content": {"type": "image", "url": f"https://cdn.example.com/{WORD}.jpg", "caption": WORD}, "page": "p"}
    response = await alice.post("/client/community/stories", json=linked)
    assert response.status_code == 201, response.text
    own.append(response.json()["id"])

    bobs = await town.post_text("bob", visibility="Public")
    for_her = await town.post_text("bob", visibility="Custom", allowedUserIds=["alice"])
    for_two = await town.post_text("bob", visibility="Custom", allowedUserIds=["alice", "carol"])
    over = await town.post_text("bob", visibility="Custom", allowedUserIds=["alice", "carol"])
    ok(await bob.delete(f"/api/story/{over}"))
    for who, story_id in ((alice, bobs), (carol, bobs), (bob, own[0]), (carol, own[0])):
        ok(await who.post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": 3}))
        for reaction in ("love", "share"):
            ok(await who.post(f"/api/story/{story_id}/reactions", json={"reaction": reaction}))
    for writer, word, story_id in ((alice, WORD, bobs), (carol, "all", bobs), (bob, WORD, own[0])):
        ok(await writer.post(f"/api/story/{story_id}/replies", json={"content": f"Dear: {word}"}), 201)
    for owner, to, story_id in ((bob, "alice", bobs), (alice, "bob", own[0])):
        ok(await owner.post(f"/api/story/{story_id}/replies", json={"content": f"Thanks: {WORD}", "to": to}), 201)
    await town.stage.upload("alice", jpeg() + WORD.encode())
    await _moderate(town)
    await _rows(town)
    return Life(own, bobs, for_her, for_two)


async def _relate(town: Town) -> None:
    await town.befriend("alice", "bob")
    for user, kind, other in (
        ("alice", "friends", "dave"),
        ("erin", "friends", "alice"),
        ("alice", "close-friends", "bob"),
        ("bob", "close-friends", "alice"),
        ("alice", "mutes", "frank"),
        ("frank", "mutes", "alice"),
        ("alice", "blocks", "mallory"),
        ("oscar", "blocks", "alice"),
    ):
        claims = CLAIMS if user == "alice" else {}
        response = await town.client(user, **claims).put(f"/api/social/users/{user}/{kind}/{other}")
        assert response.status_code == 204, response.text


async def _moderate(town: Town) -> None:
    """She reports somebody, and is reported; as a moderator she dismisses the report of somebody else."""
    alice = town.client("alice", **CLAIMS)
    moderator = town.client("alice", roles=["moderator"], **CLAIMS)
    filed = []
    oscar, bob = town.client("oscar"), town.client("bob")
    for reporter, target, word in ((alice, "mallory", WORD), (oscar, "alice", WORD), (bob, "mallory", "rude")):
        body = {"targetType": "user", "targetId": target, "reason": f"A report: {word}", "details": word}
        response = await reporter.post("/client/community/reports", json=body)
        assert response.status_code == 201, response.text
        filed.append(response.json()["id"])
    done = await moderator.post(f"/community/reports/{filed[-1]}/resolve", json={"action": "dismiss"})
    assert done.status_code == 200, done.text


async def _rows(town: Town) -> None:
    """What is written only by setting, or only long after."""
    async with town.container.database().write(None) as connection:
        counted = {"day": date(2030, 1, 1), "stories": 5, "size": 631}
        await connection.execute(insert(postings), {"org_id": town.org, "user_id": "alice", **counted})
        sums = {"org_id": town.org, "points": 2.0**80, "engaged": 2.0**79, "chances": 2.0**78}
        for actor, owner in (("alice", "bob"), ("bob", "alice")):
            await connection.execute(insert(affinities), {"actor_id": actor, "owner_id": owner, **sums})
