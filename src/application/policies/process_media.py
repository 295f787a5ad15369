"""Process the media of a story: from the upload to the rendition that is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from application.failpoints import Failpoint, failpoint
from application.ports.errors import ObjectMissingError, RenderingFailedError, UnavailableError
from application.ports.media import STILL_TYPE, Claim, MediaRenderer, ObjectStore, RenderedFile, Workspaces
from application.ports.transactions import UnitOfWork
from application.ports.work import Policy, Wakeups
from domain.content import Rendition
from domain.story import FailureReason, Status
from domain.values import OrgId, StoryId

LEASE_SECONDS: Final = 20.0
"""A worker's hold on a story, unless told otherwise."""
ATTEMPTS_MAX: Final = 3
"""After so many workers, or renderings, have died over one file, the file is at fault."""
PENDING_SECONDS: Final = 86_400.0
"""How long bytes wait for their story to refer to them before they are collected: a day."""
_CHUNK = 1 << 20
_DOWNLOADED, _RENDERED = 10, 90
"""Percent of the work when a step is done; rendering is nearly all of it."""


@dataclass(frozen=True, slots=True)
class ProcessMedia:
    """Renders an upload. Run twice at once, the second to finish finds the story no longer processing and yields.

    Attributes:
        lease_seconds: how long a worker's hold on a story lasts if it dies; a living one renews it.
    """

    unit_of_work: UnitOfWork
    store: ObjectStore
    renderer: MediaRenderer
    workspaces: Workspaces
    wakeups: Wakeups
    lease_seconds: float = LEASE_SECONDS

    async def __call__(self, org: OrgId, story_id: StoryId) -> None:
        """Process the story; nothing to do: nothing happens."""
        async with self.unit_of_work.begin(org) as tx:
            claim = await tx.processing.claim(story_id, lease_seconds=self.lease_seconds)
        if claim is None:
            return
        try:
            async with self._held(org, story_id, claim) as hold:
                await self._process(org, story_id, claim, hold)
        except RenderingFailedError as failed:
            if failed.reason is FailureReason.PROCESSING_FAILED and claim.attempt < ATTEMPTS_MAX:
                await self._let_go(org, story_id, claim, counted=True)
                raise  # nothing is known against the file: another attempt, with what the broker waits before it
            await self._fail(org, story_id, claim, failed.reason)
        except ObjectMissingError:
            await self._fail(org, story_id, claim, FailureReason.PROCESSING_FAILED)
        except UnavailableError:
            await self._let_go(org, story_id, claim, counted=False)
            raise
        await self.wakeups.wake(Policy.EMPTY_BIN, org, story_id)

    async def _process(self, org: OrgId, story_id: StoryId, claim: Claim, hold: Hold) -> None:
        if claim.attempt > ATTEMPTS_MAX:
            raise RenderingFailedError(FailureReason.PROCESSING_FAILED)
        async with self.workspaces() as folder:
            source, target = folder / "source", folder / "target"
            await asyncio.to_thread(target.mkdir)
            await self._download(claim.key, source)
            failpoint(Failpoint.MEDIA_AFTER_DOWNLOAD)
            await hold.reached(_DOWNLOADED)
            rendered = await self.renderer.render(source, claim.mime_type, target, hold.rendered)
            await hold.reached(_RENDERED)
            rendition = await self._store(org, rendered)
        await self._publish(org, story_id, rendition, claim)

    async def _let_go(self, org: OrgId, story_id: StoryId, claim: Claim, *, counted: bool) -> None:
        async with self.unit_of_work.begin(org) as tx:
            await tx.processing.let_go(story_id, claim, counted=counted)

    async def _download(self, key: str, target: Path) -> None:
        blob = await self.store.get(key)
        with target.open("wb") as file:
            async for chunk in blob.chunks:
                await asyncio.to_thread(file.write, chunk)

    async def _store(self, org: OrgId, rendered: RenderedFile) -> Rendition:
        files = [(rendered.media, rendered.mime_type), (rendered.thumbnail, STILL_TYPE)]
        if rendered.poster:
            files.append((rendered.poster, STILL_TYPE))
        async with self.unit_of_work.begin(org) as tx:
            keys = [tx.bin.new_key("media") for _ in files]
            await tx.bin.expect(keys, seconds=PENDING_SECONDS)
        for key, (file, mime_type) in zip(keys, files, strict=True):
            await self.store.put(key, _read(file), mime_type)
        failpoint(Failpoint.MEDIA_AFTER_PUT)
        return Rendition(
            media_key=keys[0],
            thumbnail_key=keys[1],
            poster_key=keys[2] if rendered.poster else None,
            mime_type=rendered.mime_type,
            width=rendered.width,
            height=rendered.height,
            placeholder=rendered.placeholder,
            duration_seconds=rendered.duration_seconds,
        )

    async def _publish(self, org: OrgId, story_id: StoryId, rendition: Rendition, claim: Claim) -> None:
        keys = rendition.keys
        async with self.unit_of_work.begin(org) as tx:
            story = await tx.stories.get(story_id)
            if story is None or story.status is not Status.PROCESSING:
                await tx.bin.discard(keys)
                return
            await tx.stories.save(story.media_ready(rendition, at=await tx.clock()))
            await tx.bin.keep(keys)
            await tx.bin.discard([claim.key])
            failpoint(Failpoint.MEDIA_BEFORE_COMMIT)
        failpoint(Failpoint.MEDIA_AFTER_COMMIT)

    async def _fail(self, org: OrgId, story_id: StoryId, claim: Claim, reason: FailureReason) -> None:
        async with self.unit_of_work.begin(org) as tx:
            mine = await tx.processing.renew(story_id, claim, lease_seconds=self.lease_seconds, percent=0)
            story = await tx.stories.get(story_id)
            if not mine or story is None:
                return  # it is over, or another worker's by now
            await tx.stories.save(story.media_failed(reason, at=await tx.clock()))
            await tx.bin.discard([claim.key])

    @asynccontextmanager
    async def _held(self, org: OrgId, story_id: StoryId, claim: Claim) -> AsyncIterator[Hold]:
        hold = Hold(self.unit_of_work, org, story_id, claim, self.lease_seconds)
        renewing = asyncio.create_task(hold.renew_for_ever())
        try:
            yield hold
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)  # it may hold a connection


class Hold:
    """A worker's hold on the story it processes: renewed while it lives, with how far the work is."""

    def __init__(
        self, unit_of_work: UnitOfWork, org: OrgId, story_id: StoryId, claim: Claim, lease_seconds: float
    ) -> None:
        self._unit_of_work, self._org, self._story_id, self._claim = unit_of_work, org, story_id, claim
        self._lease_seconds, self._percent = lease_seconds, 0

    async def reached(self, percent: int) -> None:
        """Tell how far the work is, 0-100."""
        self._percent = percent
        await self._renew()

    async def rendered(self, part: float) -> None:
        """Tell how far the rendering is, 0-1."""
        await self.reached(_DOWNLOADED + int((_RENDERED - _DOWNLOADED) * part))

    async def renew_for_ever(self) -> None:
        """Renew the hold, four times in a lease, until cancelled."""
        while True:
            await asyncio.sleep(self._lease_seconds / 4)
            with suppress(UnavailableError):  # the next one may still come in time
                await self._renew()

    async def _renew(self) -> None:
        async with self._unit_of_work.begin(self._org) as tx:
            await tx.processing.renew(
                self._story_id, self._claim, lease_seconds=self._lease_seconds, percent=self._percent
            )


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
