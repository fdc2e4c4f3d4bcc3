"""Trained weights with their cards: finding them, verifying them, loading and saving."""

from linksim.zoo.card import Card
from linksim.zoo.listing import listing
from linksim.zoo.storage import load, save
from linksim.zoo.weights import WEIGHTS_SUFFIX, Weights, find, shipped

__all__ = ["WEIGHTS_SUFFIX", "Card", "Weights", "find", "listing", "load", "save", "shipped"]
