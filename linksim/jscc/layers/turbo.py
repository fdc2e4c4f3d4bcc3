"""The turbo decoder: it removes noise from received symbols in a few iterations before anything else.

References
----------
Zhang et al., "From analog to digital: multi-order digital joint coding-modulation for semantic
communication", 2024, Fig. 5; Jiang et al., "Turbo autoencoder", 2019.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="linksim")
class TurboDecoder(keras.layers.Layer):
    """Iterations of a 1-D convolution and a linear layer, each of which corrects the symbols.

    The convolutions run along the symbols of a patch. Their width and the shortcut are ours.

    Parameters
    ----------
    iterations, hidden, size : int
        `hidden` channels and `size` taps of each convolution.

    Input
    -----
    [sequences, symbols, 2], float, real pairs

    Output
    ------
    [sequences, symbols, 2], float
    """

    def __init__(self, iterations=5, hidden=24, size=5, **options):
        super().__init__(**options)
        self.iterations = iterations
        self.hidden = hidden
        self.size = size

    def build(self, input_shape):
        self.convolutions, self.linears = [], []
        for _ in range(self.iterations):
            convolution = keras.layers.Conv1D(self.hidden, self.size, padding="same")
            linear = keras.layers.Dense(
                input_shape[-1], kernel_initializer=keras.initializers.RandomNormal(stddev=0.01)
            )
            convolution.build(input_shape)
            linear.build((*input_shape[:-1], self.hidden))
            self.convolutions.append(convolution)
            self.linears.append(linear)

    def call(self, symbols):
        for convolution, linear in zip(self.convolutions, self.linears):
            symbols = symbols + linear(ops.elu(convolution(symbols)))
        return symbols

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        sizes = {name: getattr(self, name) for name in ("iterations", "hidden", "size")}
        return {**super().get_config(), **sizes}
