"""What goes wrong with GANs, one file a symptom."""
