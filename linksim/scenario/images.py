"""The `images` part of a scenario: which pictures are sent, and how they are cut."""

from typing import Annotated, Literal

from pydantic import Field

from linksim.scenario.base import Model, Switch

Side = Annotated[int, Field(strict=True, ge=1, le=16384)]
Crop = Annotated[
    tuple[Side, Side] | None,
    Field(description="[height, width] in px: centre crop after scaling to cover; empty keeps each size"),
]
Limit = Annotated[
    Annotated[int, Field(strict=True, ge=1)] | None,
    Field(description="the most pictures to use, from the first on; empty uses all"),
]
Split = Annotated[Literal["test", "train"], Field(description="which part of the data set")]
Path = Annotated[str, Field(min_length=1)]


class PhotosSpec(Model):
    """Seven colour photographs that come inside scikit-image and scikit-learn."""

    source: Literal["photos"] = Field("photos", description="the packaged photographs")
    crop: Crop = None
    limit: Limit = None


class Patches32Spec(Model):
    """A fixed list of 32×32 colour patches of the packaged photographs."""

    source: Literal["patches32"] = Field("patches32", description="32×32 patches of those photographs")
    limit: Limit = None


class FolderSpec(Model):
    """Every picture of one folder, in the order of the file names."""

    source: Literal["folder"] = Field("folder", description="the pictures of a folder of yours")
    path: Path = Field(description="the folder; its subfolders are not searched")
    strict: Switch = Field(
        False, description="true: a picture that cannot be used is an error; false: a warning"
    )
    crop: Crop = None
    limit: Limit = None


class KodakSpec(Model):
    """The 24 pictures of the Kodak set, kodim01.png to kodim24.png."""

    source: Literal["kodak"] = Field("kodak", description="the Kodak set")
    path: Path | None = Field(
        None, description="the folder that holds them; empty: $LINKSIM_DATA/kodak or ~/.cache/linksim/kodak"
    )
    crop: Crop = None
    limit: Limit = None


class Cifar10Spec(Model):
    """CIFAR-10: labelled 32×32 colour pictures of ten classes."""

    source: Literal["cifar10"] = Field("cifar10", description="CIFAR-10")
    path: Path | None = Field(
        None, description="a folder or .tar.gz of the Python or binary version; empty: download"
    )
    split: Split = "test"
    limit: Limit = None


class FashionMnistSpec(Model):
    """Fashion-MNIST: labelled pictures of ten classes, padded to 32×32×3."""

    source: Literal["fashion_mnist"] = Field("fashion_mnist", description="Fashion-MNIST")
    path: Path | None = Field(
        None,
        description="a folder with the *-ubyte or *-ubyte.gz files; empty: Debian's package, else download",
    )
    split: Split = "test"
    limit: Limit = None


ImagesSpec = Annotated[
    PhotosSpec | Patches32Spec | FolderSpec | KodakSpec | Cifar10Spec | FashionMnistSpec,
    Field(discriminator="source", description="where the pictures come from"),
]
