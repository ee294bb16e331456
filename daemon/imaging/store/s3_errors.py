"""Explains the errors of an S3 server, with what to do about them; pure.

The server's text is never repeated, as it quotes keys and signed requests.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"<Code>\s*([A-Za-z]{1,60})\s*</Code>")
_STATUS = re.compile(r"\bstatus: ([1-5][0-9]{2})\b")


def s3_error_code(message: str) -> str:
    """Return the S3 error code in *message*, such as "NoSuchBucket"; else empty."""
    match = _CODE.search(message)
    return match.group(1) if match else ""


def explain_s3_error(message: str, bucket: str) -> str:
    """Return why a store cannot be used, from the error message of obstore."""
    code, status = s3_error_code(message), _STATUS.search(message)
    match code, status.group(1) if status else "":
        case "NoSuchBucket", _:
            return f"it has no bucket {bucket!r}: make it, or mend images.store"
        case (("InvalidAccessKeyId" | "InvalidClientTokenId"), _):
            return "it does not know this AWS_ACCESS_KEY_ID"
        case "SignatureDoesNotMatch", _:
            return "AWS_SECRET_ACCESS_KEY is not the one of this AWS_ACCESS_KEY_ID"
        # The signature of a request includes the time.
        case (("RequestTimeTooSkewed" | "RequestExpired"), _):
            return "the clock of this machine is wrong: timedatectl set-ntp true"
        # The signature of a request includes the region.
        case (("AuthorizationHeaderMalformed" | "PermanentRedirect"), _):
            return "the bucket is in another region: set images.store_region"
        case (("IllegalLocationConstraintException" | "TemporaryRedirect"), _):
            return "the bucket is in another region: set images.store_region"
        # A redirect without a target also means another region.
        case _, "301" | "307" | "308":
            return "the bucket is in another region: set images.store_region"
        # The key is valid, but lacks a permission.
        case _, "401" | "403":
            return (
                f"the key may not: it has to list bucket {bucket!r}, and to read, "
                "write and delete in it"
            )
        # Without If-None-Match, two installations could overwrite each other.
        case ("NotImplemented", _) | (_, "501"):
            return "its server does not know If-None-Match, which is needed"
        case "SlowDown", _:
            return "it asks us to slow down"
        case _, other if other:
            return f"it answers {other}{f' {code}' if code else ''}"
    return _explain_connection_error(message)


def _explain_connection_error(message: str) -> str:
    low = message.lower()
    if "dns error" in low or "failed to lookup" in low:
        return "no server of that name: is images.store_endpoint right?"
    if "certificate" in low:
        return "its certificate is not trusted here"
    if "bareredirect" in low:
        return "the bucket is in another region: set images.store_region"
    if "kind: timeout" in low or "timed out" in low:
        return "no answer in time"
    if "kind: connect" in low or "connection refused" in low:
        return "no connection: is it up, and is images.store_endpoint right?"
    return "the connection broke"
