"""What goes wrong with self-supervised encoders, one file a symptom."""
