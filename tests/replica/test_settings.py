"""Settings of the process are put back where the network changed them, and left alone where a cell did."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path

import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture


def test_what_another_thread_sets_during_a_first_contact_stays(tmp_path: Path) -> None:
    """Catches settings put back that the network never touched: a pass in the background undid a cell's ``%cd``."""
    process = dict(os.environ), os.getcwd(), list(warnings.filters), torch.get_default_dtype()
    inside, go_on = threading.Event(), threading.Event()

    class Waits(nn.Module):
        """Waits in its first forward, and sets one thing itself."""

        def __init__(self) -> None:
            super().__init__()
            self.body = build("plain")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.use_deterministic_algorithms(True)
            if not inside.is_set():
                inside.set()
                go_on.wait(20)
            return self.body(x)

    model = InstrumentedModel(Waits().eval())
    worker = threading.Thread(target=lambda: model.logits(picture()), daemon=True)
    worker.start()
    try:
        assert inside.wait(20)
        os.environ["NBVIZ_TEST"] = "a cell's"
        os.chdir(tmp_path)
        warnings.simplefilter("ignore", ResourceWarning)
        torch.set_default_dtype(torch.float64)
        go_on.set()
        worker.join(20)
        model.logits(picture(1))
        assert os.environ["NBVIZ_TEST"] == "a cell's" and Path.cwd() == tmp_path
        assert warnings.filters[0][2] is ResourceWarning and torch.get_default_dtype() == torch.float64
        assert not torch.are_deterministic_algorithms_enabled()
        assert any("deterministic" in note and "environ" not in note for note in model.guest.notes)
    finally:
        go_on.set()
        os.environ.pop("NBVIZ_TEST", None)
        os.chdir(process[1])
        warnings.filters[:] = process[2]  # type: ignore[index]
        torch.set_default_dtype(process[3])
        torch.use_deterministic_algorithms(False)
