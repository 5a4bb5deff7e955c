"""The classes of operators whose speed differs so much on small devices that one figure would mislead."""

from typing import Literal, get_args

OperatorClass = Literal["conv", "depthwise", "linear", "recurrent", "other"]
"""What a multiply-accumulate operation (MAC) belongs to.

``conv`` dense and grouped convolution, ``depthwise`` convolution with one filter per channel, ``linear`` fully
connected, ``recurrent`` the cells of GRU and LSTM, ``other`` element-wise work (activation, normalization, pooling,
addition), counted as one operation per element that is read. Published MAC counts leave ``other`` out.
"""

OPERATOR_CLASSES: tuple[OperatorClass, ...] = get_args(OperatorClass)
"""All classes, in a fixed order."""
