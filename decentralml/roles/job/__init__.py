"""A federated job of many rounds: its plan, what to do next, what was done."""
