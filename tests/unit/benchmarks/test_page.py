"""Sections of a page are written by different benchmarks, and each leaves the others alone."""

from pathlib import Path

from benchmarks.page import with_section, write_section

PAGE = "# One\n\ntext\n## Below\nmore\n\n# Two\n\n| a |\n"


def test_a_section_is_replaced_where_it_is() -> None:
    assert with_section(PAGE, "# One\n\nnew\n") == "# One\n\nnew\n\n# Two\n\n| a |\n"
    assert with_section(PAGE, "# Two\nnew") == "# One\n\ntext\n## Below\nmore\n\n# Two\nnew\n"


def test_a_new_section_comes_last() -> None:
    assert with_section(PAGE, "# Three\nnew\n") == PAGE + "\n# Three\nnew\n"


def test_what_stands_before_the_first_title_stays() -> None:
    assert with_section("intro\n\n# One\nold\n", "# One\nnew\n") == "intro\n\n# One\nnew\n"


def test_writing_twice_is_writing_once(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write_section(page, "# One\na\n")
    write_section(page, "# Two\nb\n")
    written = page.read_text()
    write_section(page, "# One\na\n")
    assert page.read_text() == written == "# One\na\n\n# Two\nb\n"
