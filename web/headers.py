"""Security headers on every answer: no script but our own files, no frame, no guessing of types."""

from __future__ import annotations

from flask import Flask, Response, request
from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)

SELF = "'self'"
NONE = "'none'"
# For pictures drawn by us, which carry their style in themselves and are shown as images.
OWN_STYLE_ONLY = "default-src 'none'; style-src 'unsafe-inline'"


def init_app(app: Flask, *, https: bool) -> None:
    """Give every answer of `app` its security headers; `https` adds the promise to stay on HTTPS."""
    policy = (
        ContentSecurityPolicy()
        .default_src(SELF)
        .script_src(SELF)
        .style_src(SELF)
        .img_src(SELF, "data:")
        .font_src(SELF)
        .connect_src(SELF)
        .object_src(NONE)
        .base_uri(SELF)
        .form_action(SELF)
        .frame_ancestors(NONE)
    )
    secure = Secure(
        csp=policy,
        coop=CrossOriginOpenerPolicy().same_origin(),
        corp=CrossOriginResourcePolicy().same_origin(),
        referrer=ReferrerPolicy().strict_origin_when_cross_origin(),
        xcto=XContentTypeOptions(),
        xfo=XFrameOptions().deny(),
        hsts=StrictTransportSecurity().max_age(31_536_000) if https else None,
    )

    @app.after_request
    def set_headers(response: Response) -> Response:
        own_policy = response.headers.get("Content-Security-Policy")
        secure.set_headers(response)
        if own_policy == OWN_STYLE_ONLY:
            response.headers["Content-Security-Policy"] = own_policy
        if "Cache-Control" not in response.headers and request.endpoint and "static" not in request.endpoint:
            response.headers["Cache-Control"] = "no-store" if "ETag" not in response.headers else "no-cache"
        return response
