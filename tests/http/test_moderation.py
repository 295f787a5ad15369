"""Reports, moderation and blocks over the community API."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from domain.audience import Visibility
from domain.values import StoryId
from infrastructure.sql.tables import blocks, moderation_audit, reports
from tests.http.town import NOBODY, TIME, UUID, Town, problem_without_instance, refused

pytestmark = pytest.mark.slow

REPORTS, QUEUE, AUDIT = "/client/community/reports", "/community/reports", "/community/audit"
PUBLIC = Visibility.PUBLIC


async def report(town: Town, user: str, target: object, status: int = 201, **body: Any) -> dict[str, Any]:
    """Report a story over the community API; the report."""
    sent = {"targetType": "story", "targetId": str(target), "reason": "spam", **body}
    response = await town.client(user).post(REPORTS, json=sent)
    assert response.status_code == status, response.text
    filed: dict[str, Any] = response.json()
    assert filed.keys() == {"id", "targetType", "targetId", "reason", "details", "status", "createdAt"}
    return filed


def moderator(town: Town, user: str = "max") -> httpx.AsyncClient:
    """A client who is a moderator."""
    return town.client(user, roles=["moderator"])


async def resolve(town: Town, report_id: str, action: str, user: str = "max", **headers: str) -> httpx.Response:
    """Resolve a report as a moderator."""
    path = f"{QUEUE}/{report_id}/resolve"
    return await moderator(town, user).post(path, json={"action": action}, headers=headers)


async def queue(town: Town, **query: Any) -> list[dict[str, Any]]:
    """The reports, as moderators see them."""
    response = await moderator(town).get(QUEUE, params=query)
    assert response.status_code == 200, response.text
    page = response.json()
    assert page.keys() == {"reports", "page", "pageSize", "totalCount", "totalPages"}
    return list(page["reports"])


async def trail(town: Town) -> list[dict[str, Any]]:
    """The audit trail, as admins see it."""
    response = await town.client("root", roles=["admin"]).get(AUDIT)
    assert response.status_code == 200, response.text
    page = response.json()
    assert page.keys() == {"entries", "page", "pageSize", "totalCount", "totalPages"}
    return list(page["entries"])


async def record_of(client: httpx.AsyncClient, story: object) -> httpx.Response:
    """A story as a record."""
    return await client.get(f"/data/community_story/{story}")


# --- reports


async def test_a_report_is_filed_once_and_told_to_moderators_in_full(town: Town) -> None:
    story = await town.stage.post_text(visibility=PUBLIC)
    filed = await report(town, "bob", story, details="It is an advert.")
    assert UUID.fullmatch(filed["id"])
    assert TIME.fullmatch(filed["createdAt"])
    assert (filed["targetType"], filed["targetId"], filed["status"]) == ("story", str(story), "open")
    again = await report(town, "bob", str(story).upper(), 200, targetType="STORY", reason="other words")
    assert again == filed
    (item,) = await queue(town, status="open")
    more = {"targetUserId": "alice", "reporterId": "bob", "closedBy": None, "closedAt": None}
    assert item == {**filed, **more}


async def test_a_person_may_be_reported_too(town: Town) -> None:
    filed = await report(town, "bob", "mallory", targetType="user")
    assert await report(town, "bob", "mallory", 200, targetType="user") == filed
    assert [each["targetUserId"] for each in await queue(town)] == ["mallory"]


async def test_a_report_sent_again_with_its_key_gets_its_first_answer(town: Town) -> None:
    story = await town.stage.post_text(visibility=PUBLIC)
    bob, key = town.client("bob"), {"Idempotency-Key": "once"}
    body = {"targetType": "story", "targetId": str(story), "reason": "spam"}
    answers = [await bob.post(REPORTS, json=body, headers=key) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert "Idempotency-Replayed" not in answers[0].headers
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert (await bob.post(REPORTS, json=body)).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"targetType": "post"}, "targetType"),
        ({"targetType": "user", "targetId": "a/b"}, "targetId"),
        ({"targetType": "user", "targetId": "bob"}, "targetId"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "a\x00"}, "reason"),
        ({"details": "x" * 2_001}, "details"),
    ],
)
async def test_what_breaks_a_rule_is_no_report(town: Town, change: dict[str, str], field: str) -> None:
    story = await town.stage.post_text(visibility=PUBLIC)
    body = {"targetType": "story", "targetId": str(story), "reason": "spam", **change}
    problem = refused(await town.client("bob").post(REPORTS, json=body), 400, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert await town.rows(reports) == 0


async def test_hidden_foreign_and_missing_stories_cannot_be_reported_and_read_alike(town: Town, other: Town) -> None:
    hidden = await town.stage.post_text()
    foreign = await other.stage.post_text(visibility=PUBLIC)
    answers = set()
    for target in (hidden, foreign, NOBODY, "no id"):
        body = {"targetType": "story", "targetId": str(target), "reason": "spam"}
        answer = await town.client("bob").post(REPORTS, json=body)
        refused(answer, 404, "story_not_found")
        answers.add(problem_without_instance(answer))
    assert len(answers) == 1
    own = {"targetType": "story", "targetId": str(hidden), "reason": "spam"}
    refused(await town.client("alice").post(REPORTS, json=own), 409, "own_story")
    refused(await town.client().post(REPORTS, json=own), 401, "unauthenticated")
    assert await town.rows(reports) == 0


async def test_what_is_over_may_be_reported_by_those_who_saw_it(town: Town) -> None:
    story = await town.post_text_as("alice")
    await town.pass_time(story, 86_500)
    await report(town, "bob", story)


# --- what moderators do


@pytest.mark.says("community:delete admins-moderate")
async def test_a_reported_story_is_removed_and_its_owner_told_why(town: Town) -> None:
    story = await town.stage.post_text(visibility=PUBLIC)
    first, second = await report(town, "bob", story), await report(town, "carol", story)
    response = await resolve(town, first["id"], "remove_story")
    assert response.json() == {"id": first["id"], "status": "resolved", "outcome": "removed"}
    refused(await town.client("bob").get(f"/api/story/{story}"), 410, "story_expired")
    card = await town.card(str(story))
    assert (card["status"], card["archiveReason"]) == ("Archived", "moderation")
    assert TIME.fullmatch(card["archivedAt"])
    archived = (await town.client("alice").get("/api/story/users/alice/archived")).json()["data"]["stories"]
    assert [each["storyId"] for each in archived] == [str(story)]
    (event,) = [each for each in await town.events(str(story)) if each.type == "story.archived"]
    assert event.data["reason"] == "moderation"
    assert await queue(town, status="open") == []
    closed = await queue(town, status="resolved")
    assert [each["id"] for each in closed] == [first["id"], second["id"]]
    assert {each["closedBy"] for each in closed} == {"max"}
    (entry,) = await trail(town)
    assert UUID.fullmatch(entry.pop("id"))
    assert TIME.fullmatch(entry.pop("createdAt"))
    assert entry == {
        "actorId": "max",
        "action": "remove_story",
        "targetType": "story",
        "targetId": str(story),
        "reportId": first["id"],
        "outcome": "removed",
    }


async def test_a_dismissed_report_leaves_the_story_as_it_is(town: Town) -> None:
    story = await town.stage.post_text(visibility=PUBLIC)
    filed = await report(town, "bob", story)
    response = await resolve(town, filed["id"], "dismiss")
    assert response.json() == {"id": filed["id"], "status": "dismissed", "outcome": "dismissed"}
    assert (await town.card(str(story), "bob"))["storyId"] == str(story)
    for action in ("dismiss", "remove_story"):
        refused(await resolve(town, filed["id"], action), 409, "conflict")
    assert [each["outcome"] for each in await trail(town)] == ["dismissed"]
    assert [each["id"] for each in await queue(town, status="dismissed")] == [filed["id"]]


async def test_of_two_who_resolve_a_report_at_once_one_is_told_that_the_other_was_first(town: Town) -> None:
    for _ in range(5):
        filed = await report(town, "bob", await town.stage.post_text(visibility=PUBLIC))
        answers = await asyncio.gather(
            resolve(town, filed["id"], "dismiss", "max"), resolve(town, filed["id"], "remove_story", "moritz")
        )
        assert sorted(each.status_code for each in answers) == [200, 409]
        refused(next(each for each in answers if each.status_code == 409), 409, "conflict")
    assert len(await trail(town)) == 5


async def test_an_act_sent_again_with_its_key_is_not_done_again(town: Town) -> None:
    filed = await report(town, "bob", "mallory", targetType="user")
    answers = [await resolve(town, filed["id"], "dismiss", **{"Idempotency-Key": "mine"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert await town.rows(moderation_audit) == 1


async def test_what_cannot_be_done_is_refused(town: Town) -> None:
    person = await report(town, "bob", "mallory", targetType="user")
    problem = refused(await resolve(town, person["id"], "remove_story"), 400, "invalid_request")
    assert problem["errors"][0]["field"] == "action"
    refused(await resolve(town, person["id"], "ban"), 400, "invalid_request")
    for missing in (NOBODY, "no-id"):
        refused(await resolve(town, missing, "dismiss"), 404, "not_found")
    for status in ("shut", "null", ""):
        refused(await moderator(town).get(QUEUE, params={"status": status}), 400, "invalid_request")
    assert await town.rows(moderation_audit) == 0


async def test_a_story_is_removed_without_a_report(town: Town) -> None:
    story = await town.stage.post_text()
    admin, path = town.client("root", roles=["admin"]), f"/community/stories/{story}"
    refused(await moderator(town).get(f"/api/story/{story}"), 404, "story_not_found")
    for _ in range(2):
        response = await moderator(town).delete(path)
        assert (response.status_code, response.json()) == (200, {"success": True})
    assert [(each["outcome"], each["reportId"]) for each in await trail(town)] == [
        ("already_over", None),
        ("removed", None),
    ]
    assert (await town.client("alice").delete(f"/api/story/{story}")).is_success
    refused(await admin.delete(path), 404, "story_not_found")
    refused(await admin.delete("/community/stories/none"), 404, "story_not_found")


async def test_the_role_is_asked_for_before_anything_that_is_sent_is_read(town: Town) -> None:
    story = await town.stage.post_text(visibility=PUBLIC)
    filed = await report(town, "bob", story)
    for asks in (town.client("alice"), town.client("app", roles=["service"])):
        refused(await asks.post(f"{QUEUE}/{filed['id']}/resolve", content=b"{"), 403, "role_required")
        refused(await asks.post(f"{QUEUE}/none/resolve", json={"action": "ban"}), 403, "role_required")
        refused(await asks.get(QUEUE, params={"status": "shut"}), 403, "role_required")
        refused(await asks.get(AUDIT, params={"page": 0}), 403, "role_required")
        refused(await asks.delete(f"/community/stories/{story}"), 403, "role_required")
        refused(await asks.delete("/community/stories/none"), 403, "role_required")
    assert await town.rows(moderation_audit) == 0
    assert (await town.card(str(story), "bob"))["storyId"] == str(story)


async def test_moderators_of_another_organisation_see_and_do_nothing(town: Town, other: Town) -> None:
    story = await town.stage.post_text(visibility=PUBLIC)
    filed = await report(town, "bob", story)
    assert await queue(other) == []
    refused(await resolve(other, filed["id"], "dismiss"), 404, "not_found")
    refused(await moderator(other).delete(f"/community/stories/{story}"), 404, "story_not_found")
    assert await trail(other) == []
    assert len(await queue(town, status="open")) == 1


# --- looking at what was reported


async def _picture(town: Town) -> StoryId:
    story = await town.stage.post_image(processed=True)  # for friends, of which max and root are none
    await town.stage.befriend("alice", "bob")
    return story


async def test_moderators_see_a_reported_picture_until_the_report_is_closed(town: Town) -> None:
    story = await _picture(town)
    max_, anybody = moderator(town), town.client()
    refused(await record_of(max_, story), 404, "story_not_found")
    filed = await report(town, "bob", story)
    record = (await record_of(max_, story)).json()
    assert "views" not in record["data"]
    link = record["data"]["content"]["url"]
    shown = await anybody.get(link)
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "private, max-age=60")
    refused(await anybody.get(link.replace("/media/", "/media/x", 1)), 404, "not_found")
    refused(await anybody.get(link.removesuffix("media") + "upload"), 404, "not_found")
    await town.pass_time(str(story), 86_500)
    assert (await anybody.get(link)).status_code == 200
    refused(await record_of(town.client("bob"), story), 410, "story_expired")
    assert (await resolve(town, filed["id"], "remove_story")).json()["outcome"] == "already_over"
    refused(await record_of(max_, story), 404, "story_not_found")
    refused(await anybody.get(link), 404, "story_not_found")


async def test_admins_see_the_picture_of_any_story_for_as_long_as_it_exists(town: Town) -> None:
    story = await _picture(town)
    admin, anybody = town.client("root", roles=["admin"]), town.client()
    link = (await record_of(admin, story)).json()["data"]["content"]["url"]
    assert (await anybody.get(link)).status_code == 200
    assert (await moderator(town).delete(f"/community/stories/{story}")).is_success
    assert (await anybody.get(link)).status_code == 200
    after = (await record_of(admin, story)).json()["data"]["content"]["url"]
    assert (await anybody.get(after)).status_code == 200
    await town.client("alice").delete(f"/api/story/{story}")
    refused(await anybody.get(link), 404, "story_not_found")


async def test_a_link_by_a_role_is_good_for_a_quarter_of_an_hour(town: Town) -> None:
    story = await _picture(town)
    link = (await record_of(town.client("root", roles=["admin"]), story)).json()["data"]["content"]["url"]
    ticket = town.container.links().read(link.split("/")[-2])
    async with town.container.unit_of_work().begin(ticket.org) as tx:
        left = (ticket.expires_at - await tx.clock()).total_seconds()
    assert ticket.role == "admin"
    assert 0 < left <= 900


async def test_who_sees_a_story_anyway_sees_it_no_longer_by_having_a_role(town: Town) -> None:
    story = await town.stage.post_image(visibility=PUBLIC)
    link = (await record_of(moderator(town), story)).json()["data"]["content"]["url"]
    await town.pass_time(str(story), 86_500)
    refused(await town.client().get(link), 410, "story_expired")


# --- blocks


@pytest.mark.parametrize("path", ["/community/blocks", "/client/community/blocks"])
async def test_a_block_is_set_listed_and_taken_back(town: Town, path: str) -> None:
    alice = town.client("alice")
    await town.stage.befriend("alice", "bob")
    story = await town.stage.post_text()
    first = await alice.post(path, json={"targetId": "bob", "reason": "spam"})
    assert first.status_code == 201, first.text
    assert first.json().keys() == {"targetId", "reason", "createdAt"}
    again = await alice.post(path, json={"targetId": "bob", "reason": "other words"})
    assert (again.status_code, again.json()) == (200, first.json())
    refused(await town.client("bob").get(f"/api/story/{story}"), 404, "story_not_found")
    page = (await alice.get(path)).json()
    assert page.keys() == {"blocks", "page", "pageSize", "totalCount", "totalPages"}
    shown = {"username": "bob", "fullName": None, "avatarUrl": None}
    assert page["blocks"] == [{**first.json(), **shown}]
    assert (await town.client("bob").get(path)).json()["blocks"] == []
    for _ in range(2):
        gone = await alice.delete(f"{path}/bob")
        assert (gone.status_code, gone.json()) == (200, {"success": True})
    assert await town.rows(blocks) == 0
    refused(await town.client("bob").get(f"/api/story/{story}"), 404, "story_not_found")  # the friendship has ended


async def test_a_block_set_by_one_api_stands_in_the_other(town: Town) -> None:
    alice = town.client("alice")
    assert (await alice.put("/api/social/users/alice/blocks/bob")).status_code == 204
    assert (await alice.post("/community/blocks", json={"targetId": "bob"})).status_code == 200
    assert [each["targetId"] for each in (await alice.get("/client/community/blocks")).json()["blocks"]] == ["bob"]
    assert (await alice.delete("/api/social/users/alice/blocks/bob")).status_code == 204
    assert (await alice.get("/community/blocks")).json()["totalCount"] == 0


async def test_nobody_blocks_themselves_or_whom_there_cannot_be(town: Town) -> None:
    alice = town.client("alice")
    for body in ({"targetId": "alice"}, {"targetId": "a b"}, {}, {"targetId": "bob", "reason": "x" * 201}):
        refused(await alice.post("/community/blocks", json=body), 400, "invalid_request")
    refused(await alice.delete("/community/blocks/a%20b"), 400, "invalid_request")
    assert await town.rows(blocks) == 0


async def test_a_service_blocks_and_reports_for_whom_it_names(town: Town) -> None:
    app = town.client("app", roles=["service"])
    acting = {"X-Acting-User": "carol"}
    assert (await app.post("/community/blocks", json={"targetId": "bob"}, headers=acting)).status_code == 201
    assert (await town.client("carol").get("/community/blocks")).json()["totalCount"] == 1
    body = {"targetType": "user", "targetId": f"user-{uuid.uuid4().hex}", "reason": "spam"}
    assert (await app.post(REPORTS, json=body, headers=acting)).status_code == 201
    assert [each["reporterId"] for each in await queue(town)] == ["carol"]
