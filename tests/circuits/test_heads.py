"""Attention heads off, by the weights of a copy of the network: closed form for every way heads are mixed."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import nbviz
from nbviz.circuits import Node, head_layers, head_step
from nbviz.circuits.node import NodeReader, strongest
from nbviz.edits import Heads
from nbviz.errors import NbvizError
from tests.networks import state_hash

WIDTH, HEADS = 8, 2


class Own(nn.Module):
    """Attention whose last linear layer mixes the heads."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def heads(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.proj(self.heads(tokens))


class Weights(Own):
    """Attention that uses only the weights of its last linear layer, as torchvision's Swin does: it is never called."""

    def forward(self, tokens: Tensor) -> Tensor:
        return functional.linear(self.heads(tokens), self.proj.weight, self.proj.bias)


class Merge(Own):
    """Attention whose last linear layer is named as MaxVit's is."""

    def __init__(self) -> None:
        super().__init__()
        self.merge, self.proj = self.proj, None

    def forward(self, tokens: Tensor) -> Tensor:
        return self.merge(self.heads(tokens))


class Odd(Own):
    """Attention written out, an activation behind it, mixed by a convolution of a name of its own; a decoy is by."""

    def __init__(self) -> None:
        super().__init__()
        self.blend, self.proj = nn.Conv1d(WIDTH, WIDTH, 1), nn.Linear(WIDTH, WIDTH)

    def heads(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return ((query @ key.mT).softmax(-1) @ value).transpose(1, 2).flatten(2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.blend(functional.gelu(self.heads(tokens)).mT).mT + self.proj(tokens).softmax(-1)


class Folded(Own):
    """Attention with heads folded into the batch, as bmm takes them, and each head's channels not side by side."""

    def heads(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, -1, HEADS)).permute(2, 0, 4, 1, 3).flatten(1, 2)
        attention = functional.dropout(functional.softmax(query @ key.mT, 2), 0.1, self.training)
        return torch.bmm(attention, value).unflatten(0, (-1, HEADS)).permute(0, 2, 3, 1).flatten(2)


class Summed(Own):
    """Attention by einsum with the axes in an order of its own."""

    def heads(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, HEADS, -1)).movedim(-3, 0)
        attention = torch.einsum("nihd,njhd->nhij", query, key).softmax(dim=-1)
        return torch.einsum("nihj,njhd->nihd", attention.transpose(1, 2), value).flatten(2)


class Keeps(Own):
    """Attention that keeps something of its forwards, as LeViT's does: a pass puts its attributes back."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = dict[str, int]()

    def heads(self, tokens: Tensor) -> Tensor:
        self.cache["tokens"] = tokens.shape[1]
        return super().heads(tokens)


class Apart(nn.Module):
    """Attention that leaves the mixing to another module, as Hugging Face's does."""

    def __init__(self) -> None:
        super().__init__()
        self.own = Own()
        self.own.proj, self.dense = nn.Identity(), nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.dense(self.own(tokens))


class Torch(nn.Module):
    """Torch's own attention, which calls no module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        mixed: Tensor = self.inner(tokens, tokens, tokens, need_weights=False)[0]
        return mixed


class Transformer(nn.Module):
    """A class token and 3 × 3 patches through one attention."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.patch, self.token = nn.Conv2d(3, WIDTH, 4, 4), nn.Parameter(torch.randn(1, 1, WIDTH))
        self.attention, self.head = attention, nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat([self.token.expand(len(x), -1, -1), self.patch(x).flatten(2).transpose(1, 2)], 1)
        return self.head((tokens + self.attention(tokens))[:, 0])


MAKES = {kind.__name__: kind for kind in (Own, Weights, Merge, Odd, Folded, Summed, Keeps, Apart, Torch)}
MIXING = {Merge: "merge", Odd: "blend", Apart: "dense", Torch: "inner.out_proj"}
X = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture(params=MAKES)
def net(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(0)
    return Transformer(MAKES[request.param]()).double().eval()


def muted(net: Transformer, off: list[int]) -> Transformer:
    """Copy with the columns of the mixing layer that read those heads at zero."""
    copy = deepcopy(net)
    attention = copy.attention
    mix, size = attention.get_submodule(MIXING.get(type(attention), "proj")), WIDTH // HEADS
    with torch.no_grad():
        for head in off:
            own = slice(head, None, HEADS) if isinstance(attention, Folded) else slice(head * size, (head + 1) * size)
            mix.weight[:, own] = 0
    return copy


def without(net: Transformer, off: list[int]) -> Tensor:
    """Scores of such a copy."""
    with torch.no_grad():
        scores: Tensor = muted(net, off)(X)[0]
    return scores


def test_heads_off_are_columns_of_the_mixing_layer_at_zero(net: Transformer) -> None:
    model, before = nbviz.InstrumentedModel(net), state_hash(net)
    ((layer, count),) = head_layers(model, X).items()
    assert count == HEADS
    for off in ([], [0], [1], [0, 1]):
        edited = model.edited(Heads(layer, off=off, of=HEADS))
        torch.testing.assert_close(edited(X)[0], without(net, off), rtol=0, atol=1e-14)
    taken = head_step(model, X, Node("", 2), layer, HEADS)
    losses = [float(without(net, [])[2] - without(net, [head])[2]) for head in range(HEADS)]
    np.testing.assert_allclose(taken.effects, losses, atol=1e-14)
    assert taken.off == pytest.approx(float(without(net, [0, 1])[2]), abs=1e-14) and taken.kind == "head"
    assert taken.exact and state_hash(net) == before


def test_heads_off_hold_for_gradients_batches_and_one_edit_over_another(net: Transformer) -> None:
    model, batch = nbviz.InstrumentedModel(net), torch.cat([X, X.flip(3), 2 * X])
    (layer,) = head_layers(model, X)
    one, both = model.edited(Heads(layer, off=[1], of=HEADS)), [Heads(layer, off=[head], of=HEADS) for head in (0, 1)]
    for many, alone in zip(one(batch), batch.split(1), strict=True):
        torch.testing.assert_close(many, one(alone)[0], rtol=0, atol=1e-14)
    torch.testing.assert_close(model.edited(*both)(X)[0], without(net, [0, 1]), rtol=0, atol=1e-14)
    found = nbviz.attribute(one, X, 2, "saliency").values
    leaf = X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(muted(net, [1])(leaf)[0, 2], leaf)
    np.testing.assert_allclose(found.reshape(slope.shape), slope, atol=1e-14)


def test_a_node_may_be_the_class_token() -> None:
    model, layer = nbviz.zoo.load("fashion_vit"), "blocks.2"
    x = model.input(nbviz.zoo.fashion()[0][0])
    with model.capture(layer) as outputs:
        model(x)
    values, tokens = outputs[layer][0], set[int | None]()
    for channel in range(12):
        node, at = strongest(model, x, layer, channel), int(values[:, channel].argmax())
        assert (node.token, node.place) == ((0, None) if at == 0 else (None, divmod(at - 1, 7)))
        read = model.guest.steady(lambda run, node=node: NodeReader(model, node, x)(run, x).detach())
        assert float(read) == pytest.approx(float(values[at, channel]))
        tokens.add(node.token)
    assert tokens == {0, None}
    # behind the last block only the class token is read
    assert {strongest(model, x, "blocks.3", channel, 9).token for channel in range(4)} == {0}
    nodes = nbviz.circuit(model, x, 9, top=2).nodes
    assert (nodes["token"][nodes["layer"] == "blocks.3"] == 0).all()


class Windowed(Own):
    """Attention within windows, which stand where others have their heads."""

    count = HEADS

    def heads(self, tokens: Tensor) -> Tensor:
        windows = self.qkv(tokens[:, 1:]).unflatten(1, (3, 3)).unflatten(-1, (3, self.count, -1))
        query, key, value = windows.permute(3, 0, 4, 1, 2, 5)  # (N, heads, windows, tokens, channels)
        mixed = functional.scaled_dot_product_attention(query, key, value).permute(0, 2, 3, 1, 4)
        return torch.cat([tokens[:, :1], mixed.flatten(3).flatten(1, 2)], 1)


class WindowedAlone(Windowed):
    """The same with one head."""

    count = 1


class Gated(Own):
    """No attention: tokens weighed by a softmax of theirs, which meets nothing by a product."""

    def forward(self, tokens: Tensor) -> Tensor:
        return self.proj(tokens * self.proj(tokens).softmax(1))


def test_heads_that_cannot_be_told_are_not_offered_and_refused() -> None:
    windows = "can't be told from its windows"
    for kind, words in ((Windowed, windows), (WindowedAlone, windows), (Gated, "computes no attention")):
        torch.manual_seed(0)
        model = nbviz.InstrumentedModel(Transformer(kind()).double().eval())
        assert head_layers(model, X) == {}
        with pytest.raises(NbvizError, match=words):
            model.edited(Heads("attention", off=[0], of=1 if kind is Gated else 3))(X)


def test_what_has_no_heads_is_refused_in_a_sentence(net: Transformer) -> None:
    model = nbviz.InstrumentedModel(net)
    model.trace(X)
    with pytest.raises(NbvizError, match="no attention"):
        model.edited(Heads("patch", off=[0], of=2))
    with pytest.raises(NbvizError, match="no head 2"):
        Heads("attention", off=[2], of=2)
    with pytest.raises(NbvizError, match="can't share"):
        model.edited(Heads(next(iter(head_layers(model, X))), off=[0], of=3))(X)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(400, 3))
    assert head_layers(nbviz.InstrumentedModel(plain), X.float()) == {}
