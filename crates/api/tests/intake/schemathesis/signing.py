"""Signs what schemathesis sends, as the UI would."""

import hashlib

import requests
import schemathesis


class Signature(requests.auth.AuthBase):
    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        digest = hashlib.sha256(request.path_url.encode() + body + b"debug")
        request.headers["X-Signature"] = digest.hexdigest()
        return request


schemathesis.auth.set_from_requests(Signature())
