"""DINOv2 ViT-B/14: 768 numbers; for final values on photographs."""

from reverie.measure.dinov2 import kind

KIND = kind("dinov2-b14")
