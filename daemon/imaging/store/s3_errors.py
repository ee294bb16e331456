"""What a server's refusal means, in words that say what to do; pure.

What a server says is never repeated: it quotes keys and what was signed with them.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"<Code>\s*([A-Za-z]{1,60})\s*</Code>")
_STATUS = re.compile(r"\bstatus: ([1-5][0-9]{2})\b")


def s3_error_code(said: str) -> str:
    """Return S3's word for what went wrong, "NoSuchBucket"; empty without one."""
    found = _CODE.search(said)
    return found.group(1) if found else ""


def explain_s3_error(said: str, bucket: str) -> str:
    """Return why a store cannot be used, from all that its library says of it."""
    code, status = s3_error_code(said), _STATUS.search(said)
    match code, status.group(1) if status else "":
        # The bucket's name, or the server's.
        case "NoSuchBucket", _:
            return f"it has no bucket {bucket!r}: make it, or mend images.store"
        # The first half of the key.
        case (("InvalidAccessKeyId" | "InvalidClientTokenId"), _):
            return "it does not know this AWS_ACCESS_KEY_ID"
        # The second half.
        case "SignatureDoesNotMatch", _:
            return "AWS_SECRET_ACCESS_KEY is not the one of this AWS_ACCESS_KEY_ID"
        # Every request is signed with the time.
        case (("RequestTimeTooSkewed" | "RequestExpired"), _):
            return "the clock of this machine is wrong: timedatectl set-ntp true"
        # Signed for another place.
        case (("AuthorizationHeaderMalformed" | "PermanentRedirect"), _):
            return "the bucket is in another region: set images.store_region"
        case (("IllegalLocationConstraintException" | "TemporaryRedirect"), _):
            return "the bucket is in another region: set images.store_region"
        # So does an answer that leads elsewhere without saying where.
        case _, "301" | "307" | "308":
            return "the bucket is in another region: set images.store_region"
        # A key that may do something, and not this.
        case _, "401" | "403":
            return (
                f"the key may not: it has to list bucket {bucket!r}, and to read, "
                "write and delete in it"
            )
        # Two installations could write over each other there.
        case ("NotImplemented", _) | (_, "501"):
            return "its server does not know If-None-Match, which is needed"
        case "SlowDown", _:
            return "it asks us to slow down"
        # Whatever else it answered.
        case _, answered if answered:
            return f"it answers {answered}{f' {code}' if code else ''}"
    return _explain_connection_error(said)


def _explain_connection_error(said: str) -> str:
    low = said.lower()
    # Its name, then the way to it, then its papers, then its patience.
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
