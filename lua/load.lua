-- Puts an account back that Redis has lost, as the books have it. Only the holder of the lease may, and only
-- while nobody else has: a late load can never bring old values back, for a change or another load takes the
-- lease away.
--
-- KEYS 1 account   2 readable rest (of a user)   3 lease   4 usage stream   5 open holds (of a tenant)
-- ARGV 1 nonce of the lease   2 header, packed as in account.lua   3 grants, packed as in account.lua
--      4 `u` or `t`   5 user, tenant, '' joined by 0x1f; then per hold: of a user its id and record, of a tenant
--      its expiry (ms) and member
-- Returns 1 loaded, 0 the lease was lost (look again).

register('load', {'allow-oom'}, function(KEYS, ARGV)
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
  call('DEL', KEYS[1])
  if KEYS[5] then call('DEL', KEYS[5]) end

  local is_user, first, features = ARGV[4] == 'u', 0, {}
  for at = 6, #ARGV, 2 do
    local expires
    if is_user then
      local _, _, ends, _, bits, _, _, _, ids = read_hold(ARGV[at + 1])
      expires = ends
      call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
      if has(bits, IN_FEATURE) then
        local field = 'f' .. match(ids, '[^\31]*$')
        features[field] = features[field] or read_feature(false)
        features[field][HOLDS] = features[field][HOLDS] + 1
      end
    else
      expires = tonumber(ARGV[at])
      call('ZADD', KEYS[5], ARGV[at], ARGV[at + 1])
    end
    if first == 0 or expires < first then first = expires end
  end
  for field, feature in pairs(features) do call('HSET', KEYS[1], field, pack_feature(feature)) end
  account[HOLDS], account[NEXT_EXPIRY], account[THRESHOLD] = (#ARGV - 5) / 2, first, -1
  local names, paid = absorb_debt(account)
  if paid > 0 then
    book(KEYS[4], 'balance', ARGV[4], 'load:' .. ARGV[1], ARGV[5], 0, is_user and names or '', is_user and -paid or 0,
      is_user and '' or names, is_user and 0 or -paid)
  end
  write_account(KEYS[1], account)
  if is_user then
    local _, _, _, rest = totals(account)
    call('SET', KEYS[2], decimal(rest))
  end
  return 1
end)
