"""Every codec of the schema is in the registry, and every entry keeps the contract."""

from importlib import import_module
from typing import get_args

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from linksim.codecs import CODECS, create
from linksim.scenario.codecs import BPGSpec, CodecSpec, ExternalBPGSpec, JPEG2000Spec, JPEGSpec

SPECS = get_args(get_args(CodecSpec)[0])


def test_schema_and_registry_have_the_same_names():
    assert {spec.model_fields["name"].default for spec in SPECS} == set(CODECS)


@pytest.mark.parametrize("place", CODECS.values(), ids=CODECS)
def test_every_entry_can_be_imported(place):
    module, name = place.split(":")
    assert getattr(import_module(module), name).qualities


@pytest.mark.parametrize("spec", SPECS)
def test_every_field_is_described(spec):
    assert all(field.description for field in spec.model_fields.values())


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ({"name": "bpg"}, BPGSpec(chroma="4:2:0", preset="slow")),
        ({"name": "bpgenc", "encoder": "jctvc"}, ExternalBPGSpec(encoder="jctvc", level=8)),
        ({"name": "jpeg", "subsampling": "4:4:4"}, JPEGSpec(subsampling="4:4:4")),
        ({"name": "jpeg2000"}, JPEG2000Spec()),
    ],
)
def test_name_decides_the_model(text, spec):
    assert TypeAdapter(CodecSpec).validate_python(text) == spec


@pytest.mark.parametrize(
    "text",
    [
        {"name": "webp"},
        {"name": "bpg", "chroma": "4:2:2"},
        {"name": "jpeg", "quality": 3},
        {"name": "bpgenc", "level": 0},
    ],
)
def test_mistakes_are_refused(text):
    with pytest.raises(ValidationError):
        TypeAdapter(CodecSpec).validate_python(text)


@pytest.mark.parametrize(
    "spec", [BPGSpec(chroma="4:4:4"), JPEGSpec(), JPEG2000Spec()], ids=lambda spec: spec.name
)
def test_contract(spec, cuts):
    codec = create(spec)
    smallest, largest = (codec.encode(cuts[3], codec.qualities[end]) for end in (0, -1))
    assert len(smallest) < len(largest)
    assert codec.decode(smallest).shape == cuts[3].shape
    worse, better = (np.abs(codec.decode(data).astype(int) - cuts[3]).mean() for data in (smallest, largest))
    assert better < worse
    assert codec.identity.startswith(spec.name)
