"""Tables and facts line up, whatever they hold."""

from reverie.cli.console import facts, table


def test_columns_line_up() -> None:
    lines = table([("a", "1"), ("longer", "1,000")], ("name", "n"), right=[1]).splitlines()
    assert lines == ["name        n", "a           1", "longer  1,000"]
    assert table([]) == ""


def test_facts_leave_out_what_is_empty_and_keep_zero_and_no() -> None:
    text = facts({"none": None, "empty": [], "zero": 0, "no": False, "list": ["a", 2], "big_number": 12_345})
    assert text.splitlines() == ["zero        0", "no          no", "list        a, 2", "big number  12,345"]
