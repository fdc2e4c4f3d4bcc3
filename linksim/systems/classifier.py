"""A classifier of received pictures: what a separate chain has in the place of a class decoder."""

import numpy as np

from linksim import zoo
from linksim.jscc import CLASSIFIERS
from linksim.scenario.errors import InputError

#: Source samples that go through the network at once; a fixed number, so that no result follows memory.
_BATCH_SAMPLES = 400_000


class Classifier:
    """A network that was trained on clean pictures and names the class of each received one.

    It is loaded when the first picture comes, and compiled once for each size of picture.

    Parameters
    ----------
    reference : str
        Of its weights: `zoo:MODEL/NAME` or a path.

    Attributes
    ----------
    weights : linksim.zoo.Weights

    Raises
    ------
    InputError
        The weights are missing, damaged or not those of a classifier; the field is below the system's.
    """

    def __init__(self, reference: str):
        field = "classifier.weights"
        try:
            self.weights = zoo.find(reference)
        except InputError as error:
            raise error.at(field) from error
        model = self.weights.card.model
        if model not in CLASSIFIERS:
            mend = f"name weights of a {' or '.join(CLASSIFIERS)}; `linksim models` lists them"
            raise InputError(f"{reference} holds weights of a {model}", field=field, mend=mend)
        self._network = None
        self._graphs = {}

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """The classes of pictures uint8 `[batch, H, W, 3]`, int `[batch]`; of equal logits the first wins."""
        graph = self._compiled(*pictures.shape[1:3])
        length = max(1, _BATCH_SAMPLES // pictures[0].size)
        batches = (pictures[i : i + length] for i in range(0, len(pictures), length))
        return np.concatenate([graph(np.float32(batch) / 255).argmax(axis=1) for batch in batches])

    def _compiled(self, height, width):
        shape = (None, height, width, 3)
        if shape not in self._graphs:
            from linksim.phy.compiled import (
                Input,
                compiled,
            )  # loads TensorFlow

            if self._network is None:
                self._network = zoo.load(self.weights)
            self._graphs[shape] = compiled(self._network, Input(shape))
        return self._graphs[shape]
