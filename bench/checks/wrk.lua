-- wrk's side: a check per request, the tokens of a file in turn, and the figures as one line of JSON.
-- Arguments: the file, how many of its lines to skip, how many to use, milliseconds between two requests of a connection
local requests, at = {}, 0

function init(arguments)
  local file, skip, count, pause = arguments[1], tonumber(arguments[2]), tonumber(arguments[3]), tonumber(arguments[4])
  -- By hand, not by wrk.format, which takes a tenth of a millisecond; and with the token in the middle: LuaJIT hashes but
  -- the first, middle and last bytes of a string, and 100,000 that differ elsewhere take it half a minute.
  local body = '{"feature":"chat","tokens":1200}'
  local head = "POST /v1/check HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nContent-Type: application/json\r\nX-TLE-Token: "
  local tail = "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
  for line in io.lines(file) do
    if skip > 0 then
      skip = skip - 1
    else
      requests[#requests + 1] = head .. line .. tail
      if #requests == count then break end
    end
  end
  if pause > 0 then
    math.randomseed(os.time())
    -- Around the mean, so that connections don't march in step.
    function delay() return math.random(0, 2 * pause) end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"duration_us":%d,"refused":%d,"failed":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
