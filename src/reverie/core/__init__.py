"""The vocabulary that every other part shares: recipes, events, runs, randomness, capabilities, families.

Nothing here computes. `recipe`, `run`, `event` and `errors` never import torch, so that `reverie --help` stays quick.
"""
