"""The vector quantizer of uJSCC: a codeword for every point of a constellation."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="linksim")
class VectorQuantizer(keras.layers.Layer):
    """A codebook whose codeword index is the label of a constellation point.

    The sender looks for the nearest codeword, the receiver looks a codeword up.

    Parameters
    ----------
    count : int
        M, codewords.
    dimension : int
        D, values of a codeword.

    References
    ----------
    uJSCC, section II-A; van den Oord, Vinyals, Kavukcuoglu, "Neural discrete representation learning", 2017.
    """

    def __init__(self, count, dimension, **options):
        super().__init__(**{"dtype": "float32", **options})
        self.count = count
        self.dimension = dimension

    def build(self, input_shape=None):
        # Features come out of a hyperbolic tangent.
        initial = keras.initializers.RandomUniform(-1.0, 1.0)
        self.codewords = self.add_weight(
            shape=(self.count, self.dimension), initializer=initial, name="codewords"
        )

    def call(self, features):
        """Features float [..., D] to labels of their nearest codewords, int32 [...]."""
        return nearest(features, self.codewords)

    def look_up(self, labels):
        """Labels int32 [...] to codewords, float32 [..., D]."""
        return ops.take(self.codewords, labels, axis=0)

    def look_up_densely(self, labels):
        """The same as `look_up`, by a matrix product, for the codewords' gradients.

        The gradient of a gather adds up one row after the other: on a GPU that took ten times as long as all
        convolutions.
        """
        return ops.matmul(ops.one_hot(labels, self.count, dtype="float32"), self.codewords)

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]

    def get_config(self):
        return {**super().get_config(), "count": self.count, "dimension": self.dimension}


def nearest(vectors, points):
    """Index int32 [...] of the point, of float [M, D], nearest to each vector, float [..., D]."""
    products = ops.matmul(vectors, ops.transpose(points))
    return ops.cast(ops.argmax(2 * products - ops.sum(ops.square(points), axis=-1), axis=-1), "int32")
