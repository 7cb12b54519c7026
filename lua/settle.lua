-- Resolves a hold, once: settles it at what was really used, or releases it whole. After its expiry (up to
-- 24 h) it corrects what the expiry booked. Runs at maxmemory too: it gives back, or records what happened.
--
-- KEYS 1 user's account   2 readable rest   3 usage stream   4 record of a hold that isn't open any more
--      then, if the hold has a tenant: tenant's account, tenant's open holds
-- ARGV 1 doubles: epoch, deadline (ms), tokens used, 1 to release (else 0)
--      2 hold id   3 outcome   4 metadata   5 thresholds
-- Returns a letter, then doubles: now, tokens booked, limit, used, held, remaining, debt, resets at, length of
--   the period, reserved. The budget is the pool's if the hold draws on nothing else.
--   A resolved, now or by the same call before      F resolved otherwise: `F<state>:<tokens>`
--   U no such hold   M, Q account, pool unknown here   L past its deadline   G more holds are due: ask again

register('settle', {'allow-oom'}, function(KEYS, ARGV)
  local now = clock()
  local epoch, deadline, tokens, release = unpack_struct('<dddd', ARGV[1])
  local stream, hold, list = KEYS[3], ARGV[2], ARGV[5]
  if now > deadline then return 'L' end

  local account, state, amount, expires, created, bits, reported, names, pool_names, ids =
    find_hold(KEYS, epoch, now, hold)
  if not state then return 'U' end
  local wanted = release == 1 and 'released' or 'settled'
  if state ~= 'open' and state ~= 'expired' then
    local booked, first = match(ids, '^[^\31]*\31[^\31]*\31[^\31]*\31(%d+)\31(.*)$')
    if state == wanted and tonumber(booked) == tokens then return first end
    return 'F' .. state .. ':' .. booked
  end

  local refusal, pool = settle_due(KEYS, account, epoch, now, list)
  if refusal then return refusal end

  -- What was taken so far: the held amount while the hold is open; after its expiry what that booked.
  local late = state == 'expired'
  local function taken_so_far(is_late) return is_late and charge_at_expiry(amount, bits, reported) or amount end
  local taken = taken_so_far(late)

  -- Moves one account from what was taken so far to `tokens` used. Tokens beyond the hold come from what
  -- is left of the same period, then become debt; those of a period that is over are booked as used and touch
  -- no budget. Returns the allocations to book and the debt made.
  local function resolve(of, allocations, is_late)
    local booked, rest, before_left, from = '', tokens, taken_so_far(is_late), is_late and USED or HELD
    local function add(name, count)
      if count ~= 0 then booked = booked .. format(booked == '' and '%s:%d' or ';%s:%d', name, count) end
    end
    each_allocation(allocations, function(name, part)
      local g = find_grant(of, name)
      local used = rest < part and rest or part
      local before = before_left < part and before_left or part
      before_left = before_left - before
      if g and used > before then
        -- The rest of it went back when the hold expired, and may be another's by now.
        local left = g[TOKENS] - g[USED] - g[HELD]
        if left < used - before then used = before + (left > 0 and left or 0) end
      end
      if g then
        g[from] = g[from] - before
        g[USED] = g[USED] + used
      end
      add(name, is_late and used - before or used)
      rest = rest - used
    end)
    local made = 0
    if rest > 0 then
      local period = period_grant(of)
      if tonumber(match(allocations, '@(%d+)$')) == (period and period[START] or 0) then
        local more, short = take(of, rest, USED)
        if more ~= '' then booked = booked == '' and more or booked .. ';' .. more end
        of[DEBT] = of[DEBT] + short
        made = short
      end
    end
    local more, paid = absorb_debt(of)
    if more ~= '' then booked = booked == '' and more or booked .. ';' .. more end
    return booked, made - paid
  end

  local booked, debt, pool_booked, pool_debt = '', 0, '', 0
  -- In decimal, as the hold's record and member have them.
  local kept, was, said, made = usual(bits), usual(amount), usual(reported), decimal(created)
  if names ~= '' then booked, debt = resolve(account, names, late) end
  if not late then
    if call('HDEL', KEYS[1], hold) == 1 and account[HOLDS] > 0 then account[HOLDS] = account[HOLDS] - 1 end
    if account[HOLDS] == 0 then account[NEXT_EXPIRY] = 0 end
  end
  uncount(account, created, taken - tokens)
  local field, packed
  if bits >= IN_FEATURE then
    field = 'f' .. match(ids, '[^\31]*$')
    local feature = read_feature(call('HGET', KEYS[1], field))
    if has(bits, IN_FEATURE) then
      if not late and feature[HOLDS] > 0 then feature[HOLDS] = feature[HOLDS] - 1 end
      uncount(feature, created, taken - tokens)
    end
    if has(bits, NOTES_USE) and release ~= 1 then note_use(feature, tokens) end
    packed = pack_feature(feature)
  end
  if pool then
    -- Asked of its set: after the clock was set back one part of the hold may have expired, and the other be open.
    local pool_late = call('ZREM', KEYS[6], hold_member(hold, kept, was, said, made, pool_names, ids)) == 0
    if not pool_late and pool[HOLDS] > 0 then pool[HOLDS] = pool[HOLDS] - 1 end
    if pool[HOLDS] == 0 then pool[NEXT_EXPIRY] = 0 end
    if pool_names ~= '' then pool_booked, pool_debt = resolve(pool, pool_names, pool_late) end
  end

  local kind = late and 'correct' or release == 1 and 'release' or 'settle'
  book(stream, kind, 'b', (late and 'correct:' or 'settle:') .. hold, ids, late and tokens - taken or tokens, booked,
    debt, pool_booked, pool_debt, tail(hold, NO_SPAN, ARGV[3], ARGV[4], '', '', '', ''))
  local limit, used, held, rest, owed, resets, length = save(KEYS[1], account, stream, 'u', ids, list, 1, field, packed)
  if pool then
    local all, p_used, p_held, p_rest, p_owed, p_resets, p_length = save(KEYS[5], pool, stream, 't', ids, list, 1)
    if names == '' and pool_names ~= '' then
      limit, used, held, rest, owed, resets, length = all, p_used, p_held, p_rest, p_owed, p_resets, p_length
    end
  end
  call('SET', KEYS[2], decimal(rest))
  local result = pack('<c1dddddddddd', 'A', now, tokens, limit, used, held, rest, owed, resets, length, amount)
  local span = hold_span(was, decimal(expires), made, kept, said, names, pool_names)
  call('SET', KEYS[4], wanted .. '\31' .. span .. '\31' .. ids .. '\31' .. decimal(tokens) .. '\31' .. result, 'PX',
    usual(LATE))
  return result
end)
