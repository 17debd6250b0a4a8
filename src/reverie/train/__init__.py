"""The one training loop and its parts. It knows phases, batches and budgets, and no kind of model by name."""
