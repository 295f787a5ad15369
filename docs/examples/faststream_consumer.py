"""The same with FastStream. It ends when Redis has lost the group; whatever runs it starts it again."""

import asyncio
import os
from contextlib import suppress
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.redis import RedisBroker, StreamSub
from redis.exceptions import ResponseError

stream, group, me = "stories:events", "framed", os.environ.get("CONSUMER", "framed-1")  # the same after a restart
broker = RedisBroker(os.environ["STORIES_REDIS_URL"], logger=None)
app = FastStream(broker)
new = StreamSub(stream, group=group, consumer=me)
left_behind = StreamSub(stream, group=group, consumer=me, min_idle_time=60_000, polling_interval=1_000)
seen: set[str] = set()  # yours belongs into your database, in the transaction of what you do


@app.on_startup
async def begin_at_the_oldest() -> None:
    """Without it FastStream begins at the newest; its `last_id="0"` hears of nothing new after a restart."""
    with suppress(ResponseError):  # there is the group
        await (await broker.connect()).xgroup_create(stream, group, id="0", mkstream=True)


@broker.subscriber(stream=new, ack_policy=AckPolicy.NACK_ON_ERROR)
@broker.subscriber(stream=left_behind, ack_policy=AckPolicy.NACK_ON_ERROR)
async def handle(event: dict[str, Any]) -> None:
    """Do your work; if it raises, the event comes again after a minute."""
    if event["id"] not in seen:
        print(event["orgid"], event["type"], event["subject"], flush=True)
        seen.add(event["id"])


asyncio.run(app.run())
