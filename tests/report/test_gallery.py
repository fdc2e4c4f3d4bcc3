"""The figure of received pictures: its pixels are theirs, its numbers those of pictures computed by hand."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

from linksim.report.gallery import MOST_COLUMNS, MOST_ROWS, draw

HEADER = ["file", "original", "system", "snr_db", "cbr", "mcs", "image", "name", "trial", "outcome", "task"]
SIDE = 4
ENLARGED = 192 // SIDE  # the side of the square that a pixel becomes


def flat(*colour, height=SIDE, width=SIDE):
    """A picture of one colour, or of one grey value."""
    return np.full((height, width, 3) if len(colour) == 3 else (height, width), colour, np.uint8)


def busy(seed):
    """A picture whose pixels all differ."""
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def entry(system, snr_db, image, received, original, **more):
    """A line of the index, and its two pictures."""
    files = {"file": f"{image}_{snr_db}_{system}.png", "original": f"{image}_original.png"}
    line = {"system": system, "snr_db": f"{snr_db:.4f}", "cbr": "1/6", "mcs": "bound:bicm", "image": image}
    line |= {"name": f"picture {image}", "trial": 0, "outcome": "delivered", "task": "0", **files, **more}
    return line, {line["file"]: received, line["original"]: original}


@pytest.fixture
def run_folder(tmp_path):
    """Writes what a run keeps; returns its folder."""

    def make(entries):
        folder = tmp_path / "pictures"
        folder.mkdir()
        for _, pictures in entries:
            for name, pixels in pictures.items():
                Image.fromarray(pixels).save(folder / name)
        with (folder / "index.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, HEADER)
            writer.writeheader()
            writer.writerows(line for line, _ in entries)
        return tmp_path

    return make


def lines_of(folder):
    with (folder / "figures" / "pictures.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def page_of(folder):
    return np.asarray(Image.open(folder / "figures" / "pictures.png").convert("RGB"))


def corners(page, picture):
    """(row, column) of the upper left corner of every place that shows the picture, each pixel a square."""
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=-1)
    large = np.kron(picture, np.ones((ENLARGED, ENLARGED, 1), np.uint8))
    height, width = large.shape[:2]
    found = []
    # A corner has the first pixel's colour, as do not the pixels above and to the left of it.
    same = np.pad((page == picture[0, 0]).all(axis=-1), ((1, 0), (1, 0)))
    for row, column in np.argwhere(same[1:, 1:] & ~same[:-1, 1:] & ~same[1:, :-1]):
        if np.array_equal(page[row : row + height, column : column + width], large):
            found.append((int(row), int(column)))
    return found


def test_the_csv_holds_the_psnr_of_each_picture(run_folder):
    black = flat(0, 0, 0)
    half = black.copy()
    half[:2] = 10  # a mean squared error of 50
    folder = run_folder(
        [
            entry("A", 4, 7, flat(5, 5, 5), black),  # of 25
            entry("A", 10, 7, half, black, mcs="envelope:pdsch-1/9", trial=3),
            entry("B", 4, 7, flat(128, 128, 128), black, outcome="channel_outage"),
            entry("B", 10, 7, black, black),
        ]
    )
    png, pdf, table = draw(folder, title="title")
    assert [path.name for path in (png, pdf, table)] == ["pictures.png", "pictures.pdf", "pictures.csv"]
    assert sorted((folder / "figures").iterdir()) == sorted([png, pdf, table])
    assert pdf.read_bytes().startswith(b"%PDF")
    lines = lines_of(folder)
    assert [(line["snr_db"], line["system"]) for line in lines] == [
        ("4", "A"), ("4", "B"), ("10", "A"), ("10", "B"),
    ]  # fmt: skip
    expected = [20 * math.log10(255 / 5), 20 * math.log10(255 / 128), 10 * math.log10(255**2 / 50), 100.0]
    assert [float(line["psnr_db"]) for line in lines] == pytest.approx(expected, abs=5e-5)
    assert [line["outcome"] for line in lines] == ["delivered", "channel_outage", "delivered", "delivered"]
    assert {(line["picture"], line["cbr"]) for line in lines} == {("picture 7", "1/6")}
    assert (lines[2]["mcs"], lines[2]["trial"]) == ("envelope:pdsch-1/9", "3")


def test_every_picture_stands_in_its_place_pixel_by_pixel(run_folder):
    """Blocks of rising SNR with originals above systems; columns and systems in the order of the index."""
    sent = {3: busy(1), 1: busy(2)}
    received = {(snr_db, system, image): busy(seed) for seed, (snr_db, system, image) in enumerate(
        [(snr_db, system, image) for snr_db in (9, -3) for system in ("second", "first") for image in (3, 1)],
        start=3,
    )}  # fmt: skip
    folder = run_folder(
        [entry(system, snr_db, image, pixels, sent[image])
         for (snr_db, system, image), pixels in received.items()]
    )  # fmt: skip
    draw(folder)
    page = page_of(folder)
    rows, columns = set(), set()
    for image in (3, 1):
        below = [corners(page, sent[image])]
        assert len(below[0]) == 2  # in each block
        order = [below[0][0]]
        for snr_db in (-3, 9):
            for system in ("second", "first"):
                (place,) = corners(page, received[snr_db, system, image])
                order.append(place)
        order.insert(3, below[0][1])
        assert order == sorted(order)
        columns.add(tuple(column for _, column in order))
        rows.add(tuple(row for row, _ in order))
    assert len(rows) == 1
    left, right = sorted(column[0] for column in columns)
    assert corners(page, sent[3])[0][1] == left < right
    assert columns == {(left,) * 6, (right,) * 6}


def test_a_single_system_has_its_originals_once(run_folder):
    black, green = flat(0, 0, 0), flat(0, 200, 0)
    folder = run_folder([entry("A", snr_db, 0, green, black) for snr_db in (0, 5, 10)])
    draw(folder)
    page = page_of(folder)
    assert len(corners(page, black)) == 1
    assert len(corners(page, green)) == 3
    assert corners(page, black)[0] < min(corners(page, green))


def test_outages_are_framed_and_others_not(run_folder):
    black, grey, blue, green = flat(0, 0, 0), flat(128, 128, 128), flat(0, 0, 250), flat(0, 250, 0)
    folder = run_folder(
        [
            entry("A", 5, 0, green, black),
            entry("B", 5, 0, grey, black, outcome="channel_outage"),
            entry("C", 5, 0, blue, black, outcome="codec_infeasible"),
        ]
    )
    draw(folder)
    page = page_of(folder).astype(int)

    def surroundings(picture):
        """The ring of six pixels around a picture."""
        ((row, column),) = corners(page, picture)
        ring = page[row - 6 : row + 198, column - 6 : column + 198].copy()
        ring[6:-6, 6:-6] = 255
        return ring.reshape(-1, 3)

    for picture, framed in ((green, False), (grey, True), (blue, True)):
        ring = surroundings(picture)
        coloured = (np.ptp(ring, axis=1) > 100).sum()
        assert coloured > 2 * 4 * 192 if framed else coloured == 0


def test_grey_pictures_stay_grey(run_folder):
    folder = run_folder([entry("A", 5, 0, flat(51), flat(0))])
    draw(folder)
    (line,) = lines_of(folder)
    assert float(line["psnr_db"]) == pytest.approx(20 * math.log10(5), abs=5e-5)
    assert len(corners(page_of(folder), flat(51))) == 1


def test_large_pictures_are_reduced_and_measured_whole(run_folder):
    """Every other column is wrong by 10: half that in a reduced picture, and 6 dB more."""
    original, received = flat(0, 60, 0, height=400, width=800), flat(0, 60, 0, height=400, width=800)
    received[:, ::2] += 10
    folder = run_folder([entry("A", 5, 0, received, original)])
    draw(folder)
    assert float(lines_of(folder)[0]["psnr_db"]) == pytest.approx(10 * math.log10(255**2 / 50), abs=5e-5)
    page = page_of(folder).astype(int)
    shown = (page == (0, 60, 0)).all(axis=-1)
    assert np.argwhere(shown).max(axis=0).tolist() == (np.argwhere(shown)[0] + (191, 383)).tolist()
    assert shown.sum() == 192 * 384
    arrived = np.abs(page - (5, 65, 5)).max(axis=-1) <= 2
    assert arrived.sum() == pytest.approx(192 * 384, rel=0.02)


def test_pictures_of_different_sizes_share_a_row(run_folder):
    sizes = {0: (6, 3), 1: (3, 6), 2: (1, 1), 3: (300, 10), 4: (200, 200)}
    colours = {image: (0, 20 * image + 100, 0) for image in sizes}
    folder = run_folder(
        [
            entry("A", 5, image, flat(*colours[image], height=height, width=width),
                  flat(255, 0, 255, height=height, width=width))
            for image, (height, width) in sizes.items()
        ]
    )  # fmt: skip
    draw(folder)
    page = page_of(folder)
    # Five pictures have room for 1536 // 5 pixels each.
    drawn = {0: (192, 96), 1: (96, 192), 2: (192, 192), 3: (300, 10), 4: (200, 200)}
    tops = set()
    for image, colour in colours.items():
        places = np.argwhere((page == colour).all(axis=-1))
        assert (np.ptp(places, axis=0) + 1).tolist() == list(drawn[image]), image
        tops.add(places[0][0])
    assert len(tops) == 1


def test_a_system_without_a_picture_leaves_its_place_empty(run_folder):
    black, green, red = flat(0, 0, 0), flat(0, 250, 0), flat(250, 0, 0)
    folder = run_folder(
        [
            entry("A", 5, 0, green, black),
            entry("A", 5, 1, green, black),
            entry("B", 5, 1, red, black),
            entry("B", 9, 1, red, black),
        ]
    )
    draw(folder)
    page = page_of(folder)
    assert [line["system"] for line in lines_of(folder)] == ["A", "A", "B", "B"]
    assert {column for _, column in corners(page, red)} == {corners(page, green)[1][1]}
    assert len(corners(page, black)) == 4


def test_pictures_without_room_are_left_out_with_a_warning(run_folder):
    many = range(MOST_COLUMNS + 2)
    folder = run_folder([entry("A", 5, image, flat(1, 1, 1), flat(0, 0, 0)) for image in many])
    with pytest.warns(UserWarning, match=f"pictures.png: the first {MOST_COLUMNS} of {len(many)} pictures"):
        draw(folder)
    assert [line["picture"] for line in lines_of(folder)] == [f"picture {i}" for i in many[:MOST_COLUMNS]]


def test_rows_without_room_are_left_out_with_a_warning(run_folder):
    snrs_db = range(MOST_ROWS)  # and the originals' row
    folder = run_folder([entry("A", snr_db, 0, flat(1, 1, 1), flat(0, 0, 0)) for snr_db in snrs_db])
    with pytest.warns(UserWarning, match=f"the first {MOST_ROWS} of {MOST_ROWS + 1} rows are shown"):
        draw(folder)
    assert [int(line["snr_db"]) for line in lines_of(folder)] == list(snrs_db[:-1])


def test_originals_do_not_end_a_figure_that_is_cut(run_folder):
    """Blocks of 23 and 3 rows: the second has room for its originals only."""
    entries = [entry(f"S{i}", snr_db, 0, flat(1, 1, 1), flat(0, 0, 0))
               for snr_db, systems in ((0, MOST_ROWS - 2), (5, 2)) for i in range(systems)]  # fmt: skip
    folder = run_folder(entries)
    with pytest.warns(UserWarning, match=f"the first {MOST_ROWS - 1} of {MOST_ROWS + 2} rows"):
        draw(folder)
    assert {line["snr_db"] for line in lines_of(folder)} == {"0"}
    assert len(corners(page_of(folder), flat(0, 0, 0))) == 1


def test_a_run_without_pictures_has_no_such_figure(tmp_path, run_folder):
    assert draw(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert draw(run_folder([])) == []


def test_the_same_pictures_give_the_same_bytes(run_folder):
    folder = run_folder([entry("A", 5, 0, busy(1), busy(2)), entry("B", 5, 0, busy(3), busy(2))])
    first = [path.read_bytes() for path in draw(folder, title="title")]
    assert [path.read_bytes() for path in draw(folder, title="title")] == first


def test_odd_names_are_drawn(run_folder):
    system, name = "$" + "s" * 200, "$x_$y^^$ " + "long" * 40
    folder = run_folder([entry(system, 5, 0, busy(1), busy(2), name=name)])
    draw(folder, title="words " * 40)
    (line,) = lines_of(folder)
    assert (line["picture"], line["system"]) == (name, system)
    assert page_of(folder).shape[1] < 1000


def test_what_cannot_be_used_is_refused(refusal, run_folder):
    folder = run_folder([entry("A", 5, 0, busy(1), busy(2))])
    pictures = folder / "pictures"
    Image.fromarray(flat(0, 0, 0, height=5)).save(pictures / "0_5_A.png")
    assert "0_5_A.png: has not the size" in refusal(draw, folder)
    (pictures / "0_5_A.png").write_bytes(b"no picture")
    assert "0_5_A.png: it is no picture" in refusal(draw, folder)
    (pictures / "0_5_A.png").unlink()
    assert "0_5_A.png: there is no such picture" in refusal(draw, folder)
    index = pictures / "index.csv"
    text = index.read_text()
    for damaged in (text.replace("outcome", "o"), text.replace("delivered", "lost"), text + "1\n"):
        index.write_text(damaged)
        assert "index.csv: cannot be read" in refusal(draw, folder)
    assert not (folder / "figures").exists()


def test_a_place_that_cannot_be_written_is_refused(refusal, run_folder):
    folder = run_folder([entry("A", 5, 0, busy(1), busy(2))])
    (folder / "figures").touch()
    assert "figures/pictures: cannot be written" in refusal(draw, folder)
