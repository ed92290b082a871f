"""Signs requests, and judges the answers to them, with mohawk, a client that others wrote.

Reads a JSON list of requests on standard input and writes a list of what mohawk says about each:
    authorization   the header for the request
    accepted        whether `answer`, if there is one, is from the server and whole; else the exception's name
    tsm             the MAC over the time of the request, as it would be told to a client with a wrong clock
"""

import json
import logging
import sys

from mohawk import Sender
from mohawk.exc import HawkFail
from mohawk.util import calculate_ts_mac

# It warns that nobody looks at the nonces of answers, which have none.
logging.getLogger("mohawk").setLevel(logging.ERROR)


def judge(request):
    credentials = {"id": request["id"], "key": request["key"], "algorithm": "sha256"}
    sender = Sender(
        credentials,
        request["url"],
        request["method"],
        content=request["content"],
        content_type=request["content_type"],
        nonce=request["nonce"],
        ext=request.get("ext"),
        app=request.get("app"),
        dlg=request.get("dlg"),
        _timestamp=request["ts"],
    )
    said = {
        "authorization": sender.request_header,
        "tsm": calculate_ts_mac(request["ts"], credentials).decode("ascii"),
    }
    answer = request.get("answer")
    if answer:
        try:
            sender.accept_response(
                answer["server_authorization"],
                content=answer["content"],
                content_type=answer["content_type"],
                # The requests are of a fixed time.
                timestamp_skew_in_seconds=10**10,
            )
            said["accepted"] = True
        except HawkFail as error:
            said["accepted"] = type(error).__name__
    return said


json.dump([judge(request) for request in json.load(sys.stdin)], sys.stdout)
