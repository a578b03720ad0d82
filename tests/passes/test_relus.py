"""ReLU rules on autograd's nodes, held to a reference written operator by operator in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from nbviz.errors import Refused
from nbviz.passes.graph.relus import Rule, rectifiers, ruled

SHARED = nn.ReLU(inplace=True)
FORMS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "module": (nn.ReLU(), torch.inf),
    "functional": (functional.relu, torch.inf),
    "method": (lambda t: t.relu(), torch.inf),
    "in place": (lambda t: functional.relu_(t), torch.inf),
    "shared": (SHARED, torch.inf),
    "relu6": (functional.relu6, 6.0),
    "relu6 in place": (nn.ReLU6(inplace=True), 6.0),
    "hardtanh": (lambda t: functional.hardtanh(t, 0.0, 1.5), 1.5),
    "clamp": (lambda t: t.clamp(0, 2), 2.0),
    "clamp below": (lambda t: t.clamp(min=0), torch.inf),
    "clamp_min": (lambda t: torch.clamp_min(t, 0), torch.inf),
    "threshold": (lambda t: functional.threshold(t, 0, 0), torch.inf),
}


def weights() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(9, 7, generator=generator, dtype=torch.float64) for _ in range(3)]


def forward(x: Tensor, relu: Callable[[Tensor], Tensor]) -> Tensor:
    a, b, c = weights()
    first = relu(x @ a)
    second = relu(first @ b.T @ c + first)
    return (second @ a.T[:, :1]).sum()


def reference(x: Tensor, top: float, rule: Rule) -> Tensor:
    """The same network and its backward, operator by operator."""
    a, b, c = weights()

    def back(g: Tensor, before: Tensor) -> Tensor:
        g = g.clamp(min=0)
        return g * ((before > 0) & (before < top)) if rule == "guided" else g

    u = x @ a
    first = u.clamp(0, top)
    v = first @ b.T @ c + first
    g = back(a.T[:, :1].T.expand(len(x), -1), v)
    return back(g @ c.T @ b + g, u) @ a.T


@pytest.mark.parametrize("rule", ["guided", "deconvnet"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_relu_follows_the_rule(form: str, rule: Rule) -> None:
    relu, top = FORMS[form]
    x = 0.1 * torch.randn(4, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x.requires_grad_()
    output = forward(x, relu)
    found = rectifiers(output.grad_fn, x)
    assert len(found.nodes) == 2 and not found.others and not found.hidden
    with ruled(found.nodes, rule):
        (values,) = torch.autograd.grad(output, x, retain_graph=True)
    assert torch.allclose(values, reference(x.detach(), top, rule), rtol=1e-12, atol=1e-12)
    (plain,) = torch.autograd.grad(output, x)
    assert torch.equal(plain, torch.autograd.grad(forward(x, relu), x)[0])
    assert not torch.allclose(plain, values)


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (functional.silu, "SiLU"), (functional.gelu, "GELU"), (functional.hardswish, "Hardswish"),
        (functional.elu, "ELU"), (functional.leaky_relu, "LeakyReLU"), (torch.tanh, "Tanh"),
        (lambda t: functional.hardtanh(t, -1, 1), "Hardtanh"), (functional.mish, "Mish"),
        (lambda t: torch.maximum(t, torch.zeros(())), "maximum"),
        (lambda t: functional.threshold(t, 1, 0), "Threshold"),
    ],
)  # fmt: skip
def test_other_activations_are_named(activation: Callable[[Tensor], Tensor], name: str) -> None:
    x = torch.randn(3, requires_grad=True)
    found = rectifiers(activation(activation(x)).sum().grad_fn, x)
    assert not found.nodes and found.others == {name: 2}
    with pytest.raises(Refused, match=f"^Guided backprop needs ReLUs; this network has 2 {name}.$"):
        found.need("Guided backprop")


def test_a_network_without_activations_is_refused() -> None:
    x = torch.ones(3, requires_grad=True)
    found = rectifiers((x * 2).sum().grad_fn, x)
    with pytest.raises(Refused, match="this network has none"):
        found.need("Deconvnet")


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: object, g: Tensor) -> Tensor:
        return g


def _on_a_view(x: Tensor) -> Tensor:
    y = x * 1
    y[:2].relu_()
    return y


@pytest.mark.parametrize(
    ("hiding", "said"),
    [
        (_on_a_view, "in-place operation on a part"),
        (lambda x: checkpoint(torch.relu, x, use_reentrant=True), "use_reentrant=False"),
        (torch.compile(torch.relu, backend="aot_eager"), "before torch.compile"),
        (Own.apply, "inside of OwnBackward"),
    ],
)
def test_what_hides_a_relu_is_refused_in_words(hiding: Callable[[Tensor], Tensor], said: str) -> None:
    x = torch.randn(4, requires_grad=True)
    found = rectifiers(hiding(torch.relu(x)).sum().grad_fn, x)
    assert found.nodes
    with pytest.raises(Refused, match=said):
        found.need("Guided backprop")


def test_a_checkpoint_that_is_not_reentrant_is_seen_through() -> None:
    x = torch.randn(4, requires_grad=True)
    output = checkpoint(torch.relu, x, use_reentrant=False).sum()
    found = rectifiers(output.grad_fn, x)
    found.need("Guided backprop")
    with ruled(found.nodes, "guided"):
        (values,) = torch.autograd.grad(-output, x, allow_unused=True)
    assert len(found.nodes) == 1 and not values.any()


def test_hooks_are_gone_after_an_exception() -> None:
    x = torch.randn(5, requires_grad=True)
    output = -torch.relu(x).sum()
    with pytest.raises(ZeroDivisionError), ruled(rectifiers(output.grad_fn, x).nodes, "guided"):
        raise ZeroDivisionError
    assert torch.autograd.grad(output, x)[0].any()


def test_what_weights_are_made_with_does_not_count() -> None:
    x, weight = torch.randn(4, requires_grad=True), torch.randn(4, requires_grad=True)
    made = torch.relu(_on_a_view(functional.silu(weight)))
    found = rectifiers((torch.relu(x * made) + made).sum().grad_fn, x)
    assert len(found.nodes) == 1 and not found.others and not found.hidden
