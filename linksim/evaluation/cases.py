"""Cases: what a study plans and what its workers carry out, one system under plain conditions each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from linksim import images as sources
from linksim.evaluation.tasks import digest
from linksim.images.picture import PictureSet
from linksim.scenario.errors import InputError
from linksim.scenario.schema import Scenario
from linksim.scenario.sweep import Sweep
from linksim.scenario.systems import SystemSpec
from linksim.systems.base import channel_uses

#: A chunk holds as many pictures as fit this many source samples.
_CHUNK_SAMPLES = 4_000_000


@dataclass(frozen=True)
class Case:
    """One system of a plain, resolved scenario.

    Attributes
    ----------
    scenario : Scenario
    system : int
        Its index in the scenario.
    pictures : PictureSet or None
        None where random bits are sent.
    swept : mapping from str to str
        The values of swept fields that it stands for, by their paths.
    """

    scenario: Scenario
    system: int
    pictures: PictureSet | None
    swept: Mapping[str, str] = field(default_factory=dict)

    @property
    def spec(self) -> SystemSpec:
        """The system."""
        return self.scenario.systems[self.system]

    @property
    def sent(self) -> tuple:
        """All pictures; none where random bits are sent."""
        return self.pictures.pictures if self.pictures is not None else ()

    @cached_property
    def all_digests(self) -> str:
        """What rates depend on where they vary, whatever the chunk."""
        return digest([picture.digest for picture in self.sent])


def cases_of(scenario: Scenario, pictures: PictureSet | None) -> tuple[Case, ...]:
    """The cases of one plain scenario, resolved: its systems.

    Raises
    ------
    InputError
        As `resolve`.
    """
    resolved = resolve(scenario, pictures)
    return tuple(Case(resolved, index, pictures) for index in range(len(resolved.systems)))


def cases_of_sweep(sweep: Sweep) -> tuple[tuple[Case, ...], list[Scenario]]:
    """The cases of a sweep with their pictures, a system's beside each other, and its resolved members.

    Raises
    ------
    InputError
        Pictures cannot be loaded, or as `resolve`.
    """
    loaded: dict[str, PictureSet] = {}
    found, resolved = [], []
    for member in sweep.members:
        scenario, pictures = member.scenario, None
        if scenario.has_pictures:
            key = scenario.images.model_dump_json()
            if key not in loaded:
                loaded[key] = sources.load(scenario.images)
            pictures = loaded[key]
        resolved.append(resolve(scenario, pictures))
        found += [Case(resolved[-1], index, pictures, swept) for index, swept in member.systems.items()]
    return tuple(sorted(found, key=lambda case: case.system)), resolved


def resolve(scenario: Scenario, pictures: PictureSet | None) -> Scenario:
    """Fix what depends on the pictures, if there are any, and refuse what cannot work with them.

    Raises
    ------
    InputError
        When a CBR leaves a picture without a channel use, a learned system would have to send a grey picture
        or a classifier to name its class, a figure shows the accuracy for pictures without labels, or a kept
        picture does not exist.
    """
    if pictures is None:
        return scenario
    count = len(pictures.pictures)
    smallest = min(pictures.pictures, key=lambda picture: picture.size)
    for cbr in scenario.bandwidth.cbr:
        if channel_uses(smallest.size, cbr) < 1:
            raise InputError(
                f"{cbr} leaves {smallest.name} without a channel use", field="bandwidth.cbr", mend="raise it"
            )
    grey = next((picture.name for picture in pictures.pictures if picture.shape[2] == 1), None)
    learned = [i for i, system in enumerate(scenario.systems) if system.type in ("learned", "own")]
    if grey is not None and learned:
        raise InputError(
            f"{grey} is grey, and learned and own systems send colour",
            field=f"systems.{learned[0]}",
            mend="use colour pictures, or leave the system out",
        )
    classifying = [i for i, system in enumerate(scenario.systems) if system.classifier is not None]
    if grey is not None and classifying:
        raise InputError(
            f"{grey} is grey, and classifiers take colour",
            field=f"systems.{classifying[0]}.classifier",
            mend="use colour pictures, or leave it out",
        )
    for index, figure in enumerate(scenario.figures):
        axis = "x" if figure.x == "accuracy" else "y"
        if "accuracy" in (figure.x, figure.y) and all(picture.label is None for picture in pictures.pictures):
            raise InputError(
                f"the pictures of {scenario.images.source} have no labels",
                field=f"figures.{index}.{axis}",
                mend="take cifar10 or fashion_mnist, or show another column",
            )
    if scenario.pictures is not None and max(scenario.pictures.images) >= count:
        raise InputError(
            f"there is no picture {max(scenario.pictures.images)}",
            field="pictures.images",
            mend=f"write indices from 0 to {count - 1}",
        )
    if scenario.chunk is None:
        largest = max(picture.size for picture in pictures.pictures)
        chunk = min(count, max(1, _CHUNK_SAMPLES // largest))
        scenario = scenario.model_copy(update={"chunk": chunk})
    return scenario
