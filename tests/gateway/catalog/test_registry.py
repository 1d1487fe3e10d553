"""Lists of models: found, packed, and those that this version came with."""

from __future__ import annotations

import gzip

import pytest
from msgspec import msgpack

from gateway.catalog import registry as registry_module
from gateway.catalog.presets import presets
from gateway.catalog.registry import SNAPSHOT, Registry, RegistryUnreadable, Row, bundled
from gateway.records import Price, Rates
from tests.gateway.catalog.lists import document, registry


def usd(price: Price | None) -> tuple[float | None, ...]:
    assert price is not None
    rates = price.rates
    each = (rates.input, rates.output, rates.cache_read, rates.cache_write)
    return tuple(None if rate is None else rate / 1_000_000 for rate in each)


@pytest.mark.parametrize(
    ("place", "model", "prices", "context", "most"),
    [
        ("anthropic", "claude-opus-4-5", (5, 25, 0.5, 6.25), 200_000, 64_000),
        ("anthropic", "claude-sonnet-4-5", (3, 15, 0.3, 3.75), 200_000, 64_000),
        ("anthropic", "claude-haiku-4-5", (1, 5, 0.1, 1.25), 200_000, 64_000),
        ("openai", "gpt-5", (1.25, 10, 0.125, None), 400_000, 128_000),
        ("openai", "gpt-4o", (2.5, 10, 1.25, None), 128_000, 16_384),
        ("openai", "text-embedding-3-small", (0.02, 0, None, None), 8191, 1536),
        ("google", "gemini-2.5-pro", (1.25, 10, 0.125, None), 1_048_576, 65_536),
        ("google", "gemini-2.5-flash", (0.3, 2.5, 0.03, None), 1_048_576, 65_536),
        ("deepseek", "deepseek-chat", (0.14, 0.28, 0.028, None), 1_000_000, 384_000),
        ("zai", "glm-4.6", (0.6, 2.2, 0.11, 0), 204_800, 131_072),
        ("moonshotai", "kimi-k2-thinking", (0.6, 2.5, 0.15, None), 262_144, 262_144),
        ("minimax", "MiniMax-M2", (0.3, 1.2, None, None), 196_608, 128_000),
        ("openrouter", "anthropic/claude-sonnet-4.5", (3, 15, 0.3, 3.75), 1_000_000, 64_000),
    ],
)
def test_the_bundled_prices_are_those_of_models_dev(
    place: str, model: str, prices: tuple[float | None, ...], context: int, most: int
) -> None:
    found = bundled().price(place, model)
    facts = bundled().facts(place, model)
    assert usd(found) == prices
    assert facts is not None
    assert (facts.context, facts.max_output) == (context, most)
    assert found is not None
    assert found.source == f"models.dev {place}/{model} of {bundled().date}"


def test_the_bundled_tiers_and_audio_are_too() -> None:
    pro, flash = bundled().price("google", "gemini-2.5-pro"), bundled().price("google", "gemini-2.5-flash")
    routed = bundled().price("openrouter", "anthropic/claude-sonnet-4.5")
    facts = bundled().facts("openai", "gpt-5")
    assert pro is not None
    assert flash is not None
    assert routed is not None
    assert facts is not None
    assert pro.tiers == ((200_000, Rates(2_500_000, 15_000_000, 250_000)),)
    assert flash.rates.input_audio == 1_000_000
    assert routed.tiers == ((200_000, Rates(6_000_000, 22_500_000, 600_000, 7_500_000, 12_000_000)),)
    assert facts.max_input == 272_000


@pytest.mark.parametrize(
    ("place", "model"),
    [
        ("github-copilot", "gpt-4o"),  # of a plan
        ("ollama-cloud", "gpt-oss:20b"),  # without a price
        ("groq", "whisper-large-v3"),  # by the hour
        ("openrouter", "z-ai/glm-5.1"),  # not looked up
        ("openai", "gpt-99"),
        ("nobody", "gpt-5"),
        ("", "gpt-5"),
    ],
)
def test_what_nobody_knows_has_no_price(place: str, model: str) -> None:
    assert bundled().price(place, model) is None


def test_the_bundled_registry_is_whole_and_small() -> None:
    models = sum(len(bundled().models(place)) for place in bundled().lists())
    assert (len(bundled().lists()), models) == (132, 4803)
    assert bundled().date == "2026-05-21"
    assert SNAPSHOT.stat().st_size < 100_000
    assert (SNAPSHOT.parent / "LICENSES.txt").read_text(encoding="utf-8").count("Copyright (c)") == 2


def test_every_list_that_a_preset_names_is_there() -> None:
    named = {name: preset.price_list for name, preset in presets().items() if preset.price_list}
    assert {name: place for name, place in named.items() if place not in bundled().lists()} == {}


def test_a_model_in_the_list_is_not_looked_for_elsewhere() -> None:
    found = registry(document(**{"acme-large-2-mini": {}}))
    assert found.price("acme", "acme-large-2-mini") is None
    assert found.price("acme", "acme-large-2-2026-01-15") == found.price("acme", "acme-large-2")


def test_versions_of_a_model_speak_for_it_when_they_agree() -> None:
    dear, cheap = {"cost": {"input": 2, "output": 4}}, {"cost": {"input": 1, "output": 2}}
    alike = registry(document(**{"bolt-20250101": cheap, "bolt-20260101": cheap}))
    apart = registry(document(**{"bolt-20250101": dear, "bolt-20260101": cheap}))
    price = alike.price("acme", "bolt-latest")
    assert price is not None
    assert price.source == "models.dev acme/bolt-20260101 of 2026-02-03"
    assert apart.price("acme", "bolt-latest") is None
    assert apart.facts("acme", "bolt-latest") is None


def test_models_of_a_list_are_in_order() -> None:
    assert registry().models("acme") == ("acme-embed", "acme-large-2", "acme-unknown-price")
    assert registry().models("other") == ()


def test_packed_and_unpacked_it_is_the_same() -> None:
    one = registry()
    other = Registry.unpack(one.pack())
    assert other.date == one.date
    assert {place: other.rows(place) for place in other.lists()} == {"acme": one.rows("acme")}
    assert other.pack() == one.pack()


def test_bytes_are_the_same_for_the_same_lists() -> None:
    assert bundled().pack() == Registry.unpack(SNAPSHOT.read_bytes()).pack() == SNAPSHOT.read_bytes()


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"nonsense",
        registry().pack()[:-9],
        registry().pack()[:-4] + b"zero",
        gzip.compress(b"nonsense"),
        gzip.compress(msgpack.encode([2, "2026-01-01", {}])),
        gzip.compress(msgpack.encode([1, 7, {}])),
    ],
)
def test_other_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(RegistryUnreadable):
        Registry.unpack(packed)


def test_a_list_of_something_else_is_refused_when_it_is_asked_for() -> None:
    odd = Registry.unpack(gzip.compress(msgpack.encode([1, "2026-01-01", {"acme": [7]}])))
    with pytest.raises(RegistryUnreadable, match="acme"):
        odd.rows("acme")


def test_invented_names_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "REMEMBERED", 10)
    found = Registry("2026-01-01", {"acme": [Row("acme", (1, 1))]})
    for number in range(100):
        found.price("acme", f"model {number}")
    assert len(found._found) <= 10
