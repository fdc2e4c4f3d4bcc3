"""The training photographs: rebuilt from packages that the tests lay out, without a network."""

import errno
import io
import subprocess
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from linksim import cli
from linksim.images import training_photos
from linksim.images.training_photos import Source, fetch, sources, unpack_debian_package
from linksim.scenario.errors import InputError


def smooth(height, width, phase=0.0):
    """An RGB picture of waves many px long."""
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin((rows + columns * slope) / 40 + phase) for slope in (0.5, 1, 2)]
    return Image.fromarray((128 + 100 * np.stack(waves, -1)).astype(np.uint8))


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def psnr(path, image):
    difference = np.asarray(Image.open(path), np.float64) - np.asarray(image)
    return 10 * np.log10(255**2 / (difference**2).mean())


WHOLE = smooth(300, 402)
CARVED = [smooth(400, 500, phase) for phase in (1, 2)]
ICON = Image.new("RGBA", (72, 72), (255, 0, 0, 100))

WANTED = [
    Source("train/a-1.jpg", "waves", "1.0-1", "usr/share/waves/whole one.png", 201, 150, "CC0-1.0", 2),
    Source("validation/b-1.jpg", "resources", "2:2.0-1", "usr/share/r.rcc#webp0", 250, 200, "CC0-1.0", 2),
    Source("train/b-2.jpg", "resources", "2:2.0-1", "usr/share/r.rcc#webp1", 500, 400, "CC0-1.0", 1),
]


def resource_file():
    """Pictures and icons between other bytes, some of which look like a picture."""
    pictures = [encoded(image, format="WEBP", lossless=True) for image in (ICON, CARVED[0], ICON, CARVED[1])]
    return b"qres" + b"RIFFabcd" + b"RIFF\x10\0\0\0WEBPjunk".join(pictures) + b"RIFF"


class Packages:
    """Stands in for apt-get and dpkg; remembers what it was asked for."""

    def __init__(self, **versions):
        self.asked = []
        self.versions = {"waves": "1.0-1", "resources": "2:2.0-1"} | versions
        self.files = {
            "waves": {"usr/share/waves/whole one.png": encoded(WHOLE, format="PNG")},
            "resources": {"usr/share/r.rcc": resource_file()},
        }

    def __call__(self, package, version, folder):
        self.asked.append((package, version))
        for name, content in self.files[package].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.versions[package]


@pytest.fixture
def said():
    return []


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_photographs_are_rebuilt_downscaled_and_split(tmp_path, said):
    outcome = fetch(tmp_path, WANTED, Packages(), said.append)
    assert (outcome.made, outcome.kept, outcome.missing) == (3, 0, 0)
    assert names(tmp_path) == ["train/a-1.jpg", "train/b-2.jpg", "validation/b-1.jpg"]
    assert psnr(tmp_path / "train/b-2.jpg", CARVED[1]) > 40
    # Waves this long keep their values at half the size.
    assert psnr(tmp_path / "train/a-1.jpg", WHOLE.resize((201, 150), Image.Resampling.BOX)) > 40
    assert psnr(tmp_path / "validation/b-1.jpg", CARVED[0].resize((250, 200), Image.Resampling.BOX)) > 40
    with Image.open(tmp_path / "train/a-1.jpg") as image:
        assert [sampling[1:3] for sampling in image.layer] == [(1, 1)] * 3  # 4:4:4
    assert not any(line.startswith("warning") for line in said)


def test_what_is_there_is_kept_and_its_package_left_alone(tmp_path, said):
    fetch(tmp_path, WANTED, Packages(), said.append)
    (tmp_path / "train/b-2.jpg").unlink()
    (tmp_path / "train/a-1.jpg").write_bytes(b"mine")
    packages = Packages()
    outcome = fetch(tmp_path, WANTED, packages, said.append)
    assert (outcome.made, outcome.kept, outcome.missing) == (1, 2, 0)
    assert packages.asked == [("resources", "2:2.0-1")]
    assert (tmp_path / "train/a-1.jpg").read_bytes() == b"mine"


def test_a_moved_version_is_a_warning_and_a_missing_file_is_counted(tmp_path, said):
    packages = Packages(waves="1.1-1")
    packages.files["waves"] = {}
    outcome = fetch(tmp_path, WANTED, packages, said.append)
    assert (outcome.made, outcome.missing) == (2, 1)
    warnings = [line for line in said if line.startswith("warning")]
    assert warnings == [
        "warning: waves is 1.1-1, not 1.0-1; its pictures may differ",
        "warning: train/a-1.jpg left out: waves has no usr/share/waves/whole one.png",
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"path_in_package": "usr/share/r.rcc#webp2"}, "resources has no usr/share/r.rcc#webp2"),
        ({"width": 499}, "gives 500×400 px, not 499×400"),
    ],
    ids=["number", "size"],
)
def test_another_picture_than_the_listed_is_left_out(tmp_path, said, change, reason):
    wanted = [WANTED[0], replace(WANTED[2], **change)]
    assert fetch(tmp_path, wanted, Packages(), said.append).missing == 1
    assert reason in " ".join(said)
    assert names(tmp_path) == ["train/a-1.jpg"]


def test_a_broken_picture_is_left_out(tmp_path, said):
    packages = Packages()
    name, content = packages.files["waves"].popitem()
    packages.files["waves"][name] = content[: len(content) // 2]
    assert fetch(tmp_path, WANTED, packages, said.append).missing == 1
    assert "is no picture that Pillow can read" in " ".join(said)


def test_a_package_that_cannot_be_had_leaves_the_others(tmp_path, said, monkeypatch):
    monkeypatch.setattr(training_photos.shutil, "which", lambda name: f"/usr/bin/{name}")

    def run(command, **options):
        assert command[:3] == ["apt-get", "-q", "download"]
        return subprocess.CompletedProcess(command, 100, "", "W: hm\nE: Unable to locate package waves\n")

    monkeypatch.setattr(training_photos.subprocess, "run", run)
    packages = Packages()

    def unpack(package, version, folder):
        return (unpack_debian_package if package == "waves" else packages)(package, version, folder)

    outcome = fetch(tmp_path, WANTED, unpack, said.append)
    assert (outcome.made, outcome.missing) == (2, 1)
    assert "warning: `apt-get -q download` failed: E: Unable to locate package waves" in said


def test_no_package_at_all_is_an_error(tmp_path, said, refusal, monkeypatch):
    monkeypatch.setattr(training_photos.shutil, "which", lambda name: f"/usr/bin/{name}")
    failed = subprocess.CompletedProcess([], 100, "", "")
    monkeypatch.setattr(training_photos.subprocess, "run", lambda command, **options: failed)
    text = refusal(fetch, tmp_path, WANTED, unpack_debian_package, said.append)
    assert "no photograph could be made" in text
    assert "apt-get update" in text


def test_apt_and_dpkg_are_called_for_the_listed_version_then_any(tmp_path, monkeypatch):
    calls = []

    def run(command, cwd, **options):
        calls.append(command)
        if command[0] == "apt-get" and "=" in command[-1]:
            return subprocess.CompletedProcess(command, 100, "", "E: Version '1' was not found\n")
        if command[0] == "apt-get":
            (Path(cwd) / "waves_2_all.deb").touch()
        return subprocess.CompletedProcess(command, 0, "2\n" if command[0] == "dpkg-deb" else "", "")

    monkeypatch.setattr(training_photos.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(training_photos.subprocess, "run", run)
    assert unpack_debian_package("waves", "1", tmp_path) == "2"
    assert calls == [
        ["apt-get", "-q", "download", "waves=1"],
        ["apt-get", "-q", "download", "waves"],
        ["dpkg", "-x", "waves_2_all.deb", str(tmp_path)],
        ["dpkg-deb", "-f", "waves_2_all.deb", "Version"],
    ]


def test_elsewhere_than_debian_is_an_error(tmp_path, said, refusal, monkeypatch):
    monkeypatch.setattr(training_photos.shutil, "which", lambda name: None)
    text = refusal(fetch, tmp_path, WANTED, unpack_debian_package, said.append)
    assert "apt-get and dpkg and dpkg-deb" in text
    assert "run it on Debian" in text


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, said, refusal):
    out = tmp_path / "file"
    out.touch()
    text = refusal(fetch, out / "photos", WANTED, Packages(), said.append)
    assert "cannot be written (Not a directory)" in text
    assert "--out" in text


def test_a_full_disk_leaves_no_half_picture(tmp_path, said, monkeypatch):
    write = Path.write_bytes

    def full(path, content):
        if path.suffix == ".png" or "resources" in str(path) or tmp_path not in path.parents:
            return write(path, content)
        write(path, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        fetch(tmp_path, WANTED, Packages(), said.append)
    assert names(tmp_path) == []


def test_the_list_is_consistent():
    listed = sources()
    assert Counter(source.file.partition("/")[0] for source in listed) == {"train": 222, "validation": 20}
    assert len({source.file for source in listed}) == len(listed)
    assert len({(source.package, source.path_in_package) for source in listed}) == len(listed)
    packages = [source.package for source in listed]
    runs = 1 + sum(before != after for before, after in pairwise(packages))
    assert runs == len(set(packages)) == 8  # A package is fetched once.
    assert sum(source.width * source.height for source in listed) == pytest.approx(76e6, rel=0.01)
    assert all(source.licence and source.downscale in (1, 2, 3, 4) for source in listed)


def test_the_command_prints_the_counts(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training_photos, "sources", lambda: WANTED)
    monkeypatch.setattr(training_photos, "unpack_debian_package", Packages())
    assert cli.main(["images", "fetch-training", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"3 made, 0 there before, 0 missing of 3 photographs in {tmp_path}"
    )


def test_the_command_fails_when_photographs_are_missing(tmp_path, monkeypatch, capsys):
    packages = Packages()
    packages.files["waves"] = {}
    monkeypatch.setattr(training_photos, "sources", lambda: WANTED)
    monkeypatch.setattr(training_photos, "unpack_debian_package", packages)
    assert cli.main(["images", "fetch-training", "--out", str(tmp_path)]) == 1
    assert "2 made, 0 there before, 1 missing of 3" in capsys.readouterr().out
