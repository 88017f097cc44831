"""Train the expression network of ``extractors.facet.expression`` on FER2013.

    python -m pipelines.default_model.expressions FER2013_FOLDER [--work runs/expressions]

FER2013_FOLDER holds ``train.zip`` (or the folder ``train``) with one folder of pictures per
expression. The tracker measures every picture, enlarged four times; a seventh of them is held out
(``face_pictures``). The number of epochs is fixed.

FER2013 states no licence; the weights are for research only.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from sklearn.metrics import recall_score
from torch import Tensor, nn
from torch.nn import functional

from extractors.facet.expression import (
    EXPRESSIONS,
    FARTHEST,
    POSE_DEG,
    WEIGHTS,
    standardised,
)
from extractors.facet.measures import mirror_of
from extractors.facet.tracker import FaceTracker
from mmemo.files import write_atomically
from pipelines.default_model.face_pictures import Faces, held_out, measure_faces
from pipelines.progress import track

MAPS = (32, 64, 128, 256)
HIDDEN = 128
EPOCHS, BATCH, PEAK_RATE, WEIGHT_DECAY = 24, 256, 4e-3, 0.02
LABEL_SMOOTHING = 0.1
"""People agree on about two thirds of FER2013's labels."""
AVERAGE_DECAY = 0.998
BLIND = 0.15
"""Share of faces of which training hides the patch, and of which it hides the shape."""
SMALL = 0.2
"""Share of faces that training sees as small as in a video of somebody far away."""
SMALL_PX = (6, 32)
"""Width of their patches."""
LANDMARK_CM, SMALL_LANDMARK_CM = 0.03, 0.12
"""Deviation of the landmarks of a face, and of a small one."""


class TrainedNetwork(nn.Module):
    """The network of ``extractors.facet.expression`` while it is trained, with its regularisers.

    Args:
        mean: (478, 3) mean shape.
        deviation: (478, 3) deviation of the landmarks.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: NDArray[np.float32], deviation: NDArray[np.float32]) -> None:
        super().__init__()
        sizes = zip((1, *MAPS), MAPS, (5, 3, 3, 3), (2, 1, 1, 1), strict=False)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, k, stride, k // 2, bias=False) for i, o, k, stride in sizes
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(size) for size in MAPS)
        self.patch = nn.Linear(9 * MAPS[-1], HIDDEN, bias=False)
        self.patch_norm = nn.BatchNorm1d(HIDDEN)
        self.shape = nn.Linear(mean.size, HIDDEN, bias=False)
        self.shape_norm = nn.BatchNorm1d(HIDDEN)
        self.out = nn.Linear(2 * HIDDEN + 3, len(EXPRESSIONS))
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("deviation", torch.from_numpy(deviation))

    def forward(self, patches: Tensor, heads: Tensor, angles: Tensor) -> Tensor:
        """Return logits (B, 7) of standardised patches (B, 48, 48), heads and angles (B, 3)."""
        maps = patches[:, None]
        for place, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            maps = functional.relu(norm(convolve(maps)))
            maps = functional.max_pool2d(maps, 2) if place else maps
        shapes = ((heads - self.mean) / self.deviation).clamp(-FARTHEST, FARTHEST).flatten(1)
        maps = functional.dropout(maps.flatten(1), 0.3, self.training)
        shapes = functional.dropout(shapes, 0.2, self.training)
        looks = functional.relu(self.patch_norm(self.patch(maps)))
        shapes = functional.relu(self.shape_norm(self.shape(shapes)))
        shapes = functional.dropout(shapes, 0.4, self.training)
        if self.training:
            blind = torch.rand(len(looks), 1)
            looks, shapes = looks * (blind > BLIND), shapes * (blind < 1 - BLIND)
        features = torch.cat([looks, shapes, angles / POSE_DEG], dim=1)
        logits: Tensor = self.out(functional.dropout(features, 0.3, self.training))
        return logits

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights that the extractor uses, with the batch norms folded in."""
        folded: dict[str, Tensor] = {
            "shape.mean": self.mean,
            "shape.deviation": self.deviation,
            "out.weight": self.out.weight,
            "out.bias": self.out.bias,
            **_folded("patch", self.patch, self.patch_norm),
            **_folded("shape", self.shape, self.shape_norm),
        }
        for number, layers in enumerate(zip(self.convolutions, self.norms, strict=True), 1):
            folded |= _folded(f"conv{number}", *layers)
        return {
            name: np.ascontiguousarray(tensor.detach().numpy(), np.float32)
            for name, tensor in folded.items()
        }


def _folded(name: str, layer: nn.Module, norm: nn.Module) -> dict[str, Tensor]:
    """Return weight and bias of a layer that does the work of its batch norm too."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    assert isinstance(layer.weight, Tensor)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    per_output = scale.reshape(-1, *[1] * (layer.weight.dim() - 1))
    return {
        f"{name}.weight": layer.weight * per_output,
        f"{name}.bias": norm.bias - norm.running_mean * scale,
    }


def train_network(faces: Faces, pairs: NDArray[np.int64], seed: int = 0) -> TrainedNetwork:
    """Train on faces, mirrored, turned, blurred and with parts hidden at random.

    Args:
        faces: what to learn from.
        pairs: (478,) the landmark on the other side of the face.
        seed: of everything that is drawn.
    """
    torch.manual_seed(seed)
    mean, deviation = symmetric_statistics(faces.heads, pairs)
    network = TrainedNetwork(mean, deviation)
    patches = torch.from_numpy(standardised(faces.patches))
    heads, angles = torch.from_numpy(faces.heads), torch.from_numpy(faces.angles)
    labels = torch.from_numpy(faces.labels)
    weights = (labels.numel() / torch.bincount(labels).float()).sqrt()
    weights /= weights[labels].mean()
    batches = len(labels) // BATCH
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE, total_steps=EPOCHS * batches
    )
    average = torch.optim.swa_utils.AveragedModel(
        network,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY),
        use_buffers=True,
    )
    mirror = torch.from_numpy(pairs)
    for _ in track(range(EPOCHS), "training"):
        network.train()
        for rows in torch.randperm(len(labels))[: batches * BATCH].split(BATCH):
            varied = vary(patches[rows], heads[rows], angles[rows], mirror)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(*varied)
            loss = functional.cross_entropy(
                logits.float(), labels[rows], weights, label_smoothing=LABEL_SMOOTHING
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
    trained = average.module
    assert isinstance(trained, TrainedNetwork)
    return trained.eval()


def symmetric_statistics(
    heads: NDArray[np.float32], pairs: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and deviation of the landmarks, (478, 3) each, the same for mirrored faces."""
    mirror = np.array([-1.0, 1.0, 1.0], np.float32)
    mean = heads.mean(axis=0)
    mean = (mean + mean[pairs] * mirror) / 2
    deviation = (heads - mean).std(axis=0)
    deviation = (deviation + deviation[pairs]) / 2 + 1e-3
    return mean.astype(np.float32), deviation.astype(np.float32)


def vary(
    patches: Tensor, heads: Tensor, angles: Tensor, mirror: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Change faces in ways that leave the expression as it is."""
    size = len(patches)
    mirrored = torch.rand(size) < 0.5
    patches = torch.where(mirrored[:, None, None], patches.flip(2), patches)
    heads = torch.where(
        mirrored[:, None, None], heads[:, mirror] * torch.tensor([-1.0, 1.0, 1.0]), heads
    )
    angles = torch.where(mirrored[:, None], angles * torch.tensor([1.0, -1.0, -1.0]), angles)
    turn, scale = 0.35 * (torch.rand(size) - 0.5), 1 + 0.25 * (torch.rand(size) - 0.5)
    shift = 0.16 * (torch.rand(size, 2) - 0.5)
    cosine, sine = scale * turn.cos(), scale * turn.sin()
    rows = [
        torch.stack([cosine, -sine, shift[:, 0]], dim=1),
        torch.stack([sine, cosine, shift[:, 1]], dim=1),
    ]
    maps = patches[:, None]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(maps.shape), align_corners=False)
    maps = functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
    chance = torch.rand(3, size, 1, 1, 1)
    maps = torch.where(chance[0] < 0.2, functional.avg_pool2d(maps, 3, 1, 1), maps)
    maps = maps * (0.8 + 0.4 * chance[1])
    maps = maps + 0.1 * torch.randn_like(maps) * (chance[2] < 0.5)
    top, left = (int(place) for place in torch.randint(0, 40, (2,)))
    maps[: size // 2, :, top : top + 8, left : left + 16] = 0.0
    small = torch.rand(size) < SMALL
    maps[small] = shrunk(maps[small], int(torch.randint(*SMALL_PX, (1,))))
    noise = torch.where(small, SMALL_LANDMARK_CM, LANDMARK_CM)[:, None, None]
    return maps[:, 0], heads + noise * torch.randn_like(heads), angles


def shrunk(maps: Tensor, width: int) -> Tensor:
    """Return patches (B, 1, 48, 48) as they are where the face is only ``width`` pixels wide."""
    small = functional.interpolate(maps, size=(width, width), mode="area")
    return functional.interpolate(small, size=maps.shape[-2:], mode="bilinear")


def main() -> None:
    """Measure, train, write the weights, and print the recall on the public test."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FER2013_FOLDER")
    parser.add_argument("--work", type=Path, default=Path("runs/expressions"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=WEIGHTS, metavar="FILE")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    faces = measure_faces(options.folder, "train", options.work)
    pairs = mirror_of(FaceTracker().networks.canonical)
    kept = held_out(faces.names)
    network = train_network(faces.where(~kept), pairs)
    write_atomically(options.out, save(network.weights()))
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
    print(f"unweighted recall of held-out pictures: {recall(network, faces.where(kept)):.3f}")


@torch.no_grad()
def recall(network: TrainedNetwork, faces: Faces) -> float:
    """Return the mean over expressions of the share of faces that are recognised."""
    patches = torch.from_numpy(standardised(faces.patches))
    logits = network(patches, torch.from_numpy(faces.heads), torch.from_numpy(faces.angles))
    pred, shown = logits.argmax(dim=1).numpy(), np.unique(faces.labels)
    return float(recall_score(faces.labels, pred, labels=shown, average="macro"))


if __name__ == "__main__":
    main()
