"""A scenario in words: what is sent over which link by which systems, for readers who know no YAML."""

from itertools import pairwise

from linksim.report.labels import fraction_text, value_text
from linksim.report.page.markup import Markup, element, fragment
from linksim.scenario.channels import SLOT_SYMBOLS
from linksim.scenario.systems import CODES, MCS_TABLES, MODELS

_SOURCES = {
    "photos": "photographs that come with scikit-image and scikit-learn",
    "patches32": "32×32 patches of photographs",
    "folder": "pictures of a folder",
    "kodak": "pictures of the Kodak set",
    "cifar10": "pictures of CIFAR-10",
    "fashion_mnist": "pictures of Fashion-MNIST",
}
_CODECS = {"bpg": "BPG", "bpgenc": "BPG by libbpg", "jpeg": "JPEG", "jpeg2000": "JPEG 2000"}
_CODES = {name: text.partition(",")[0] for name, text in CODES.items()}
_MOST_NAMES = 12
_MOST_WEIGHTS = 4


def describe(run) -> Markup:
    """The scenario as a description list.

    Parameters
    ----------
    run : linksim.report.page.folder.Run
    """
    scenario = run.scenario
    entries = {
        "What is sent": _sent(run),
        "Channel": fragment(_channel(scenario.channel), "; ", _sweep(scenario.channel.snr_db), "."),
        "Link": _link(scenario),
        "Systems": element("ul", *(_system(spec) for spec in scenario.systems), class_="systems"),
        "Repetition": _repetition(scenario),
    }
    if run.sweep:
        entries = {"Sweep": f"{run.sweep}; what follows has the first value of each.", **entries}
    return element(
        "dl",
        *(fragment(element("dt", name), element("dd", text)) for name, text in entries.items()),
        class_="words",
    )


def _sent(run):
    scenario = run.scenario
    if not scenario.has_pictures:
        return "Blocks of random bits; no pictures."
    images = scenario.images
    names = ((run.sessions[-1] if run.sessions else {}).get("pictures") or {}).get("names", [])
    text = f"{len(names)} {_SOURCES[images.source]}" if names else _SOURCES[images.source].capitalize()
    if crop := getattr(images, "crop", None):
        text += f", cut to {crop[0]}×{crop[1]} px (height × width)"
    if names:
        text += f": {', '.join(names[:_MOST_NAMES])}{', …' if len(names) > _MOST_NAMES else ''}"
    rates = scenario.bandwidth.cbr
    listed = ", ".join(fraction_text(float(rate)) for rate in rates)
    uses = "complex channel uses per source sample"
    return f"{text}. CBR {listed}, in {uses}."


def _channel(channel):
    name = {
        "awgn": "additive white Gaussian noise (AWGN)",
        "rayleigh_block": "block Rayleigh fading, one gain per picture",
        "rayleigh_fast": "fast Rayleigh fading, a gain for every symbol",
    }.get(channel.model)
    if name is None:
        pilots = ", ".join(map(str, channel.pilots)) or "none"
        antennas = "antenna" if channel.rx_antennas == 1 else "antennas"
        name = (
            f"{value_text('channel', f'ofdm/{channel.profile}')}, delay spread "
            f"{channel.delay_spread_ns:g} ns, {channel.speed_kmh:g} km/h at {channel.carrier_ghz:g} GHz, "
            f"{channel.fft_size} subcarriers of {channel.subcarrier_spacing_khz:g} kHz, cyclic prefix of "
            f"{channel.cyclic_prefix} samples, pilot symbols {pilots} of every {SLOT_SYMBOLS}, "
            f"{channel.rx_antennas} receive {antennas}"
        )
    return name[0].upper() + name[1:]


def _sweep(snrs):
    steps = {round(right - left, 9) for left, right in pairwise(snrs)}
    if len(snrs) > 2 and len(steps) == 1:
        listed = f"{snrs[0]:g} to {snrs[-1]:g} dB in steps of {steps.pop():g} dB"
    else:
        listed = ", ".join(f"{snr:g}" for snr in snrs) + " dB"
    return fragment("SNR ", Markup("<i>E</i><sub>s</sub>/<i>N</i><sub>0</sub> "), listed)


def _link(scenario):
    link = scenario.link
    knows = {
        "perfect": "the receiver knows the channel",
        "ls": "the receiver estimates the channel from pilots by least squares",
        "both": "transmitter and receiver know the channel",
    }[link.csi]
    unit = "picture" if scenario.has_pictures else "block"
    powers = {
        "measured": f"the stated SNR holds for the measured power of every {unit}'s symbols",
        "nominal": "constellations have unit power under uniform use and are sent as they are",
    }[link.power]
    text = powers[0].upper() + powers[1:]
    if scenario.channel.model != "awgn":
        text += f"; {knows}"
    if link.amplifier is not None:
        text += f"; power amplifier (Rapp) with a back-off of {link.amplifier.backoff_db:g} dB"
    if scenario.has_pictures:
        fallback = scenario.fallback
        shown = "mid-grey" if fallback == "grey" else f"the constant colour {tuple(fallback.mean_colour)}"
        text += f". Where nothing is delivered, {shown} is shown and counts"
    return f"{text}."


def _system(spec):
    return element("li", element("strong", spec.label), ": ", _SYSTEM_WORDS[spec.type](spec), ".")


def _separated(spec):
    mcs, facts = spec.mcs, MCS_TABLES[spec.mcs.table]
    count = len(mcs.candidates)
    which = f"{count} of the {facts.size} MCSs" if count < facts.size else f"all {facts.size} MCSs"
    policy = {
        "envelope": f"at each SNR the one of {which} of {mcs.table} ({facts.description}) with the best mean "
        "PSNR",
        "threshold": f"at each SNR the fastest of {which} of {mcs.table} ({facts.description}) whose block "
        f"error rate is at most {mcs.target_bler or 0.1:g}",
        "fixed": f"MCS {mcs.index} of {mcs.table} ({facts.description})",
    }[mcs.policy]
    return f"{_codec(spec)}, {_code(spec)}; {policy}{_classified(spec)}"


def _learned(spec):
    table = spec.weights if isinstance(spec.weights, str) else spec.weights.references
    model = spec.model or (table if isinstance(table, str) else next(iter(table.values())))
    model = MODELS.get(model.removeprefix("zoo:").partition("/")[0])
    learned = f"learned: {model};" if model else "learned,"
    if isinstance(table, str):
        text = f"{learned} weights {table}"
    else:
        by = next(name for name in ("snr_db", "cbr", "order") if getattr(spec.weights, name))
        by = {"snr_db": "the SNR they were trained at", "cbr": "the CBR", "order": "the modulation order"}[by]
        listed = list(dict.fromkeys(table.values()))
        listed = ", ".join(listed if len(listed) <= _MOST_WEIGHTS else [listed[0], "…", listed[-1]])
        text = f"{learned} {len(table)} sets of weights chosen by {by}: {listed}"
    if spec.order is not None:
        text += f"; {spec.order} bits per symbol"
    if spec.boundaries is not None:
        text += f"; modulation orders change at {', '.join(f'{b:g}' for b in spec.boundaries)} dB"
    if spec.target_ser is not None:
        text += f"; modulation orders change where the symbol error rate falls to {spec.target_ser:g}"
    return text + _classified(spec)


def _bound(spec):
    capacity = {
        "bicm": f"the BICM capacity of the best modulation of {spec.table}",
        "gaussian": "Shannon's capacity log2(1 + SNR)",
    }[spec.capacity]
    return f"upper bound: {_codec(spec)} over an ideal code at {capacity}{_classified(spec)}"


def _bits(spec):
    facts, count = MCS_TABLES[spec.mcs.table], len(spec.mcs.candidates)
    which = f"{count} MCS{'s' if count > 1 else ''} of {spec.mcs.table} ({facts.description})"
    return f"{which}, {_code(spec)}; blocks of {spec.uses} channel uses, {spec.blocks} in a trial"


def _own(spec):
    text = f"an encoder and decoder of the user's, {spec.codec}"
    return f"{text}{f', digest {spec.digest}' if spec.digest else ''}{_classified(spec)}"


_SYSTEM_WORDS = {
    "separated": _separated,
    "learned": _learned,
    "capacity_bound": _bound,
    "bits": _bits,
    "own": _own,
}


def _codec(spec):
    details = [
        str(value) for name, value in spec.codec.model_dump(exclude_none=True).items() if name != "name"
    ]
    text = _CODECS[spec.codec.name] + (f" ({', '.join(details)})" if details else "")
    return f"{text} of mosaics of {spec.grouping.mosaic} pictures" if spec.grouping else text


def _code(spec):
    code = spec.code
    if code.name == "uncoded":
        return "no channel code"
    precision = f", {code.precision}" if code.precision else ""
    return f"{_CODES[code.name]} (decoder {code.decoder}{precision}, {code.iterations} iterations)"


def _classified(spec):
    return f"; classes named by {spec.classifier.weights}" if spec.classifier else ""


def _repetition(scenario):
    stop = scenario.stop
    trials = "one trial" if stop.trials == 1 else f"{stop.trials} trials"
    text = f"{trials[0].upper()}{trials[1:]} of every point that holds something random"
    rules = []
    if stop.psnr_halfwidth_db:
        rules.append(f"the 95% half-width of the mean PSNR is at most {stop.psnr_halfwidth_db:g} dB")
    if stop.min_block_errors:
        rules.append(f"{stop.min_block_errors} block errors are counted")
    if rules:
        text += f", more until {' and '.join(rules)}, at most {stop.limit}"
    return f"{text}; seed {scenario.seed}. Every system meets the same channel."
