"""The command line: one command for each part of the service. The only room here that sees the container."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from application.ports.errors import UnavailableError
from domain.errors import InvalidError
from domain.values import org_id, user_id
from infrastructure.settings import Settings, SettingsError, load_settings
from interfaces.cli.calls import command, url_of

_DAY_SECONDS = 86_400

_Value = TypeVar("_Value")


def main() -> int:
    """Run the command of the command line; the answer is the exit code of the process."""
    return run(sys.argv[1:])


def run(arguments: Sequence[str]) -> int:
    """Run a command; the answer is the exit code of the process: 2 if it was called or set up wrong."""
    options = _parser().parse_args(arguments)
    command_of = {
        "serve": serve,
        "worker": part,
        "relay": part,
        "scheduler": part,
        "migrate": migrate,
        "token": token,
        "demo": demo,
        "doctor": doctor,
        "reconcile": reconcile,
        "dead-letters": dead_letters,
    }[options.command]
    try:
        settings = load_settings(os.environ)
        settings.make_folder()
        return command_of(settings, options)
    except SettingsError as error:
        return _refuse(str(error), code=2)
    except UnavailableError as error:
        return _refuse(str(error))


def serve(settings: Settings, _: argparse.Namespace) -> int:
    """Serve HTTP; without Redis this process also works the queue, relays events and keeps the clock."""
    from interfaces.cli.serve import serve_http
    from interfaces.http.app import create_app

    _configure(settings)
    if settings.embedded_database:
        _migrate(settings)
    elif problem := _database_problem(settings):
        return _refuse(problem)
    issuer = settings.jwt_jwks_url if settings.token_secret() is None else None
    get_token = f"ask the issuer of {issuer}" if issuer else command("token", "alice", data_dir=_own_data_dir(settings))
    serve_http(create_app(settings), settings.host, settings.port, get_token=get_token)
    return 0


def part(settings: Settings, options: argparse.Namespace) -> int:
    """Run a worker, a relay or a scheduler until it is told to stop."""
    if settings.in_process:
        return _refuse(
            f"without STORIES_REDIS_URL `stories serve` is its own {options.command}; there is nothing to run", code=2
        )
    from interfaces.worker.app import run_part

    _configure(settings)
    if problem := _database_problem(settings):
        return _refuse(problem)
    run_part(options.command, settings)
    return 0


def migrate(settings: Settings, _: argparse.Namespace) -> int:
    """Bring the database to the schema of this version."""
    _configure(settings)
    _migrate(settings)
    print("database: at the schema of this version")
    return 0


def token(settings: Settings, options: argparse.Namespace) -> int:
    """Print a token for a user, as the application that uses the service would make it."""
    # Not through the container, which knows everything: people call this within other commands, and it should be quick.
    from infrastructure.identity.tokens import TokenMaker

    claims: dict[str, object] = {"preferred_username": options.user, "name": options.name or options.user}
    if options.email:
        claims["email"] = options.email
    if options.org:
        claims["org"] = options.org
    if options.role:
        claims["roles"] = options.role
    maker = TokenMaker(_token_secret(settings), issuer=settings.jwt_issuer, audience=settings.jwt_audience)
    print(maker.make(options.user, ttl_seconds=options.ttl, **claims))
    return 0


def demo(settings: Settings, _: argparse.Namespace) -> int:
    """Fill the service with a few people, friendships and stories, and say how to look around."""
    from infrastructure.container import Container, close
    from interfaces.cli.demo import Demo

    _configure(settings)
    _token_secret(settings)
    if settings.embedded_database:
        _migrate(settings)
    elif problem := _database_problem(settings):
        return _refuse(problem)

    async def run() -> None:
        container = Container(settings=settings)
        try:
            await Demo(
                begin_upload=container.begin_upload(),
                receive_upload=container.receive_upload(),
                post_story=container.post_story(),
                befriend=container.befriend(),
                keep_profile=container.keep_profile(),
                track_view=container.track_view(),
                react=container.react_to_story(),
                reply=container.reply_to_story(),
                list_active=container.list_active_stories(),
                list_history=container.list_history(),
                process_media=container.process_media(),
                empty_bin=container.empty_bin(),
                paint=container.paint(),
                make_token=container.token_maker().make,
                origin=settings.public_url.rstrip("/") if settings.public_url else url_of(settings.host, settings.port),
                serve=command("serve", data_dir=_own_data_dir(settings)),
            )()
        finally:
            await close(container)

    asyncio.run(run())
    return 0


def doctor(settings: Settings, _: argparse.Namespace) -> int:
    """Ask every configured store whether it works; the exit code is 1 if one does not."""
    from infrastructure.container import Container, close

    async def examine() -> dict[str, str | None]:
        container = Container(settings=settings)
        try:
            return await container.doctor().examine()
        finally:
            await close(container)

    _configure(settings)
    found = asyncio.run(examine())
    for store, problem in found.items():
        print(f"{store}: {problem or 'ok'}")
    return 1 if any(found.values()) else 0


def reconcile(settings: Settings, options: argparse.Namespace) -> int:
    """Compare the object store with the database and repair what differs; the exit code is 1 if something did."""
    from application.policies.reconcile_objects import Differences, ReconcileObjects
    from infrastructure.container import Container, close

    async def compare() -> Differences:
        container = Container(settings=settings)
        try:
            found: Differences = await container.reconcile_objects()(ReconcileObjects(repair=not options.dry_run))
            if not options.dry_run:
                await container.empty_bin()()
            return found
        finally:
            await close(container)

    _configure(settings)
    if problem := _database_problem(settings):
        return _refuse(problem)
    found = asyncio.run(compare())
    for key in found.orphans:
        print(f"nobody's: {key}")
    for key in found.missing:
        print(f"missing: {key}")
    for story_id in found.stories:
        print(f"without media now: {story_id}")
    print(f"{found.listed} objects, {found.kept} in use, {len(found.orphans)} nobody's, {len(found.missing)} missing")
    return 1 if found.orphans or found.missing else 0


def dead_letters(settings: Settings, options: argparse.Namespace) -> int:
    """List what was given up by workers and at webhooks, or send it again."""
    from application.commands.replay_dead_letters import ReplayDeadLetters
    from application.queries.list_dead_letters import ListDeadLetters
    from infrastructure.container import Container, close

    async def run() -> None:
        container = Container(settings=settings)
        try:
            messages = container.dead_letters()  # none without Redis: there, messages live and die with their process
            if options.action == "replay":
                only = frozenset(options.ids)
                replayed = messages.replay(only) if messages else 0
                replayed += await container.replay_dead_letters()(ReplayDeadLetters(only=only))
                print(f"{replayed} sent again")
                return
            for letter in messages.all() if messages else ():
                print(f"{letter.id} {letter.at:%Y-%m-%dT%H:%M:%SZ} {letter.policy} {letter.org} {letter.story}")
                print(f"  {letter.reason}" if letter.reason else "  too old, or given up without a reason")
            for dead in await container.list_dead_letters()(ListDeadLetters()):
                print(f"{dead.id} {dead.at:%Y-%m-%dT%H:%M:%SZ} webhook {dead.org} {dead.url}")
                print(f"  {dead.type} at {dead.position}: {dead.reason or f'answered {dead.http_status}'}")
        finally:
            await close(container)

    _configure(settings)
    if problem := _database_problem(settings):
        return _refuse(problem)
    asyncio.run(run())
    return 0


def _configure(settings: Settings) -> None:
    from infrastructure.container import configure_process

    configure_process(settings)


def _migrate(settings: Settings) -> None:
    from infrastructure.container import migrate_database

    migrate_database(settings)


def _database_problem(settings: Settings) -> str | None:
    """Why the database cannot be used as it is; None: it can."""
    from infrastructure.container import Container, close

    async def examine() -> str | None:
        container = Container(settings=settings)
        try:
            problem: str | None = await container.doctor().database_problem()
            return problem and f"database: {problem}"
        finally:
            await close(container)

    return asyncio.run(examine())


def _token_secret(settings: Settings) -> bytes:
    secret = settings.token_secret()
    if secret is None:
        raise SettingsError("STORIES_JWT_SECRET: set it to make tokens here; without, only the issuer of the keys does")
    return secret


def _own_data_dir(settings: Settings) -> str | None:
    """The data folder, if it is another than the one that is taken without a word."""
    return None if settings.data_dir == Settings().data_dir else settings.data_dir


def _refuse(reason: str, *, code: int = 1) -> int:
    print(f"stories: {reason}", file=sys.stderr)
    return code


class _Version(argparse.Action):
    """Prints the version; finding it takes time, and so it is not looked for before."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version

        print(f"stories {version('stories')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stories", description="Stories: posts that live for a day.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, does in {
        "serve": "serve HTTP (without Redis also worker, relay and scheduler)",
        "worker": "run policies: process media, delete what is discarded",
        "relay": "dispatch events from the outbox",
        "scheduler": "run upkeep by the clock: archive expired stories, rescue lost work",
        "migrate": "bring the database to the schema of this version",
        "demo": "fill the service with a few people and stories",
        "doctor": "check every configured store",
    }.items():
        commands.add_parser(name, help=does, description=does)
    letters = commands.add_parser(
        "dead-letters",
        help="list what was given up by workers and at webhooks, or send it again",
        description=dead_letters.__doc__,
    )
    actions = letters.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="print them, oldest first")
    replaying = actions.add_parser("replay", help="send them again, or only those that are named")
    replaying.add_argument("ids", nargs="*", metavar="ID")
    comparing = commands.add_parser(
        "reconcile", help="compare the object store with the database, and repair", description=reconcile.__doc__
    )
    comparing.add_argument("--dry-run", action="store_true", help="only tell")
    making = commands.add_parser("token", help="print a token for a user", description="Print a token for a user.")
    making.add_argument("user", type=_checked(user_id), metavar="USER")
    making.add_argument("--email")
    making.add_argument("--name")
    making.add_argument("--role", action="append", choices=["service", "moderator", "admin"])
    making.add_argument("--org", type=_checked(org_id))
    making.add_argument(
        "--ttl", type=_checked(_seconds), default=_DAY_SECONDS, metavar="SECONDS", help="default: a day"
    )
    return parser


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise InvalidError("ttl", "A token lives for whole seconds, 1 or more")
    return int(text)


def _checked(read: Callable[[str], _Value]) -> Callable[[str], _Value]:
    """The rule's own words, where the parser would say that a value is invalid."""

    def checked(text: str) -> _Value:
        try:
            return read(text)
        except InvalidError as error:
            raise argparse.ArgumentTypeError(error.detail) from None

    return checked


if __name__ == "__main__":
    sys.exit(main())
