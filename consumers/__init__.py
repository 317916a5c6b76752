"""The log consumers, in the order of the pipeline: projector, binder; beside them clock, letters, replayer.

Owns: reading batches, calling the rules, writing what they decide. Does not own: the rules (app/domain/), the engines (app/backends/).
Next stop: consumers/runner.py.
"""
