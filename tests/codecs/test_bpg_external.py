"""The adapter of bpgenc and bpgdec, against stand-ins on the PATH."""

import json
import stat
import sys

import numpy as np
import pytest

from linksim.codecs import bpg_external, create
from linksim.codecs.base import DecodeError
from linksim.codecs.bpg import BPG
from linksim.codecs.bpg_external import ExternalBPG
from linksim.scenario.codecs import ExternalBPGSpec
from linksim.scenario.errors import InputError

ENCODER = """
import json, pathlib, sys
from PIL import Image
import numpy as np
from linksim.codecs.bpg import BPG
arguments = sys.argv[1:]
options = dict(zip(arguments[:-1:2], arguments[1:-1:2]))
seen = options | {{"-o": "", "source": arguments[-1][-4:]}}
pathlib.Path({folder!r}, "options.json").write_text(json.dumps(seen))
image = np.array(Image.open(arguments[-1]))
image = image.reshape(*image.shape[:2], -1)
codec = BPG({{"420": "4:2:0", "444": "4:4:4"}}[options["-f"]])
pathlib.Path(options["-o"]).write_bytes(codec.encode(image, int(options["-q"])))
"""

DECODER = """
import pathlib, sys
from PIL import Image
from linksim.codecs.bpg import BPG
assert sys.argv[1] == "-o"
image = BPG().decode(pathlib.Path(sys.argv[3]).read_bytes())
if image.shape[2] == 1:
    image = image.repeat(3, axis=2)
Image.fromarray(image).save(sys.argv[2])
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that puts Python scripts on the PATH, which else is empty."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))

    def put(**scripts):
        for name, text in scripts.items():
            program = tmp_path / name
            program.write_text(f"#!{sys.executable}\n{text.format(folder=str(tmp_path))}")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return tmp_path

    return put


@pytest.mark.parametrize("missing", ["bpgenc", "bpgdec"])
def test_missing_programs_are_named_with_a_mend(install, missing):
    install(**{({"bpgenc", "bpgdec"} - {missing}).pop(): ""})
    with pytest.raises(InputError, match=missing) as caught:
        create(ExternalBPGSpec())
    assert "install libbpg" in caught.value.mend


@pytest.mark.parametrize("channels", [3, 1])
def test_round_trip_through_the_programs(install, cuts, channels):
    folder = install(bpgenc=ENCODER, bpgdec=DECODER)
    codec = create(ExternalBPGSpec(chroma="4:4:4", encoder="jctvc", level=9))
    image = np.ascontiguousarray(cuts[0][:, :, :channels])
    data = codec.encode(image, 33)
    assert data == BPG("4:4:4").encode(image, 33)
    assert json.loads((folder / "options.json").read_text()) == {
        "-q": "33", "-f": "444", "-e": "jctvc", "-m": "9", "-o": "", "source": ".png",
    }  # fmt: skip
    np.testing.assert_array_equal(codec.decode(data), BPG().decode(data))


def test_identity_follows_settings_and_programs(install):
    install(bpgenc="one", bpgdec="")
    first = ExternalBPG().identity
    assert ExternalBPG().identity == first
    assert ExternalBPG(level=9).identity != first
    install(bpgenc="two")
    assert ExternalBPG().identity != first


FAILING = "import sys; sys.exit('out of order')"


def test_failures_are_told_apart(install, cuts):
    install(bpgenc=FAILING, bpgdec=FAILING)
    codec = ExternalBPG()
    with pytest.raises(RuntimeError, match="out of order"):
        codec.encode(cuts[0], 30)
    with pytest.raises(DecodeError, match="out of order"):
        codec.decode(BPG().encode(cuts[0], 30))
    with pytest.raises(DecodeError, match="no BPG file"):
        codec.decode(b"scraps")


def test_a_hanging_decoder_is_stopped(install, cuts, monkeypatch):
    install(bpgenc="", bpgdec="import time; time.sleep(60)")
    monkeypatch.setattr(bpg_external, "DECODE_SECONDS", 0.5)
    with pytest.raises(DecodeError, match="timed out"):
        ExternalBPG().decode(BPG().encode(cuts[0], 30))


def test_a_decoder_without_a_picture(install, cuts):
    install(bpgenc="", bpgdec="")
    with pytest.raises(DecodeError, match="bpgdec failed"):
        ExternalBPG().decode(BPG().encode(cuts[0], 30))
