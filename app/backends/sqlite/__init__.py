"""The embedded engines: the log and the store as SQLite files of one service.

Owns: log.db and the store's file, their threads and connections. Does not own: the promises (app/ports.py), the lock on the data
directory (app/bootstrap.py). Next stop: app/backends/sqlite/log.py.
"""
