"""Signs requests and checks the answers with mohawk, a client that we did not write.

Reads a JSON list of requests from standard input and writes a list with mohawk's result for each:
    authorization   the header for the request
    accepted        true if mohawk accepts `answer`, else the name of the exception (only if there is an `answer`)
    tsm             the MAC over the time of the request, as in the answer to a client with a wrong clock
"""

import json
import logging
import sys

from mohawk import Sender
from mohawk.exc import HawkFail
from mohawk.util import calculate_ts_mac

# mohawk warns that nobody checks the nonces of answers, but ours have none.
logging.getLogger("mohawk").setLevel(logging.ERROR)


def run(request):
    credentials = {"id": request["id"], "key": request["key"], "algorithm": "sha256"}
    hashed = {"content": request["content"], "content_type": request["content_type"]}
    sender = Sender(
        credentials,
        request["url"],
        request["method"],
        **(hashed if request.get("hash", True) else {"always_hash_content": False}),
        nonce=request["nonce"],
        ext=request.get("ext"),
        app=request.get("app"),
        dlg=request.get("dlg"),
        _timestamp=request["ts"],
    )
    result = {
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
                accept_untrusted_content=answer.get("untrusted", False),
                # The requests have a fixed time.
                timestamp_skew_in_seconds=10**10,
            )
            result["accepted"] = True
        except HawkFail as error:
            result["accepted"] = type(error).__name__
    return result


json.dump([run(request) for request in json.load(sys.stdin)], sys.stdout)
