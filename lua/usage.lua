-- Records what was used after the fact: never refused for lack of budget, what is not left becomes debt.
--
-- KEYS 1 user's account   2 readable rest   3 usage stream
--      then, as they apply: tenant's account, tenant's open holds; idempotency record
-- ARGV 1 as check.lua (the rights)   2 user, tenant, feature   3 the request, as check.lua
--      4 operation id   5 unused   6 fingerprint of the idempotent request   7 metadata   8 when it happened
--      (ms; 5-8 up to the last that says something)
-- Returns as check.lua: A recorded, and I, C, M, Q, S, U, L, W, G.

register('usage', {'allow-oom'}, function(KEYS, ARGV)
  local now = clock()
  local version, _, _, _, _, _, _, _, hourly, daily, _,
    budget_mode, budget_tokens, budget_rollover, budget_carry, budget_lower,
    pool_version, pool_mode, pool_tokens, pool_rollover, pool_carry, pool_lower, has_feature, position =
    unpack_struct('<ddddddddddddddddddddddd', ARGV[1])
  local epoch, deadline, tokens, _, _, _, _, start, stop, pool_start, pool_stop, day, day_stop =
    unpack_struct('<ddddddddddddd', ARGV[3])
  local NO_BUDGET, CALENDAR_BUDGET = 0, 1

  local function refuse(letter, detail)
    return pack('<c1ddddddddddddd', letter, now, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, detail or 0, 0)
  end
  if now > deadline then return refuse('L') end
  local field, fallback
  if has_feature == 1 then
    _, _, _, _, _, _, _, _, fallback, position = unpack_struct('<ddddddddd', ARGV[1], position)
    field = 'f' .. match(ARGV[2], '[^\31]*$')
  end
  local account = open_account(KEYS[1], epoch, now)
  if not account then return refuse('M') end
  if account[VERSION] ~= version then return refuse('S', account[VERSION]) end
  local pool, replay_key = nil, KEYS[4]
  if pool_version > 0 then
    pool = open_account(KEYS[4], epoch, now)
    if not pool then return refuse('Q') end
    if pool[VERSION] ~= pool_version then return refuse('U', pool[VERSION]) end
    replay_key = KEYS[6]
  end
  if replay_key then
    local answer = replay(replay_key, ARGV[6])
    if answer then return answer == 'C' and refuse('C') or answer end
  end
  if (budget_mode == CALENDAR_BUDGET and (now < start or (stop > 0 and now >= stop)))
    or (pool and pool_mode == CALENDAR_BUDGET and (now < pool_start or (pool_stop > 0 and now >= pool_stop)))
    or now < day or now >= day_stop then
    return refuse('W')
  end

  -- Holds whose time has passed come first, as in check.lua.
  local stream, rights = KEYS[3], ARGV[1]
  if (expire_due(account, KEYS[1], nil, stream, now, 'u', rights, position))
    or (expire_due(pool, KEYS[4], KEYS[5], stream, now, 't', rights, position)) then
    return refuse('G')
  end

  local function charge(of, side, mode, plan_tokens, from, to, rollover, carry, lower, whose)
    if mode == NO_BUDGET then return '', 0 end
    if mode == CALENDAR_BUDGET then
      local began = roll_period(of, plan_tokens, from, to, rollover, carry, lower)
      if began then book_period(stream, began, side, whose, ARGV[4] .. (side == 'u' and ':p' or ':q')) end
    end
    local names, short = take(of, tokens, USED)
    of[DEBT] = of[DEBT] + short
    return names, short
  end
  if hourly >= 0 or daily >= 0 then count(account, now, day, tokens) end
  local names, debt = charge(account, 'u', budget_mode, budget_tokens, start, stop, budget_rollover, budget_carry,
    budget_lower, match(ARGV[2], '^[^\31]*\31[^\31]*') .. '\31')
  local pool_names, pool_debt = '', 0
  if pool then
    pool_names, pool_debt = charge(pool, 't', pool_mode, pool_tokens, pool_start, pool_stop, pool_rollover, pool_carry,
      pool_lower, match(ARGV[2], '^[^\31]*(\31[^\31]*)') .. '\31')
  end
  local packed
  if field then
    local feature = read_feature(call('HGET', KEYS[1], field))
    count(feature, now, day, tokens)
    if fallback >= 0 then note_use(feature, tokens) end
    packed = pack_feature(feature)
  end
  local metadata, occurred = ARGV[7] or '', ARGV[8] or ''
  book(stream, 'usage', 'b', ARGV[4], ARGV[2], tokens, names, debt, pool_names, pool_debt,
    (metadata ~= '' or occurred ~= '') and tail('', NO_SPAN, '', metadata, '', '', '', occurred) or '')
  local limit, used, held, rest, owed, resets, length =
    save(KEYS[1], account, stream, 'u', ARGV[2], rights, position, field, packed)
  if pool then
    local all, p_used, p_held, p_rest, p_owed, p_resets, p_length =
      save(KEYS[4], pool, stream, 't', ARGV[2], rights, position)
    if budget_mode == NO_BUDGET and pool_mode ~= NO_BUDGET then
      limit, used, held, rest, owed, resets, length = all, p_used, p_held, p_rest, p_owed, p_resets, p_length
    end
  end
  call('SET', KEYS[2], decimal(rest))
  local result = pack('<c1ddddddddddddd', 'A', now, tokens, limit, used, held, rest, owed, resets, length, -1, 0, 0, 0)
  if replay_key then call('SET', replay_key, ARGV[6] .. '\31\31' .. result, 'EX', '86400') end
  return result
end)
