"""What servers say when they refuse, as they say it, and what we make of it."""

from __future__ import annotations

import pytest

from daemon.imaging.store.remote import explain_s3_error

_XML = (
    "Generic S3 error: Error performing PUT http://s3.example.org/pictures/x in 1ms - "
    'Server returned non-2xx status code: {status}: <?xml version="1.0"?><Error><Code>'
    "{code}</Code><Message>{message}</Message></Error>\n\nDebug source:\nGeneric {{ "
    "source: RetryError(RetryErrorImpl {{ inner: Status {{ status: {status}, body: .. "
)
_KEY = "AKIAIOSFODNN7EXAMPLE"


def _said(status: int, code: str, message: str = "") -> str:
    return _XML.format(status=status, code=code, message=message)


def _broken(kind: str, why: str) -> str:
    return (
        "Generic S3 error: Error performing GET http://s3.example.org/a/x in 5s, "
        "after 2 retries, max_retries: 2, retry_timeout: 5s  - HTTP error: error "
        f"sending request\n\nDebug source:\ninner: Http(HttpError {{ kind: {kind}, "
        f'source: "{why}"'
    )


@pytest.mark.parametrize(
    ("said", "tells"),
    [
        (_said(404, "NoSuchBucket"), "bucket 'pictures' does not exist"),
        (
            _said(
                403,
                "InvalidAccessKeyId",
                f"The AWS Access Key Id you provided does not exist in our records."
                f"</Message><AWSAccessKeyId>{_KEY}</AWSAccessKeyId>",
            ),
            "AWS_ACCESS_KEY_ID is not a key of this store",
        ),
        (
            _said(
                403,
                "SignatureDoesNotMatch",
                f"</Message><StringToSign>AWS4-HMAC-SHA256 {_KEY}</StringToSign>",
            ),
            "AWS_SECRET_ACCESS_KEY does not match",
        ),
        (_said(403, "RequestTimeTooSkewed"), "this machine's clock is wrong"),
        (
            _said(403, "AccessDenied", f"User {_KEY} may not"),
            "the key needs permission",
        ),
        (_said(400, "AuthorizationHeaderMalformed"), "another region"),
        (_said(301, "PermanentRedirect"), "another region"),
        ("inner: BareRedirect, incorrectly configured region", "another region"),
        (_said(501, "NotImplemented"), "If-None-Match"),
        (_said(503, "SlowDown"), "rate limit"),
        (_said(507, "InsufficientStorage"), "HTTP 507 InsufficientStorage"),
        (_broken("Connect", "tcp connect error: Connection refused"), "no connection"),
        (
            _broken("Connect", "dns error: failed to lookup address"),
            "unknown host name",
        ),
        (_broken("Connect", "invalid peer certificate: UnknownIssuer"), "certificate"),
        (_broken("Timeout", "operation timed out"), "no response in time"),
        (_broken("Interrupted", "end of file before message length"), "was lost"),
    ],
)
def test_a_refusal_is_said_so_that_it_can_be_mended(said: str, tells: str) -> None:
    words = explain_s3_error(said, "pictures")
    assert tells in words
    assert _KEY not in words
    assert "example.org" not in words
