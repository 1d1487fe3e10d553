"""What the catalogue says of its providers, for their page: a table of all, a section for each, the fixes by name."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.catalog.presets import Failure, Preset, presets
from gateway.catalog.quirks import QUIRKS

from .markdown import one_line, table, words

SHOWN_AS = {
    "bearer": "as a bearer token",
    "x-api-key": "in `x-api-key`",
    "x-goog-api-key": "in `x-goog-api-key`",
    "api-key": "in `api-key`",
    "google": "as a token that is got for the service account",
    "aws": "as a signature (SigV4), or as a bearer token where it is an API key",
}
"""How a secret is presented, by scheme."""


def preset_table() -> str:
    """Every preset in a row of its own."""
    rows = [
        (f"[`{name}`](#{name})", f"[{preset.name}]({preset.docs})", f"`{preset.format}`", _usual(preset), _at(preset))
        for name, preset in presets().items()
    ]
    return table(("Id", "Provider", "Format", "Variable", "Address"), rows)


def preset_sections() -> str:
    """Every preset with all there is to know of it."""
    return "\n\n".join(_section(name, preset) for name, preset in presets().items())


def quirk_table() -> str:
    """Every fix, and whose it is."""
    rows = [
        (f"`{name}`", one_line(fix.__doc__ or ""), words(_users(name), " ")) for name, fix in sorted(QUIRKS.items())
    ]
    return table(("Name", "What it does", "Presets"), rows)


def _at(preset: Preset) -> str:
    return f"`{preset.base_url}`"


def _usual(preset: Preset) -> str:
    names = [*preset.secret_variables, *([preset.env_file] if preset.env_file else [])]
    return words((name.replace("+", ":") for name in names), " or ")


def _users(quirk: str) -> Iterator[str]:
    return (name for name, preset in presets().items() if quirk in preset.quirks)


def _section(name: str, preset: Preset) -> str:
    lines = [f"### {name}", "", f"{preset.name}. {preset.notes}".strip(), ""]
    lines += [f"- {line}" for line in _facts(preset)]
    own = preset.failures[: len(preset.failures) - _borrowed(preset)]
    if preset.variables:
        lines += ["", _variables(preset)]
    if own:
        lines += ["", _failures(own)]
    return "\n".join(lines)


def _borrowed(preset: Preset) -> int:
    return len(presets()[preset.failures_like].failures) if preset.failures_like else 0


def _facts(preset: Preset) -> Iterator[str]:
    yield _secret(preset)
    if preset.also_speaks:
        yield f"Speaks {words((preset.format, *preset.also_speaks))}."
    for format_name, url in preset.also_at.items():
        yield f"Speaks `{format_name}` at `{url}`."
    if preset.listed == "none":
        yield "Has no list of models that the gateway could ask for: say which `models` it serves."
    if preset.quirks:
        yield f"Fixes: {words(preset.quirks)}."
    if preset.drop_fields:
        yield f"Left out of requests: {words(preset.drop_fields)}."
    if not preset.stream_usage:
        yield "Its streams are not asked for usage."
    if preset.failures_like:
        yield f"Its errors mean what those of [{preset.failures_like}](#{preset.failures_like}) do."


def _secret(preset: Preset) -> str:
    if preset.auth == "none":
        return "Asks for no key."
    needed = "The secret" if preset.needs_key else "The secret, where it asks for one,"
    place = "in a file, and a variable names that:" if preset.env_file else "in"
    alone = "" if preset.by_variable else " The variable alone does not add it: write its `[[providers]]` table too."
    return f"{needed} is usually {place} {_usual(preset)}; it is sent {SHOWN_AS[preset.auth]}.{alone}"


def _variables(preset: Preset) -> str:
    rows = [
        (f"`{name}`", each.about, words(each.names, " or "), f"`{each.default}`" if each.default else "required")
        for name, each in preset.variables.items()
    ]
    return table(("`variables`", "What it is", "Variable", "Default"), rows)


def _failures(failures: tuple[Failure, ...]) -> str:
    rows = [
        (
            words(each.status),
            words(each.codes),
            words(each.contains, " or "),
            f"`{each.fault}`" if each.fault else "as usual",
            f"`{each.then}`" if each.then else "as usual",
            _rest(each),
        )
        for each in failures
    ]
    return table(("Status", "Code", "The message has", "Means", "Then", "Rests"), rows)


def _rest(failure: Failure) -> str:
    if failure.rest_seconds == 0:
        return "nothing"
    for_how_long = f" for {failure.rest_seconds:g} s" if failure.rest_seconds else ""
    return f"the {failure.rest or 'model'}{for_how_long}" if failure.rest or failure.rest_seconds else "as usual"
