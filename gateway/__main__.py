"""The command line: `sluicegate` and `python -m gateway`.

Knows which commands there are. A command's module is imported when the command is asked for, so that `serve` does not
carry what `usage` needs for as long as it runs.
"""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "serve": "gateway.commands.serve",
    "check": "gateway.commands.check",
    "mock": "gateway.commands.mock",
    "translate": "gateway.commands.translate",
    "explain": "gateway.commands.explain",
    "usage": "gateway.commands.usage",
    "keys": "gateway.commands.keys",
    "rests": "gateway.commands.rests",
    "user": "gateway.commands.user",
    "backup": "gateway.commands.backup",
    "restore": "gateway.commands.restore",
    "export": "gateway.commands.export",
    "import": "gateway.commands.import_",
    "migrate": "gateway.commands.migrate",
    "compact": "gateway.commands.compact",
    "import-archive": "gateway.commands.import_archive",
    "rotate-key": "gateway.commands.rotate_key",
    "seed": "gateway.commands.seed",
    "version": "gateway.commands.version",
}
"""Modules, each with a `command`."""


class Commands(click.Group):
    """A group that knows its commands by name and imports what it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name]).command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Sluicegate: one HTTP endpoint in front of every model a team uses."""


if __name__ == "__main__":
    main(prog_name="sluicegate")
