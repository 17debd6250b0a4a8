"""Sets that Reverie draws or carries itself: no network, no files."""
