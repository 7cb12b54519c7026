"""The gate's check as a FastAPI service: uvicorn on uvloop and httptools, redis-py with hiredis' parser."""

import base64
import hashlib
import json
import math
import os
import secrets
import struct
import time
from datetime import datetime, timezone

import redis.asyncio
from fastapi import FastAPI, Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel

with open(os.environ["BENCH_PRINCIPALS"], encoding="utf-8") as file:
    data = json.load(file)
words = [base64.b64decode(word) for word in data["command"]]
placeholder = data["placeholder"].encode()
template = struct.unpack(f"<{len(words[data['request']]) // 8}d", words[data["request"]])
users = {bytes.fromhex(digest): user for digest, user in data["users"].items()}
prefixes = {user: [word.replace(placeholder, user.encode()) for word in words[:data["request"]]] for user in users.values()}
store = redis.asyncio.Redis(unix_socket_path=data["redis"], socket_timeout=5)
app = FastAPI(openapi_url=None)


class Check(BaseModel):
    feature: str = "chat"
    tokens: int = 1000


def problem(status, code):
    return JSONResponse({"status": status, "code": code}, status, media_type="application/problem+json")


@app.post("/v1/check")
async def check(body: Check, x_tle_token: str | None = Header(None)):
    if x_tle_token is None:
        return problem(401, "token_missing")
    user = users.get(hashlib.sha256(x_tle_token.encode()).digest())
    if user is None:
        return problem(401, "token_invalid")
    request = list(template)
    request[data["tokens"]] = max(body.tokens, data["min_tokens"])
    request[data["deadline"]] = int(time.time() * 1000) + data["deadline_ms"]
    operation = secrets.token_hex(8)
    try:
        answer = await store.execute_command(*prefixes[user], struct.pack(f"<{len(request)}d", *request), operation)
    except redis.exceptions.RedisError:
        return problem(503, "store_unavailable")
    if answer[:1] != b"A":
        return problem(429, "refused")
    now, granted, limit, used, held, rest, debt, resets, period, left, *_ = map(int, struct.unpack("<13d", answer[1:105]))
    window = data["requests"]["window_s"]
    return JSONResponse(
        {"allowed": True, "user": user, "tenant": None, "plan": data["plan"], "feature": body.feature, "mode": "spend",
         "tokens": granted, "reservation": None,
         "budget": {"limit": limit, "used": used, "held": held, "remaining": rest, "debt": debt,
                    "resets_at": datetime.fromtimestamp(resets / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}},
        headers={
            "X-Request-Id": operation,
            "RateLimit-Policy": f'"requests";q={data["requests"]["count"]};w={window}, '
                                f'"budget";q={limit};w={period // 1000};tollgate-unit="tokens"',
            "RateLimit": f'"requests";r={left};t={window}, "budget";r={rest};t={math.ceil((resets - now) / 1000)}',
            "Tollgate-User": user, "Tollgate-Plan": data["plan"], "Tollgate-Remaining": str(rest)})
