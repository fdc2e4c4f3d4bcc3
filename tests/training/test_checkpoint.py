"""Checkpoints: written whole or not at all, read back exactly, refused when damaged or foreign."""

import json

import keras
import numpy as np
import pytest

from linksim.training import checkpoint
from linksim.training.checkpoint import Progress


def variables(seed=0, shapes=((2, 3), (), (4,))):
    rng = np.random.default_rng(seed)
    found = [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in shapes]
    return [*found, keras.Variable(np.array([seed, 7], np.uint32), dtype="uint32", trainable=False)]


@pytest.fixture
def written(tmp_path):
    """A checkpoint of some variables."""
    line = {"phase": 0, "step": 500, "loss": 0.1}
    progress = Progress("digest", 1, 500, 31.25, 2, 12.5, 1e-4, [line])
    checkpoint.write(tmp_path / "checkpoint.npz", variables(1), progress)
    return tmp_path / "checkpoint.npz", progress


def test_everything_comes_back_exactly(written):
    path, progress = written
    target = variables(2)
    checkpoint.restore(path, target)
    for found, expected in zip(target, variables(1)):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    assert checkpoint.read_progress(path) == progress
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_new_training_has_no_best_yet(tmp_path):
    checkpoint.write(tmp_path / "a.npz", [], Progress("digest"))
    assert checkpoint.read_progress(tmp_path / "a.npz").best == float("-inf")


def test_where_there_is_no_checkpoint_there_is_no_progress(tmp_path):
    assert checkpoint.read_progress(tmp_path / "none.npz") is None


def test_a_failed_write_leaves_the_earlier_checkpoint(written, monkeypatch):
    path, progress = written

    def fail(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space"):
        checkpoint.write(path, variables(3), Progress("other"))
    assert checkpoint.read_progress(path) == progress


@pytest.mark.parametrize(
    "other",
    [variables(1, ((2, 3), ())), variables(1, ((3, 2), (), (4,))), variables(1, ((2, 3), (), (4,), (1,)))],
    ids=["fewer", "another shape", "more"],
)
def test_a_checkpoint_of_another_model_is_refused(other, written, refusal):
    text = refusal(checkpoint.restore, written[0], other)
    assert text == f"{written[0]}: holds another model\nmend: start anew with --fresh"


def damaged(path, how):
    whole = path.read_bytes()
    match how:
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        case "text":
            path.write_text("not a checkpoint")
        case "bits":
            spoiled = bytearray(whole)
            for place in range(40, len(whole), 97):
                spoiled[place] ^= 0xFF
            path.write_bytes(bytes(spoiled))
        case "array":
            with path.open("wb") as file:
                np.save(file, np.zeros(3))
        case "no progress":
            with path.open("wb") as file:
                np.savez(file, v0=np.zeros(3))
        case "fields":
            with path.open("wb") as file:
                np.savez(file, progress=np.array(json.dumps({"recipe": "digest", "epoch": 3})))
        case "no mapping":
            with path.open("wb") as file:
                np.savez(file, progress=np.array("[1]"))
        case "code":
            with path.open("wb") as file:
                np.savez(file, progress=np.array([{"recipe": "digest"}], object))


@pytest.mark.parametrize(
    "how",
    ["empty", "truncated", "text", "bits", "array", "no progress", "fields", "no mapping", "code"],
)
def test_damaged_files_are_named(how, written, refusal):
    path, _ = written
    damaged(path, how)
    text = refusal(checkpoint.read_progress, path)
    assert text == f"{path}: the checkpoint is damaged\nmend: start anew with --fresh"


@pytest.mark.parametrize("how", ["empty", "truncated", "text", "bits", "array"])
def test_variables_are_not_read_from_damaged_files(how, written, refusal):
    path, _ = written
    damaged(path, how)
    assert "the checkpoint is damaged" in refusal(checkpoint.restore, path, variables(2))


def test_starting_anew_keeps_everything_but_the_checkpoints(tmp_path):
    for name in (checkpoint.CHECKPOINT, checkpoint.BEST, "history.csv", "tiny.weights.h5"):
        (tmp_path / name).write_text("x")
    checkpoint.remove(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "tiny.weights.h5"]
    checkpoint.remove(tmp_path / "none")
