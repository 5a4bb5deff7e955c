"""What quantizers share: folding, ranges, grids, and the quantized model."""
