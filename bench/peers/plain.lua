-- The gate's check in nginx the plain way, as gateways are commonly written: a Redis client object per request over
-- pooled connections, arguments packed into a table, the reply read line by line, cjson for the answer.
local ffi = require "ffi"
local cjson = require "cjson.safe"
local data = require "principals"

ffi.cdef "unsigned char *SHA256(const unsigned char *bytes, size_t count, unsigned char *out);"
local crypto = ffi.load("libcrypto.so.3")
cjson.encode_number_precision(14)

-- The client: what lua-resty-redis does for a command, step by step.
local Client = {}
Client.__index = Client

function Client.new()
  local socket, failure = ngx.socket.tcp()
  if not socket then return nil, failure end
  return setmetatable({ socket = socket }, Client)
end

function Client:connect(path) return self.socket:connect(path) end

function Client:read()
  local line, failure = self.socket:receive()
  if not line then return nil, failure end
  local kind = line:byte()
  if kind == 36 then -- $
    local size = tonumber(line:sub(2))
    if size < 0 then return ngx.null end
    local bytes
    bytes, failure = self.socket:receive(size)
    if not bytes then return nil, failure end
    local _, missing = self.socket:receive(2)
    if missing then return nil, missing end
    return bytes
  elseif kind == 43 then -- +
    return line:sub(2)
  elseif kind == 58 then -- :
    return tonumber(line:sub(2))
  elseif kind == 45 then -- -
    return false, line:sub(2)
  end
  return nil, "an unknown reply"
end

function Client:command(...)
  local arguments = { ... }
  local parts = { "*", #arguments, "\r\n" }
  for _, argument in ipairs(arguments) do
    local text = tostring(argument)
    parts[#parts + 1] = "$"
    parts[#parts + 1] = #text
    parts[#parts + 1] = "\r\n"
    parts[#parts + 1] = text
    parts[#parts + 1] = "\r\n"
  end
  local sent, failure = self.socket:send(parts)
  if not sent then return nil, failure end
  return self:read()
end

local function problem(status, code)
  ngx.status = status
  ngx.header.content_type = "application/problem+json"
  ngx.say(cjson.encode({ status = status, code = code }))
end

local function next_id() return string.format("%08x%08x", math.random(0, 0x7fffffff), math.random(0, 0x7fffffff)) end

return function()
  if ngx.req.get_method() ~= "POST" then return problem(405, "method_not_allowed") end
  local token = ngx.req.get_headers()["X-TLE-Token"]
  if type(token) ~= "string" then return problem(401, "token_missing") end
  local digest = ffi.new("unsigned char[32]")
  crypto.SHA256(token, #token, digest)
  local principal = data.by_hash[ffi.string(digest, 32)]
  if not principal then return problem(401, "token_invalid") end
  ngx.req.read_body()
  local body = cjson.decode(ngx.req.get_body_data() or "{}")
  if not body then return problem(400, "invalid_request") end

  local count = #data.template / 8
  local request = ffi.new("double[?]", count)
  ffi.copy(request, data.template, #data.template)
  request[data.tokens] = math.max(body.tokens or 1000, data.min_tokens)
  request[data.deadline] = math.floor(ngx.now() * 1000) + data.deadline_ms
  local arguments = { unpack(principal.arguments) }
  local id = next_id()
  arguments[#arguments + 1] = ffi.string(request, #data.template)
  arguments[#arguments + 1] = id

  local redis = Client.new()
  redis.socket:settimeouts(1000, data.deadline_ms, data.deadline_ms)
  local ok, failure = redis:connect("unix:" .. data.redis)
  local answer
  if ok then answer, failure = redis:command(unpack(arguments)) end
  if not answer then
    ngx.log(ngx.ERR, "Redis: ", failure)
    return problem(503, "store_unavailable")
  end
  redis.socket:setkeepalive(60000, 512)
  if answer:sub(1, 1) ~= "A" then return problem(429, "refused") end

  local numbers = ffi.new("double[13]")
  ffi.copy(numbers, answer:sub(2), 104)
  local now, granted, limit, used, held, rest, debt = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4],
    numbers[5], numbers[6]
  local resets, period, left = numbers[7], numbers[8], numbers[9]
  ngx.header["Content-Type"] = "application/json"
  ngx.header["X-Request-Id"] = id
  ngx.header["RateLimit-Policy"] = string.format('"requests";q=%d;w=%d, "budget";q=%d;w=%d;tollgate-unit="tokens"',
    data.requests.count, data.requests.window_s, limit, period / 1000)
  ngx.header["RateLimit"] = string.format('"requests";r=%d;t=%d, "budget";r=%d;t=%d', left, data.requests.window_s,
    rest, math.floor((resets - now + 999) / 1000))
  ngx.header["Tollgate-User"] = principal.user
  ngx.header["Tollgate-Plan"] = principal.plan
  ngx.header["Tollgate-Remaining"] = string.format("%d", rest)
  local text = cjson.encode({
    allowed = true, user = principal.user, tenant = ngx.null, plan = principal.plan, feature = "chat", mode = "spend",
    tokens = granted, reservation = ngx.null,
    budget = {
      limit = limit, used = used, held = held, remaining = rest, debt = debt,
      resets_at = os.date("!%Y-%m-%dT%H:%M:%SZ", resets / 1000),
    },
  })
  ngx.header["Content-Length"] = #text
  ngx.print(text)
end
