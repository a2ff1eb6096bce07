"""Making blocks: header, inherents, the order in which the runtime is called, the seal."""
