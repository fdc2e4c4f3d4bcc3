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
    "ntscc": "linksim.jscc.mdjcm:NTSCC",
    "mdjcm": "linksim.jscc.mdjcm:MDJCM",
}
"""From a learned system's YAML name to its class."""

STOCHASTIC = ("jcm",)
"""Models whose encoder gives probabilities, from which the transmitter draws."""

VARIABLE_RATE = ("ntscc", "mdjcm")
"""Models whose pictures take as many channel uses as they need."""

PICTURE_SIDE = {name: 32 for name in MODELS if name.startswith("jcm")}
"""Px along each side of the only pictures that a model takes; the others take any size."""

CLASSIFIERS = {"picture-classifier": "linksim.jscc.classifier:PictureClassifier"}
"""From a classifier's YAML name to its class; it names the class of a picture, however that was received."""


SOURCE_CODERS = {"source-coder": "linksim.jscc.source_coder:SourceCoder"}
"""From a learned source coder's YAML name to its class; models of variable rate start from one."""


def model_parts(model, classes=0) -> tuple[str, ...]:
    """Names of the networks of a model, by its YAML name and number of classes; loads nothing."""
    if model in SOURCE_CODERS:
        return ("analysis", "hyperprior", "synthesis")
    if model in VARIABLE_RATE:
        return ("analysis", "hyperprior", "synthesis", "encoder", "decoder")
    named = model.startswith("jcm") and classes
    return ("encoder", "decoder", "classifier") if named else ("encoder", "decoder")


def create(model, **sizes):
    """Build a network with fresh weights.

    Parameters
    ----------
    model : str
        A key of `MODELS`, `CLASSIFIERS` or `SOURCE_CODERS`.
    **sizes
        What its class takes.

    Returns
    -------
    linksim.jscc.codec.Codec, or a PictureClassifier or SourceCoder
        With all its variables.
    """
    module, _, name = {**MODELS, **CLASSIFIERS, **SOURCE_CODERS}[model].partition(":")
    codec = getattr(import_module(module), name)(**sizes)
    codec.build()
    return codec
