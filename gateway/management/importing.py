"""Bringing a document in: all of it in one transaction, or nothing and word of where it is wrong.

Knows what a document may change and who may have it changed. Digests of client keys are made under a secret of the
gateway: keys that come from elsewhere work only where that secret is, which is why a gateway without keys of its own
can be given it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from gateway.catalog.presets import presets
from gateway.credentials.vault import Vault, VaultError
from gateway.errors import Unacceptable
from gateway.management import proofs, reaching, recipients
from gateway.management.configuration import Placed, check_keepable, check_may_set, configured, note, put, told
from gateway.management.configured import Configured
from gateway.management.documents import Hidden, SectionName, StateDocument, read_present, unseal
from gateway.management.export import Sections, check_permitted, open_by
from gateway.management.importing_keys import KeysImport
from gateway.management.importing_people import PeopleImport
from gateway.management.office import Actor, Change, Office, Subject
from gateway.management.tally import Tally, at_place, check_once, when
from gateway.settings.overlay import overlay
from gateway.settings.section import Section
from gateway.settings.stored import StoredObject, part
from gateway.store.session import Session
from gateway.unlock import KEYS

OBJECTS = "document.configuration"

ELSEWHERE = (
    "The client keys of this document work under another gateway's secret. Bring it into a gateway that has no keys "
    "and API tokens yet, with `sluicegate import`; or leave the section `keys` out."
)

BOUND = (
    "The secrets of the {} are bound to the addresses they were exported with, and would go to another one: leave "
    "`sealed` out of the document and give the secrets anew in it."
)


class ImportWish(Section, frozen=True, kw_only=True):
    """A document, and what is to become of it."""

    secrets = frozenset({"passphrase", "document"})

    document: StateDocument
    passphrase: Annotated[str, Meta(max_length=1024, description="What it was sealed by, if by one.")] | None = None
    mode: Annotated[
        Literal["merge", "replace"],
        Meta(
            description="`merge` adds and changes what the document has. `replace` also takes away what it does not "
            "have in its sections: objects are deleted, keys revoked, users disabled, teams emptied."
        ),
    ] = "merge"
    sections: Annotated[Sections | None, Meta(description="Only these of it.")] = None
    dry_run: Annotated[bool, Meta(description="Whether to tell what would be done, and do nothing.")] = False

    @property
    def taken(self) -> tuple[SectionName, ...]:
        """The sections that are brought in."""
        there = tuple[SectionName, ...](
            name for name in ("configuration", "keys", "people") if getattr(self.document, name) is not None
        )
        return tuple(name for name in there if self.sections is None or name in self.sections)


class ImportReport(Struct, frozen=True, kw_only=True):
    """What was done, or would be."""

    dry_run: bool
    configuration: Tally | None = None
    keys: Tally | None = None
    users: Tally | None = None
    teams: Tally | None = None
    secret_taken: Annotated[
        bool, Meta(description="Whether the gateway goes by the document's secret for digests from its next start on.")
    ] = False


class _Rehearsed(Exception):
    """Everything was tried and is to be undone."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__("a dry run")
        self.report = report


class _Opened(NamedTuple):
    """A document with its secrets."""

    wish: ImportWish
    vault: Vault | None
    """Of its passphrase; None where the gateway's own vault sealed it, or nothing is sealed."""


class _Wanted(NamedTuple):
    """The configuration of a document, its secrets in place."""

    objects: list[StoredObject]
    sealed: list[StoredObject]
    """The same, with those of their secrets that only the sealed part says."""
    places: recipients.Places
    """Where these may go."""


async def import_document(office: Office, actor: Actor, wish: ImportWish, *, take_secret: bool = False) -> ImportReport:
    """Bring a document in. `take_secret`: whether a gateway without keys may be given the document's secret.

    Raises NotPermitted, Unacceptable that says where the document is wrong, Conflict.
    """
    check_permitted(actor, wish.taken)
    when(wish.document.made_at, "document.made_at")
    opened = _Opened(wish, await _vault_of(wish))
    # Names are looked up before the transaction, which waits for nobody.
    found = await office.read(lambda session: _addresses(office, session, opened))
    await reaching.check_all(office.declared.settings, found)

    def perform(change: Change) -> ImportReport:
        report = _Importing(office, change, opened, take_secret=take_secret).put()
        if wish.dry_run:
            raise _Rehearsed(report)
        return report

    try:
        return await office.change(actor, perform)
    except _Rehearsed as rehearsed:
        return rehearsed.report


async def _vault_of(wish: ImportWish) -> Vault | None:
    sealed = wish.document.sealed
    if sealed is None or sealed.by == "vault":
        return None
    if wish.passphrase is None:
        raise Unacceptable("The document is sealed by a passphrase: say it.", param="passphrase")
    try:
        return await open_by(wish.passphrase, sealed.salt or b"")
    except ValueError as error:
        raise Unacceptable(f"{error}.", param="document.sealed.salt") from None


def _hidden(office: Office, session: Session, opened: _Opened) -> Hidden:
    sealed = opened.wish.document.sealed
    if sealed is None:
        return Hidden()
    try:
        return unseal(sealed, opened.vault or office.unlock(session).vault)
    except VaultError:
        if opened.vault is not None:
            raise Unacceptable("The passphrase does not open the document.", param="passphrase") from None
        raise Unacceptable(
            "Another vault key sealed the document, or it was changed. Export it under a passphrase to take it to "
            "another gateway.",
            param="document.sealed",
        ) from None


def _objects(document: StateDocument, hidden: Hidden) -> _Wanted:
    objects, sealed = [], []
    for at, one in enumerate(document.configuration or ()):
        spec, said = part(one.kind, one.name, one.spec)
        with at_place(f"{OBJECTS}.{at}.spec"):
            check_keepable(spec)
        secrets = hidden.objects.get(f"{one.kind}/{one.name}", {})
        stored = StoredObject(one.kind, one.name, spec, {**secrets, **said}, one.position)
        objects.append(stored)
        silent = {place: secret for place, secret in secrets.items() if place not in said}
        sealed.append(replace(stored, secrets=silent))
    return _Wanted(objects, sealed, hidden.places)


def _addresses(
    office: Office, session: Session, opened: _Opened
) -> list[tuple[str, StoredObject, StoredObject | None]]:
    """What is to be looked up, once the configuration is known to fit otherwise."""
    if "configuration" not in opened.wish.taken:
        return []
    before = configured(office, session)
    wanted = _objects(opened.wish.document, _hidden(office, session, opened))
    _check_objects(office, before, wanted, replaces=opened.wish.mode == "replace")
    formers = [(one, before.objects.get((one.kind, one.name))) for one in wanted.objects]
    return [(f"{OBJECTS}.{at}.spec.", one, former) for at, (one, former) in enumerate(formers)]


def _check_objects(office: Office, before: Configured, document: _Wanted, *, replaces: bool) -> None:
    """Raises Unacceptable for an object that cannot be applied, for one that something else would be broken by, and
    for an address that secrets are not for. What the file says as well is kept, and hidden by it as ever."""
    wanted = document.objects
    check_once(((one.kind, one.name) for one in wanted), OBJECTS)
    places = {(one.kind, one.name): at for at, one in enumerate(wanted)}
    others = [] if replaces else [one for key, one in before.objects.items() if key not in places]
    declared = office.declared
    laid = overlay(declared.settings, declared.origins, [*others, *wanted], presets=presets())
    known = {(one.kind, one.name) for one in before.effective.problems}
    for problem in laid.problems:
        key = (problem.kind, problem.name)
        at = places.get(key)
        if at is not None and wanted[at] != before.objects.get(key):
            place = ".".join((f"{OBJECTS}.{at}.spec", *map(str, problem.path)))
            raise Unacceptable(f"The {problem.kind} `{problem.name}`: {problem.reason}.", param=place)
        if key not in known:
            raise Unacceptable(f"The {problem.kind} `{problem.name}` depends on what would go: {problem.reason}.")
    for key, at in places.items():
        if wanted[at] != before.objects.get(key):
            proofs.check(laid.settings, wanted[at], f"{OBJECTS}.{at}.spec.")
    _check_recipients(office, before, document, others)


def _check_recipients(office: Office, before: Configured, document: _Wanted, others: list[StoredObject]) -> None:
    """Neither what is sealed in the document nor what is kept beside it goes where it was not given for."""
    settings, wanted = office.declared.settings, document.objects
    astray = recipients.find_astray(settings, document.places, document.sealed, [*others, *wanted])
    if astray is not None:
        raise Unacceptable(BOUND.format(f"{astray.kind} `{astray.name}`"), param="document.sealed")
    moved = recipients.find_moved(settings, before.objects.values(), [*others, *wanted], others)
    if moved is not None:
        at = [(one.kind, one.name) for one in wanted].index(moved.said[:2])
        raise Unacceptable(f"{moved.reason}.", param=f"{OBJECTS}.{at}.spec.{moved.said.path}")


class _Importing:
    """One import, while its transaction is open."""

    def __init__(self, office: Office, change: Change, opened: _Opened, *, take_secret: bool) -> None:
        self._office, self._change, self._wish = office, change, opened.wish
        self._hidden = _hidden(office, change.session, opened)
        self._take_secret = take_secret
        self._replaces = opened.wish.mode == "replace"

    def put(self) -> ImportReport:
        """Do it, and write down that it was done."""
        wish, document = self._wish, self._wish.document
        present = read_present(self._change.session, self._change.vault)
        configuration = self._put_objects() if "configuration" in wish.taken else None
        people = PeopleImport(self._change, present, self._hidden.passwords, replaces=self._replaces)
        keys = KeysImport(self._change, present, replaces=self._replaces)
        if "people" in wish.taken and document.people is not None:
            people.put(document.people)
        taken = "keys" in wish.taken and bool(document.keys) and self._settle_secret()
        if "keys" in wish.taken and document.keys is not None:
            keys.put(document.keys, people.user_ids, people.team_ids)
        report = ImportReport(
            dry_run=wish.dry_run,
            configuration=configuration,
            keys=keys.keys if "keys" in wish.taken else None,
            users=people.users if "people" in wish.taken else None,
            teams=people.teams if "people" in wish.taken else None,
            secret_taken=taken,
        )
        self._note(report)
        return report

    def _put_objects(self) -> Tally:
        before = configured(self._office, self._change.session)
        wanted = _objects(self._wish.document, self._hidden)
        _check_objects(self._office, before, wanted, replaces=self._replaces)
        tally = Tally()
        for one in wanted.objects:
            former = before.objects.get((one.kind, one.name))
            if former != one:
                self._check_may_put(one.kind, one.name)
                put(self._change, Placed(one, one.position), former)
                note(self._office, self._change, one, former)
            if former is None:
                tally.created += 1
            else:
                tally.note(changed=former != one)
        if self._replaces:
            gone = before.objects.keys() - {(one.kind, one.name) for one in wanted.objects}
            for kind, name in gone:
                self._check_may_put(kind, name)
                self._change.session.run("configuration/delete", {"kind": kind, "name": name})
                self._change.count("configuration")
                was = told(self._office, before.objects[kind, name])
                self._change.note(f"{kind}.delete", Subject(kind, name, name), before=was)
            tally.removed = len(gone)
        return tally

    def _check_may_put(self, kind: str, name: str) -> None:
        """A document is no way around what is asked of whoever sets one setting. Raises NotPermitted."""
        if kind == "setting":
            check_may_set(self._change.actor, name)

    def _settle_secret(self) -> bool:
        """See that digests of the document work here; whether that took another secret. Raises Unacceptable."""
        secret, session = self._hidden.key_secret, self._change.session
        if secret == self._office.secrets.keys:
            return False
        used = session.row("transfer/secrets_in_use")
        if secret is None or not self._take_secret or used is None or any(used.values()):
            raise Unacceptable(ELSEWHERE, param="document.keys")
        sealed = self._change.vault.seal(secret, f"server/{KEYS}")
        session.run("vault/reseal_secret", {"name": KEYS, "sealed": sealed})
        session.run("transfer/forget_sessions")
        session.run("transfer/forget_links")
        return True

    def _note(self, report: ImportReport) -> None:
        counts = {name: getattr(report, name) for name in ("configuration", "keys", "users", "teams")}
        told = {
            name: {field: getattr(tally, field) for field in Tally.__struct_fields__}
            for name, tally in counts.items()
            if tally is not None
        }
        about = {"mode": self._wish.mode, "made_at": self._wish.document.made_at, **told}
        self._change.note("state.import", Subject("state"), after=about)
