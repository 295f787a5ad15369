"""Loaded by Schemathesis: values that only this API knows of. Fewer than are accepted, and all accepted."""

from __future__ import annotations

import json
import os
from typing import Any

import schemathesis
from hypothesis import strategies as st

_ORG = os.environ["FUZZ_ORG"]
_STORIES = os.environ["FUZZ_STORIES"].split()
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~"
"""What no part of a URL encodes: what was generated for a path is tried in queries as well."""

_users = st.sampled_from(["alice", "bob", "carol"]) | st.text(_PLAIN, min_size=1, max_size=128)
_overlays = st.fixed_dictionaries({"text": st.text(_PLAIN, min_size=1), "x": st.floats(0, 1), "y": st.floats(0, 1)})

schemathesis.openapi.format("uuid", st.sampled_from(_STORIES) | st.uuids().map(str))
schemathesis.openapi.format("user-id", _users)
schemathesis.openapi.format("encoded-user-id", _users)
_urls = st.text(_PLAIN, max_size=50).map("https://cdn.example.com/".__add__)

schemathesis.openapi.format("media-url", _urls)
schemathesis.openapi.format("webhook-url", st.text(_PLAIN, max_size=50).map("https://1.1.1.1/".__add__))
schemathesis.openapi.format("content", st.fixed_dictionaries({"url": _urls}).map(json.dumps))
schemathesis.openapi.format("overlays", st.lists(_overlays, max_size=20).map(json.dumps))
_lines = st.fixed_dictionaries({"type": st.just("friendship"), "a": _users, "b": _users})
schemathesis.openapi.format("graph-lines", st.lists(_lines.map(json.dumps), max_size=5).map("\n".join))


@schemathesis.serializer("application/x-ndjson")
def written(context: Any, value: Any) -> bytes:
    """Lines of JSON as they are; anything else as the one line that it is."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.hook
def map_headers(context: schemathesis.HookContext, headers: Any) -> Any:
    """Have most requests be about the organisation whose stories there are."""
    if headers and str(headers.get("orgid", "")).isalnum():
        headers["orgid"] = _ORG
    return headers
