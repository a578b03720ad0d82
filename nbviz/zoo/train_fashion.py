"""Training of the Fashion-MNIST networks in ``data/``, and the cutting of their pictures.

    python -m nbviz.zoo.train_fashion fashion_cnn fashion_vit pictures --source folder --out folder

``--source`` holds the four idx .gz files, as Debian's package ``dataset-fashion-mnist`` installs them. One thread,
seeded. The recipe is fixed beforehand: the test split is read once, after the last step, and nothing is
chosen by it. What is measured and shipped are the weights rounded to half precision; they are written after
every epoch, so that a training that is stopped leaves something to look at.
"""

from __future__ import annotations

import gzip
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nbviz.zoo.fashion_cnn import FashionCNN
from nbviz.zoo.fashion_pictures import MEAN, STD
from nbviz.zoo.fashion_vit import FashionViT
from nbviz.zoo.shipped import DATA

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Folder that Debian's package installs the four files in."""
SHIPPED = 5000
"""Pictures of the test split that come with nbviz, the first ones."""
BATCH, SEED = 64, 0


@dataclass(frozen=True)
class Training:
    """Recipe: AdamW on cross-entropy, batches of 64, half the pictures mirrored, one cycle of the learning rate."""

    build: Callable[[], nn.Module]
    epochs: int
    rate: float
    """The highest one."""

    @property
    def sentence(self) -> str:
        """Recipe in a sentence, for the metadata."""
        return (
            f"AdamW, weight decay 0.05, one-cycle learning rate up to {self.rate:g}, batch {BATCH}, "
            f"{self.epochs} epochs, pictures mirrored at random, seed {SEED}, one thread"
        )


TRAININGS = {
    "fashion_cnn": Training(FashionCNN, epochs=4, rate=4e-3),
    "fashion_vit": Training(FashionViT, epochs=10, rate=1.5e-3),
}


def idx(path: Path) -> np.ndarray[Any, Any]:
    """Read a gzipped idx file of bytes: two zeros, type, number of axes, their lengths, then the values."""
    data = gzip.decompress(path.read_bytes())
    axes = data[3]
    shape = np.frombuffer(data, ">u4", axes, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def split(source: Path, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Read pictures (n, 28, 28) and labels (n,) of "train" or "t10k"."""
    return idx(source / f"{name}-images-idx3-ubyte.gz"), idx(source / f"{name}-labels-idx1-ubyte.gz")


def batch_of(images: np.ndarray[Any, Any]) -> Tensor:
    """Normalise uint8 (n, 28, 28) to float (n, 1, 28, 28)."""
    return torch.from_numpy(images.astype(np.float32)).div_(255).sub_(MEAN).div_(STD).unsqueeze(1)


def train(training: Training, images: Tensor, labels: Tensor) -> Iterator[nn.Module]:
    """Train the network; yield it, the same object, after every epoch."""
    torch.manual_seed(SEED)
    net = training.build().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=training.rate, weight_decay=0.05, fused=True)
    steps = training.epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.rate, total_steps=steps)
    for epoch in range(training.epochs):
        losses = []
        # the last, smaller batch is left out: the cycle counts whole ones
        for chosen in torch.randperm(len(images))[: len(images) // BATCH * BATCH].view(-1, BATCH):
            mirrored = torch.rand(BATCH, 1, 1, 1) < 0.5
            pictures = torch.where(mirrored, images[chosen].flip(-1), images[chosen])
            loss = functional.cross_entropy(net(pictures), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.detach())
        print(f"epoch {epoch + 1} of {training.epochs}: loss {torch.stack(losses).mean():.3f}", flush=True)
        yield net


def rounded(net: nn.Module) -> dict[str, Tensor]:
    """Return the weights in half precision, in the usual memory order."""
    return {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in net.state_dict().items()
    }


@torch.inference_mode()
def right(net: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return which pictures (n,) the network classifies rightly."""
    return torch.cat([net(part).argmax(1) for part in images.split(500)]) == labels


def make_network(name: str, source: Path, out: Path) -> None:
    """Train one network and write its weights with their card."""
    from safetensors.torch import save_file

    training, file = TRAININGS[name], out / f"{name}.safetensors"
    card = {
        "data": "Fashion-MNIST, training split (60,000 pictures), MIT licence, Zalando SE",
        "recipe": training.sentence,
        "torch": torch.__version__,
    }
    started = time.process_time()
    images, labels = split(source, "train")
    for net in train(training, batch_of(images), torch.from_numpy(labels.astype(np.int64))):
        # after each epoch: an interrupted run leaves a network that loads
        weights = rounded(net)
        save_file(weights, file, metadata=card)
    card["cpu_seconds"] = f"{time.process_time() - started:.0f}"
    save_file(weights, file, metadata=card | accuracies(training.build(), weights, source))


def accuracies(net: nn.Module, weights: dict[str, Tensor], source: Path) -> dict[str, str]:
    """Return the accuracy on the test split, and on the part of it that is shipped."""
    # those that are shipped: half precision may cost a picture
    net.load_state_dict(weights)
    images, labels = split(source, "t10k")
    hits = right(net.eval(), batch_of(images), torch.from_numpy(labels.astype(np.int64))).double()
    return {"test_accuracy": f"{hits.mean():.4f}", "shipped_accuracy": f"{hits[:SHIPPED].mean():.4f}"}


def make_pictures(source: Path, out: Path) -> None:
    """Write the first half of the test split, with its labels."""
    images, labels = split(source, "t10k")
    np.savez_compressed(out / "fashion_pictures.npz", images=images[:SHIPPED], labels=labels[:SHIPPED])


def main() -> None:
    """Make the files that are named on the command line."""
    parser = ArgumentParser(prog="python -m nbviz.zoo.train_fashion", description=__doc__)
    parser.add_argument("what", nargs="+", choices=[*TRAININGS, "pictures"])
    parser.add_argument("--source", type=Path, default=DEBIAN)
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args()
    # sums in one order, whatever the machine: the recipe says so
    torch.set_num_threads(1)
    for name in options.what:
        if name == "pictures":
            make_pictures(options.source, options.out)
        else:
            make_network(name, options.source, options.out)


if __name__ == "__main__":
    main()
