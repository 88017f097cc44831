"""Small files in the forms that others publish CMU-MOSEI in."""

import argparse
import pickle

import numpy as np
import torch

from mmemo.csd.sequence import Entry
from mmemo.csd.writer import write_csd
from mmemo.datasets.mosei import PRESENT, SEGMENTS, folds

SPLITS = ("train", "valid", "test")


def videos(split, count):
    return [video for video, where in folds().items() if where == split][:count]


def known_labels(split):
    """Make multi-hot labels with CMU-MOSEI's published counts: (N, 6)."""
    rows = SEGMENTS[split]
    made = np.zeros((rows, 6), dtype=np.int64)
    random = np.random.default_rng(len(split))
    for k, count in enumerate(PRESENT[split]):
        made[random.permutation(rows)[:count], k] = 1
    return made


def padded(random, rows, length, columns, longest=None):
    """Make zero-padded arrays with something in the last rows of each."""
    made = random.normal(size=(rows, length, columns)).astype(np.float32)
    for row in made:
        row[: random.integers(0, length - 2)] = 0
    return made


def mmsa(path, count=4, aligned=True, protocol=4):
    random = np.random.default_rng(0)
    data = {}
    for split in SPLITS:
        names = [f"{video}$_${k}" for video in videos(split, 2) for k in range(count // 2)]
        rows, length = len(names), 6 if aligned else 9
        data[split] = {
            "raw_text": np.array([f"words of {name}" for name in names]),
            "audio": padded(random, rows, length, 74),
            "vision": padded(random, rows, length, 35),
            "id": np.array(names),
            "text": padded(random, rows, 6, 768),
            "text_bert": random.normal(size=(rows, 3, 6)),
            "annotations": ["Positive"] * rows,
            "classification_labels": np.zeros(rows),
            "regression_labels": random.normal(size=rows),
        }
        data[split]["audio"][0, -1, 7] = -np.inf
        if not aligned:
            data[split]["audio_lengths"] = [length] * rows
            data[split]["vision_lengths"] = [length - 1] * rows
    path.write_bytes(pickle.dumps(data, protocol))
    return data


def mult(path, count=4, emotions=False):
    random = np.random.default_rng(1)
    data = {}
    for split in SPLITS:
        segments = [(v, k) for v in videos(split, 2) for k in range(count // 2)]
        rows = len(segments)
        data[split] = {
            "text": padded(random, rows, 5, 300),
            "audio": padded(random, rows, 20, 74),
            "vision": padded(random, rows, 20, 35),
            "labels": random.normal(size=(rows, 1, 1)),
            "id": np.array([[v, f"{k * 3.0}", f"{k * 3.0 + 2.5}"] for v, k in segments]),
        }
        data[split]["audio"][0, -1, 7] = np.nan
        if emotions:
            data[split]["labels"] = random.integers(0, 4, (rows, 6)).astype(float)
    path.write_bytes(pickle.dumps(data))
    return data


def hhmpn(path, labels=None, zipped=True, order=range(6), splits=SPLITS):
    """Write what HHMPN reads; ids 4 to 9 stand for the emotions in ``order``."""
    random = np.random.default_rng(2)
    data = {"adj": None, "dict": {"tgt": {}}, "settings": argparse.Namespace(a=1)}
    for split in splits:
        rows = known_labels(split) if labels == "known" else random.integers(0, 2, (5, 6))
        length, columns = (1, (1, 1, 1)) if labels == "known" else (6, (300, 35, 74))
        data[split] = {
            f"src-{name}": torch.from_numpy(random.normal(size=(len(rows), length, width)))
            for name, width in zip(("text", "visual", "audio"), columns, strict=True)
        }
        data[split]["tgt"] = [
            [2, *(4 + k for k, column in enumerate(order) if row[column]), 3] for row in rows
        ]
    torch.save(data, path, _use_new_zipfile_serialization=zipped)
    return data


def label_csv(path, names, seed=3):
    """Write labels for (video, segment, start, end) rows."""
    random = np.random.default_rng(seed)
    lines = ["video_id,segment_id,start,end,text,sentiment,happy,sad,anger,surprise,disgust,fear"]
    for video, segment, start, end in names:
        values = (random.integers(0, 10, 6) / 3).round(4)
        lines.append(f"{video},{segment},{start},{end},,0,{','.join(map(str, values))}")
    path.write_text("\n".join(lines) + "\n")


def csd_folder(folder, count=2, outside=False, seconds=6.0):
    """Write words, vectors, sound, face and labels, as the SDK downloads them."""
    random = np.random.default_rng(4)
    names = [v for split in SPLITS for v in videos(split, count)] + ["no_fold"] * outside
    columns = {"glove_vectors": 300, "COVAREP": 74, "FACET 4.2": 35}
    files = {"words": {}, "All Labels": {}, **{name: {} for name in columns}}
    for video in names:
        edges = np.linspace(0, seconds, 13)
        words = Entry(np.column_stack([edges[:-1], edges[1:]]), np.array([[b"good"], [b"sp"]] * 6))
        files["words"][video] = words
        for name, rate in (("COVAREP", 100), ("FACET 4.2", 30), ("glove_vectors", 2)):
            at = np.arange(seconds * rate) / rate
            values = random.normal(size=(len(at), columns[name])).astype(np.float32)
            values[3::7] = 0
            files[name][video] = Entry(np.column_stack([at, at + 1 / rate]), values)
        files["COVAREP"][video].features[0, 7] = -np.inf
        labels = (random.integers(0, 10, (3, 7)) / 3).astype(np.float32)
        times = np.array([[2.0, 4.0], [-0.3, 2.0], [4.0, seconds]])
        files["All Labels"][video] = Entry(times, labels)
    for name, stem in (
        ("words", "language/CMU_MOSEI_TimestampedWords"),
        ("glove_vectors", "language/CMU_MOSEI_TimestampedWordVectors"),
        ("COVAREP", "acoustic/CMU_MOSEI_COVAREP"),
        ("FACET 4.2", "visual/CMU_MOSEI_VisualFacet42"),
        ("All Labels", "labels/CMU_MOSEI_Labels"),
    ):
        path = folder / f"{stem}.csd"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_csd(path, name, files[name].items())
    return files
