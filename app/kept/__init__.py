"""Requests that are kept apart from the events, and what is known of their senders: documents of the collection `requests`.

Owns: their forms and bounds. Does not own: the topic they come from (schemas/control.py), projecting it (consumers/control.py), showing
them (app/api/sources.py). Next stop: app/kept/rings.py.
"""
