"""The vocabulary of model declarations: every layer as a frozen dataclass of its hyperparameters."""

from engine.models.layers.elementwise import Dropout, ElementWise, ReLU, Sigmoid, Tanh
from engine.models.layers.joining import Add, Concat, Flatten
from engine.models.layers.pooling import AvgPool2d, GlobalAvgPool, MaxPool2d
from engine.models.layers.weighted import BATCH_NORM_EPSILON, BatchNorm2d, Conv2d, Embedding, Linear, Recurrent
from engine.models.layers.window import Pair

__all__ = [
    "BATCH_NORM_EPSILON",
    "Add",
    "AvgPool2d",
    "BatchNorm2d",
    "Concat",
    "Conv2d",
    "Dropout",
    "ElementWise",
    "Embedding",
    "Flatten",
    "GlobalAvgPool",
    "Linear",
    "MaxPool2d",
    "Pair",
    "ReLU",
    "Recurrent",
    "Sigmoid",
    "Tanh",
]
