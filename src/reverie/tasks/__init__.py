"""What one can do with a trained model, written against capabilities: a task never asks which family it serves."""
