"""Settings, from the environment, checked before anything starts: a wrong one stops the start with its name."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct, ValidationError, convert, structs

from application.failpoints import Plan

PREFIX: Final = "STORIES_"
SECRET_MIN_BYTES: Final = 32

_ORIGIN: Final = re.compile(r"\*|[a-z][a-z0-9+.-]*://[a-z0-9.:\[\]-]+")
"""As browsers send it: in lower case, without a path."""
_HOST: Final = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
"""A host, or with a dot before it all below it."""

_Seconds = Annotated[float, Meta(ge=0, le=315_360_000)]

_Most = Annotated[int, Meta(ge=1, le=1_000_000_000_000)]


class SettingsError(Exception):
    """A setting is wrong; the message names it."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; each is read from ``STORIES_`` and its name in capitals.

    Attributes:
        host: address to listen at.
        port: port to listen at; 0 takes a free one.
        public_url: scheme, host and path at which clients reach the service; unset: as they say in their request.
        data_dir: where the embedded default keeps its database, media and secret.
        database_url: ``postgresql://...``; unset: SQLite in the data folder.
        migrate_database_url: the same database for migrations, if they use another role.
        redis_url: ``redis://...``; unset: queue and caches live in the process.
        media_url: ``s3://bucket/prefix``; unset: a folder in the data folder.
        media_redirect: whether media links lead on to the object store, where it makes links; it must be reachable.
        upload_direct: whether uploads go to the object store itself, where it makes links; it must be reachable.
        jwt_secret: shared secret of HS256 tokens, 32 bytes or more; unset: one is made in the data folder.
        jwt_jwks_url: where an issuer publishes the public keys of its tokens; unset: only the secret is good.
        jwt_issuer: required ``iss`` of tokens, if set.
        jwt_audience: required ``aud`` of tokens, if set.
        jwt_require_org: refuse tokens that name no organisation.
        sweep_interval_seconds: how often expired stories are moved to the archive; readers do not depend on it.
        analytics_retention_seconds: how long after archiving it is known who viewed and reacted to what; 0: not at all.
        media_grace_seconds: how long after archiving media are kept; 0: for ever.
        events_retention_seconds: how long events are kept for those who read them.
        stream_max_length: events in the stream of Redis; more, while a group has not acknowledged the others.
        webhook_retry_seconds: how long an event is tried at a webhook before it is given up.
        webhook_networks: networks, apart by commas, that webhooks may be sent to though they are not of the public
            internet; unset: none.
        feed_public: whether public stories of strangers belong in feeds.
        live_max: how many can be connected for live updates to one process.
        live_user_max: at how many places one user can be, of these.
        rate_limit_enabled: refuse those who ask too often.
        rate_limit_reads: requests that only read, of one user, a minute.
        rate_limit_writes: other requests that change something, of one user, a minute.
        rate_limit_posts: stories, uploads, replies and reports, of one user, a minute.
        rate_limit_upload_bytes: bytes of files, of one user, a minute.
        rate_limit_anonymous: requests without a token, from one address, a minute.
        rate_limit_org_factor: an organisation may do so many times what a user may.
        quota_user_stories: stories one user may post in a day (UTC); unset: any number.
        quota_user_bytes: bytes of media one user may post in a day; unset: any number.
        quota_org_stories: stories an organisation may post in a day; unset: any number.
        quota_org_bytes: bytes of media an organisation may post in a day; unset: any number.
        cors_origins: origins of web pages that may read answers, apart by commas, or ``*``; unset: none.
        trusted_proxies: networks, apart by commas, whose ``Forwarded`` or ``X-Forwarded-*`` count; unset: none.
        expose_email: whether those without a token see the e-mail of authors.
        linked_media_hosts: hosts that stories may link media from, apart by commas; ``.example.com`` stands for all
            below it; unset: any.
        failpoint: ``name:kill|sleep|raise[:1/n]``: where each process dies, hangs or fails, for trying out what becomes
            of its work; unset: nowhere.
        log_level: the least that is logged.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    public_url: str | None = None
    data_dir: str = ".data"
    database_url: str | None = None
    migrate_database_url: str | None = None
    redis_url: str | None = None
    media_url: str | None = None
    media_redirect: bool = False
    upload_direct: bool = True
    jwt_secret: str | None = None
    jwt_jwks_url: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_require_org: bool = False
    sweep_interval_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 60
    analytics_retention_seconds: _Seconds = 172_800
    media_grace_seconds: _Seconds = 2_592_000
    events_retention_seconds: _Seconds = 259_200
    stream_max_length: _Most = 100_000
    webhook_retry_seconds: _Seconds = 86_400
    webhook_networks: str = ""
    feed_public: bool = False
    live_max: _Most = 20_000
    live_user_max: _Most = 20
    rate_limit_enabled: bool = True
    rate_limit_reads: _Most = 1_200
    rate_limit_writes: _Most = 600
    rate_limit_posts: _Most = 60
    rate_limit_upload_bytes: _Most = 419_430_400
    rate_limit_anonymous: _Most = 1_200
    rate_limit_org_factor: _Most = 1_000
    quota_user_stories: _Most | None = None
    quota_user_bytes: _Most | None = None
    quota_org_stories: _Most | None = None
    quota_org_bytes: _Most | None = None
    cors_origins: str = ""
    trusted_proxies: str = ""
    expose_email: bool = True
    linked_media_hosts: str = ""
    failpoint: str | None = None
    log_level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$")] = "info"

    def __post_init__(self) -> None:
        """Refuse what could only fail later."""
        _require_scheme(self, "public_url", "http", "https")
        _require_scheme(self, "database_url", "postgresql", "sqlite")
        _require_scheme(self, "migrate_database_url", "postgresql", "sqlite")
        _require_scheme(self, "redis_url", "redis", "rediss")
        _require_scheme(self, "media_url", "s3")
        _require_scheme(self, "jwt_jwks_url", "http", "https")
        if self.jwt_secret is not None and len(self.jwt_secret.encode()) < SECRET_MIN_BYTES:
            raise ValueError(f"a secret has at least {SECRET_MIN_BYTES} bytes")
        if wrong := [origin for origin in self.origins if not _ORIGIN.fullmatch(origin)]:
            raise ValueError(f"{wrong[0]} is no origin: scheme, host and perhaps port, as https://app.example")
        if wrong := [host for host in self.media_hosts if not _HOST.fullmatch(host)]:
            raise ValueError(f"{wrong[0]} is no host: a name or an address, without scheme and port")
        _ = self.proxies, self.webhook_targets, self.plan  # asking refuses what is no network, and what is no failpoint

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data_dir).expanduser().resolve()

    @property
    def address(self) -> str:
        """Where the service is, for those who are told of it by others: without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may read answers."""
        return _listed(self.cors_origins)

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of trusted proxies."""
        return tuple(ip_network(network) for network in _listed(self.trusted_proxies))

    @property
    def webhook_targets(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks that webhooks may be sent to, beside the public internet."""
        return tuple(ip_network(network) for network in _listed(self.webhook_networks))

    @property
    def plan(self) -> Plan | None:
        """What happens at which failpoint."""
        return None if self.failpoint is None else Plan.read(self.failpoint)

    @property
    def database(self) -> str:
        """The database that is used."""
        return self.database_url or f"sqlite:///{self.folder / 'stories.db'}"

    @property
    def media_folder(self) -> Path:
        """Where media lie if there is no URL for them."""
        return self.folder / "media"

    @property
    def work_folder(self) -> Path:
        """Where files lie while they are processed."""
        return self.folder / "work"

    @property
    def media_hosts(self) -> frozenset[str]:
        """The hosts that media may be linked from; empty: any."""
        return frozenset(host.lower() for host in _listed(self.linked_media_hosts))

    @property
    def embedded_database(self) -> bool:
        """Whether the database is the service's own, which it migrates itself."""
        return self.database_url is None

    @property
    def in_process(self) -> bool:
        """Whether the server does the work of worker, relay and scheduler itself."""
        return self.redis_url is None

    def make_folder(self) -> None:
        """Have the data folder there, if anything is to be kept in it.

        Raises:
            SettingsError: it cannot be made, or not be written to.
        """
        if self.database_url and self.media_url and self.jwt_secret:
            return
        try:
            # What people post is nobody else's on this machine.
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"{PREFIX}DATA_DIR: {self.folder} cannot be made: {error.strerror}") from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise SettingsError(f"{PREFIX}DATA_DIR: {self.folder} cannot be written to")

    def secret(self) -> bytes:
        """The shared secret; made once, readable by its owner alone, if none is set."""
        if self.jwt_secret is not None:
            return self.jwt_secret.encode()
        return _own_secret(self.folder / "jwt-secret")

    def token_secret(self) -> bytes | None:
        """The secret that tokens may be signed with; None: who has an issuer has none that they did not set."""
        return self.secret() if self.jwt_jwks_url is None or self.jwt_secret is not None else None


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; a value of blanks counts as unset.

    Raises:
        SettingsError: one is unknown or wrong; the message names it.
    """
    given = {
        name[len(PREFIX) :].lower(): value.strip()
        for name, value in environ.items()
        if name.startswith(PREFIX) and value.strip()
    }
    known = {known.name for known in structs.fields(Settings)}
    for name in sorted(given.keys() - known):
        raise SettingsError(f"{PREFIX}{name.upper()}: there is no such setting")
    for name, value in given.items():
        _check_alone(name, value)
    return convert(given, Settings, strict=False)


def _check_alone(name: str, value: str) -> None:
    try:
        convert({name: value}, Settings, strict=False)
    except ValidationError as error:
        reason = str(error).partition(" - at ")[0]
        raise SettingsError(f"{PREFIX}{name.upper()}: {reason}") from None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _require_scheme(settings: Settings, name: str, *schemes: str) -> None:
    url = getattr(settings, name)
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in schemes:
        raise ValueError(f"a URL begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not parts.netloc and parts.scheme.partition("+")[0] != "sqlite":
        raise ValueError("a URL names a host, or a bucket, after ://")
    if parts.port == 0:  # asking refuses what is no port at all
        raise ValueError("a port lies between 1 and 65535")


def _own_secret(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Whole before it has its name: of two processes that start together, neither reads half of the other's.
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with open(draft, "x", opener=_private) as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_bytes().strip()


def _private(path: str, flags: int) -> int:
    """Open a file that is its owner's alone from its first byte on."""
    return os.open(path, flags, 0o600)
