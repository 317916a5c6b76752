"""Calls to the outside: one client, one rule about addresses, one loop that downloads signing keys.

Owns: how Bindery reaches other machines. Does not own: what is asked of them (app/fetchers/, the sources' keys).
Next stop: app/outbound/client.py.
"""
