"""One module per way of proving where a request comes from; each is named after its scheme.

Owns: the checks on raw bytes. Does not own: choosing a scheme (app/sources/verify.py), its words (app/sources/schemes.py).
Next stop: app/sources/verifiers/hmac_template.py, the most common one.

Common rules: signatures are compared in constant time and before ages are looked at; nothing of a body is parsed before its signature
fits, except where the signature itself stands in the body (SNS, tokens in a member). Whatever comes in, the answer is a reason.
"""
