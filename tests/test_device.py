"""The script of laws on an accelerator does what it says where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests import device


def test_it_says_none_where_there_is_no_accelerator(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(device, "accelerator", lambda: None)
    assert device.main([]) == 0 and capsys.readouterr().out == "none\n"


def test_its_laws_hold_on_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert device.main(["--device", "cpu", "--only", "passes", "two_devices", "full_memory"]) == 0
    assert "passes: 4 of 4 hold" in capsys.readouterr().out


def test_a_law_that_does_not_hold_or_cannot_be_looked_at_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(at: torch.device) -> Iterator[tuple[str, bool | str]]:
        yield "one", True
        yield "other", f"0.500 away on {at}"
        raise ZeroDivisionError

    monkeypatch.setitem(device.LAWS, "passes", broken)
    assert device.main(["--device", "cpu", "--only", "passes"]) == 1
    out = capsys.readouterr().out
    assert "FAILED other: 0.500 away on cpu" in out and "ZeroDivisionError" in out and "passes: 1 of 2 hold" in out


def test_no_law_is_begun_after_its_time(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(device, "BUDGET", -1)
    assert device.run(torch.device("cpu"), ["passes"]) == 0
    assert "passes: not run" in capsys.readouterr().out


def test_answers_are_compared_by_their_norm() -> None:
    one = torch.tensor([3.0, 4.0])
    assert device.distance(one, one) == 0 and device.distance(one * 1.5, one) == pytest.approx(0.5)
    assert (
        device.close([one * 1.005], [one]) is True and device.close([one * 1.5], [one]) == "0.500 away from the CPU's"
    )
