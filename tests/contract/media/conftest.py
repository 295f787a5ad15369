"""What the media tests share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Child processes are asyncio's."""
    return "asyncio"
