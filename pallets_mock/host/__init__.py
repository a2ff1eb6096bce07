"""What the runtime may ask of its host, a file per family; no WebAssembly engine in here.

A function of a family takes the call's `HostContext` and the WebAssembly arguments as
natural numbers (an i32 below 2**32, an i64 as it comes) and returns a number or None.
"""
