"""Tasks as documents: what waits for the outside, what an answer makes of it, what a person may do to it.

Owns: documents.py (asking), verdicts.py (answers), letters.py (giving up), desk.py (people). Does not own: doing tasks
(consumers/fetching.py), the ladder (app/domain/failures.py). Next stop: app/tasks/documents.py.
"""
