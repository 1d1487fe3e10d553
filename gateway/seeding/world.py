"""Who there is: people, teams, and the models they use. Tables, and nothing else.

The providers are those of the demo, where they are mocks. Prices are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from gateway.settings.demo import DEMO_PROVIDERS


@dataclass(frozen=True, slots=True)
class Team:
    """Some people who have client keys together; the first of them leads it."""

    name: str
    description: str
    members: tuple[str, ...]
    """The part of their addresses in front of the `@`."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody. Their address is `name@example.com`."""

    name: str
    called: str
    role: Literal["member", "viewer"] = "member"
    """Nobody looks after the gateway here: that is for whoever runs it."""

    @property
    def email(self) -> str:
        """By which they log in."""
        return f"{self.name}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Model:
    """A model, and how it does on a good day."""

    provider: str
    name: str
    first_ms: int
    """Until its first token, in half of all requests that are short."""
    spread: float
    """How much that varies: of the logarithm."""
    tokens_per_second: int
    thinks: float = 0.0
    """Tokens of thought for each that is said."""
    answers_as: str = ""
    """What it calls itself, where that is not what it was called."""

    @property
    def id(self) -> str:
        """As clients name it."""
        return f"{self.provider}/{self.name}"


DOMAIN = "example.com"

UNPRICED = "lab/"
"""What the models begin with that nobody has a price for."""

PEOPLE = (
    Person("mara", "Mara Lindqvist"),
    Person("tobias", "Tobias Okafor"),
    Person("ines", "Inês Carvalho"),
    Person("yuki", "Yuki Tanaka"),
    Person("omar", "Omar Haddad"),
    Person("lena", "Lena Novak"),
    Person("priya", "Priya Raman"),
    Person("jonas", "Jonas Weber"),
    Person("chloe", "Chloé Martin", "viewer"),
    Person("alice", "Alice Moreau"),
    Person("bruno", "Bruno Silva"),
    Person("kenji", "Kenji Sato"),
)

TEAMS = (
    Team("platform", "Builds, deploys, and what runs at night.", ("mara", "tobias", "ines")),
    Team("search", "Search and recommendations of the shop.", ("yuki", "omar", "lena")),
    Team("support", "Answers customers, in eleven languages.", ("priya", "jonas", "chloe")),
    Team("research", "Tries things, and measures them.", ("alice", "bruno", "kenji")),
)

PROVIDER = MappingProxyType({provider.id: provider for provider in DEMO_PROVIDERS})

REQUEST_IDS = MappingProxyType({"openai": "req_", "anthropic": "req_011C", "groq": "req_01k", "lab": "chatcmpl-"})
"""What the ids begin with that providers give requests; others are bare."""

MODELS = (
    Model("openai", "gpt-5.4", 900, 0.45, 78, 0.9, "gpt-5.4-2026-03-05"),
    Model("openai", "gpt-5.4-mini", 480, 0.40, 140, 0.4),
    Model("openai", "gpt-5.3-codex", 1100, 0.50, 95, 1.3),
    Model("openai", "gpt-4o-mini", 390, 0.42, 92, 0.0, "gpt-4o-mini-2024-07-18"),
    Model("openai", "text-embedding-3-small", 85, 0.35, 1),
    Model("anthropic", "claude-opus-4-7", 1650, 0.45, 52, 0.7),
    Model("anthropic", "claude-sonnet-4-6", 1050, 0.42, 71, 0.35),
    Model("anthropic", "claude-haiku-4-5", 520, 0.38, 128),
    Model("gemini", "gemini-3.1-pro-preview", 2100, 0.55, 88, 1.6),
    Model("gemini", "gemini-3.5-flash", 610, 0.45, 168, 0.5),
    Model("gemini", "gemini-3.1-flash-lite", 330, 0.40, 210),
    Model("deepseek", "deepseek-v4-pro", 1900, 0.60, 36, 1.1),
    Model("deepseek", "deepseek-v4-flash", 980, 0.55, 58),
    Model("groq", "llama-3.3-70b-versatile", 160, 0.35, 290),
    Model("groq", "openai/gpt-oss-120b", 190, 0.38, 430, 0.6),
    Model("lab", "qwen3-32b-support", 240, 0.30, 44),
)

PLACE_OF_MODEL = MappingProxyType({model.id: place for place, model in enumerate(MODELS, 1)})
"""As statements count: from 1."""
