"""Synthetic results tables in the shape that a run exports."""

import csv

import numpy as np
import pytest

from linksim.report.table import NUMBER_COLUMNS, TEXT_COLUMNS

FALLBACK_PSNR_DB = 13.2


@pytest.fixture
def write_results(tmp_path):
    """Writes rows, given as dicts of what is not empty, as a results.csv; returns its path."""

    def write(rows, name="results.csv"):
        swept = sorted({column for row in rows for column in row if column.startswith("sweep.")})
        path = tmp_path / name
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*TEXT_COLUMNS, *NUMBER_COLUMNS, *swept])
            writer.writeheader()
            writer.writerows(
                {key: f"{value:.4f}" if isinstance(value, float) else value for key, value in row.items()}
                for row in rows
            )
        return path

    return write


def _point(system, snr_db, psnr_db, *, mcs="", cbr=1 / 16, channel="awgn", **more):
    """One row."""
    row = {"system": system, "channel": channel, "snr_db": float(snr_db), "cbr": cbr, "mcs": mcs}
    return row | {"images": 7, "trials": 1, "psnr_db": float(psnr_db)} | more


def _picture_quality(bits_per_use, cbr):
    """A PSNR that grows with the logarithm of the rate, as a good codec's does."""
    return 31.0 + 12.0 * np.log10(np.maximum(bits_per_use, 0.05) * cbr * 16 / 1.6)


def _separate_chain(system, snrs_db):
    """A system of 29 MCSs: every cliff, and the envelope over them."""
    efficiencies = np.geomspace(0.23, 5.55, 29)
    thresholds_db = 10 * np.log10(2**efficiencies - 1) + 1.4
    quality = _picture_quality(efficiencies, 1 / 16)
    rows = []
    for snr_db in snrs_db:
        bler = np.round(1 / (1 + np.exp(12 * (snr_db - thresholds_db))), 3)
        psnr_db = bler * FALLBACK_PSNR_DB + (1 - bler) * quality
        for index in range(29):
            mcs = f"pdsch-1/{index}"
            rows.append(_point(system, snr_db, psnr_db[index], mcs=mcs, bler=float(bler[index])))
        best = int(np.argmax(psnr_db))
        interval = {"bler_lo": 0.7 * bler[best], "bler_hi": min(1.0, 1.3 * bler[best] + 0.001)}
        mcs = f"envelope:pdsch-1/{best}"
        rows.append(
            _point(system, snr_db, psnr_db[best], mcs=mcs, bler=bler[best], psnr_ci95_db=0.1, **interval)
        )
    return rows


def _capacity_bound(system, snrs_db, *, mcs="bound:bicm"):
    """What an ideal code delivers."""
    quality = _picture_quality(np.log2(1 + 10 ** (np.asarray(snrs_db) / 10)), 1 / 16)
    return [_point(system, snr_db, psnr_db, mcs=mcs) for snr_db, psnr_db in zip(snrs_db, quality)]


@pytest.fixture
def point():
    """Makes one row."""
    return _point


@pytest.fixture
def separate_chain():
    """Makes the rows of a system with MCSs: every cliff, and the envelope over them."""
    return _separate_chain


@pytest.fixture
def capacity_bound():
    """Makes the rows of a bound."""
    return _capacity_bound
