-- Gives an open hold a new total and a new time to live, and notes what was used of it so far; or leaves it as it
-- was.
--
-- KEYS as settle.lua   ARGV 1 doubles: epoch, deadline, tokens (the new total; -1: as it was), ttl (ms; -1: as
--      it was), used so far (-1: not said)   2 hold id   3 operation id   4 thresholds
-- Returns as settle.lua, with the new expiry (ms) as an eleventh double; and B, P where the rest of the user's
--   budget or of the pool doesn't allow it (then nothing changed). F for a hold that is no longer open.

register('extend', {'allow-oom'}, function(KEYS, ARGV)
  local now = clock()
  local epoch, deadline, tokens, ttl, so_far = unpack_struct('<ddddd', ARGV[1])
  local stream, hold, list = KEYS[3], ARGV[2], ARGV[4]
  if now > deadline then return 'L' end
  local account, state, amount, expires, created, bits, reported, names, pool_names, ids =
    find_hold(KEYS, epoch, now, hold)
  if not state then return 'U' end
  local function over() return format('Fexpired:%d', charge_at_expiry(amount, bits, reported)) end
  if state == 'expired' then return over() end
  if state ~= 'open' then
    return 'F' .. state .. ':' .. match(ids, '^[^\31]*\31[^\31]*\31[^\31]*\31(%d+)\31')
  end

  local refusal, pool = settle_due(KEYS, account, epoch, now, list)
  if refusal then return refusal end

  local shown = names == '' and pool_names ~= '' and pool or account
  local function report(letter, total, until_ms)
    local limit, used, held, rest, debt, resets, length = figures(shown)
    return pack('<c1ddddddddddd', letter, now, total, limit, used, held, rest, debt, resets, length, amount, until_ms),
      rest
  end

  -- A hold is never less than what was used of it.
  local now_reported = so_far > reported and so_far or reported
  if tokens < 0 then tokens = amount end
  if tokens < now_reported then tokens = now_reported end
  local until_ms = ttl < 0 and expires or now + ttl
  local grown = tokens - amount
  local function left(of, allocations)
    if not of or allocations == '' then return TOKENS_MAX end
    -- A hold grows within its own period alone.
    local period = period_grant(of)
    if tonumber(match(allocations, '@(%d+)$')) ~= (period and period[START] or 0) then return 0 end
    local _, _, _, rest = totals(of)
    return rest
  end
  if grown > 0 then
    -- An account that the hold draws nothing on has no budget of its own, and doesn't bind.
    if grown > left(account, names) then return (report('B', tokens, expires)) end
    if grown > left(pool, pool_names) then
      shown = pool
      return (report('P', tokens, expires))
    end
  end

  -- In decimal, as the hold's record and member have them.
  local kept, made, until_text = decimal(bits), decimal(created), decimal(until_ms)
  local was, said, total, so_far_said = decimal(amount), decimal(reported), decimal(tokens), decimal(now_reported)
  if pool then
    -- As in settle.lua: after the clock was set back its part may have expired, and then nothing can be extended.
    local member = hold_member(hold, kept, was, said, made, pool_names, ids)
    if call('ZREM', KEYS[6], member) == 0 then return over() end
  end

  -- Holds more, or lets go from the end of the allocations: what expires last goes back first, and pays debt.
  -- Returns the new allocations, and those and the sum of the debt paid.
  local function rehold(of, allocations)
    if allocations == '' then return '', '', 0 end
    local kept_names, period = match(allocations, '^([^@]*)(@%d+)$')
    if grown > 0 then
      local more = take(of, grown, HELD)
      return kept_names .. ((kept_names == '' or more == '') and '' or ';') .. more .. period, '', 0
    end
    local kept, rest = '', tokens
    each_allocation(kept_names, function(name, part)
      local stays = rest < part and rest or part
      local g = find_grant(of, name)
      if g then g[HELD] = g[HELD] - (part - stays) end
      if stays > 0 then kept = kept .. format(kept == '' and '%s:%d' or ';%s:%d', name, stays) end
      rest = rest - stays
    end)
    return kept .. period, absorb_debt(of)
  end

  local new_names, paid_names, paid = rehold(account, names)
  local new_pool_names, pool_paid_names, pool_paid = '', '', 0
  if until_ms < account[NEXT_EXPIRY] then account[NEXT_EXPIRY] = until_ms end
  uncount(account, created, -grown)
  local field, packed
  if has(bits, IN_FEATURE) then
    field = 'f' .. match(ids, '[^\31]*$')
    local feature = read_feature(call('HGET', KEYS[1], field))
    uncount(feature, created, -grown)
    packed = pack_feature(feature)
  end
  if pool then
    new_pool_names, pool_paid_names, pool_paid = rehold(pool, pool_names)
    call('ZADD', KEYS[6], until_text, hold_member(hold, kept, total, so_far_said, made, new_pool_names, ids))
    if until_ms < pool[NEXT_EXPIRY] then pool[NEXT_EXPIRY] = until_ms end
  end
  local span = hold_span(total, until_text, made, kept, so_far_said, new_names, new_pool_names)
  book(stream, 'extend', 'b', ARGV[3], ids, 0, paid_names, -paid, pool_paid_names, -pool_paid,
    tail(hold, span, '', '', '', '', '', ''))
  save(KEYS[1], account, stream, 'u', ids, list, 1, field, packed, hold, open_record(span, ids))
  if pool then save(KEYS[5], pool, stream, 't', ids, list, 1) end
  amount = tokens
  local result, rest = report('A', tokens, until_ms)
  call('SET', KEYS[2], decimal(rest))
  return result
end)
