"""Whatever is configured and asked for: resolving ends, and a key gets what it may use and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ModelForbidden, UnknownModel
from gateway.records import ClientKey, Credential, Provider, Target
from gateway.routing.reach import matches, may_use_target, serves
from gateway.routing.resolve import Combo, Resolver
from gateway.routing.targets import Choice

WORDS = ("a", "b", "gpt-4", "gpt-4-20250101", "gpt-4.1", "best")
PROVIDERS = ("one", "two")
words = st.sampled_from(WORDS)
models = st.one_of(words, st.sampled_from(("*", "gpt-*", "!gpt-4*", "*-20250101")))
addressed = st.builds("{}/{}".format, st.sampled_from((*PROVIDERS, "uno")), words)
names = st.one_of(words, addressed)
aliases = st.dictionaries(
    st.one_of(words, st.sampled_from(("*", "g*", "x-*-y"))), st.one_of(names, st.sampled_from(("one/*", "a*", "*b")))
)
combos = st.lists(
    st.builds(
        lambda name, targets, strategy, weighed: Combo(
            name, tuple(targets), strategy, tuple(range(1, len(targets) + 1)) if weighed else ()
        ),
        words,
        st.lists(names, min_size=1, max_size=4),
        st.sampled_from(("fallback", "weighted")),
        st.booleans(),
    ),
    max_size=4,
)
patterns = st.lists(st.sampled_from(("*", "one/*", "*a", "best", "gpt-*", "two")), max_size=3).map(tuple)
keys = st.builds(
    lambda models, providers, credentials: ClientKey("k", models, id="k", providers=providers, credentials=credentials),
    patterns,
    st.one_of(st.just(("*",)), patterns),
    st.one_of(st.just(("*",)), patterns),
)
lists = st.dictionaries(st.sampled_from(PROVIDERS), st.lists(words, max_size=4))


def provider(name: str, said: list[str], held: bool) -> Provider:
    credentials = (Credential(name, "first", "s"), Credential(name, "spare", "s")) if held else ()
    prefixes = ("uno",) if name == "one" else ()
    return Provider(
        name, "openai_chat", "http://localhost/v1", tuple(said), "fill_first", credentials, prefixes=prefixes
    )


providers = st.tuples(
    *(st.builds(provider, st.just(name), st.lists(models, max_size=3), st.booleans()) for name in PROVIDERS)
)


def flat(choice: Choice) -> Iterator[Target]:
    for member in choice.members:
        yield from flat(member) if isinstance(member, Choice) else (member,)


def depth(choice: Choice) -> int:
    return 1 + max((depth(member) for member in choice.members if isinstance(member, Choice)), default=0)


@given(providers, aliases, combos, lists, lists, keys, names)
def test_a_key_gets_what_it_may_use_and_nothing_else(
    providers: tuple[Provider, ...],
    aliases: dict[str, str],
    combos: list[Combo],
    listed: dict[str, list[str]],
    catalogued: dict[str, list[str]],
    key: ClientKey,
    name: str,
) -> None:
    known = {each.id: each for each in providers}
    resolver = Resolver(providers, aliases, combos, listed=listed, catalogued=catalogued)
    try:
        found = resolver.resolve(name, key)
    except (UnknownModel, ModelForbidden):
        assert not resolver.may_use(name, key)
        return
    assert found.targets
    assert len(set(found.targets)) == len(found.targets)
    for target in found.targets:
        assert may_use_target(key, name, target)
        assert matches(key.providers, target.provider)
        assert serves(known[target.provider].models, target.model)
        for credential in () if found.credentials is None else found.credentials[target.provider]:
            assert matches(key.credentials, f"{target.provider}/{credential.name}")
    if found.choice is not None:
        assert tuple(flat(found.choice)) == found.targets
        assert depth(found.choice) <= len(combos)
