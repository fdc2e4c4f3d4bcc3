"""How columns and values of the results table are written on a figure."""

import html
import re

from linksim.scenario.sweep import swept_text

AXIS_LABELS = {
    "snr_db": "SNR $E_s/N_0$ (dB)",
    "cbr": "channel bandwidth ratio $\\rho = k/n$ (complex uses per source sample)",
    "cbr_std": "standard deviation of the CBR over images",
    "modulation_order": "modulation order $Q_m$ (bits per symbol)",
    "code_rate": "code rate $R$",
    "images": "images",
    "trials": "trials per image",
    "channel_uses": "channel uses per image $k$",
    "psnr_db": "PSNR (dB)",
    "psnr_ci95_db": "95% half-width of the mean PSNR (dB)",
    "psnr_delivered_db": "PSNR of delivered images (dB)",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "accuracy": "classification accuracy",
    "accuracy_lo": "classification accuracy, 95% lower limit",
    "accuracy_hi": "classification accuracy, 95% upper limit",
    "ber": "bit error rate",
    "ser": "symbol error rate",
    "bler": "block error rate",
    "throughput": "throughput $Q_m$$R$·(1 − BLER) (bits per channel use)",
    "bler_lo": "block error rate, 95% lower limit",
    "bler_hi": "block error rate, 95% upper limit",
    "delivered": "delivered images",
    "channel_outage": "images lost on the channel",
    "codec_infeasible": "images that no file fits",
    "tx_power_db": "measured transmit power $E_s$ (dB)",
    "papr_db": "peak-to-average power ratio (dB)",
    "pilot_overhead": "pilots' share of the resource elements",
}

_SHORT_LABELS = {
    "snr_db": "SNR",
    "cbr": "CBR",
    "psnr_db": "PSNR",
    "psnr_delivered_db": "PSNR, delivered",
    "accuracy": "accuracy",
    "ber": "BER",
    "ser": "SER",
    "bler": "BLER",
    "throughput": "throughput",
    "tx_power_db": "transmit power",
    "papr_db": "PAPR",
    "codec_infeasible": "no file fits",
    "channel_outage": "channel outage",
}

_CHANNELS = {
    "awgn": "AWGN",
    "rayleigh_block": "block Rayleigh fading",
    "rayleigh_fast": "fast Rayleigh fading",
    "ofdm": "OFDM",
    **{
        f"ofdm/{family}-{letter}": f"OFDM, {family.upper()}-{letter.upper()}"
        for family in ("tdl", "cdl")
        for letter in "abcde"
    },
}


def axis_label(column):
    """The axis label of a results column, with its unit; a swept field is called by its path.

    Examples
    --------
    >>> axis_label("psnr_db"), axis_label("sweep.link.csi")
    ('PSNR (dB)', 'link.csi')
    """
    return AXIS_LABELS.get(column, column.removeprefix("sweep."))


def short_label(column):
    """A results column in a word or two.

    Examples
    --------
    >>> short_label("bler"), short_label("ms_ssim"), short_label("sweep.link.csi")
    ('BLER', 'MS-SSIM', 'link.csi')
    """
    return _SHORT_LABELS.get(column, axis_label(column))


def axis_markup(column):
    """The axis label of a results column as HTML, its formulas as italics and subscripts.

    Examples
    --------
    >>> axis_markup("snr_db")
    'SNR <i>E</i><sub>s</sub>/<i>N</i><sub>0</sub> (dB)'
    """
    # Formulas are short: letters, each perhaps with a subscript of one character.
    parts = re.split(r"\$([^$]*)\$", html.escape(axis_label(column)))
    for place in range(1, len(parts), 2):
        formula = re.sub(r"([A-Za-z])(?:_(\w))?", _letter, parts[place].replace("\\rho", "ρ"))
        parts[place] = formula
    return "".join(parts)


def _letter(match):
    letter, subscript = match.groups()
    return f"<i>{letter}</i>" + (f"<sub>{subscript}</sub>" if subscript else "")


def value_text(column, value):
    """A value of an identifying column, as a legend says it.

    Parameters
    ----------
    column : str
        `channel`, `cbr`, `snr_db` or a `sweep.<path>`.
    value : float or str
        Its value. A text in `cbr` stands for itself, as "variable CBR".

    Returns
    -------
    str

    Examples
    --------
    >>> value_text("cbr", 0.0833), value_text("snr_db", 10.0), value_text("channel", "awgn")
    ('CBR 1/12', 'SNR 10 dB', 'AWGN')
    """
    if column == "channel":
        return _CHANNELS.get(value, value)
    if column == "cbr":
        return value if isinstance(value, str) else f"CBR {fraction_text(value)}"
    number = value if isinstance(value, str) else f"{value:g}"
    if column == "snr_db":
        return f"SNR {number} dB"
    return swept_text(column.removeprefix("sweep."), number)


def fraction_text(ratio, digits=4):
    """A CBR or code rate as a simple fraction where it is one to the table's four decimals, else as a number.

    Examples
    --------
    >>> fraction_text(0.0833), fraction_text(0.375), fraction_text(0.0613)
    ('1/12', '3/8', '0.0613')
    """
    simple = [(1, denominator) for denominator in range(2, 97)]
    simple += [(n, d) for d in range(2, 17) for n in range(2, d)]
    for numerator, denominator in simple:
        if abs(ratio - numerator / denominator) <= 5.1e-5:
            return f"{numerator}/{denominator}"
    return f"{ratio:.{digits}g}"


def mcs_text(row):
    """The modulation and code rate of a row; the MCS's name where the table lacks them.

    Examples
    --------
    >>> mcs_text({"mcs": "wifi-ad/10", "modulation_order": 4.0, "code_rate": 0.75})
    '16QAM, R 3/4'
    """
    order, rate = row.get("modulation_order"), row.get("code_rate")
    if order is None or rate is None:
        return row["mcs"]
    modulation = {1: "BPSK", 2: "QPSK"}.get(order, f"{2 ** int(order)}QAM")
    if order == 1 and row["mcs"].startswith("pusch-tp-"):
        modulation = "π/2-BPSK"
    return modulation if rate == 1 else f"{modulation}, R {fraction_text(rate, digits=3)}"
