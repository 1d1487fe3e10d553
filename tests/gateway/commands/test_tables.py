from __future__ import annotations

from gateway.commands.tables import table


def test_columns_are_as_wide_as_what_is_in_them_and_nothing_steers_the_terminal() -> None:
    columns = (("NAME", lambda row: str(row[0])), ("LONG", lambda row: str(row[1])))
    shown = table(columns, [("a", "1"), ("\x1b[31mred", "")])
    assert shown == "NAME      LONG\na         1\n?[31mred"
