"""Sources: what a configured sender's requests mean, as data compiled into functions.

Owns: verification, reading and splitting of requests, mapping of events to changes, presets (app/sources/presets/<vendor>.yaml).
Does not own: HTTP (app/api/webhooks.py), the log, merging (app/domain/facets.py), reading files (app/configuration.py).
Next stop: app/sources/source.py.

In the order in which a request meets them: verify.py (is it genuine?), receive.py (hot.py drops hot fields, pieces.py splits), then, after
the log, project.py (mapping.py and transforms.py turn fields into leaves). preset.py and config.py say what can be configured, build.py
compiles it.
"""
