"""The classifying head of SpinalNet.

References
----------
Kabir et al., "SpinalNet: deep neural network with gradual input", 2022.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="linksim")
class SpinalHead(keras.layers.Layer):
    """Four narrow layers, each fed half of the features and the layer before; all four name the class.

    Parameters
    ----------
    width : int
        Of each of the four layers.
    classes : int

    Input
    -----
    [batch, features], float, an even number

    Output
    ------
    [batch, classes], float: logits
    """

    def __init__(self, width, classes, **options):
        super().__init__(**options)
        self.width = width
        self.classes = classes

    def build(self, input_shape):
        half = input_shape[-1] // 2
        self.spine = [keras.layers.Dense(self.width, activation="relu") for _ in range(4)]
        self.output_layer = keras.layers.Dense(self.classes)
        for number, layer in enumerate(self.spine):
            layer.build((None, half + (self.width if number else 0)))
        self.output_layer.build((None, 4 * self.width))

    def call(self, features):
        halves = ops.split(features, 2, axis=-1)
        found = []
        for number, layer in enumerate(self.spine):
            found.append(layer(ops.concatenate([halves[number % 2], *found[-1:]], axis=-1)))
        return self.output_layer(ops.concatenate(found, axis=-1))

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.classes

    def get_config(self):
        return {**super().get_config(), "width": self.width, "classes": self.classes}
