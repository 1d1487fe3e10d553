"""A new vault key: everything that is sealed is sealed anew, in one transaction, and only then is the old key let go.

Killed at any point, the gateway still opens everything: until the transaction is committed the old key is the right
one, and from then on the new one, which lies beside it (`unlock` tries both).
"""

from __future__ import annotations

from pathlib import Path

from gateway import logs
from gateway.credentials.keyfile import key_file, make_file, next_key_file, read_file
from gateway.credentials.vault import Vault, VaultError
from gateway.errors import Unacceptable
from gateway.management.office import Actor, Change, Office, Subject
from gateway.settings.model import Settings
from gateway.store.session import Session

WRITE = "system:write"

log = logs.get("gateway.vault")


async def rotate_key(office: Office, actor: Actor, settings: Settings, new_key: bytes | None = None) -> int:
    """Seal everything with another key; how many values that were.

    Without `new_key` the key file of the data directory is replaced by a new one. With it the settings must say that
    key from now on. Raises NotPermitted, Unacceptable, KeyUnusable, StateUnavailable.
    """
    actor.require(WRITE)
    if new_key is not None:
        return await office.change(actor, lambda change: _reseal(change, Vault(new_key)))
    if settings.vault.key:
        raise Unacceptable("The settings say the vault key, so only they can replace it: give the new one as well.")
    data_dir = Path(settings.server.data_dir)

    # The files are touched within transactions only: whoever else changes the key at the same time waits for us.
    def perform(change: Change) -> int:
        _tidy(change.session, office, data_dir)
        return _reseal(change, Vault(make_file(next_key_file(data_dir))))

    count = await office.change(actor, perform)
    # Or a loss of power could take back the change, but not that the old key is gone.
    await office.state.run(lambda session: session.make_durable())
    await office.change(actor, lambda change: _tidy(change.session, office, data_dir))
    return count


def _tidy(session: Session, office: Office, data_dir: Path) -> None:
    """Put the next key into its place if it is the right one by now; away with it if its change did not come about."""
    following = next_key_file(data_dir)
    key = read_file(following)
    if key is None:
        return
    if office.unlock(session).vault.mark == Vault(key).mark:
        following.replace(key_file(data_dir))
    else:
        following.unlink()


def _reseal(change: Change, following: Vault) -> int:
    count = _reseal_secrets(change, following) + _reseal_objects(change, following)
    # Neither is worth keeping: who was logging in begins again, who repeats a request makes it.
    change.session.run("vault/forget_flows")
    change.session.run("vault/forget_answers")
    change.count("configuration")
    change.note("vault.rotate", Subject("vault"), after={"sealed_anew": count})
    return count


def _reseal_secrets(change: Change, following: Vault) -> int:
    rows = change.session.rows("vault/secrets")
    vault = change.vault  # found by these very secrets: before the first of them is sealed anew
    for name, sealed in ((row["name"], row["sealed"]) for row in rows):
        context = f"server/{name}"
        anew = following.seal(vault.open(sealed, context), context)
        change.session.run("vault/reseal_secret", {"name": name, "sealed": anew})
    return len(rows)


def _reseal_objects(change: Change, following: Vault) -> int:
    count = 0
    for row in change.session.rows("vault/sealed_objects"):
        kind, name = row["kind"], row["name"]
        context = f"configuration/{kind}/{name}"
        try:
            plain = change.vault.open(row["sealed"], context)
        except VaultError as error:
            log.error("a secret that cannot be opened stays as it is", kind=kind, name=name, reason=str(error))
            continue
        change.session.run(
            "vault/reseal_object", {"kind": kind, "name": name, "sealed": following.seal(plain, context)}
        )
        count += 1
    return count
