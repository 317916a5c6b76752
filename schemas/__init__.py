"""The wire contract: topics, event headers, bindings and letters as files and models.

Owns: names and shapes that leave the process. Does not own: what they mean (app/domain/). Next stop: schemas/event.py.
"""
