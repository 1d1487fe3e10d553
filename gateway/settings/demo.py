"""What `--demo` adds to the settings: mock providers under names that people know, other names for their models, a key
that is no secret.

Where the operator uses a name, the operator wins; what the demo asks for by itself is never at a provider of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from msgspec import structs

from gateway.settings.model import Settings
from gateway.settings.objects import (
    AliasSettings,
    ClientKeySettings,
    ComboSettings,
    CredentialSettings,
    ProviderSettings,
)
from gateway.settings.section import FormatName

DEMO_KEY = "sk-demo-not-a-secret"
"""Printed for everybody to see, and therefore never served beyond this machine."""

LIVELY: Mapping[str, object] = MappingProxyType({"server.access_log": False, "capture.mode": "all"})
"""What a demo goes by that asks all the time, unless the operator says it, by the paths of the settings: lines of a log
would hide everything else, and there is something to see of what was said."""

DEMO_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small", "*")

DEMO_SCRIPT = "x-mock"
"""The header in which a request says how the mock is to treat it."""

WELL, LIMITED = "sk-demo", "sk-limited-demo"
"""What the mock takes for a key that is welcome, and for one that has used up its rate."""

PLAN = "sk-plan-{}-{}"
"""Likewise for one of a plan, of which so many percent are used in the end: its answers tell of its limits."""


@dataclass(frozen=True, slots=True)
class DemoProvider:
    """A provider that is a mock in truth."""

    id: str
    format: FormatName
    models: tuple[str, ...]
    credentials: Mapping[str, str]
    """Keys by name."""
    also_speaks: tuple[FormatName, ...] = ()

    def settings(self, mock_url: str) -> ProviderSettings:
        """It, where the mock is."""
        return ProviderSettings(
            id=self.id,
            format=self.format,
            also_speaks=self.also_speaks,
            base_url=mock_url + ("/v1" if self.format.startswith("openai") else ""),
            models=self.models,
            credentials=tuple(CredentialSettings(name=name, api_key=key) for name, key in self.credentials.items()),
            forward_headers=(DEMO_SCRIPT,),
        )


def _well(*names: str) -> Mapping[str, str]:
    return MappingProxyType(dict.fromkeys(names, WELL))


def _metered(*names: str) -> Mapping[str, str]:
    """Each has used more than the next."""
    return MappingProxyType({name: PLAN.format("metered", 98 - 30 * place) for place, name in enumerate(names)})


DEMO_PROVIDERS = (
    DemoProvider(
        "openai",
        "openai_chat",
        ("gpt-*", "text-embedding-*"),
        MappingProxyType({"production": WELL, "batch": PLAN.format("metered", 55), "spare": PLAN.format("codex", 70)}),
        ("openai_responses",),
    ),
    DemoProvider(
        "anthropic",
        "anthropic",
        ("claude-*",),
        MappingProxyType(
            {"team-a": PLAN.format("claude", 96), "team-b": PLAN.format("claude", 60), "team-c": LIMITED},
        ),
    ),
    DemoProvider("gemini", "gemini", ("gemini-*",), _well("paid", "second-project")),
    DemoProvider("deepseek", "openai_chat", ("deepseek-*",), _well("first", "second")),
    DemoProvider("groq", "openai_chat", ("llama-*", "openai/gpt-oss-*"), _metered("fast-lane", "overflow")),
    DemoProvider("lab", "openai_chat", ("qwen3-*",), _well("rack-1", "rack-2")),
)
"""By patterns: the models of `mock` are named, and a bare name is that provider's. One credential is always limited, so
that there is one that rests."""

DEMO_ALIASES = MappingProxyType(
    {
        "mini": "openai/gpt-4o-mini",
        "smart": "anthropic/claude-sonnet-4-6",
        "cheap": "deepseek/deepseek-v4-flash",
        "embed": "openai/text-embedding-3-small",
        "local": "lab/qwen3-32b-support",
    }
)

DEMO_COMBOS = MappingProxyType(
    {
        "flagship": ("anthropic/claude-opus-4-7", "openai/gpt-5.4"),
        "coding": ("openai/gpt-5.3-codex", "anthropic/claude-sonnet-4-6"),
        "chat": ("openai/gpt-5.4-mini", "gemini/gemini-3.5-flash"),
        "support": ("anthropic/claude-haiku-4-5", "lab/qwen3-32b-support"),
        "quick": ("groq/llama-3.3-70b-versatile", "openai/gpt-4o-mini"),
    }
)
"""Asked in order, until one answers."""


def add_demo(settings: Settings, mock_url: str) -> Settings:
    """The settings and the demo's providers, aliases, combos and key."""
    ours = tuple(_providers(settings, mock_url))
    aliases, combos = tuple(_aliases(settings, ours)), tuple(_combos(settings, ours))
    keys = () if any(key.name == "demo" for key in settings.client_keys) else (_key(),)
    return structs.replace(
        settings,
        providers=(*settings.providers, *ours),
        aliases=(*settings.aliases, *aliases),
        combos=(*settings.combos, *combos),
        client_keys=(*settings.client_keys, *keys),
    )


def _key() -> ClientKeySettings:
    return ClientKeySettings(name="demo", key=DEMO_KEY)


def _providers(settings: Settings, mock_url: str) -> Iterator[ProviderSettings]:
    taken = {provider.id for provider in settings.providers}
    if "mock" not in taken:
        yield ProviderSettings(id="mock", format="openai_chat", base_url=f"{mock_url}/v1", models=DEMO_MODELS)
    yield from (each.settings(mock_url) for each in DEMO_PROVIDERS if each.id not in taken)


def _aliases(settings: Settings, ours: tuple[ProviderSettings, ...]) -> Iterator[AliasSettings]:
    taken = _names(settings)
    if "fast" not in taken:
        yield AliasSettings(name="fast", target="mock/gpt-4o-mini")
    for name, target in DEMO_ALIASES.items():
        if name not in taken and leads_to(ours, target):
            yield AliasSettings(name=name, target=target)


def _combos(settings: Settings, ours: tuple[ProviderSettings, ...]) -> Iterator[ComboSettings]:
    taken = _names(settings)
    if "best" not in taken:
        yield ComboSettings(name="best", targets=("mock/gpt-4o", "mock/gpt-4o-mini"))
    for name, targets in DEMO_COMBOS.items():
        if name not in taken and leads_to(ours, *targets):
            yield ComboSettings(name=name, targets=targets)


def _names(settings: Settings) -> set[str]:
    return {alias.name for alias in settings.aliases} | {combo.name for combo in settings.combos}


def leads_to(providers: tuple[ProviderSettings, ...], *targets: str) -> bool:
    """Whether all of these targets are at these providers."""
    ids = {provider.id for provider in providers}
    return ids.issuperset(target.partition("/")[0] for target in targets)


def enliven(settings: Settings, said: Collection[str]) -> tuple[Settings, tuple[str, ...]]:
    """The settings of a demo that asks all the time, and the paths of those that are its own and not `said`."""
    own = tuple(path for path in LIVELY if path not in said)
    for path in own:
        section, _, name = path.partition(".")
        settings = structs.replace(
            settings, **{section: structs.replace(getattr(settings, section), **{name: LIVELY[path]})}
        )
    return settings, own


def may_be_asked(settings: Settings, mock_url: str) -> Callable[[str], bool]:
    """Tells of a name whether it leads to the mock at this address and to nobody else, so that nobody pays for what the
    demo asks for by itself. In doubt it does not: names of names are not followed."""
    mocks = {each.id for each in settings.providers if f"{each.base_url}/".startswith(f"{mock_url}/")}
    names: dict[str, tuple[str, ...]] = {alias.name: (alias.target,) for alias in settings.aliases}
    names |= {combo.name: combo.targets for combo in settings.combos}

    def tell(name: str) -> bool:
        targets = names.get(name, (name,))
        return all(each.partition("/")[0] in mocks and each not in names for each in targets)

    return tell
