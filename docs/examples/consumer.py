"""Follows the events of all stories: each is handled at least once, and by one consumer of the group."""

import json
import os
from contextlib import suppress

import redis

stream, group, me = "stories:events", "greeter", os.environ.get("CONSUMER", "greeter-1")  # the same after a restart
server = redis.Redis.from_url(os.environ["STORIES_REDIS_URL"], decode_responses=True, socket_timeout=30)
seen: set[str] = set()  # yours belongs into your database, in the transaction of what you do
wanted = "0"  # what was read by a consumer of this name, and not acknowledged; then what is new
while True:
    try:
        for _, entries in server.xreadgroup(group, me, {stream: wanted}, count=100, block=5_000) or ():
            wanted = ">" if wanted == "0" and not entries else wanted
            for entry, fields in entries:
                event = json.loads(fields["data"])
                if event["id"] not in seen:
                    print(event["orgid"], event["type"], event["subject"], flush=True)
                    seen.add(event["id"])
                server.xack(stream, group, entry)
    except redis.ResponseError as error:  # there is no group yet, or no longer
        if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
            raise
        with suppress(redis.ResponseError):  # another consumer was quicker
            server.xgroup_create(stream, group, id="0", mkstream=True)
