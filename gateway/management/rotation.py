"""A new vault key: everything that is sealed is sealed anew, in one transaction, and only then is the old key let go.

Killed at any point, the gateway still opens everything: until the transaction is committed the old key is the right
one, and from then on the new one, which lies beside it (`unlock` tries both).
"""

from __future__ import annotations

from pathlib import Path

from gateway.credentials.keyfile import key_file, make_file, next_key_file, read_file
from gateway.credentials.vault import Vault
from gateway.errors import Unacceptable
from gateway.management.office import Actor, Change, Office, Subject
from gateway.settings.model import Settings
from gateway.store.session import Session

WRITE = "system:write"


async def rotate_key(office: Office, actor: Actor, settings: Settings, new_key: bytes | None = None) -> int:
    """Seal everything with another key; how many values that were.

    Without `new_key` the key file of the data directory is replaced by a new one. With it the settings must say that
    key from now on. Raises NotPermitted, Unacceptable, KeyUnusable, StateUnavailable.
    """
    actor.require(WRITE)
    if new_key is not None:
        return await _reseal(office, actor, Vault(new_key))
    if settings.vault.key:
        raise Unacceptable("The settings say the vault key, so only they can replace it: give the new one as well.")
    data_dir = Path(settings.server.data_dir)
    current, following = key_file(data_dir), next_key_file(data_dir)
    await office.change(actor, lambda change: _finish_former(change.session, office, current, following))
    count = await _reseal(office, actor, Vault(make_file(following)))
    following.replace(current)
    return count


def _finish_former(session: Session, office: Office, current: Path, following: Path) -> None:
    """A change of keys that was cut short left its key behind: put it into place if it is the right one by now."""
    left = read_file(following)
    if left is None:
        return
    if office.unlock(session).vault.mark == Vault(left).mark:
        following.replace(current)
    else:
        following.unlink()


async def _reseal(office: Office, actor: Actor, following: Vault) -> int:
    def perform(change: Change) -> int:
        count = _reseal_secrets(change, following) + _reseal_objects(change, following)
        # Neither is worth keeping: who was logging in begins again, who repeats a request makes it.
        change.session.run("vault/forget_flows")
        change.session.run("vault/forget_answers")
        change.count("configuration")
        change.note("vault.rotate", Subject("vault"), after={"sealed_anew": count})
        return count

    return await office.change(actor, perform)


def _reseal_secrets(change: Change, following: Vault) -> int:
    rows = change.session.rows("vault/secrets")
    vault = change.vault  # found by these very secrets: before the first of them is sealed anew
    for name, sealed in ((row["name"], row["sealed"]) for row in rows):
        context = f"server/{name}"
        anew = following.seal(vault.open(sealed, context), context)
        change.session.run("vault/reseal_secret", {"name": name, "sealed": anew})
    return len(rows)


def _reseal_objects(change: Change, following: Vault) -> int:
    rows = change.session.rows("vault/sealed_objects")
    for kind, name, sealed in ((row["kind"], row["name"], row["sealed"]) for row in rows):
        context = f"configuration/{kind}/{name}"
        anew = following.seal(change.vault.open(sealed, context), context)
        change.session.run("vault/reseal_object", {"kind": kind, "name": name, "sealed": anew})
    return len(rows)
