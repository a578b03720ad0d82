"""The page of all methods is that of today's registry."""

from __future__ import annotations

import re

from nbviz.attribution.base import FAMILIES, METHODS
from tests.bench.reference import DIFFERENCES, PAGE, markdown


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == markdown(), "python -m tests.bench.reference writes it anew"


def test_every_method_has_its_definition_source_and_options_there() -> None:
    page = PAGE.read_text()
    for method in METHODS.values():
        if method.family in FAMILIES:
            part = page.split(f"\n### {method.title}\n")[1].split("\n### ")[0]
            assert "values:" in part and method.source in part
            assert all(f"\n| `{option.name}` |" in part for option in method.options)


def test_links_lead_to_pages_and_rows_have_all_their_cells() -> None:
    for name in re.findall(r"\]\((\w+\.md)\)", markdown()):
        assert (PAGE.parent / name).is_file()
    assert all(len(row) == 4 and all(row) for row in DIFFERENCES)
