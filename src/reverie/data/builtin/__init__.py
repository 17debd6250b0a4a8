"""Sets that need no files: real digits, and images and points that are drawn from a seed."""
