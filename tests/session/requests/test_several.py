"""Several targets of one method as a request: what each would get alone, kept as one answer."""

from __future__ import annotations

import torch

from nbviz.model.target import Target
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import ExplainRequest, ExplainSeveralRequest
from tests.panels.rig import rig


def test_several_targets_are_one_request() -> None:
    small = rig()
    context, picture = LiveContext(small.model), small.pictures["cat"]
    targets = (Target(0), Target(3), Target(1, 2))
    request = ExplainSeveralRequest(picture, targets, "saliency", None, ())
    answers = list(context.answers(request))
    assert [answer.done for answer in answers] == [1 / 3, 2 / 3, 1]
    assert answers[0].attributions[1:] == (None, None) and answers[0].seen.shape == (32, 40, 3)
    for made, target in zip(answers[-1].attributions, targets, strict=True):
        assert made is not None
        assert torch.equal(
            made.values, context.answer(ExplainRequest(picture, target, "saliency", None, ())).attribution.values
        )
    assert context.known(ExplainSeveralRequest(picture, targets, "saliency", None, ())) is answers[-1]
