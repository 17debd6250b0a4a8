"""Augmentation of batches of tensors: differentiable, drawn from an `Rng`, the same however a batch is split."""
