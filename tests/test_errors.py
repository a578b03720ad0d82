"""Errors read as sentences."""

from __future__ import annotations

from nbviz.errors import UnknownName, unknown


def test_an_unknown_name_is_a_key_error_that_reads_as_a_sentence() -> None:
    error = unknown("layer", "Layr4", ["layer4", "conv1"])
    assert isinstance(error, KeyError) and isinstance(error, UnknownName)
    assert str(error) == "Layer 'Layr4' is not in this model. Nearest: 'layer4'."
    assert str(unknown("class", "zzz", ["cat"])) == "Class 'zzz' is not in this model."
