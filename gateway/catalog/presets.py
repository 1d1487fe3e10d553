"""The providers we know: one TOML file each, its name the provider's id.

Knows facts, and nothing of the operator's settings: which presets are used, and with what secret, is said there.
Reading is strict: whatever is wrong in a file is refused with the name of the file and the key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from gateway.catalog.places import PLACE, Place, Variable, filled
from gateway.catalog.quirks import QUIRKS
from gateway.errors import ProviderFault, SettingsError
from gateway.records import FailureRule, ModelFacts

PROVIDERS = Path(__file__).parent / "providers"

Format = Literal["openai_chat", "openai_responses", "anthropic", "gemini"]
AuthScheme = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "google", "aws", "none"]
"""`google` is a service account, `aws` a pair of keys: what is sent is made anew of them."""
Paths = Literal["", "azure", "google", "vertex_anthropic", "bedrock"]
"""Schemes of `gateway.formats.paths`; empty for a format's own paths."""
Listing = Literal["openai", "anthropic", "gemini", "ollama", "none"]
Next = Literal["retry", "next_credential", "next_target", "stop"]
RestScope = Literal["credential", "model"]

_PLACE = re.compile(r" - at `(?:key` in `)?\$\.?(.*)`$")
_HEADER = re.compile(r"[a-z0-9-]+")

LISTED: Mapping[str, Listing] = MappingProxyType(
    {"openai_chat": "openai", "openai_responses": "openai", "anthropic": "anthropic", "gemini": "gemini"}
)
"""How lists of models are read, where a preset does not say."""


class Failure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an error of this provider means, where the usual reading of it is wrong. All that is said must match."""

    status: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    """Codes or types in the error."""
    contains: tuple[str, ...] = ()
    """Words, one of which is in the message; lower-case."""
    fault: ProviderFault | None = None
    then: Next | None = None
    rest: RestScope | None = None
    rest_seconds: float | None = None

    def rule(self) -> FailureRule:
        """As verdicts go by it."""
        return FailureRule(self.status, self.codes, self.contains, self.fault, self.then, self.rest, self.rest_seconds)


class Preset(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A provider of the catalogue."""

    name: str
    """What people call it."""
    format: Format
    base_url: str
    """Address as the vendor's SDK takes it, with places such as `{region}` for `variables`."""
    auth: AuthScheme
    """How it takes a secret; `none` for a server that asks for none."""
    env: str | tuple[str, ...] = ()
    """Environment variables that usually hold the secret, the first that is set counts; `A+B` is both, with a colon
    between them."""
    env_file: str = ""
    """Environment variable that usually names the file with the secret."""
    by_variable: bool = True
    """Whether the variable alone is enough to use it. Not for one that is set for other purposes as well."""
    needs_key: bool = True
    """Whether it refuses requests without a secret."""
    docs: str
    """Address of its documentation."""
    notes: str = ""
    """What else people should know: terms, regions."""
    variables: Mapping[str, Variable] = {}
    """What stands in the places of its addresses and paths, by name."""
    places: Mapping[str, Place] = {}
    """Places of the address that follow from a variable."""
    paths: Paths = ""
    """How its paths are made."""
    also_speaks: tuple[Format, ...] = ()
    """Further formats it takes at this address, kept responses included."""
    also_at: Mapping[Format, str] = {}
    """Other addresses, by the format that is spoken there; the secret is shown in the same way."""
    list: Listing | None = None
    """How its list of models reads; `none` where it has none. Its format's own where this is not said."""
    models_path: str = ""
    """Where it lists them, below its address; its format's usual place where this is not said."""
    price_list: str = ""
    """Its id at models.dev."""
    quirks: tuple[str, ...] = ()
    """Fixes that its requests or answers need, by name."""
    failures: tuple[Failure, ...] = ()
    failures_like: str = ""
    """Id of the preset whose failures hold here as well, behind its own."""
    facts: Mapping[str, Any] = {}
    """What all of its models can do or cannot, where that is this provider's doing: fields of `ModelFacts`."""
    headers: Mapping[str, str] = {}
    """Added to every request."""
    drop_fields: tuple[str, ...] = ()
    """Fields it refuses, though its format has them."""
    stream_usage: bool = True
    """Whether streams may be asked for usage."""

    @property
    def secret_variables(self) -> tuple[str, ...]:
        """The variables that usually hold its secret, in the order in which they are tried."""
        return (self.env,) if isinstance(self.env, str) else self.env

    @property
    def listed(self) -> Listing:
        """How its list of models reads."""
        return self.list or LISTED[self.format]

    @property
    def listed_at(self) -> str | None:
        """Where it lists its models: empty for the usual place of its format, None for nowhere."""
        return None if self.list == "none" else self.models_path

    @property
    def rules(self) -> tuple[FailureRule, ...]:
        """What its errors mean."""
        return tuple(each.rule() for each in self.failures)

    @property
    def model_facts(self) -> tuple[tuple[str, ModelFacts], ...]:
        """What all of its models can do, as pattern and facts; empty where it says nothing."""
        return (("*", msgspec.convert(self.facts, ModelFacts)),) if self.facts else ()

    def values(self, said: Mapping[str, str], environ: Mapping[str, str], *, elsewhere: bool = False) -> dict[str, str]:
        """The value of each variable: said, else from the environment, else the usual one. Raises ValueError naming
        what is missing, not known, or not fit for its place. `elsewhere`: its own address is not used, so that what is
        missing is left out."""
        if unknown := said.keys() - self.variables.keys():
            raise ValueError(f"there is no variable `{min(unknown)}`{_known(self.variables)}")
        found = {name: each.value(said.get(name, ""), environ) for name, each in self.variables.items()}
        for name, value in found.items():
            if value or not elsewhere:
                self.variables[name].check(name, value)
        return {name: value for name, value in found.items() if value}

    def address(self, values: Mapping[str, str]) -> str:
        """Its address with these values, which `values` has checked."""
        return filled(self.base_url, values, self.places)

    def is_at(self, url: str, values: Mapping[str, str]) -> bool:
        """Whether this is its address with these values, of which some may be missing."""
        try:
            return url == self.address(values)
        except KeyError:
            return False

    def other_addresses(self, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Its other addresses, each behind its format."""
        return tuple((name, filled(url, values, self.places)) for name, url in self.also_at.items())


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset of the catalogue by its id."""
    return load(PROVIDERS)


def load(directory: Path) -> Mapping[str, Preset]:
    """The presets of a directory by id, in the order of their ids. Raises SettingsError naming file and key."""
    found = {path.stem: _load_one(path) for path in sorted(directory.glob("*.toml"), key=lambda path: path.stem)}
    for name, preset in found.items():
        if preset.failures_like:
            like = found.get(preset.failures_like)
            if like is None or like.failures_like:
                message = f"there is no preset `{preset.failures_like}` with failures of its own"
                raise SettingsError(message, file=str(directory / f"{name}.toml"), key="failures_like")
            found[name] = structs.replace(preset, failures=(*preset.failures, *like.failures))
    return MappingProxyType(found)


def _load_one(path: Path) -> Preset:
    try:
        preset = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Preset)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not valid TOML: {error}", file=str(path)) from None
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise SettingsError(_PLACE.sub("", str(error)), file=str(path), key=place[1] if place else None) from None
    for rule in _RULES:
        for key, message in rule(preset):
            raise SettingsError(message, file=str(path), key=key)
    return preset


def _known(variables: Mapping[str, Variable]) -> str:
    return f": there are {', '.join(f'`{name}`' for name in variables)}" if variables else ", nor any other"


# What a preset must hold beyond the types of its values

Wrong = Iterator[tuple[str, str]]
"""Key, and what is wrong with it."""


def _a_secret_has_a_variable(preset: Preset) -> Wrong:
    if (preset.auth == "none") == bool(preset.secret_variables or preset.env_file):
        yield "env", "named exactly when the provider asks for a secret"


def _addresses_end_without_a_slash(preset: Preset) -> Wrong:
    for key, url in _addresses(preset):
        if url.endswith("/"):
            yield key, "an address ends without a slash"


def _places_are_variables(preset: Preset) -> Wrong:
    known = preset.variables.keys() | preset.places.keys()
    for key, url in _addresses(preset):
        if unknown := [name for name in PLACE.findall(url) if name not in known]:
            yield key, f"there is no variable `{unknown[0]}`"
    for name, place in preset.places.items():
        if place.of not in preset.variables:
            yield f"places.{name}", f"there is no variable `{place.of}`"


def _variables_fit_their_patterns(preset: Preset) -> Wrong:
    for name, variable in preset.variables.items():
        if message := variable.wrong():
            yield f"variables.{name}", message


def _quirks_are_known(preset: Preset) -> Wrong:
    for name in preset.quirks:
        if name not in QUIRKS:
            yield "quirks", f"there is no quirk `{name}`"


def _failures_say_something(preset: Preset) -> Wrong:
    for index, each in enumerate(preset.failures):
        key = f"failures[{index}]"
        if not (each.status or each.codes or each.contains):
            yield key, "says nothing of the errors it is about"
        if not (each.fault or each.then or each.rest or each.rest_seconds is not None):
            yield key, "says nothing of what they mean"
        if [word for word in each.contains if word != word.lower()]:
            yield key, "words of messages are lower-case"


def _facts_are_facts(preset: Preset) -> Wrong:
    if unknown := preset.facts.keys() - {field.name for field in fields(ModelFacts)}:
        yield "facts", f"no such facts: {', '.join(sorted(unknown))}"
        return
    try:
        msgspec.convert(preset.facts, ModelFacts)
    except msgspec.ValidationError as error:
        yield "facts", str(error)


def _headers_are_headers(preset: Preset) -> Wrong:
    for name, value in preset.headers.items():
        if not (_HEADER.fullmatch(name) and value.isprintable() and value.isascii()):
            yield f"headers.{name}", "expected a lower-case name and printable text"


def _other_addresses_are_of_other_formats(preset: Preset) -> Wrong:
    if preset.format in preset.also_at or preset.format in preset.also_speaks:
        yield "also_at" if preset.format in preset.also_at else "also_speaks", "names the provider's own format"


_RULES: tuple[Callable[[Preset], Wrong], ...] = (
    _a_secret_has_a_variable,
    _addresses_end_without_a_slash,
    _places_are_variables,
    _variables_fit_their_patterns,
    _quirks_are_known,
    _failures_say_something,
    _facts_are_facts,
    _headers_are_headers,
    _other_addresses_are_of_other_formats,
)


def _addresses(preset: Preset) -> Iterator[tuple[str, str]]:
    yield "base_url", preset.base_url
    yield from ((f"also_at.{name}", url) for name, url in preset.also_at.items())
