"""Learned image transmission systems as Keras 3 models, on any Keras backend."""

from importlib import import_module

MODELS = {
    "deepjscc-2019": "linksim.jscc.deepjscc:DeepJSCC2019",
    "deepjscc": "linksim.jscc.deepjscc:DeepJSCC",
    "deepjscc-q": "linksim.jscc.deepjscc_q:DeepJSCCQ",
    "ujscc": "linksim.jscc.ujscc:UJSCC",
}
"""From a model's YAML name to its class."""


def create(model, **sizes):
    """Build a codec with fresh weights.

    Parameters
    ----------
    model : str
        A key of `MODELS`.
    **sizes
        What its class takes.

    Returns
    -------
    linksim.jscc.codec.Codec
        With all its variables.
    """
    module, _, name = MODELS[model].partition(":")
    codec = getattr(import_module(module), name)(**sizes)
    codec.build()
    return codec
