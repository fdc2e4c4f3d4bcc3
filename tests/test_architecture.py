"""The house rules: imports point downwards, one room imports Sionna, names and registries agree."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from linksim import codecs, images, jscc, metrics, systems
from linksim.evaluation.points import COLUMNS
from linksim.modulation.mcs import mcs_table
from linksim.report.table import DERIVED_COLUMNS, NUMBER_COLUMNS, TEXT_COLUMNS
from linksim.scenario.catalogue import named
from linksim.scenario.channels import ChannelSpec
from linksim.scenario.codecs import CodecSpec
from linksim.scenario.images import ImagesSpec
from linksim.scenario.schema import AXES, Scenario
from linksim.scenario.systems import CODES, MCS_TABLES, MODELS, CodeSpec, MCSTable, ModelName, SystemSpec
from linksim.training.recipe import ModelSpec

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "linksim").rglob("*.py"))

#: From top to bottom; a room imports from rooms below it only.
ROOMS = (
    "cli", "report", "evaluation", "systems", "training", "zoo", "jscc", "codecs", "phy", "modulation",
    "metrics", "images", "scenario", "quiet",
)  # fmt: skip

REGISTRIES = {
    "systems": systems.SYSTEMS,
    "codecs": codecs.CODECS,
    "images": images.SOURCES,
    "metrics": metrics.METRICS,
    "jscc": {**jscc.MODELS, **jscc.CLASSIFIERS},
}


def room_of(module):
    """The room of a module such as `linksim.phy.link`; None for the package itself."""
    _, *parts = module.split(".")
    if not parts:
        return None
    return "cli" if parts[0] in ("api", "progress", "__main__") else parts[0]


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def syntax_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path):
    """The modules that a file imports, wherever in it, and those that its registries name."""
    found = set()
    for node in ast.walk(syntax_of(path)):
        match node:
            case ast.Import(names=names):
                found.update(alias.name for alias in names)
            case ast.ImportFrom(module="linksim", names=names):
                found.update(f"linksim.{alias.name}" for alias in names if alias.name != "__version__")
            case ast.ImportFrom(module=module):
                found.add(module)
            case ast.Constant(value=str(text)) if re.fullmatch(r"linksim\.[\w.]+:\w+", text):
                found.add(text.partition(":")[0])
    return found


def violations(forbidden):
    """`module imports module` for every import that a rule (importer's path, imported module) forbids."""
    return [
        f"{name_of(path)} imports {module}"
        for path in MODULES
        for module in sorted(imports_of(path))
        if forbidden(path, module)
    ]


def package_of(module):
    return module.split(".")[0]


def test_every_module_says_in_a_sentence_what_it_is_for():
    docstrings = {name_of(path): ast.get_docstring(syntax_of(path)) or "" for path in MODULES}
    assert [
        name for name, text in docstrings.items() if not text.partition("\n")[0].endswith((".", ":"))
    ] == []


def test_every_room_has_its_place():
    assert {room_of(name_of(path)) for path in MODULES} - {None} <= set(ROOMS)


def test_imports_point_downwards():
    def upwards(path, module):
        if package_of(module) != "linksim" or room_of(module) is None:
            return False
        room = room_of(name_of(path)) or ROOMS[0]
        return ROOMS.index(room_of(module)) < ROOMS.index(room)

    assert violations(upwards) == []


def test_only_the_physical_layer_imports_sionna_and_tensorflow():
    def heavy(path, module):
        return package_of(module) in ("sionna", "tensorflow") and room_of(name_of(path)) != "phy"

    assert violations(heavy) == []


def test_learned_rooms_keep_to_the_light_rooms():
    learned = {"jscc", "zoo", "training"}
    light = learned | {"images", "metrics", "modulation", "scenario"}

    def heavy(path, module):
        return (
            room_of(name_of(path)) in learned
            and package_of(module) == "linksim"
            and room_of(module) not in light
        )

    assert violations(heavy) == []


def test_the_scenario_room_needs_pydantic_and_yaml_only():
    allowed = {"linksim", "pydantic", "pydantic_core", "yaml", *sys.stdlib_module_names}

    def foreign(path, module):
        return room_of(name_of(path)) == "scenario" and package_of(module) not in allowed

    assert violations(foreign) == []


@pytest.mark.parametrize(
    ("union", "discriminator", "registry"),
    [
        (SystemSpec, "type", systems.SYSTEMS),
        (CodecSpec, "name", codecs.CODECS),
        (ImagesSpec, "source", images.SOURCES),
    ],
    ids=["systems", "codecs", "images"],
)
def test_the_schema_and_the_registry_name_the_same(union, discriminator, registry):
    assert set(named(union, discriminator)) == set(registry)


def test_the_schema_and_the_learned_models_name_the_same():
    assert set(get_args(ModelName)) == set(MODELS) == set(jscc.MODELS)
    trained = {*jscc.MODELS, *jscc.CLASSIFIERS, *jscc.SOURCE_CODERS}
    assert trained == set(named(ModelSpec, "name"))


def test_the_schema_and_the_metrics_name_the_same():
    (choice, _) = get_args(Scenario.model_fields["metrics"].annotation)
    assert set(get_args(choice)) == set(metrics.METRICS)


def test_the_schema_and_the_physical_layer_name_the_same():
    from linksim.phy.channels import CHANNELS
    from linksim.phy.ldpc import DECODERS

    assert set(named(ChannelSpec, "model")) == set(CHANNELS)
    assert set(get_args(CodeSpec.model_fields["decoder"].annotation)) == set(DECODERS)
    for target in (*CHANNELS.values(), *DECODERS.values()):
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("room", REGISTRIES)
def test_registered_names_resolve_inside_their_room(room):
    for target in REGISTRIES[room].values():
        module, _, name = target.partition(":")
        assert room_of(module) == room
        assert callable(getattr(import_module(module), name))


def test_the_schema_knows_the_size_and_the_code_of_every_mcs_table():
    assert set(get_args(MCSTable)) == set(MCS_TABLES)
    for name, facts in MCS_TABLES.items():
        assert len(mcs_table(name)) == facts.size
    (choice, _) = get_args(CodeSpec.model_fields["name"].annotation)
    assert set(get_args(choice)) == set(CODES) == {facts.code for facts in MCS_TABLES.values()}


def test_results_are_written_and_read_with_the_same_columns():
    assert len(COLUMNS) == len(set(COLUMNS))
    assert set(COLUMNS) == set(TEXT_COLUMNS + NUMBER_COLUMNS)
    assert set(AXES) <= {*NUMBER_COLUMNS, *DERIVED_COLUMNS}


def test_no_file_names_a_place_of_the_authors_machine():
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    places = ("/wo" + "rk/", "/tm" + "p/w/", "/ho" + "me/", "/Us" + "ers/")
    found = {
        f"{path.relative_to(ROOT)}: {place}"
        for path in files
        if path.is_file()
        for place in places
        if place.encode() in path.read_bytes()
    }
    assert not found
