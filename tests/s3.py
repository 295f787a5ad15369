"""A real S3 endpoint for tests: OpenStack Swift, from the environment that `make s3-server` makes, on a free port."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import obstore
import pytest
from msgspec import Struct, structs
from obstore.store import S3Store

from tests.conftest import missing

S3 = [pytest.mark.s3, pytest.mark.xdist_group("s3")]
"""Marks what needs the endpoint; the group keeps it all in one process, so that one server is enough."""

_SERVER = Path(__file__).with_name("s3_server.py")
_PYTHON = _SERVER.parents[1] / ".tools/swift/bin/python"


class Bucket(Struct, frozen=True, kw_only=True):
    """A bucket, and what opens it.

    Attributes:
        disk: where its server keeps everything.
    """

    endpoint: str
    disk: Path
    name: str = "stories"
    access_key: str = "test:tester"
    secret_key: str = "testing"

    @property
    def environment(self) -> dict[str, str]:
        """The variables from which the service learns of it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def weight(self) -> int:
        """Bytes of all objects and of the parts of unfinished ones."""
        return sum(path.stat().st_size for path in self.disk.rglob("*.data"))

    def open(self) -> S3Store:
        """All of it, as its owner sees it."""
        return S3Store(
            self.name,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            client_options={"allow_http": True},
        )


@contextmanager
def serve_s3(folder: Path) -> Iterator[Bucket]:
    """An empty bucket of a server of its own, which keeps everything in the folder."""
    if not _PYTHON.exists():
        missing("An S3 server", "`make s3-server` installs it")
    bucket = Bucket(endpoint="", disk=folder / "devices")
    command = [str(_PYTHON), str(_SERVER), str(folder), bucket.access_key, bucket.secret_key]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        port = server.stdout.readline().strip() if server.stdout else ""
        if not port:
            missing("An S3 server", (folder / "log").read_text())
        bucket = structs.replace(bucket, endpoint=f"http://127.0.0.1:{port}")
        httpx.put(obstore.sign(bucket.open(), "PUT", "", timedelta(minutes=1))).raise_for_status()
        yield bucket
