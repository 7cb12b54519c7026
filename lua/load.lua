#!lua flags=allow-oom
-- Puts an account back that Redis has lost, as the books have it. Only the holder of the lease may, and only
-- while nobody else has: a late load can never bring old values back, for a change or another load takes the
-- lease away.
--
-- KEYS 1 account   2 readable rest (of a user)   3 lease   4 open holds   5… one hold record per hold
-- ARGV 1 nonce of the lease   2 header, packed as in account.lua   3 grants, packed as in account.lua
--      4 `u` or `t`; then per hold: its member, expiry (ms), record
-- Returns 1 loaded, 0 the lease was lost (look again).

local now = clock()
if call('GET', KEYS[3]) ~= ARGV[1] then return 0 end
call('DEL', KEYS[3])
local account = read_account(ARGV[2] .. ARGV[3], now)
-- One grant is the period's: the last one that was paid or set, else the calendar's.
local newest
local kept = {}
for index = 1, #account[LIST] do
  local g = account[LIST][index]
  if g[KIND] == PERIOD and (not newest or newest[KIND] == CALENDAR or g[START] > newest[START])
    or g[KIND] == CALENDAR and (not newest or newest[KIND] == CALENDAR and g[START] > newest[START]) then
    newest = g
  end
end
for index = 1, #account[LIST] do
  local g = account[LIST][index]
  if g[KIND] == CALENDAR and g ~= newest then
    g[KIND] = SUPERSEDED
    kept[#kept + 1] = g
  elseif g[KIND] ~= PERIOD or g == newest then
    kept[#kept + 1] = g
  end
end
account[LIST] = kept
sort_grants(account)
call('DEL', KEYS[4])
local first = 0
for index = 5, #KEYS do
  local at = 5 + (index - 5) * 3
  local expires = tonumber(ARGV[at + 1])
  call('ZADD', KEYS[4], expires, ARGV[at])
  call('SET', KEYS[index], ARGV[at + 2], 'PX', math.max(expires - now, 0) + 86400000)
  if first == 0 or expires < first then first = expires end
end
account[HOLDS], account[NEXT_EXPIRY], account[THRESHOLD] = #KEYS - 4, first, -1
write_account(KEYS[1], account)
if ARGV[4] == 'u' then
  local _, _, _, rest = totals(account)
  call('SET', KEYS[2], format('%d', rest))
end
return 1
