"""The code on the pages of the documentation runs."""

import re
from pathlib import Path

import pytest

import linksim

PAGE = (Path(__file__).parents[1] / "docs" / "bring_your_own.md").read_text(encoding="utf-8")
CODE = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)


def test_bringing_ones_own_takes_less_than_forty_lines():
    assert sum(bool(line.strip()) for line in CODE.splitlines()) < 40


@pytest.mark.parametrize(
    "replaced",
    [
        pytest.param(
            {
                "range(400)": "range(40)",
                "epochs=10)": "epochs=1, verbose=0)",
                '{"from": 0, "to": 20, "step": 2}': "10",
                '"type": "separated", ': '"type": "separated", "mcs": {"policy": "fixed", "index": 10}, ',
            },
            id="short",
        ),
        pytest.param({}, id="whole", marks=pytest.mark.slow),
    ],
)
def test_bring_your_own(replaced, tmp_path, monkeypatch):
    """Trained for a moment, the network is still sent; trained as the page says, it shows pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("linksim.api.cores", lambda: 1)
    code = CODE
    for text, instead in replaced.items():
        assert text in code
        code = code.replace(text, instead)
    exec(compile(code, "bring_your_own.md", "exec"), {"__name__": "page"})
    results = linksim.Results("runs/my-net")
    assert {row["system"] for row in results.rows} == {"BPG + 5G LDPC", "DeepJSCC", "my net"}
    best = {row["system"]: row["psnr_db"] for row in results.rows if row["snr_db"] == 10}
    assert best["my net"] > (8 if replaced else 24)
    assert best["DeepJSCC"] == pytest.approx(31.79, abs=0.05)
    assert (tmp_path / "runs/my-net/figures/psnr_db_vs_snr_db.png").exists()
