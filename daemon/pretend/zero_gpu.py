"""The pretend Hub's quota of ZeroGPU Spaces, of which nothing is left."""

from __future__ import annotations

from aiohttp import web

_QUOTA = {
    "base": 300,
    "current": 0,
    "resetsAt": None,
    "overquotaUsed": 0,
    "runs": {"used": 8, "limit": 8, "remaining": 0, "resetsAt": None},
}


def add_quota_route(app: web.Application, token: str) -> None:
    """Add the Hub's path of the quota, for the owner of *token*."""

    async def serve_quota(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {token}":
            error = {"error": "Invalid username or password."}
            return web.json_response(error, status=401)
        return web.json_response(_QUOTA)

    app.router.add_get("/api/spaces/zero-gpu/quota", serve_quota)
