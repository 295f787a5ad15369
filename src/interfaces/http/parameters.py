"""Query parameters that many routes share; outside their range they are a 400, never clipped."""

from __future__ import annotations

from typing import Annotated

from litestar.params import QueryParameter

_INT64_MAX = 2**63 - 1
_PAGE_MAX = _INT64_MAX // 100
"""So that a page's first item, too, has a number of 64 bits."""

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="Items to answer")]
Skip = Annotated[int, QueryParameter(ge=0, le=_INT64_MAX, description="Items to pass over")]
Page = Annotated[int, QueryParameter(ge=1, le=_PAGE_MAX, description="Page, from 1")]
PageSize = Annotated[int, QueryParameter(name="pageSize", ge=1, le=100, description="Items on a page")]
