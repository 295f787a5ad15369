"""The container builds everything, whatever is chosen; and settings name their culprit."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from infrastructure.container import Container, close
from infrastructure.settings import SettingsError, load_settings

CHOICES = {
    "embedded": {},
    "postgresql": {"STORIES_DATABASE_URL": "postgresql://u:p@127.0.0.1:5432/x"},
    "redis": {"STORIES_REDIS_URL": "redis://127.0.0.1:6379/0"},
    "jwks": {"STORIES_JWT_JWKS_URL": "https://id.example/jwks.json"},
    "s3": {"STORIES_MEDIA_URL": "s3://bucket/prefix"},
    "all": {
        "STORIES_DATABASE_URL": "postgresql://u:p@127.0.0.1:5432/x",
        "STORIES_REDIS_URL": "redis://127.0.0.1:6379/0",
        "STORIES_MEDIA_URL": "s3://bucket",
        "STORIES_JWT_SECRET": "x" * 32,
        "STORIES_JWT_JWKS_URL": "https://id.example/jwks.json",
        "STORIES_PUBLIC_URL": "https://stories.example",
    },
}


@pytest.mark.parametrize("choice", CHOICES)
async def test_every_provider_is_built_for_every_choice(choice: str, tmp_path: Path) -> None:
    settings = load_settings({"STORIES_DATA_DIR": str(tmp_path), **CHOICES[choice]})
    container = Container(settings=settings)
    for name, provider in container.providers.items():
        provider()
        assert name
    await close(container)


WRONG = {
    "STORIES_PORT": "99999",
    "STORIES_DATABASE_URL": "mysql://localhost/x",
    "STORIES_REDIS_URL": "http://localhost",
    "STORIES_MEDIA_URL": "ftp://bucket",
    "STORIES_PUBLIC_URL": "stories.example",
    "STORIES_JWT_SECRET": "too short",
    "STORIES_JWT_REQUIRE_ORG": "perhaps",
    "STORIES_SWEEP_INTERVAL_SECONDS": "0",
    "STORIES_LOG_LEVEL": "loud",
    "STORIES_FAILPOINT": "nowhere:kill",
    "STORIES_NO_SUCH_SETTING": "1",
    "STORIES_MIGRATE_DATABASE_URL": "postgresql://",
    "STORIES_JWT_JWKS_URL": "file:///etc/passwd",
    "STORIES_MEDIA_GRACE_SECONDS": "-1",
    "STORIES_RATE_LIMIT_READS": "0",
    "STORIES_QUOTA_ORG_BYTES": "-1",
    "STORIES_CORS_ORIGINS": "https://app.example/page",
    "STORIES_TRUSTED_PROXIES": "10.0.0.1/8",
    "STORIES_LINKED_MEDIA_HOSTS": "https://cdn.example.com",
    "STORIES_EXPOSE_EMAIL": "perhaps",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load_settings({name: WRONG[name]})


def test_blank_settings_count_as_unset_and_foreign_variables_are_none_of_ours() -> None:
    settings = load_settings({"STORIES_REDIS_URL": "  ", "PATH": "/bin"})
    assert settings.in_process


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = load_settings({"STORIES_DATA_DIR": str(tmp_path)}).secret()
    second = load_settings({"STORIES_DATA_DIR": str(tmp_path)}).secret()
    assert first == second
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "jwt-secret").stat().st_mode) == 0o600
