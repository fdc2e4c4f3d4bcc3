"""Learned image transmission systems as Keras 3 models, on any Keras backend."""

from importlib import import_module

MODELS = {
    "deepjscc-2019": "linksim.jscc.deepjscc:DeepJSCC2019",
    "deepjscc": "linksim.jscc.deepjscc:DeepJSCC",
    "deepjscc-q": "linksim.jscc.deepjscc_q:DeepJSCCQ",
    "ujscc": "linksim.jscc.ujscc:UJSCC",
    "jcm": "linksim.jscc.jcm:JCM",
    "jcm-analog": "linksim.jscc.jcm:Analog",
    "jcm-uniform-8bit": "linksim.jscc.jcm:Uniform8Bit",
    "jcm-nn-1bit": "linksim.jscc.jcm:NN1Bit",
}
"""From a learned system's YAML name to its class."""

STOCHASTIC = ("jcm",)
"""Models whose encoder gives probabilities, from which the transmitter draws."""

PICTURE_SIDE = {name: 32 for name in MODELS if name.startswith("jcm")}
"""Px along each side of the only pictures that a model takes; the others take any size."""

CLASSIFIERS = {"picture-classifier": "linksim.jscc.classifier:PictureClassifier"}
"""From a classifier's YAML name to its class; it names the class of a picture, however that was received."""


def create(model, **sizes):
    """Build a network with fresh weights.

    Parameters
    ----------
    model : str
        A key of `MODELS` or `CLASSIFIERS`.
    **sizes
        What its class takes.

    Returns
    -------
    linksim.jscc.codec.Codec or linksim.jscc.classifier.PictureClassifier
        With all its variables.
    """
    module, _, name = {**MODELS, **CLASSIFIERS}[model].partition(":")
    codec = getattr(import_module(module), name)(**sizes)
    codec.build()
    return codec
