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
-- Here already, and of this epoch: it was loaded meanwhile, and what has been spent since is only here.
local raw = call('HGET', KEYS[1], 's')
if raw and read_account(raw, now)[EPOCH] >= account[EPOCH] then return 0 end
-- One grant is the period's: the last one that was paid or set, else the calendar's.
local newest
local kept = {}
for index = 1, #account[LIST] do
  local g = account[LIST][index]
  keep_taken(g)
  local beats = newest and g[KIND] == PERIOD and newest[KIND] == CALENDAR
  local is_beaten = newest and g[KIND] == CALENDAR and newest[KIND] == PERIOD
  if (g[KIND] == PERIOD or g[KIND] == CALENDAR) and (beats or not is_beaten and is_later(g, newest)) then
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

-- A record has a side of the user and one of the tenant, and a load knows its own alone: the other stays as it is.
local FIELDS = '^(%l+\31%d+\31%d+\31%d+\31%d\31)([^\31]*)\31([^\31]*)(\31.*)$'
local function record(old, new)
  local _, user, pool = string.match(old or '', FIELDS)
  if not user then return new end
  local head, own, own_pool, rest = string.match(new, FIELDS)
  return ARGV[4] == 'u' and head .. own .. '\31' .. pool .. rest or head .. user .. '\31' .. own_pool .. rest
end
local first = 0
for index = 5, #KEYS do
  local at = 5 + (index - 5) * 3
  local expires = tonumber(ARGV[at + 1])
  call('ZADD', KEYS[4], expires, ARGV[at])
  call('SET', KEYS[index], record(call('GET', KEYS[index]), ARGV[at + 2]), 'PX',
    math.max(expires - now, 0) + 86400000)
  if first == 0 or expires < first then first = expires end
end
account[HOLDS], account[NEXT_EXPIRY], account[THRESHOLD] = #KEYS - 4, first, -1
write_account(KEYS[1], account)
if ARGV[4] == 'u' then
  local _, _, _, rest = totals(account)
  call('SET', KEYS[2], format('%d', rest))
end
return 1
