-- Who has which token, and the command that the gate sends for each of them, of which only the request's numbers and
-- the operation id differ from check to check. Read once, before the worker starts.
local cjson = require "cjson"

local file = assert(io.open(os.getenv("BENCH_PRINCIPALS")))
local data = cjson.decode(file:read("*a"))
file:close()

local words = {}
for index, word in ipairs(data.command) do words[index] = ngx.decode_base64(word) end
data.template = words[data.request + 1]
assert(data.request == #words - 2 and data.operation == #words - 1, "the request and its id come last")

local function bulk(word) return "$" .. #word .. "\r\n" .. word .. "\r\n" end

local pattern = data.placeholder:gsub("%p", "%%%0")
local by_hash = {}
for hex, user in pairs(data.users) do
  local arguments, prefix = {}, { "*" .. #words .. "\r\n" }
  for index = 1, #words - 2 do
    arguments[index] = words[index]:gsub(pattern, user)
    prefix[index + 1] = bulk(arguments[index])
  end
  local hash = hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)
  by_hash[hash] = { user = user, plan = data.plan, arguments = arguments, prefix = table.concat(prefix) }
end
data.users = nil
data.by_hash = by_hash
return data
