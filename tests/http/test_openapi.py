"""The description of the API is true: every route is in it, and every answer is as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from domain.audience import Visibility
from domain.errors import DomainError
from interfaces.http.description import CODES
from tests.http.town import NOBODY, OWNER_CARD, Town, form
from tests.stage import jpeg

pytestmark = pytest.mark.slow

ANY = {"400", "401", "403"}
BODY = {"413", "415"}
STORY = ANY | {"404"}
SEEN = STORY | {"410"}
ROUTES: dict[str, dict[str, set[str]]] = {
    "/api/story/users/{userId}": {"post": ANY | BODY | {"201"}},
    "/api/story/users/{userId}/uploads": {"post": ANY | BODY | {"201"}},
    "/api/story/users/{userId}/uploads/{mediaFileId}": {"put": STORY | BODY | {"200", "409"}},
    "/api/story/users/{userId}/active": {"get": ANY | {"200"}},
    "/api/story/users/{userId}/history": {"get": ANY | {"200"}},
    "/api/story/users/{userId}/archived": {"get": ANY | {"200"}},
    "/api/story/users/{userId}/replies": {"get": ANY | {"200"}},
    "/api/story/feed/{userId}": {"get": ANY | {"200"}},
    "/api/story/feed/{userId}/recommended": {"get": ANY | {"200"}},
    "/api/story/check-active": {"post": ANY | BODY | {"200"}},
    "/api/story/{storyId}": {
        "get": SEEN | {"200"},
        "patch": STORY | BODY | {"200", "409"},
        "delete": STORY | {"200"},
    },
    "/api/story/{storyId}/views": {"post": SEEN | BODY | {"200"}},
    "/api/story/{storyId}/reactions": {"post": SEEN | BODY | {"200"}, "delete": SEEN | {"200"}},
    "/api/story/{storyId}/replies": {"post": SEEN | BODY | {"201", "409"}, "get": SEEN | {"200"}},
    "/api/story/{storyId}/viewers": {"get": STORY | {"200"}},
    "/api/story/{storyId}/archive": {"post": STORY | {"200"}},
    "/api/social/users/{userId}/friends": {"get": ANY | {"200"}},
    "/api/social/users/{userId}/friends/{friendId}": {"put": STORY | {"204"}, "delete": ANY | {"204"}},
    "/api/events": {"get": ANY | {"200", "410"}},
    "/api/webhooks": {"get": ANY | {"200"}, "post": ANY | BODY | {"201", "409"}},
    "/api/webhooks/{webhookId}": {"delete": ANY | {"200", "404"}},
    "/api/webhooks/{webhookId}/deliveries": {"get": ANY | {"200", "404"}},
    "/api/webhooks/{webhookId}/replay": {"post": SEEN | BODY | {"200"}},
    "/client/community/stories": {"get": ANY | {"200"}, "post": ANY | BODY | {"201"}},
    "/client/community/stories/{storyId}": {"delete": STORY | {"200"}},
    "/client/community/stories/{storyId}/view": {"post": SEEN | {"200"}},
    "/client/community/react": {"post": SEEN | BODY | {"200", "409"}, "delete": SEEN | BODY | {"200", "409"}},
    "/client/community/reactions": {"get": SEEN | {"200"}},
    "/data/community_story/{storyId}": {"get": SEEN | {"200"}},
    "/media/{token}/{part}": {"get": {"200", "206", "401", "404", "410", "416"}},
    "/health/live": {"get": {"200", "401"}},
    "/health/ready": {"get": {"200", "401", "503"}},
}


OPTIONAL = {("/client/community/stories", "listCommunityStories"), ("/client/community/reactions", "countReactions")}


@pytest.fixture
async def description(town: Town) -> dict[str, Any]:
    """What the service says of itself, to anybody."""
    response = await town.stranger().get("/schema/openapi.json")
    assert response.status_code == 200
    described: dict[str, Any] = response.json()
    return described


def _operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


async def test_the_description_is_openapi_3_1(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1.")
    assert description["info"]["title"]
    assert description["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


async def test_every_route_is_described_with_every_status(description: dict[str, Any]) -> None:
    for path, methods in ROUTES.items():
        for method, statuses in methods.items():
            described = description["paths"][path][method]["responses"].keys()
            assert statuses <= described, f"{method} {path} lacks {statuses - described}"


async def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(description: dict[str, Any]) -> None:
    operations = [operation for *_, operation in _operations(description)]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    for operation in operations:
        assert operation.get("description") or operation.get("summary")
        assert operation["tags"]


async def test_every_reference_leads_somewhere_and_every_schema_is_one(description: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    assert set(_references(description)) <= known
    for name in description["components"]["schemas"]:
        _schema(description, {"$ref": f"#/components/schemas/{name}"})


async def test_schemas_have_the_names_of_things(description: dict[str, Any]) -> None:
    names = set(description["components"]["schemas"])
    assert {"StoryCard", "OwnerStoryCard", "StoryBody", "StoryForm", "Problem", "PostedAnswer"} <= names
    assert {name for name in names if not re.fullmatch(r"[A-Z][A-Za-z]+", name)} == set()
    for name, schema in description["components"]["schemas"].items():
        assert schema.get("title", name) == name
        assert schema["description"], name


async def test_fields_say_what_they_are(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    card, body = schemas["OwnerStoryCard"], schemas["StoryBody"]
    assert set(card["required"]) == OWNER_CARD == set(card["properties"])
    assert card["properties"]["createdAt"]["format"] == "date-time"
    assert card["properties"]["mediaUrl"]["anyOf"][0] == {"type": "string", "format": "uri"}
    assert card["properties"]["mediaUrl"]["description"].startswith("Absolute, signed for this reader")
    assert schemas["Visibility"]["enum"] == sorted(Visibility)
    assert body["properties"]["visibility"]["anyOf"][0] == {"$ref": "#/components/schemas/Visibility"}
    (seconds, null) = body["properties"]["duration"]["anyOf"]
    assert (seconds["type"], seconds["minimum"], seconds["maximum"], null) == ("integer", 1, 604_800, {"type": "null"})
    assert set(schemas["RankedStoryCard"]["properties"]) - set(schemas["RankedStoryCard"]["required"]) == {
        "scoreDetails"
    }
    assert "errors" not in schemas["Problem"]["required"]
    assert schemas["StoryCardAnswer"]["properties"]["data"]["anyOf"] == [
        {"$ref": "#/components/schemas/OwnerStoryCard"},  # first: whoever tries one after the other finds it
        {"$ref": "#/components/schemas/StoryCard"},
    ]


async def test_parameters_say_what_they_take(description: dict[str, Any]) -> None:
    for path, method, operation in _operations(description):
        parameters = operation["parameters"]
        names = [(parameter["in"], parameter["name"]) for parameter in parameters]
        assert len(names) == len(set(names))
        assert {name for place, name in names if place == "path"} == set(re.findall(r"\{(\w+)\}", path)), path
        for parameter in parameters:
            assert "_" not in parameter["name"], (method, path)
            assert parameter["schema"].keys() & {"type", "$ref"}, (method, path, parameter["name"])
    feed = {each["name"]: each for each in description["paths"]["/api/story/feed/{userId}"]["get"]["parameters"]}
    assert feed["skip"]["schema"] == {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "default": 0}
    assert feed["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
    assert feed["userId"]["in"] == "path"
    assert "orgid" in feed


async def test_whoever_sends_a_body_is_told_how_large_and_of_what_kind(description: dict[str, Any]) -> None:
    for path, method, operation in _operations(description):
        if "requestBody" in operation:
            assert operation["responses"].keys() >= BODY, (method, path)
            for body in operation["requestBody"]["content"].values():
                assert body["schema"]


async def test_headers_are_described(description: dict[str, Any]) -> None:
    for path, method, operation in _operations(description):
        for status, name in (("401", "WWW-Authenticate"), ("429", "Retry-After"), ("503", "Retry-After")):
            answer = operation["responses"].get(status)
            assert answer is None or name in answer["headers"], (method, path, status)
    posted = description["paths"]["/api/story/users/{userId}"]["post"]["responses"]["201"]
    assert posted["headers"].keys() >= {"Location", "Idempotency-Replayed"}
    assert posted["links"].keys() >= {"getStory", "trackView", "archiveStory", "deleteStory"}
    feed = description["paths"]["/api/story/feed/{userId}"]["get"]["responses"]["200"]
    assert feed["headers"].keys() == {"Deprecation", "Link"}
    assert all(header["schema"] for header in feed["headers"].values())


async def test_every_refusal_is_described_as_a_problem(description: dict[str, Any]) -> None:
    for path, method, operation in _operations(description):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and (path, status) != ("/health/ready", "503"):
                assert answer["content"].keys() == {"application/problem+json"}, (method, path, status)


async def test_every_code_is_told_with_its_status(description: dict[str, Any]) -> None:
    getting = description["paths"]["/api/story/{storyId}"]["get"]["responses"]
    assert getting["404"]["description"] == "Not found: `story_not_found`, `not_found`"
    assert {kind.code for kind in _kinds(DomainError)} <= {code for codes in CODES.values() for code in codes}


def _kinds(error: type[DomainError]) -> Iterator[type[DomainError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _kinds(kind)


async def test_what_needs_no_token_says_so(description: dict[str, Any]) -> None:
    for path, _, operation in _operations(description):
        needs_none = path.startswith(("/media/", "/health/", "/schema", "/metrics"))
        if needs_none:
            assert operation["security"] == [{}], path
        elif (path, operation["operationId"]) in OPTIONAL:
            assert operation["security"] == [{}, {"bearer": []}], path
        else:
            assert operation.get("security", description["security"]) == [{"bearer": []}], path


async def test_for_whom_a_service_acts_is_said_in_a_header_on_the_community_api_alone(
    description: dict[str, Any],
) -> None:
    for path, _, operation in _operations(description):
        headers = {each["name"] for each in operation.get("parameters", []) if each["in"] == "header"}
        assert ("X-Acting-User" in headers) is path.startswith(("/client/", "/community/", "/data/")), path


async def test_it_is_rendered_for_people_without_a_token(town: Town) -> None:
    response = await town.stranger().get("/schema")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "Stories" in response.text


def _schema(description: dict[str, Any], schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": description["components"]})


class Walker:
    """Asks, and checks every answer against the description."""

    def __init__(self, town: Town, description: dict[str, Any]) -> None:
        self._town, self._description = town, description
        self.walked: set[tuple[str, str]] = set()

    async def __call__(self, user: str | None, method: str, path: str, status: int, **request: Any) -> httpx.Response:
        """Ask, and check the answer."""
        response = await self._town.client(user).request(method, path, **request)
        template = self._template(method.lower(), httpx.URL(path).path)
        assert response.status_code == status, response.text
        answers = self._description["paths"][template][method.lower()]["responses"]
        assert str(status) in answers, f"{method} {template} does not describe {status}"
        self.walked.add((template, method.lower()))
        described = answers[str(status)].get("content", {})
        if not response.content:
            assert not described
            return response
        media_type = response.headers["content-type"].partition(";")[0]
        if media_type.startswith(("image/", "video/")):
            media_type = f"{media_type.partition('/')[0]}/*"
        assert media_type in described, f"{method} {template} {status} does not describe {media_type}"
        if media_type.endswith(("/json", "+json")):
            _schema(self._description, described[media_type]["schema"]).validate(response.json())
        return response

    def _template(self, method: str, path: str) -> str:
        """The described path that a path is of: the one with the fewest holes."""
        parts = path.strip("/").split("/")
        fits: list[str] = [
            template
            for template, item in self._description["paths"].items()
            if method in item
            and len(known := template.strip("/").split("/")) == len(parts)
            and all(name.startswith("{") or name == part for name, part in zip(known, parts, strict=True))
        ]
        return min(fits, key=lambda template: template.count("{"))


async def test_a_walk_through_the_service_meets_nothing_that_is_not_described(
    town: Town, description: dict[str, Any]
) -> None:
    ask = Walker(town, description)
    await town.befriend("alice", "bob")
    await ask("dora", "PUT", "/api/social/users/dora/friends/carol", 204)
    await ask("dora", "DELETE", "/api/social/users/dora/friends/carol", 204)
    await ask("alice", "GET", "/api/social/users/alice/friends", 200)
    header, body = form(('name="media"; filename="a.jpg"', jpeg()), ('name="privacy"', b"friends"))
    posted = await ask("alice", "POST", "/api/story/users/alice", 201, content=body, headers=dict([header]))
    image = posted.json()["data"]["storyId"]
    await town.settled(town.client("alice"), image)
    overlays = [{"text": "Hi", "x": 0.5, "y": 0.5}]
    words = {"content": "Check out my day!", "duration": 5_400, "overlays": overlays, "visibility": "public"}
    text = (await ask("alice", "POST", "/api/story/users/alice", 201, json=words)).json()["data"]["storyId"]
    announced = {"size": len(jpeg()), "mimeType": "image/jpeg"}
    begun = (await ask("alice", "POST", "/api/story/users/alice/uploads", 201, json=announced)).json()["data"]
    await ask("alice", "PUT", begun["uploadUrl"].removeprefix(town.url), 200, content=jpeg())
    await ask("alice", "PATCH", f"/api/story/{image}", 200, json={"caption": "At the beach!"})
    for story in (image, text):
        await ask("bob", "POST", f"/api/story/{story}/views", 200, json={"viewDurationSeconds": 15})
        await ask("bob", "POST", f"/api/story/{story}/reactions", 200, json={"reaction": "like"})
        await ask("bob", "POST", f"/api/story/{story}/replies", 201, json={"content": "Great story!"})
        for user in ("alice", "bob"):
            await ask(user, "GET", f"/api/story/{story}", 200)
            await ask(user, "GET", f"/api/story/{story}/replies", 200)
        await ask("alice", "GET", f"/api/story/{story}/viewers", 200)
    await ask("bob", "DELETE", f"/api/story/{text}/reactions", 200)
    for user in ("alice", "bob"):
        for path in ("active", "history", "archived", "replies"):
            owner = "alice" if path == "active" else user
            await ask(user, "GET", f"/api/story/users/{owner}/{path}", 200)
        await ask(user, "GET", f"/api/story/feed/{user}", 200)
        await ask(user, "GET", f"/api/story/feed/{user}/recommended?includeScoreDetails=true", 200)
        await ask(user, "GET", f"/api/story/feed/{user}/recommended?limit=1", 200)
        await ask(user, "POST", "/api/story/check-active", 200, json=["alice", "bob", "nobody"])
    card = await town.card(image, "bob")
    for link in (card["mediaUrl"], card["thumbnailUrl"]):
        await ask("bob", "GET", link.removeprefix(town.url), 200)
        await ask("bob", "GET", link.removeprefix(town.url), 206, headers={"Range": "bytes=0-9"})
    await _walk_through_the_community(ask, image, text)
    await _walk_through_the_events(ask, {"Authorization": f"Bearer {town.token('app', roles=['service'])}"})
    await ask("alice", "POST", f"/api/story/{image}/archive", 200)
    for path in ("history", "archived"):
        await ask("alice", "GET", f"/api/story/users/alice/{path}", 200)
    await ask("bob", "GET", f"/api/story/{image}", 410)
    await ask("bob", "DELETE", f"/api/story/{text}", 403)
    await ask("alice", "DELETE", f"/api/story/{text}", 200)
    await ask("bob", "GET", f"/api/story/{NOBODY}", 404)
    await ask("bob", "POST", f"/api/story/{image}/views", 400, json={})
    await ask("bob", "POST", "/api/story/check-active", 415, content=b"[]")
    await ask("bob", "GET", "/api/story/feed/bob?limit=0", 400)
    await ask("bob", "GET", "/health/live", 200)
    await ask("bob", "GET", "/health/ready", 200)
    assert {(path, method) for path, methods in ROUTES.items() for method in methods} <= ask.walked


async def _walk_through_the_events(ask: Walker, service: dict[str, str]) -> None:
    await ask(None, "GET", "/api/events?wait=5", 200, headers=service)
    await ask(None, "GET", "/api/events?limit=0", 400, headers=service)
    body = {"url": "https://1.1.1.1/hook", "types": ["story.archived"]}
    hook = (await ask(None, "POST", "/api/webhooks", 201, json=body, headers=service)).json()["data"]["id"]
    await ask(None, "POST", "/api/webhooks", 400, json={"url": "http://127.0.0.1/"}, headers=service)
    await ask(None, "GET", "/api/webhooks", 200, headers=service)
    await ask(None, "GET", f"/api/webhooks/{hook}/deliveries", 200, headers=service)
    await ask(None, "POST", f"/api/webhooks/{hook}/replay", 200, headers=service)
    await ask(None, "POST", f"/api/webhooks/{hook}/replay", 400, json={"after": -1}, headers=service)
    await ask(None, "DELETE", f"/api/webhooks/{hook}", 200, headers=service)
    await ask(None, "DELETE", f"/api/webhooks/{hook}", 404, headers=service)


async def _walk_through_the_community(ask: Walker, image: str, text: str) -> None:
    stories = "/client/community/stories"
    link = {"type": "image", "url": "https://cdn.example.com/story.png", "caption": "Friday studio dump"}
    linked = await ask("alice", "POST", stories, 201, json={"content": link, "page": "lobby"})
    for user in ("alice", "bob", None):
        await ask(user, "GET", stories, 200)
        await ask(user, "GET", f"{stories}?page=lobby", 200)
    await ask(None, "POST", stories, 401, json={"content": link})
    await ask("bob", "POST", stories, 400, json={"content": {**link, "url": "ftp://cdn"}})
    await ask("bob", "POST", stories, 415, content=b"{}")
    for story in (image, text, linked.json()["id"]):
        await ask("bob", "POST", f"{stories}/{story}/view", 200)
        target = {"targetType": "story", "targetId": story}
        await ask("bob", "POST", "/client/community/react", 200, json={**target, "type": "laugh"})
        await ask("bob", "GET", f"/client/community/reactions?targetType=story&targetId={story}", 200)
        await ask("bob", "DELETE", "/client/community/react", 200, json=target)
        for user in ("alice", "bob"):
            await ask(user, "GET", f"/data/community_story/{story}", 200)
    await ask(None, "GET", f"/client/community/reactions?targetType=story&targetId={text}", 200)
    await ask("bob", "GET", f"/data/community_story/{NOBODY}", 404)
    await ask("bob", "DELETE", f"{stories}/{text}", 403)
    await ask("alice", "DELETE", f"{stories}/{linked.json()['id']}", 200)
