"""The composition root: the only place that knows which adapter meets which port, and the only one that knows how."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from dependency_injector import containers, providers
from dramatiq import Broker
from dramatiq.brokers.redis import RedisBroker
from redis.asyncio import Redis

from application.commands.add_close_friend import AddCloseFriendHandler
from application.commands.archive_story import ArchiveStoryHandler
from application.commands.befriend import BefriendHandler
from application.commands.begin_upload import BeginUploadHandler
from application.commands.block_user import BlockUserHandler
from application.commands.complete_upload import CompleteUploadHandler
from application.commands.create_webhook import CreateWebhookHandler
from application.commands.delete_story import DeleteStoryHandler
from application.commands.delete_webhook import DeleteWebhookHandler
from application.commands.discard_upload import DiscardUploadHandler
from application.commands.edit_story import EditStoryHandler
from application.commands.erase_user import EraseUserHandler
from application.commands.file_report import FileReportHandler
from application.commands.import_graph import ImportGraphHandler
from application.commands.keep_profile import KeepProfileHandler
from application.commands.mute_user import MuteUserHandler
from application.commands.post_story import PostStoryHandler
from application.commands.react_to_story import ReactToStoryHandler
from application.commands.receive_upload import ReceiveUploadHandler
from application.commands.remove_close_friend import RemoveCloseFriendHandler
from application.commands.remove_reaction import RemoveReactionHandler
from application.commands.remove_story import RemoveStoryHandler
from application.commands.replay_dead_letters import ReplayDeadLettersHandler
from application.commands.replay_webhook import ReplayWebhookHandler
from application.commands.reply_to_story import ReplyToStoryHandler
from application.commands.resolve_report import ResolveReportHandler
from application.commands.track_view import TrackViewHandler
from application.commands.unblock_user import UnblockUserHandler
from application.commands.unfriend import UnfriendHandler
from application.commands.unmute_user import UnmuteUserHandler
from application.failpoints import arm
from application.live import Hub
from application.once import PerformOnce
from application.one_shot_uploads import OneShotUploads
from application.policies.archive_expired import ArchiveExpired
from application.policies.clean_archives import CleanArchives
from application.policies.deliver_webhooks import DeliverWebhooks
from application.policies.dispatch_events import DispatchEvents
from application.policies.empty_bin import EmptyBin
from application.policies.erase_users import EraseUsers
from application.policies.forget_answers import ForgetAnswers
from application.policies.forget_audiences import ForgetAudiences
from application.policies.forget_events import ForgetEvents
from application.policies.process_media import ProcessMedia
from application.policies.publish_events import STREAM, PublishEvents
from application.policies.reconcile_objects import ReconcileObjectsHandler
from application.policies.rescue_processing import RescueProcessing
from application.policies.sequence_events import SequenceEvents
from application.ports.backlog import BacklogReader
from application.ports.events import Arrivals, EventCursors, EventReader
from application.ports.feeds import FeedOrders
from application.ports.limits import RateLimiter
from application.ports.live import LiveAudience
from application.ports.media import MediaInspector, MediaRenderer, ObjectStore, Workspaces
from application.ports.streams import EventStream
from application.ports.transactions import NewIds, UnitOfWork
from application.ports.webhooks import WebhookQueue
from application.ports.work import Policy, Wakeups
from application.queries.admit_webhook_url import AdmitWebhookUrlHandler
from application.queries.check_active import CheckActiveHandler
from application.queries.export_user import ExportReader, ExportUserHandler
from application.queries.get_community_story import GetCommunityStoryHandler
from application.queries.get_recommended_feed import GetRecommendedFeedHandler
from application.queries.get_story import GetStoryHandler
from application.queries.list_active_stories import ListActiveStoriesHandler
from application.queries.list_audit import ListAuditHandler
from application.queries.list_blocks import ListBlocksHandler
from application.queries.list_community_stories import ListCommunityStoriesHandler
from application.queries.list_dead_letters import ListDeadLettersHandler
from application.queries.list_deliveries import ListDeliveriesHandler
from application.queries.list_events import ListEventsHandler
from application.queries.list_feed import ListFeedHandler
from application.queries.list_friends import ListFriendsHandler
from application.queries.list_history import ListHistoryHandler
from application.queries.list_replies import ListStoryRepliesHandler, ListUserRepliesHandler
from application.queries.list_reports import ListReportsHandler
from application.queries.list_viewers import ListViewersHandler
from application.queries.list_webhooks import ListWebhooksHandler
from application.queries.open_media import OpenMediaHandler
from application.quotas import Quota, Quotas
from application.webhook_signatures import SECRET_BYTES
from domain.values import MediaHosts
from infrastructure.doctor import Doctor
from infrastructure.identity.claims import ClaimRules
from infrastructure.identity.jwks import PublishedKeys
from infrastructure.identity.keys import KeySource, SharedSecret
from infrastructure.identity.tokens import TokenMaker, Tokens
from infrastructure.ids import new_id
from infrastructure.logs import configure_logs
from infrastructure.media.glass_box import GlassBox
from infrastructure.media.inspector import BytesInspector
from infrastructure.media.links import SignedMediaLinks
from infrastructure.media.objects import StoredObjects, open_store
from infrastructure.media.painting import paint
from infrastructure.media.workspaces import FolderWorkspaces
from infrastructure.memory.feed_orders import MemoryFeedOrders
from infrastructure.memory.rate_limiter import MemoryRateLimiter
from infrastructure.messaging.arrivals import PolledArrivals
from infrastructure.messaging.broker import BrokerWakeups, open_broker
from infrastructure.messaging.dead_letters import DeadLetters
from infrastructure.messaging.live import LiveDelivery
from infrastructure.messaging.relay import CommitSignal, OutboxRelay, Step
from infrastructure.messaging.scheduler import (
    EMPTY_BIN_SECONDS,
    ERASE_SECONDS,
    FORGET_ANSWERS_SECONDS,
    FORGET_AUDIENCES_SECONDS,
    FORGET_EVENTS_SECONDS,
    RESCUE_SECONDS,
    Scheduler,
)
from infrastructure.messaging.worker import PolicyWorker, RunPolicy
from infrastructure.redis.client import open_redis
from infrastructure.redis.event_stream import RedisEventStream
from infrastructure.redis.feed_orders import RedisFeedOrders
from infrastructure.redis.nudges import RedisNudges
from infrastructure.redis.rate_limiter import RedisRateLimiter
from infrastructure.settings import Settings
from infrastructure.sql.backlog import SqlBacklogReader
from infrastructure.sql.community import SqlCommunityReader
from infrastructure.sql.database import Database
from infrastructure.sql.event_cursors import SqlEventCursors
from infrastructure.sql.events import SqlEventReader
from infrastructure.sql.exports import SqlExportReader
from infrastructure.sql.feed import SqlFeedReader
from infrastructure.sql.live import SqlLiveAudience
from infrastructure.sql.migrate import migrate
from infrastructure.sql.moderation import SqlModerationReader
from infrastructure.sql.people import SqlPeopleReader
from infrastructure.sql.readers import SqlStoryReader
from infrastructure.sql.unit_of_work import SqlUnitOfWork
from infrastructure.sql.webhook_queue import SqlWebhookQueue
from infrastructure.sql.webhooks import SqlWebhookReader
from infrastructure.webhooks.sender import HttpWebhookSender
from infrastructure.webhooks.targets import PublicTargets, SystemResolver

REDIS_PREFIX = "stories:"


def _published_keys(url: str | None) -> PublishedKeys | None:
    return None if url is None else PublishedKeys(url)


def _tokens(settings: Settings, published: PublishedKeys | None, rules: ClaimRules) -> Tokens:
    sources: list[KeySource] = [] if published is None else [published]
    if secret := settings.token_secret():
        sources.append(SharedSecret(secret))
    return Tokens(sources, rules)


def _feed_orders(redis: Redis | None, prefix: str) -> FeedOrders:
    return MemoryFeedOrders() if redis is None else RedisFeedOrders(redis, prefix)


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        user=Quota(settings.quota_user_stories, settings.quota_user_bytes),
        org=Quota(settings.quota_org_stories, settings.quota_org_bytes),
    )


def _rate_limiter(redis: Redis | None, prefix: str) -> RateLimiter:
    return MemoryRateLimiter() if redis is None else RedisRateLimiter(redis, prefix)


def _policies(
    process_media: ProcessMedia, empty_bin: EmptyBin, clean_archives: CleanArchives
) -> dict[Policy, RunPolicy]:
    return {
        Policy.PROCESS_MEDIA: process_media,
        Policy.EMPTY_BIN: lambda _org, _story: empty_bin(),
        Policy.CLEAN_ARCHIVES: lambda _org, _story: clean_archives(),
    }


def _event_stream(redis: Redis | None, prefix: str, max_length: int) -> EventStream | None:
    return None if redis is None else RedisEventStream(redis, prefix, max_length=max_length)


def _has_stream(settings: Settings) -> bool:
    return settings.redis_url is not None


def _dead_letters(broker: Broker) -> DeadLetters | None:
    return DeadLetters(broker) if isinstance(broker, RedisBroker) else None


def _readers(settings: Settings) -> frozenset[str]:
    """The cursors that must have passed an event before it is forgotten."""
    return frozenset({STREAM} if _has_stream(settings) else ())


def _relay(
    signal: CommitSignal,
    *,
    sequence: SequenceEvents,
    dispatch: DispatchEvents,
    stream: EventStream | None,
    publish: Callable[[], PublishEvents],
    deliver: DeliverWebhooks,
) -> OutboxRelay:
    following: dict[str, Step] = {"dispatch": dispatch, "deliver": deliver}
    if stream is not None:
        following["publish"] = publish()
    return OutboxRelay(sequence, following, signal)


def _upkeep(
    settings: Settings,
    unit_of_work: UnitOfWork,
    *,
    archive_expired: ArchiveExpired,
    clean_archives: CleanArchives,
    rescue: RescueProcessing,
    empty_bin: EmptyBin,
    forget_answers: ForgetAnswers,
    forget_events: ForgetEvents,
    forget_audiences: ForgetAudiences,
    erase_users: EraseUsers,
) -> Scheduler:
    return Scheduler(
        {
            "archive expired": (archive_expired, settings.sweep_interval_seconds),
            "clean archives": (clean_archives, settings.sweep_interval_seconds),
            "rescue processing": (rescue, RESCUE_SECONDS),
            "empty bin": (empty_bin, EMPTY_BIN_SECONDS),
            "forget answers": (forget_answers, FORGET_ANSWERS_SECONDS),
            "forget audiences": (forget_audiences, FORGET_AUDIENCES_SECONDS),
            "forget events": (forget_events, FORGET_EVENTS_SECONDS),
            "erase users": (erase_users, ERASE_SECONDS),
        },
        unit_of_work,
    )


class Container(containers.DeclarativeContainer):
    """Everything, wired. Connects to nothing until used; `close` what was opened."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    redis_prefix: providers.Provider[str] = providers.Object(REDIS_PREFIX)

    # --- what the ports are met by ---
    database: providers.Provider[Database] = providers.Singleton(Database, settings.provided.database)
    redis: providers.Provider[Redis | None] = providers.Singleton(open_redis, settings.provided.redis_url)
    broker: providers.Provider[Broker] = providers.Singleton(
        open_broker, settings.provided.redis_url, namespace=redis_prefix
    )
    dead_letters: providers.Provider[DeadLetters | None] = providers.Singleton(_dead_letters, broker)
    commit_signal: providers.Provider[CommitSignal] = providers.Singleton(CommitSignal)
    new_id: providers.Provider[NewIds] = providers.Object(new_id)
    linked_hosts: providers.Provider[MediaHosts] = providers.Singleton(MediaHosts, settings.provided.media_hosts)
    paint = providers.Object(paint)
    links: providers.Provider[SignedMediaLinks] = providers.Singleton(SignedMediaLinks, settings.provided.secret.call())
    claim_rules: providers.Provider[ClaimRules] = providers.Singleton(
        ClaimRules,
        issuer=settings.provided.jwt_issuer,
        audience=settings.provided.jwt_audience,
        require_org=settings.provided.jwt_require_org,
    )
    published_keys: providers.Provider[PublishedKeys | None] = providers.Singleton(
        _published_keys, settings.provided.jwt_jwks_url
    )
    tokens: providers.Provider[Tokens] = providers.Singleton(_tokens, settings, published_keys, claim_rules)
    token_maker: providers.Provider[TokenMaker] = providers.Singleton(
        TokenMaker,
        settings.provided.secret.call(),
        issuer=settings.provided.jwt_issuer,
        audience=settings.provided.jwt_audience,
    )
    objects: providers.Provider[ObjectStore] = providers.Singleton(
        StoredObjects,
        providers.Singleton(open_store, settings.provided.media_url, settings.provided.media_folder),
    )
    inspector: providers.Provider[MediaInspector] = providers.Singleton(BytesInspector)
    workspaces: providers.Provider[Workspaces] = providers.Singleton(FolderWorkspaces, settings.provided.work_folder)
    renderer: providers.Provider[MediaRenderer] = providers.Singleton(GlassBox)
    wakeups: providers.Provider[Wakeups] = providers.Singleton(BrokerWakeups, broker)
    feed_orders: providers.Provider[FeedOrders] = providers.Singleton(_feed_orders, redis, redis_prefix)
    rate_limiter: providers.Provider[RateLimiter] = providers.Singleton(_rate_limiter, redis, redis_prefix)
    unit_of_work: providers.Provider[UnitOfWork] = providers.Singleton(SqlUnitOfWork, database, new_id, commit_signal)
    story_reader: providers.Provider[SqlStoryReader] = providers.Singleton(SqlStoryReader, database, links)
    feed_reader: providers.Provider[SqlFeedReader] = providers.Singleton(
        SqlFeedReader, database, links, settings.provided.feed_public
    )
    community_reader: providers.Provider[SqlCommunityReader] = providers.Singleton(
        SqlCommunityReader, database, links, settings.provided.expose_email
    )
    live_audience: providers.Provider[LiveAudience] = providers.Singleton(
        SqlLiveAudience, database, settings.provided.feed_public
    )
    backlog_reader: providers.Provider[BacklogReader] = providers.Singleton(
        SqlBacklogReader, database, stream=providers.Factory(_has_stream, settings)
    )
    event_reader: providers.Provider[EventReader] = providers.Singleton(SqlEventReader, database)
    event_cursors: providers.Provider[EventCursors] = providers.Singleton(SqlEventCursors, database)
    event_stream: providers.Provider[EventStream | None] = providers.Singleton(
        _event_stream, redis, redis_prefix, settings.provided.stream_max_length
    )
    arrivals: providers.Provider[Arrivals] = providers.Singleton(PolledArrivals, event_reader, commit_signal)
    moderation_reader: providers.Provider[SqlModerationReader] = providers.Singleton(SqlModerationReader, database)
    people_reader: providers.Provider[SqlPeopleReader] = providers.Singleton(SqlPeopleReader, database)
    export_reader: providers.Provider[ExportReader] = providers.Singleton(SqlExportReader, database, links)

    webhook_reader: providers.Provider[SqlWebhookReader] = providers.Singleton(SqlWebhookReader, database)
    webhook_queue: providers.Provider[WebhookQueue] = providers.Singleton(SqlWebhookQueue, database, new_id)
    resolver: providers.Provider[SystemResolver] = providers.Singleton(SystemResolver)
    webhook_targets: providers.Provider[PublicTargets] = providers.Singleton(
        PublicTargets, settings.provided.webhook_targets, resolver
    )
    webhook_sender: providers.Provider[HttpWebhookSender] = providers.Singleton(HttpWebhookSender, webhook_targets)
    new_secret: providers.Provider[Callable[[], bytes]] = providers.Object(partial(secrets.token_bytes, SECRET_BYTES))

    quotas: providers.Provider[Quotas] = providers.Singleton(_quotas, settings)

    # --- commands ---
    add_close_friend = providers.Factory(AddCloseFriendHandler, unit_of_work)
    archive_story = providers.Factory(ArchiveStoryHandler, unit_of_work)
    befriend = providers.Factory(BefriendHandler, unit_of_work)
    begin_upload = providers.Factory(
        BeginUploadHandler, unit_of_work, new_id, quotas, objects, settings.provided.upload_direct
    )
    block_user = providers.Factory(BlockUserHandler, unit_of_work)
    create_webhook = providers.Factory(CreateWebhookHandler, unit_of_work, event_reader, new_id, new_secret)
    delete_story = providers.Factory(DeleteStoryHandler, unit_of_work)
    delete_webhook = providers.Factory(DeleteWebhookHandler, unit_of_work)
    discard_upload = providers.Factory(DiscardUploadHandler, unit_of_work, objects)
    edit_story = providers.Factory(EditStoryHandler, unit_of_work)
    erase_user = providers.Factory(EraseUserHandler, unit_of_work)
    file_report = providers.Factory(FileReportHandler, unit_of_work, new_id)
    import_graph = providers.Factory(ImportGraphHandler, unit_of_work)
    keep_profile = providers.Factory(KeepProfileHandler, unit_of_work)
    mute_user = providers.Factory(MuteUserHandler, unit_of_work)
    complete_upload = providers.Factory(CompleteUploadHandler, unit_of_work, objects, inspector)
    post_story = providers.Factory(PostStoryHandler, unit_of_work, new_id, linked_hosts, quotas)
    react_to_story = providers.Factory(ReactToStoryHandler, unit_of_work)
    receive_upload = providers.Factory(ReceiveUploadHandler, unit_of_work, objects, inspector)
    remove_close_friend = providers.Factory(RemoveCloseFriendHandler, unit_of_work)
    remove_reaction = providers.Factory(RemoveReactionHandler, unit_of_work)
    remove_story = providers.Factory(RemoveStoryHandler, unit_of_work, new_id)
    replay_webhook = providers.Factory(ReplayWebhookHandler, unit_of_work, event_reader)
    replay_dead_letters = providers.Factory(ReplayDeadLettersHandler, webhook_reader, replay_webhook)
    reply_to_story = providers.Factory(ReplyToStoryHandler, unit_of_work, new_id)
    resolve_report = providers.Factory(ResolveReportHandler, unit_of_work, new_id)
    track_view = providers.Factory(TrackViewHandler, unit_of_work)
    unblock_user = providers.Factory(UnblockUserHandler, unit_of_work)
    unfriend = providers.Factory(UnfriendHandler, unit_of_work)

    unmute_user = providers.Factory(UnmuteUserHandler, unit_of_work)
    perform_once = providers.Factory(PerformOnce, unit_of_work)
    one_shot_uploads = providers.Factory(OneShotUploads, begin_upload, receive_upload, discard_upload)

    # --- queries ---
    admit_webhook_url = providers.Factory(AdmitWebhookUrlHandler, webhook_targets)
    check_active = providers.Factory(CheckActiveHandler, story_reader)
    export_user = providers.Factory(ExportUserHandler, export_reader)
    get_community_story = providers.Factory(GetCommunityStoryHandler, community_reader)
    get_recommended_feed = providers.Factory(GetRecommendedFeedHandler, feed_reader, feed_orders, new_id)
    get_story = providers.Factory(GetStoryHandler, story_reader)
    list_active_stories = providers.Factory(ListActiveStoriesHandler, story_reader)
    list_audit = providers.Factory(ListAuditHandler, moderation_reader)
    list_blocks = providers.Factory(ListBlocksHandler, people_reader)
    list_community_stories = providers.Factory(ListCommunityStoriesHandler, community_reader)
    list_dead_letters = providers.Factory(ListDeadLettersHandler, webhook_reader)
    list_deliveries = providers.Factory(ListDeliveriesHandler, webhook_reader)
    list_events = providers.Factory(ListEventsHandler, event_reader, arrivals, settings.provided.address)
    list_feed = providers.Factory(ListFeedHandler, feed_reader)
    list_friends = providers.Factory(ListFriendsHandler, people_reader)
    list_history = providers.Factory(ListHistoryHandler, story_reader)
    list_reports = providers.Factory(ListReportsHandler, moderation_reader)
    list_story_replies = providers.Factory(ListStoryRepliesHandler, people_reader)
    list_user_replies = providers.Factory(ListUserRepliesHandler, people_reader)
    list_viewers = providers.Factory(ListViewersHandler, people_reader)
    list_webhooks = providers.Factory(ListWebhooksHandler, webhook_reader)
    open_media = providers.Factory(OpenMediaHandler, story_reader, objects, settings.provided.media_redirect)

    # --- policies, and the processes that run them ---
    archive_expired = providers.Factory(ArchiveExpired, unit_of_work)
    clean_archives = providers.Factory(
        CleanArchives,
        unit_of_work,
        settings.provided.analytics_retention_seconds,
        settings.provided.media_grace_seconds,
    )
    deliver_webhooks = providers.Factory(
        DeliverWebhooks,
        webhook_queue,
        event_reader,
        webhook_sender,
        settings.provided.address,
        settings.provided.webhook_retry_seconds,
    )
    dispatch_events = providers.Factory(DispatchEvents, unit_of_work, wakeups)
    empty_bin = providers.Factory(EmptyBin, unit_of_work, objects)
    erase_users = providers.Factory(EraseUsers, unit_of_work, feed_orders, empty_bin, objects)
    forget_answers = providers.Factory(ForgetAnswers, unit_of_work)
    forget_events = providers.Factory(
        ForgetEvents,
        unit_of_work,
        settings.provided.events_retention_seconds,
        providers.Factory(_readers, settings),
    )
    forget_audiences = providers.Factory(ForgetAudiences, unit_of_work, settings.provided.events_retention_seconds)
    process_media = providers.Factory(ProcessMedia, unit_of_work, objects, renderer, workspaces, wakeups)
    publish_events = providers.Factory(
        PublishEvents, event_reader, event_cursors, event_stream, settings.provided.address
    )
    reconcile_objects = providers.Factory(ReconcileObjectsHandler, unit_of_work, objects)
    rescue_processing = providers.Factory(RescueProcessing, unit_of_work, wakeups)
    sequence_events = providers.Factory(SequenceEvents, unit_of_work)

    worker: providers.Provider[PolicyWorker] = providers.Singleton(
        PolicyWorker, broker, providers.Factory(_policies, process_media, empty_bin, clean_archives)
    )
    hub: providers.Provider[Hub] = providers.Singleton(
        Hub, event_reader, live_audience, user_max=settings.provided.live_user_max, all_max=settings.provided.live_max
    )
    live: providers.Provider[LiveDelivery] = providers.Singleton(LiveDelivery, hub, commit_signal)
    nudges: providers.Provider[RedisNudges] = providers.Singleton(RedisNudges, redis, redis_prefix, commit_signal)
    relay: providers.Provider[OutboxRelay] = providers.Singleton(
        _relay,
        commit_signal,
        sequence=sequence_events,
        dispatch=dispatch_events,
        stream=event_stream,
        publish=publish_events.provider,
        deliver=deliver_webhooks,
    )
    scheduler: providers.Provider[Scheduler] = providers.Singleton(
        _upkeep,
        settings,
        unit_of_work,
        archive_expired=archive_expired,
        clean_archives=clean_archives,
        rescue=rescue_processing,
        empty_bin=empty_bin,
        forget_answers=forget_answers,
        forget_events=forget_events,
        forget_audiences=forget_audiences,
        erase_users=erase_users,
    )
    doctor: providers.Provider[Doctor] = providers.Singleton(
        Doctor, database=database, objects=objects, redis=redis, published_keys=published_keys
    )


def configure_process(settings: Settings) -> None:
    """Set what holds for the whole process: its logs, and where it is to fail."""
    configure_logs(settings.log_level)
    arm(settings.plan)


def migrate_database(settings: Settings) -> None:
    """Bring the database to the schema of this version."""
    migrate(settings.migrate_database_url or settings.database)


async def close(container: Container) -> None:
    """Close every connection that was opened, and end what was started."""
    if isinstance(renderer := container.renderer(), GlassBox):
        await renderer.close()
    await container.webhook_sender().close()
    container.resolver().close()
    await container.database().close()
    container.broker().close()
    if redis := container.redis():
        await redis.aclose()
    if published_keys := container.published_keys():
        await published_keys.close()
