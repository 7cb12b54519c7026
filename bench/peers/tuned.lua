-- The gate's check in nginx, tuned by hand: one string out, one read in, no table and no copy that can be avoided;
-- OpenSSL's digest is fetched once; the answer is parsed where it lies.
local ffi = require "ffi"
local cjson = require "cjson.safe"
local data = require "principals"

ffi.cdef [[
typedef struct evp_md_st EVP_MD;
typedef struct evp_md_ctx_st EVP_MD_CTX;
EVP_MD *EVP_MD_fetch(void *library, const char *name, const char *properties);
EVP_MD_CTX *EVP_MD_CTX_new(void);
int EVP_DigestInit_ex2(EVP_MD_CTX *context, const EVP_MD *type, const void *parameters);
int EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t count);
int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned int *count);
]]
local crypto = ffi.load("libcrypto.so.3")
local sha256, context = crypto.EVP_MD_fetch(nil, "SHA256", nil), crypto.EVP_MD_CTX_new()
local digest = ffi.new("unsigned char[32]")

local byte, format, floor, date = string.byte, string.format, math.floor, os.date
local ffi_string, ffi_copy, ffi_cast = ffi.string, ffi.copy, ffi.cast
local tcp, header, print, now = ngx.socket.tcp, ngx.header, ngx.print, ngx.now
local read_body, get_body, get_headers, get_method = ngx.req.read_body, ngx.req.get_body_data, ngx.req.get_headers,
  ngx.req.get_method
local request_bytes = #data.template
local request = ffi.new("double[?]", request_bytes / 8)
ffi_copy(request, data.template, request_bytes)
local request_head, operation_head = "$" .. request_bytes .. "\r\n", "\r\n$16\r\n"
local reply = ffi.new("double[13]")
local socket_path = "unix:" .. data.redis
local NOW, GRANTED, LIMIT, USED, HELD, REST, DEBT, RESETS, PERIOD, LEFT = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
local policy_head = format('"requests";q=%d;w=%d, "budget";q=', data.requests.count, data.requests.window_s)
local window = format(";t=%d, ", data.requests.window_s)

-- Ids: a random half that is the worker's, and a count.
local own, counter = nil, 0
local function next_id()
  own = own or format("%08x", math.random(0, 0x7fffffff))
  counter = counter + 1
  return own .. format("%08x", counter)
end

local shown_resets, shown_text
local function instant(milliseconds)
  if milliseconds ~= shown_resets then
    shown_resets, shown_text = milliseconds, date("!%Y-%m-%dT%H:%M:%SZ", milliseconds / 1000)
  end
  return shown_text
end

local function problem(status, code)
  ngx.status = status
  header["Content-Type"] = "application/problem+json"
  print('{"status":', status, ',"code":"', code, '"}')
end

local function ask(principal, tokens, id)
  local socket = tcp()
  socket:settimeouts(1000, data.deadline_ms, data.deadline_ms)
  if not socket:connect(socket_path) then return end
  request[data.tokens], request[data.deadline] = tokens, floor(now() * 1000) + data.deadline_ms
  local sent = socket:send(
    principal.prefix .. request_head .. ffi_string(request, request_bytes) .. operation_head .. id .. "\r\n")
  local answer = sent and socket:receiveany(4096)
  -- "$105", the letter, thirteen doubles.
  if not answer or #answer ~= 113 or byte(answer, 1) ~= 36 then return end
  socket:setkeepalive(60000, 512)
  return answer
end

return function()
  if get_method() ~= "POST" then return problem(405, "method_not_allowed") end
  local headers = get_headers()
  local token = headers["X-TLE-Token"]
  if type(token) ~= "string" then return problem(401, "token_missing") end
  crypto.EVP_DigestInit_ex2(context, sha256, nil)
  crypto.EVP_DigestUpdate(context, token, #token)
  crypto.EVP_DigestFinal_ex(context, digest, nil)
  local principal = data.by_hash[ffi_string(digest, 32)]
  if not principal then return problem(401, "token_invalid") end
  read_body()
  local body = cjson.decode(get_body() or "{}")
  if not body then return problem(400, "invalid_request") end
  local tokens = body.tokens or 1000
  if tokens < data.min_tokens then tokens = data.min_tokens end

  local id = next_id()
  local answer = ask(principal, tokens, id)
  if not answer then return problem(503, "store_unavailable") end
  if byte(answer, 7) ~= 65 then return problem(429, "refused") end
  ffi_copy(reply, ffi_cast("const char *", answer) + 7, 104)
  local limit, rest = format("%d", reply[LIMIT]), format("%d", reply[REST])
  local resets = reply[RESETS]
  local text = '{"allowed":true,"user":"' .. principal.user .. '","tenant":null,"plan":"' .. principal.plan
    .. '","feature":"chat","mode":"spend","tokens":' .. format("%d", reply[GRANTED])
    .. ',"reservation":null,"budget":{"limit":' .. limit .. ',"used":' .. format("%d", reply[USED]) .. ',"held":'
    .. format("%d", reply[HELD]) .. ',"remaining":' .. rest .. ',"debt":' .. format("%d", reply[DEBT])
    .. ',"resets_at":"' .. instant(resets) .. '"}}'
  header["Content-Type"] = "application/json"
  header["Content-Length"] = #text
  header["X-Request-Id"] = id
  header["RateLimit-Policy"] = policy_head .. limit .. format(';w=%d;tollgate-unit="tokens"', reply[PERIOD] / 1000)
  header["RateLimit"] = '"requests";r=' .. format("%d", reply[LEFT]) .. window .. '"budget";r=' .. rest .. ";t="
    .. format("%d", floor((resets - reply[NOW] + 999) / 1000))
  header["Tollgate-User"] = principal.user
  header["Tollgate-Plan"] = principal.plan
  header["Tollgate-Remaining"] = rest
  print(text)
end
