"""The doctor: asks every configured store whether it works, and says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection

from application.ports.errors import UnavailableError
from application.ports.media import ObjectStore
from infrastructure.identity.jwks import PublishedKeys
from infrastructure.sql.database import Database, StatementFailedError
from infrastructure.sql.migrate import head_revision, is_behind
from infrastructure.sql.tables import metadata
from infrastructure.sql.wall import gaps


@dataclass(frozen=True, slots=True)
class Doctor:
    """Examines the stores, one by one; None: it works, else what is wrong."""

    database: Database
    objects: ObjectStore
    redis: Redis | None
    published_keys: PublishedKeys | None = None

    async def examine(self) -> dict[str, str | None]:
        """What is wrong with each configured store, by its name."""
        found = {"database": await self.database_problem(), "media": await self.media_problem()}
        if self.redis is not None:
            found["redis"] = await self.redis_problem()
        if self.published_keys is not None:
            found["jwks"] = await self.published_keys.problem()
        return found

    async def database_problem(self) -> str | None:
        """Whether the database answers, has the schema of this version, and keeps organisations apart."""
        try:
            async with self.database.read(None) as connection:
                revision = await connection.run_sync(_revision)
                missing = await gaps(connection, metadata.tables)
        except UnavailableError as error:
            return str(error)
        except StatementFailedError:
            return "the service may not read its revision: run `stories migrate`"
        if is_behind(revision):
            return f"at revision {revision}, {head_revision()} is needed: run `stories migrate`"
        if missing:
            return f"organisations are not kept apart: {', '.join(missing)}"
        return None

    async def media_problem(self) -> str | None:
        """Whether objects can be written and deleted."""
        try:
            await self.objects.check()
        except UnavailableError as error:
            return str(error)
        return None

    async def redis_problem(self) -> str | None:
        """Whether Redis answers."""
        try:
            if self.redis is not None:
                await self.redis.ping()
        except (RedisError, OSError) as error:
            return f"Redis does not answer: {type(error).__name__}"
        return None


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
