"""What the studio answers: every file here that defines `router` is a part of the interface."""
