"""What a vendor may do wrong, for every fetcher alike.

Owns: FAULTS, fails(). Does not own: the faults themselves (tests/vendors/serving.py). Next stop: tests/fetchers/test_failures.py.
"""

from app.errors import VendorBusy, VendorDenied, VendorDown, VendorFailed
from tests.vendors.messages import Fault

# name -> what the server does, what the fetcher must raise.
FAULTS: dict[str, tuple[Fault, type[VendorFailed]]] = {
    "429 with seconds": (Fault("status", 429, "7", times=None), VendorBusy),
    "429 without a time": (Fault("status", 429, times=None), VendorBusy),
    "503 with a time": (Fault("status", 503, "3", times=None), VendorBusy),
    "503": (Fault("status", 503, times=None), VendorDown),
    "500": (Fault("status", 500, times=None), VendorDown),
    "a redirect": (Fault("status", 302, headers={"Location": "https://login.example.com/"}, times=None), VendorDown),
    "401": (Fault("status", 401, times=None), VendorDenied),
    "403": (Fault("status", 403, times=None), VendorDenied),
    "nothing": (Fault("nothing", times=None), VendorDown),
    "half an answer": (Fault("half", times=None), VendorDown),
    "a page for people": (Fault("wrong", times=None), VendorDown),
    "an endless body": (Fault("endless", times=None), VendorDown),
    "a closed connection": (Fault("close", times=None), VendorDown),
    "an answer without a list": (Fault("empty", times=None), VendorDown),
}
