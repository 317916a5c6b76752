"""Letters as the operations know them: stored, searched, acted on, replayed; one set of functions behind API, CLI and consumers.

Owns: documents of letters and jobs, searches, actions with their audit, replay jobs, rehearsals. Does not own: states and identity
(app/domain/letter_states.py, app/domain/letters.py), reading the topic (consumers/letters.py), sending (consumers/replayer.py).
Next stop: app/letters/documents.py.
"""
