"""Instrumented model: a user's network, its preprocessing and its class names, seen from outside."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, ClassVar

import numpy as np
import torch

from nbviz.arguments import at_least
from nbviz.arrays import array_of
from nbviz.errors import unknown
from nbviz.model.batches import parts
from nbviz.model.by_model import ByModel
from nbviz.model.classes import carried_names, checked_names, class_index
from nbviz.model.edit import Edit, NetworkEdit, attach, checked, edited_input
from nbviz.model.inputs.input_cache import InputCache
from nbviz.model.inputs.input_size import Usual, noise, ready
from nbviz.model.layers import Layer
from nbviz.model.recorders import Recorders
from nbviz.model.scoring.forward import evaluate
from nbviz.model.scoring.heads import head_of
from nbviz.model.scoring.outputs import Kind, Output, OutputKey, reader_of
from nbviz.model.scoring.prediction import Prediction, prediction
from nbviz.model.trace import Trace, trace
from nbviz.pictures.labels import ClassNames, class_list, name_or_number
from nbviz.pictures.load import PictureLike, as_picture
from nbviz.pictures.preprocessing import Preprocessing, TransformLike
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import RawOutput, modules_of, split
from nbviz.replica.torch_modes import isolated
from nbviz.replica.user_code.user_hooks import Hooks

MOST_TRACES = 4


class InstrumentedModel:
    """User's ``nn.Module`` with its preprocessing and class names; it is never changed.

    net: any ``torch.nn.Module``; ``DataParallel`` and compiled wrappers are looked through, TorchScript is refused.
    transform: a callable PIL → tensor, torchvision weights or their transforms; left out, it is read from the network
    where it carries one, else guessed (``model.transform.guessed``). classes: names in the order of the scores; left
    out, those that the network or its weights carry, where there is one per score. output: key, index or callable that
    takes the scores (N, classes), or maps (N, classes, H, W), out of the network's output; left out, they are looked
    for, and so are a detector's boxes. multilabel: whether each score has its own sigmoid. device: ``"auto"``: where
    the weights are; else a copy. hooks: of yours on it, ``"auto"`` leaves out those seen to only record, ``"run"``
    none, ``"skip"`` all but torch's own.
    """

    _guest_kind: ClassVar[type[Guest]] = Guest

    def __init__(
        self,
        net: torch.nn.Module,
        transform: TransformLike | None = None,
        classes: ClassNames | None = None,
        *,
        output: OutputKey | None = None,
        multilabel: bool = False,
        device: str | torch.device = "auto",
        name: str | None = None,
        hooks: Hooks = "auto",
    ) -> None:
        self.guest = self._guest_kind(net, device, hooks)
        self._usual = Usual(self.guest, transform)
        given = None if classes is None else class_list(classes)
        self._carried = carried_names(transform, self.guest.module)
        self.classes = self._carried if given is None else given
        self.name = name or type(self.guest.module).__name__
        self.output = output
        self.read = reader_of(self.guest.module, output, len(given or ()), len(self.classes or ()), multilabel)
        self.edits: tuple[Edit, ...] = ()
        """Edits of pictures and layers, in order, see :meth:`edited`."""
        self.origin: InstrumentedModel | None = None  # the model that this is an edited one of
        self._shape: tuple[int, ...] | None = None
        self._traces: OrderedDict[Any, Trace] = OrderedDict()
        self._inputs = InputCache()  # shared with those that are edited ones of this
        self._begin()

    def _begin(self) -> None:
        """Set up what belongs to this model alone, and not to one that is the same but for its edits."""
        self._lock, self._tracing, self._recorders = threading.RLock(), threading.RLock(), Recorders()
        self._traces = OrderedDict(self._traces)

    @classmethod
    def ensure(cls, net_or_model: torch.nn.Module | InstrumentedModel, **options: Any) -> InstrumentedModel:  # noqa: ANN401 - the class's own
        """Return the model itself, or a plain network wrapped."""
        return net_or_model if isinstance(net_or_model, cls) else cls(net_or_model, **options)

    def __repr__(self) -> str:
        return f"InstrumentedModel({self.name}, {self.parameters:,} parameters, {self.device})"

    @property
    def net(self) -> torch.nn.Module:
        """The user's own network."""
        return self.guest.net

    @property
    def transform(self) -> Preprocessing:
        """Preprocessing, picture → float32 tensor (1, C, H, W); a guess is settled by the first picture."""
        return self._usual.transform

    @property
    def parameters(self) -> int:
        """Number of parameters, shared ones once."""
        return sum(p.numel() for p in self.guest.module.parameters())

    @property
    def device(self) -> torch.device:
        """Device where passes run."""
        return self.guest.device

    @property
    def scores(self) -> int | None:
        """Number of class scores; None before the first forward."""
        return None if self.known is None else self.known.scores

    @property
    def known(self) -> Trace | None:
        """Trace used last; None before the first forward."""
        with self._lock:
            return next(reversed(self._traces.values())) if self._traces else None

    @property
    def kind(self) -> Kind:
        """Kind of the network's output: "classes", "maps" (segmentation), "boxes" (detection) or "unknown"."""
        return self.trace().kind

    def find_logits(self, raw: RawOutput) -> torch.Tensor:
        """Return scores (N, classes) of a raw output: of a map per class its mean, of boxes the best one's, or 0."""
        return self.read(raw, head=head_of(self.known)).logits

    def evaluate(self, run: Pass, batch: torch.Tensor) -> Output:
        """Run the network on a batch (N, C, H, W), on its device, and read its output; differentiable."""
        return evaluate(run, batch, self.read, head_of(self.known))

    def fingerprint(self, reread: bool = False) -> tuple[int, bytes]:
        """Return the key of the network's state now; ``reread``: of all weights, see ``Watch.contents``."""
        return self.guest.fingerprint(reread)

    def input(self, image: PictureLike) -> torch.Tensor:
        """Return the network input for a picture, (1, C, H, W), of its type; passes move it to their device.

        image: a :class:`Picture`, PIL image, path, uint8 array, or a preprocessed float tensor ((1,) C, H, W).
        """
        picture, plain = as_picture(image), self.origin or self
        if picture.tensor is not None and not self.edits:
            return ready(self.guest, picture.tensor)
        transform = None if picture.tensor is not None else self.transform  # asking for it runs the network
        weights = self.fingerprint() if any(getattr(edit, "asks_network", False) for edit in self.edits) else None
        key = (picture.digest, transform and transform.key, self.device, self.guest.dtype, self.edits, weights)

        def make() -> torch.Tensor:
            if self.edits:
                *before, last = self.edits  # what stacks of edits have in common is made once
                return edited_input(plain.edited(*before).input(picture), last, before, plain)
            with isolated():
                return ready(self.guest, picture.tensor if transform is None else transform(picture))

        return self._inputs.get(key, make)

    def seen(self, image: PictureLike) -> np.ndarray:
        """Return the picture as the network saw it, uint8 (H, W, 3)."""
        picture = as_picture(image)
        return self._usual.seen(self.input(picture).float().cpu(), ready=picture.tensor is not None)

    def forget(self) -> None:
        """Let go of the inputs, traces and replicas kept; they are made again when needed."""
        self.guest.forget()
        ByModel.forget(self)
        self._inputs.clear()
        self._traces = OrderedDict()

    def edited(self, *edits: Edit) -> InstrumentedModel:
        """Return this network over the same weights with edits made, in order: of its pictures, of what layers put out.

        edits: values of ``nbviz.edits``. The result can be used wherever a model can; this model and the network stay
        as they are. Raises NbvizError for an edit that names what the network doesn't have.
        """
        if not edits:
            return self
        # from the plain model, so that edits of edits are one list and not models behind models
        twin, plain = copy(self), self.origin or self
        twin.origin, twin.edits = plain, (edits := (*self.edits, *checked(edits, plain)))
        twin._begin()  # noqa: SLF001 - our own
        if any(isinstance(edit, NetworkEdit) for edit in edits):
            twin.guest = plain.guest.variant(lambda net: attach(net, edits, plain))
        return twin

    def trace(self, x: torch.Tensor | None = None) -> Trace:
        """Return the trace of one forward of an input of this shape; kept until the structure changes."""
        shape = self._shape if x is None else tuple(x.shape[1:])
        if (known := self._known(shape)) is not None:
            return known
        with self._tracing:  # a lock of its own: a first trace takes a second, and nobody else need wait for it
            if (known := self._known(shape)) is not None:
                return known
            x = noise(self.guest, shape or self._usual.shape()) if x is None else x
            revision, result = self.guest.revision, trace(self.guest, x, self.read)
            self.classes = checked_names(self.classes, self.classes is self._carried, result.kind, result.scores)
            with self._lock:
                self._shape = tuple(x.shape[1:])
                self._traces[revision, self._shape, self.guest.dtype] = result
                while len(self._traces) > MOST_TRACES:
                    self._traces.popitem(last=False)
            return result

    def _known(self, shape: tuple[int, ...] | None) -> Trace | None:
        key = (self.guest.revision, shape, self.guest.dtype)
        with self._lock:
            if key in self._traces:
                self._shape = shape
                self._traces.move_to_end(key)
            return self._traces.get(key)

    def layers(self) -> Layer:
        """Return the root of the layer tree, in call order; shapes are those of the picture traced last."""
        return self.trace().root

    def layer(self, name: str) -> Layer:
        """Return a layer by name (``"layer4.1.conv2"``; ``"relu#2"`` is the second call of ``relu``).

        Raises :class:`UnknownName`, with the nearest name, for a layer that is not there.
        """
        layers = self.trace().layers
        if not isinstance(name, str) or name not in layers:
            raise unknown("Layer", name, [key for key in layers if key])
        return layers[name]

    def class_name(self, index: int) -> str:
        """Return the name of a class, or ``"class 17"`` where the model has no names."""
        return name_or_number(self.classes, index)

    def class_index(self, name: str) -> int:
        """Return the index of a class by name; raises :class:`UnknownName` with the nearest."""
        return class_index(name, self)

    def filters(self, name: str) -> np.ndarray | None:
        """Return weights of a convolution, float32 (out, in, height, width); None for other layers."""

        def work(run: Pass) -> np.ndarray | None:
            # asked of the replica: a parametrised weight is computed, and may write to its module
            weight = getattr(modules_of(run.net).get(split(name)[0]), "weight", None)
            return array_of(weight.float()).copy() if isinstance(weight, torch.Tensor) and weight.dim() == 4 else None

        return self.guest.steady(work)

    def prediction(self, image: PictureLike) -> Prediction:
        """Return the prediction for one picture: a score per class, and the class at each place or the boxes."""
        x = self.input(image)
        self.trace(x)

        def work(run: Pass) -> Prediction:
            with torch.no_grad():
                return prediction(self.evaluate(run, x), self, (x.shape[2], x.shape[3]))

        return self.guest.steady(work)

    def logits(self, image: PictureLike) -> np.ndarray:
        """Return one raw score per class of one picture, float32 (classes,), see :meth:`find_logits`."""
        return self.prediction(image).logits

    def predict(self, image: PictureLike, top: int = 5) -> list[tuple[str, int, float, float]]:
        """Return the classes with the highest scores: [(class name, index, share, score), …], best first.

        share: its probability, by softmax, for one score or with ``multilabel=True`` by a sigmoid, or as the network
        puts it out; of a segmentation network its share of the picture, with the background last; of a detector the
        score of its best box. score: raw, see :meth:`find_logits`.
        """
        most = at_least("top", top, 1)
        one = self.prediction(image).checked()
        return [(self.class_name(i), i, float(one.shares[i]), float(one.logits[i])) for i in one.order[:most].tolist()]

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Return logits (N, classes) of a batch (N, C, H, W), differentiable in it; alone where pictures would mix."""
        grad = batch.requires_grad and torch.is_grad_enabled()
        x = ready(self.guest, batch)

        def work(run: Pass) -> torch.Tensor:
            with torch.set_grad_enabled(grad):
                return self._recorders.run(run, parts(self, run, x), lambda part: self.evaluate(run, part).logits)

        with self.guest.one_look():
            self.trace(x.detach()[:1])
            return self.guest.steady(work)

    @contextmanager
    def capture(self, *names: str) -> Iterator[dict[str, torch.Tensor]]:
        """Record what layers put out: ``with model.capture("layer1") as outputs: model(batch)``.

        Yields a dict that after each ``model(batch)`` holds name → tensor (N, …) as that layer put it out,
        also where the next operation overwrites it. Nested captures are independent.
        """
        with self._recorders.recorder(names, self.trace, self.layer, self.known) as outputs:
            yield outputs
