-- Merges a newer version of an account from Postgres into the live counters: grants that were added, changed
-- or taken away. What was used or is held is never touched, an older version changes nothing, and an account
-- that is not here stays away (a load of an older version that is under way is fenced off).
--
-- KEYS 1 account   2 readable rest (of a user)   3 usage stream   4 lease of a load
-- ARGV 1 doubles: version, epoch, rollover at most, 1 to carry debt   2 the grants made in Postgres, packed as in
--      account.lua   3 user, tenant, '' joined by 0x1f   4 operation id   5 side: u or t
-- Returns 1 applied, 0 nothing to apply to, -1 the stored version is as new or newer.

register('apply', {'allow-oom'}, function(KEYS, ARGV)
  local now = clock()
  local version, epoch, rollover, carry = unpack_struct('<dddd', ARGV[1])
  local side, stream = ARGV[5], KEYS[3]
  call('DEL', KEYS[4])
  local raw = call('HGET', KEYS[1], 's')
  if not raw then return 0 end
  local account = read_account(raw, now)
  if account[EPOCH] ~= epoch then return 0 end
  if account[VERSION] >= version then return -1 end
  account[VERSION] = version

  local incoming, newest = {}, nil
  for position = 1, #ARGV[2], GRANT_BYTES do
    local g = {unpack_struct(GRANT, ARGV[2], position)}
    if g[EXPIRES] == 0 or g[EXPIRES] > now then
      if g[KIND] == PERIOD then
        if is_later(g, newest) then newest = g end
      else
        incoming[g[NUMBER]] = g
      end
    end
  end

  -- Amount and expiry may have changed.
  local function change(g, to)
    g[TOKENS] = to[TOKENS]
    keep_taken(g)
    g[EXPIRES], g[PRIORITY], g[STOP] = to[EXPIRES], to[PRIORITY], to[STOP]
  end

  local kept, had_period = {}, false
  for index = 1, #account[LIST] do
    local g = account[LIST][index]
    local kind = g[KIND]
    if kind == CALENDAR or kind == SUPERSEDED or kind == ROLLOVER then
      kept[#kept + 1] = g
    elseif kind == PERIOD then
      if newest and newest[NUMBER] == g[NUMBER] then
        change(g, newest)
        had_period = true
        kept[#kept + 1] = g
      elseif newest then
        kept[#kept + 1] = g -- replaced below, after its rest was looked at
      end
    elseif incoming[g[NUMBER]] then
      change(g, incoming[g[NUMBER]])
      incoming[g[NUMBER]] = nil
      kept[#kept + 1] = g
    end
  end
  -- The books give no more than this many grants that still have something; what is used up or belongs to the calendar
  -- must not keep one of them out.
  local open = 0
  for index = 1, #kept do
    local g = kept[index]
    local is_made = g[KIND] ~= CALENDAR and g[KIND] ~= SUPERSEDED and g[KIND] ~= ROLLOVER
    if is_made and g[USED] < g[TOKENS] then open = open + 1 end
  end
  for _, g in pairs(incoming) do
    keep_taken(g)
    if open < GRANTS_MAX then kept[#kept + 1] = g end
    if g[USED] < g[TOKENS] then open = open + 1 end
  end
  account[LIST] = kept
  sort_grants(account)
  if newest and not had_period then
    keep_taken(newest)
    local began = start_period(account, newest, rollover, carry)
    if began.extra then
      book(stream, 'period', side, ARGV[4] .. ':r', ARGV[3], 0, '', 0, '', 0, grant_tail(began.extra))
    end
    if began.names ~= '' or began.debt ~= 0 then
      book(stream, 'balance', side, ARGV[4] .. ':d', ARGV[3], 0, side == 'u' and began.names or '',
        side == 'u' and began.debt or 0, side == 't' and began.names or '', side == 't' and began.debt or 0)
    end
  end
  local names, paid = absorb_debt(account)
  if paid > 0 then
    book(stream, 'balance', side, ARGV[4], ARGV[3], 0, side == 'u' and names or '', side == 'u' and -paid or 0,
      side == 't' and names or '', side == 't' and -paid or 0)
  end
  write_account(KEYS[1], account)
  if side == 'u' then
    local _, _, _, rest = totals(account)
    call('SET', KEYS[2], decimal(rest))
  end
  return 1
end)
