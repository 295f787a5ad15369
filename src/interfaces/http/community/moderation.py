"""Moderation over the community API: reports by anybody, and what moderators make of them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from application.commands.file_report import FiledReport, FileReportHandler
from application.commands.remove_story import RemoveStory, RemoveStoryHandler
from application.commands.resolve_report import ResolvedReport, ResolveReport, ResolveReportHandler
from application.oversight import MODERATORS
from application.queries.list_audit import AuditPage, ListAudit, ListAuditHandler
from application.queries.list_reports import ListReports, ListReportsHandler, ReportPage
from domain.moderation import ReportStatus
from interfaces.http.bodies import story_id_of
from interfaces.http.community.answers import Succeeded
from interfaces.http.community.bodies import ReportBody, ResolveBody, named_one, report_id_of
from interfaces.http.limits import POSTS
from interfaces.http.once import Once
from interfaces.http.parameters import Page, PageSize
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest

_BEFORE: Final = ResponseSpec(FiledReport, description="It was filed before", generate_examples=False)


def moderators_alone(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Let only moderators pass, before what they ask for is read.

    Raises:
        RoleRequiredError: the caller is none.
    """
    connection.user.require_role(*MODERATORS)


@post(
    "/client/community/reports",
    opt=POSTS,
    operation_id="reportToModerators",
    responses={**specs(404, 409, 413, 415), 200: _BEFORE},
)
async def file_report(
    data: JSONBody[ReportBody],
    request: StoriesRequest,
    file_report: NamedDependency[FileReportHandler],
    once: NamedDependency[Once],
) -> Response[FiledReport]:
    """Report a story or a person to the moderators. Again, while the report is open: the first one, as 200."""
    async with once(data) as perform:
        filed = await perform(file_report, data.command(request.user))
    return Response(filed.report, status_code=200 if filed.before else 201)


@get("/community/reports", guards=[moderators_alone], operation_id="listReports", responses=specs())
async def list_reports(
    request: StoriesRequest,
    list_reports: NamedDependency[ListReportsHandler],
    status: Annotated[
        str | None, QueryParameter(description="Of which; absent: of any", enum=list(ReportStatus))
    ] = None,
    page: Page = 1,
    page_size: PageSize = 20,
) -> ReportPage:
    """List reports, oldest first; for moderators."""
    # Read by hand: the framework takes the word `null` for none.
    of_status = None if status is None else named_one(ReportStatus, status, "status")
    return await list_reports(ListReports(caller=request.user, status=of_status, page=page, page_size=page_size))


@post(
    "/community/reports/{report_id:str}/resolve",
    status_code=200,
    guards=[moderators_alone],
    operation_id="resolveReport",
    responses=specs(404, 409, 413, 415),
)
async def resolve_report(
    report_id: FromPath[str],
    data: JSONBody[ResolveBody],
    request: StoriesRequest,
    resolve_report: NamedDependency[ResolveReportHandler],
    once: NamedDependency[Once],
) -> ResolvedReport:
    """Dismiss a report, or remove the story and resolve every open report of it; for moderators."""
    act = data.named_act()
    known = report_id_of(report_id)
    async with once(data) as perform:
        return await perform(resolve_report, ResolveReport(caller=request.user, report_id=known, act=act))


@delete(
    "/community/stories/{story_id:str}",
    status_code=200,
    guards=[moderators_alone],
    operation_id="removeStory",
    responses=specs(404),
)
async def remove_story(
    story_id: FromPath[str], request: StoriesRequest, remove_story: NamedDependency[RemoveStoryHandler]
) -> Succeeded:
    """Remove a story and resolve every open report of it; for moderators. Its owner keeps it in the archive."""
    await remove_story(RemoveStory(caller=request.user, story_id=story_id_of(story_id)))
    return Succeeded()


@get("/community/audit", guards=[moderators_alone], operation_id="listAudit", responses=specs())
async def list_audit(
    request: StoriesRequest,
    list_audit: NamedDependency[ListAuditHandler],
    page: Page = 1,
    page_size: PageSize = 20,
) -> AuditPage:
    """List what moderators did, newest first; for moderators."""
    return await list_audit(ListAudit(caller=request.user, page=page, page_size=page_size))


moderation_routes = [file_report, list_reports, resolve_report, remove_story, list_audit]
