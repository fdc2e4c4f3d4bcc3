"""The gallery of a page: originals and what every system showed, side by side at a chosen SNR."""

import base64
import warnings

from linksim.report.kept import psnr_of, psnr_text, read_kept, read_picture
from linksim.report.labels import fraction_text, value_text
from linksim.report.page.markup import choice, element, fragment

MOST_BYTES = 24_000_000
"""Pictures that a page has room for, in bytes of their files."""

_SMALL_SIDE = 96  # pictures up to this side are enlarged with visible pixels

_HOW_TO_KEEP = fragment(
    "This run kept no received pictures. A line such as ",
    element("code", "pictures: {images: [0, 2], snr_db: [4, 16]}"),
    " in the scenario keeps those of the pictures 0 and 2 at the SNRs nearest to 4 and 16 dB; after ",
    element("code", "linksim run"),
    " and ",
    element("code", "linksim report"),
    " they stand here.",
)


def gallery(run):
    """The section's content.

    Parameters
    ----------
    run : linksim.report.page.folder.Run

    Returns
    -------
    Markup or None
        Every picture that there is room for; a script shows the chosen ones. Without kept pictures, how to
        keep some. None for a study of random bits.

    Raises
    ------
    InputError
        A picture cannot be read.
    """
    if not run.scenario.has_pictures:
        return None
    folder = run.folder / "pictures"
    kept = read_kept(folder)
    if not kept:
        return element("p", _HOW_TO_KEEP)
    kept, note = _with_room(folder, kept)
    snrs = sorted({entry.snr_db for entry in kept})
    cbrs = sorted({entry.cbr for entry in kept})
    images = {entry.image: entry.name for entry in kept}
    start = {"snr": snrs[len(snrs) // 2], "cbr": cbrs[0], "image": next(iter(images))}
    return fragment(
        element(
            "p",
            "As received in one trial; the PSNR is that of this one picture, where curves show means over "
            "pictures and trials. Zoomed in, drag a picture to move all of them, or use the arrow keys.",
        ),
        element(
            "div",
            choice("image", "Picture", images, start["image"]),
            choice("cbr", "CBR", {str(cbr): fraction_text(float(cbr)) for cbr in cbrs}, str(start["cbr"])),
            _slider(snrs, start["snr"]),
            _zoom(),
            class_="controls live",
        ),
        element("div", *_figures(folder, kept, start), class_="wall", id="wall"),
        note and element("p", note, class_="note"),
    )


def _with_room(folder, kept):
    """The pictures that the page has room for, whole pictures of the study first to last, and what is left
    out in words."""
    images = list(dict.fromkeys(entry.image for entry in kept))
    files = {image: {e.file for e in kept if e.image == image} for image in images}
    for entry in kept:
        files[entry.image].add(entry.original)
    chosen, total = [], 0
    for image in images:
        total += sum((folder / name).stat().st_size for name in files[image] if (folder / name).exists())
        if chosen and total > MOST_BYTES:
            break
        chosen.append(image)
    if len(chosen) == len(images):
        return kept, None
    note = f"the page has room for the first {len(chosen)} of {len(images)} pictures; all lie in pictures/"
    warnings.warn(note, stacklevel=2)
    return [entry for entry in kept if entry.image in chosen], f"{note[0].upper()}{note[1:]}."


def _slider(snrs, start):
    if len(snrs) < 2:
        return None
    return element(
        "label",
        element("span", "SNR", class_="name"),
        element(
            "input",
            type="range",
            id="snr",
            min=0,
            max=len(snrs) - 1,
            step=1,
            value=snrs.index(start),
            data_values=" ".join(f"{snr:g}" for snr in snrs),
            aria_valuetext=f"{start:g} dB",
        ),
        element("output", f"{start:g} dB", for_="snr", id="snr-shown"),
        class_="slider",
    )


def _zoom():
    return element(
        "div",
        element("span", "Zoom", class_="name"),
        element("button", "−", type="button", id="zoom-out", aria_label="zoom out"),
        element("output", "1×", id="zoom-shown"),
        element("button", "+", type="button", id="zoom-in", aria_label="zoom in"),
        class_="zoom",
        role="group",
        aria_label="Zoom",
    )


def _figures(folder, kept, start):
    """Of each picture the original, then what every system showed, link by link."""
    for image in dict.fromkeys(entry.image for entry in kept):
        entries = [entry for entry in kept if entry.image == image]
        original = read_picture(folder / entries[0].original)
        yield _figure(
            folder / entries[0].original, original, f"{entries[0].name}, original", "Original", image
        )
        for entry in sorted(entries, key=lambda entry: entry.link):
            pixels = read_picture(folder / entry.file)
            psnr = psnr_text(psnr_of(pixels, original, folder / entry.file))
            where = f"{value_text('snr_db', entry.snr_db)}, {value_text('cbr', float(entry.cbr))}"
            lost = f", {entry.failure}" if entry.failure else ""
            yield _figure(
                folder / entry.file,
                pixels,
                f"{entry.name}, {entry.system}, {where}: {psnr}{lost}",
                entry.system,
                image,
                entry,
                psnr,
                where,
            )


def _figure(path, pixels, alternative, heading, image, entry=None, psnr=None, where=None):
    data = base64.b64encode(path.read_bytes()).decode()
    height, width = pixels.shape[:2]
    picture = element(
        "img",
        src=f"data:image/png;base64,{data}",
        alt=alternative,
        width=width,
        height=height,
        draggable="false",
    )
    facts = None
    if entry is not None:
        mark = element("span", entry.failure, class_="mark") if entry.failure else None
        facts = fragment(
            element("span", element("b", psnr), mark),
            element("span", entry.mcs.rpartition(":")[2], class_="with"),
            element("span", where, class_="where"),
        )
    return element(
        "figure",
        element("div", picture, class_="view", tabindex=0),
        element("figcaption", element("strong", heading), facts),
        class_=" ".join(
            filter(
                None,
                [
                    "lost" if entry and entry.failure else "",
                    "small" if max(height, width) <= _SMALL_SIDE else "",
                ],
            )
        )
        or None,
        data_image=image,
        data_snr=None if entry is None else f"{entry.snr_db:g}",
        data_cbr=None if entry is None else entry.cbr,
    )
