"""The page of all methods says of each what the registry says today; one that is new may still be missing."""

from __future__ import annotations

import re

from nbviz.attribution.base import FAMILIES
from tests.bench.reference import DIFFERENCES, PAGE, markdown, names, own


def test_the_page_is_current() -> None:
    page = PAGE.read_text()
    there = [method for method in own() if method.name in names(page)]
    assert names(page) == {method.name for method in there} and len(there) >= 22
    assert page == markdown(there), "python -m tests.bench.reference writes it anew"


def test_a_new_method_is_written_by_the_command_and_turns_no_test_red() -> None:
    fewer = own()[:-1]
    assert names(markdown(fewer)) == {method.name for method in fewer}
    assert names(markdown()) - names(markdown(fewer)) == {own()[-1].name}


def test_every_method_has_its_definition_source_and_options_there() -> None:
    page = PAGE.read_text()
    described = [method for method in own() if method.family in FAMILIES and method.name in names(page)]
    assert len(described) > 20
    for method in described:
        part = page.split(f"\n### {method.title}\n")[1].split("\n### ")[0]
        assert "values:" in part and method.source in part
        assert all(f"\n| `{option.name}` |" in part for option in method.options)


def test_links_lead_to_pages_and_rows_have_all_their_cells() -> None:
    for name in re.findall(r"\]\((\w+\.md)\)", markdown()):
        assert (PAGE.parent / name).is_file()
    assert all(len(row) == 4 and all(row) for row in DIFFERENCES)
