"""The routes of the community API, and what holds for all of them."""

from __future__ import annotations

from litestar import Router

from interfaces.http.auth import ACTING_HEADER
from interfaces.http.community.blocks import blocks_routes
from interfaces.http.community.moderation import moderation_routes
from interfaces.http.community.reactions import community_reactions_routes
from interfaces.http.community.stories import community_stories

community_router = Router(
    "/",
    route_handlers=[*community_stories, *community_reactions_routes, *moderation_routes, *blocks_routes],
    opt=ACTING_HEADER,
    tags=["Community"],
)
