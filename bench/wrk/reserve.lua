-- Reserves, one user after the other; the holds stay.
local kind, number = os.getenv('BENCH_KIND'), 0
function request()
  number = number % 2000 + 1
  return wrk.format('POST', '/v1/check', {['X-TLE-Token'] = string.format('tle_bench_%s_%012d', kind, number),
    ['Content-Type'] = 'application/json'}, '{"tokens":10,"mode":"reserve","ttl_s":600}')
end
