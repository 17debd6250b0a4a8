"""Which kind of model to choose, and why: before anything is trained (`choice`), and after (`recommendation`)."""
