"""One metric a file. A new file that defines `METRIC` is found by its name; nothing else needs to know of it."""
