"""What goes wrong with VAEs, one file a symptom."""
