"""Deployment without the data: metadata instead of samples, synthesis, distillation, compression, export."""
