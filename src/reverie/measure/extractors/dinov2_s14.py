"""DINOv2 ViT-S/14: 384 numbers, four times as fast as the larger."""

from reverie.measure.dinov2 import kind

KIND = kind("dinov2-s14")
