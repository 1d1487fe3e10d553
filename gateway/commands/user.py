"""`sluicegate user`: users, looked at and mended by whoever may read the data directory.

Works on the database itself, whether a gateway runs on it or not; one that runs hears of it within a second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from gateway import claims
from gateway.access.roles import ROLES
from gateway.commands import options
from gateway.commands.opening import OPERATOR, perform
from gateway.commands.refusal import Refusal
from gateway.commands.tables import table
from gateway.management import invitations, links, people, sessions
from gateway.management.links import LinkView, LinkWish
from gateway.management.office import Office
from gateway.management.people import NewUser, UserFilter, UserView, UserWish
from gateway.settings.section import RoleName

AT_ONCE = 200
"""Users read in one go."""

COLUMNS: tuple[tuple[str, Callable[[UserView], str]], ...] = (
    ("EMAIL", lambda user: user.email),
    ("ROLE", lambda user: user.role),
    ("STATE", lambda user: "disabled" if user.disabled else "active"),
    ("PASSWORD", lambda user: "yes" if user.has_password else "no"),
    ("LAST LOGIN", lambda user: (user.last_login_at or "never")[:19].replace("T", " ")),
    ("NAME", lambda user: user.name),
)

C = TypeVar("C", bound=Callable[..., Any])

role = click.Choice(list(ROLES))


def placed(command: C) -> C:
    """The options that every one of these commands takes."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return options.config(options.data_dir(as_json(command)))


@click.group("user")
def command() -> None:
    """List, add and mend users, also while no gateway runs."""


@command.command("list")
@placed
@click.option("--role", type=role, help="Only those with this role.")
@click.option("--search", metavar="TEXT", help="Only those with this in their address or name.")
def list_users(config: Path | None, data_dir: str | None, as_json: bool, **asked: Any) -> None:
    """List users, latest first."""
    wanted = UserFilter(**asked)
    users = perform((config, data_dir), lambda office: _all(office, wanted))
    _print(users, as_json, lambda: table(COLUMNS, users))


@command.command("add")
@placed
@click.argument("email")
@click.option("--name", default="", help="What the person is called.")
@click.option("--role", type=role, default="member", show_default=True, help="What they may do.")
@click.option("--password", "ask", is_flag=True, help="Ask for a password, or read it from standard input.")
def add(config: Path | None, data_dir: str | None, as_json: bool, ask: bool, **wish: Any) -> None:
    """Add a user, and print a link with which they choose a password."""
    password = _read_password() if ask else None
    wished = NewUser(password=password, **wish)

    async def work(office: Office) -> tuple[people.MadeUser, str]:
        made = await people.create_user(office, OPERATOR, wished)
        return made, f"added {made.user.email} as {made.user.role}{_address(office, made.link)}"

    made, told = perform((config, data_dir), work, make=True)
    _print(made, as_json, lambda: told)


@command.command("password")
@placed
@click.argument("email")
@click.option("--link", is_flag=True, help="Print a link with which they choose one, in place of asking for it.")
def password(config: Path | None, data_dir: str | None, as_json: bool, email: str, link: bool) -> None:
    """Set a user's password, asked for or read from standard input. Their sessions end."""
    chosen = None if link else _read_password()

    async def work(office: Office) -> tuple[UserView | LinkView, str]:
        user = await people.find_user(office, OPERATOR, email)
        if chosen is None:
            made = await people.make_password_link(office, OPERATOR, user.id, LinkWish())
            return made, f"a link with which {user.email} chooses a password{_address(office, made)}"
        return await people.set_password(office, OPERATOR, user.id, chosen), f"{user.email} has a new password"

    shown, told = perform((config, data_dir), work)
    _print(shown, as_json, lambda: told)


@command.command("role")
@placed
@click.argument("email")
@click.argument("role", type=role)
def change_role(config: Path | None, data_dir: str | None, as_json: bool, email: str, role: RoleName) -> None:
    """Give a user another role. Their sessions and API tokens end."""
    user = perform((config, data_dir), lambda office: _change(office, email, role=role))
    _print(user, as_json, lambda: f"{user.email} is {user.role}")


@command.command("disable")
@placed
@click.argument("email")
def disable(config: Path | None, data_dir: str | None, as_json: bool, email: str) -> None:
    """Keep a user out. Their sessions and API tokens end, their client keys are refused."""
    user = perform((config, data_dir), lambda office: _change(office, email, disabled=True))
    _print(user, as_json, lambda: f"{user.email} is disabled")


@command.command("enable")
@placed
@click.argument("email")
def enable(config: Path | None, data_dir: str | None, as_json: bool, email: str) -> None:
    """Let a user in again."""
    user = perform((config, data_dir), lambda office: _change(office, email, disabled=False))
    _print(user, as_json, lambda: f"{user.email} is enabled")


@command.command("setup-link")
@placed
def setup_link(config: Path | None, data_dir: str | None, as_json: bool) -> None:
    """Print a link that makes the first owner. Earlier ones no longer work."""

    async def work(office: Office) -> tuple[LinkView, str]:
        link = await invitations.make_setup_link(office, OPERATOR)
        if link is None:
            raise Refusal("there is an owner already: `sluicegate user password EMAIL` gives them a new password")
        return link, f"a link that makes the first owner{_address(office, link)}"

    link, told = perform((config, data_dir), work, make=True)
    _print(link, as_json, lambda: told)


@command.command("end-sessions")
@placed
@click.argument("email")
def end_sessions(config: Path | None, data_dir: str | None, as_json: bool, email: str) -> None:
    """Log a user out everywhere."""

    async def work(office: Office) -> int:
        user = await people.find_user(office, OPERATOR, email)
        return await sessions.end_sessions(office, OPERATOR, user.id)

    ended = perform((config, data_dir), work)
    _print({"ended": ended}, as_json, lambda: f"{ended} {'session' if ended == 1 else 'sessions'} ended")


async def _all(office: Office, wanted: UserFilter) -> list[UserView]:
    users: list[UserView] = []
    while page := await people.list_users(
        office, OPERATOR, wanted, after_id=users[-1].id if users else None, limit=AT_ONCE
    ):
        users += page
    return users


async def _change(office: Office, email: str, **wished: Any) -> UserView:
    user = await people.find_user(office, OPERATOR, email)
    same = {name: getattr(user, name) for name in UserWish.__struct_fields__}
    return await people.change_user(office, OPERATOR, user.id, UserWish(**{**same, **wished}), user.version)


def _read_password() -> str:
    """A password from the keyboard, typed twice and not shown, or the first line of what is piped in."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _address(office: Office, link: LinkView | None) -> str:
    """A link as people open it, and how long it works; nothing where there is none."""
    if link is None:
        return ""
    server = office.settings.server
    running = claims.find(Path(server.data_dir))
    start = server.public_url.rstrip("/") or (running.url if running else f"http://{server.listen}")
    return f"\nopen this before {link.expires_at[:16].replace('T', ' ')} UTC:\n{start}{links.path_of(link)}"


def _print(shown: Any, as_json: bool, text: Callable[[], str]) -> None:
    click.echo(msgspec.json.encode(shown) if as_json else text())
