"""The `images` schema: names agree with the registry, and bad values are refused."""

from importlib import import_module
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from linksim.images import SOURCES
from linksim.scenario.images import ImagesSpec

ADAPTER = TypeAdapter(ImagesSpec)
MODELS = get_args(get_args(ImagesSpec)[0])


def test_every_source_has_a_model_and_a_loader():
    assert [model.model_fields["source"].default for model in MODELS] == list(SOURCES)
    for target in SOURCES.values():
        module, function = target.split(":")
        assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("model", MODELS)
def test_every_field_is_described(model):
    assert all(field.description for field in model.model_fields.values())


def test_yaml_values_become_the_spec():
    spec = ADAPTER.validate_python({"source": "photos", "crop": [256, 384], "limit": 7})
    assert (spec.crop, spec.limit) == ((256, 384), 7)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"source": "imagenet"},
        {"source": "photos", "crop": [0, 5]},
        {"source": "photos", "crop": [5, 16385]},
        {"source": "photos", "crop": [5]},
        {"source": "photos", "crop": [True, 5]},
        {"source": "photos", "limit": 0},
        {"source": "photos", "limit": 2.0},
        {"source": "photos", "colour": "red"},
        {"source": "patches32", "crop": [8, 8]},
        {"source": "folder"},
        {"source": "folder", "path": ""},
        {"source": "cifar10", "split": "validation"},
    ],
)
def test_bad_values_are_refused(values):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(values)
