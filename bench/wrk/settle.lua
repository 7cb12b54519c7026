-- Reserves, and settles what was reserved.
local kind, key, number, open = os.getenv('BENCH_KIND'), os.getenv('BENCH_SERVICE_KEY'), 0, {}
function request()
  local hold = table.remove(open)
  if hold then
    return wrk.format('POST', '/v1/reservations/' .. hold .. '/settle',
      {Authorization = 'Bearer ' .. key, ['Content-Type'] = 'application/json'}, '{"tokens":7}')
  end
  number = number % 2000 + 1
  return wrk.format('POST', '/v1/check', {['X-TLE-Token'] = string.format('tle_bench_%s_%012d', kind, number),
    ['Content-Type'] = 'application/json'}, '{"tokens":10,"mode":"reserve","ttl_s":600}')
end
function response(status, headers)
  local hold = headers['Tollgate-Reservation']
  if hold then open[#open + 1] = hold end
end
