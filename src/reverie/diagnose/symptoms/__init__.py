"""What goes wrong with trainings of any family, one file a symptom."""
