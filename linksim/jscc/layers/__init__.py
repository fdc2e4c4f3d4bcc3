"""Keras layers of the learned systems, on any Keras backend."""

from linksim.jscc.layers.attention import SimplifiedAttention
from linksim.jscc.layers.conditional import ConditionalModule
from linksim.jscc.layers.entropy import FactorizedDensity
from linksim.jscc.layers.gdn import GDN
from linksim.jscc.layers.gumbel import GumbelSampler, gumbel_max
from linksim.jscc.layers.normalized_residual import NormalizedResidualBlock
from linksim.jscc.layers.power import PowerNormalization
from linksim.jscc.layers.quantizer import SoftToHardQuantizer
from linksim.jscc.layers.residual import ResidualBlock, ResidualDown, ResidualUp
from linksim.jscc.layers.sliced import SlicedConv2D, SlicedConv2DTranspose
from linksim.jscc.layers.spinal import SpinalHead
from linksim.jscc.layers.straight_through import straight_through
from linksim.jscc.layers.swin import PatchMerging, PatchSplitting, SwinBlock, WindowAttention
from linksim.jscc.layers.switchable_norm import SwitchableBatchNormalization
from linksim.jscc.layers.turbo import TurboDecoder
from linksim.jscc.layers.vector_quantizer import VectorQuantizer, nearest

__all__ = [
    "GDN",
    "ConditionalModule",
    "FactorizedDensity",
    "GumbelSampler",
    "NormalizedResidualBlock",
    "PatchMerging",
    "PatchSplitting",
    "PowerNormalization",
    "ResidualBlock",
    "ResidualDown",
    "ResidualUp",
    "SimplifiedAttention",
    "SlicedConv2D",
    "SlicedConv2DTranspose",
    "SoftToHardQuantizer",
    "SpinalHead",
    "SwinBlock",
    "SwitchableBatchNormalization",
    "TurboDecoder",
    "VectorQuantizer",
    "WindowAttention",
    "gumbel_max",
    "nearest",
    "straight_through",
]
