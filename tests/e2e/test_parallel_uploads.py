"""Large files sent at the same time: the server passes them on, and goes on answering others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.uploads import SHAPES, Site, measured, site

pytestmark = pytest.mark.e2e

UPLOADS, MEGABYTES = 4, 20
GROWTH_MIB = 56
"""Less than the files: each upload may hold what a bucket takes at once, three parts of 5 MiB, and the first MiB."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The embedded server, for all shapes."""
    with site(tmp_path_factory.mktemp("uploads")) as here:
        yield here


@pytest.mark.parametrize("shape", SHAPES)
def test_the_server_does_not_grow_with_what_is_sent(here: Site, shape: str) -> None:
    seen = measured(here, shape, UPLOADS, MEGABYTES)

    assert seen.statuses == {SHAPES[shape]}
    assert seen.growth <= GROWTH_MIB
    assert seen.percentile(0.5) < 1, "readers are answered meanwhile"
