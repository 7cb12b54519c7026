-- May this user do this now? Decides in one step, in the contract's order of precedence, and takes or holds
-- the tokens if so. A denial changes nothing.
--
-- KEYS 1 user's account   2 readable rest (chatbot-usage:<user>)   3 usage stream
--      then, as they apply: tenant's account, tenant's open holds; idempotency record
-- ARGV 1 the rights: doubles, see below, then the thresholds; the same for every check of a principal and feature
--      2 user, tenant, feature, joined by 0x1f
--      3 the request: doubles, see below
--      4 operation id   5 hold id   6 fingerprint of the idempotent request   7 metadata (up to
--      the last that says something)
-- Returns one string: a letter, then thirteen doubles: now (ms), tokens granted (of B and P: asked for), limit, used,
--   held, remaining, debt, resets at (ms, 0: never), length of the period (ms), requests left, retry after (ms),
--   detail, shadowed limits (bits); then, if it is to explain itself, the rules.
--   A allowed                    V the versions are current (asked by `verify`)
--   K locked out                 R, T, H, Y over the request rate, token rate, hourly cap, daily cap
--   N too many holds (detail: the limit)            B, P user's budget, tenant's pool exhausted
--   r, t, h, y, n the same limits of the feature alone
--   C idempotency conflict       I an earlier answer, replayed
--   M, Q user, tenant unknown here    S, U user's, tenant's version differs (detail: the version here)
--   L past its deadline          W the caller's calendar is off            G more holds are due: ask again

local PEEK, RESERVE = 0, 2
local NO_BUDGET, CALENDAR_BUDGET = 0, 1 -- none of its own; by the calendar; 2 is by invoices
local EXPLAIN, ESTIMATE = 2, 4 -- options beside 1, to release on expiry: tell all; the estimate; 8: at least that
-- The rules by number, what each answers when it refuses, and its bit among the limits that only record. A plan's
-- rates and caps come first, then a feature's.
local SLOTS, FEATURE_SLOTS, OWN, POOL = 5, 10, 11, 12
local LETTERS, BITS = 'RTHYNrthynBP', {1, 2, 8, 16, 4, 32, 64, 256, 512, 128}
local PASSES, REFUSES, RECORDS = 0, 1, 2
-- Among a feature's own limits, which stand as the plan's seven do: slots, shadow bits, and the tokens of an unknown
-- estimate (-1: none).
local F_CONCURRENT, F_SHADOW, FALLBACK = 5, 8, 9

-- The question under way, and what the rules have said to it so far. Redis runs one function at a time; and functions
-- inside a function, which could share locals, would be made anew for each question.
local now, us, amount, day, day_stop, shadow, explains
local shadowed, rules, denial, denial_retry, denial_detail

local function answer(letter, granted, limit, used, held, rest, debt, resets, length, left, retry, detail)
  return pack('<c1ddddddddddddd', letter, now, granted, limit, used, held, rest, debt, resets, length, left, retry,
    detail, shadowed)
end

local function refuse(letter, detail) return answer(letter, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, detail or 0) end

-- An answer that changes nothing, about the budget of `shown`; `left` is how many requests the rate allows.
local function report(letter, granted, shown, left, retry, detail)
  local limit, used, held, rest, debt, resets, length = figures(shown)
  return answer(letter, granted, limit, used, held, rest, debt, resets, length, left, retry, detail) .. rules
end

-- What a rule says. One that fails ends the check, unless its bit in `shadow` lets it through, or all of them are to be
-- told: then the first one that refuses is kept.
local function stops(rule, fails, allowed, had, asked, retry, detail)
  local verdict, bit = PASSES, BITS[rule]
  if fails then
    verdict = bit and has(shadow, bit) and RECORDS or REFUSES
    if verdict == RECORDS then shadowed = shadowed + bit end
  end
  if verdict == REFUSES and not denial then denial, denial_retry, denial_detail = rule, retry, detail or 0 end
  if not explains then return verdict == REFUSES end
  rules = rules .. pack('<dddddd', rule, verdict, allowed, had, asked, verdict == PASSES and 0 or retry)
  return false
end

local function budget_stops(rule, of, left)
  if amount <= left and not explains then return false end
  local all, used, held = totals(of)
  return stops(rule, amount > left, all, used + held, amount, 0, left)
end

-- What the check costs by the user's last uses: the estimate, or that at least.
local function estimated(feature, fallback, options)
  local guess = estimate(feature) or fallback
  return (has(options, ESTIMATE) or amount < guess) and guess or amount
end

-- Rates and caps of one state, an account's or a feature's. Returns the arrival times that the check would leave, or
-- nil if it ends here.
local function limit_rates(state, rule, by_request, request_burst, by_token, token_burst, per_hour, per_day)
  local requests_tat, tokens_tat = state[REQUESTS_TAT], state[TOKENS_TAT]
  if by_request > 0 then
    local early
    requests_tat, early = bucket_take(requests_tat, us, by_request, request_burst, 1)
    if (early > 0.5 or explains) and stops(rule, early > 0.5, request_burst,
      request_burst - bucket_left(state[REQUESTS_TAT], us, by_request, request_burst), 1, ceil(early / 1000)) then
      return nil
    end
  end
  if by_token > 0 and amount > 0 then
    local early
    tokens_tat, early = bucket_take(tokens_tat, us, by_token, token_burst, amount)
    if (early > 0.5 or explains) and stops(rule + 1, early > 0.5, token_burst,
      token_burst - bucket_left(state[TOKENS_TAT], us, by_token, token_burst), amount, ceil(early / 1000)) then
      return nil
    end
  end
  if per_hour >= 0 and amount > 0 then
    local hour = now - now % 3600000
    local had = state[HOUR] == hour and state[HOUR_USED] or 0
    if (had + amount > per_hour or explains)
      and stops(rule + 2, had + amount > per_hour, per_hour, had, amount, hour + 3600000 - now) then
      return nil
    end
  end
  if per_day >= 0 and amount > 0 then
    local had = state[DAY] == day and state[DAY_USED] or 0
    if (had + amount > per_day or explains)
      and stops(rule + 3, had + amount > per_day, per_day, had, amount, day_stop - now) then
      return nil
    end
  end
  return requests_tat, tokens_tat
end

-- Holds open at once, of the user and of the feature.
local function limit_slots(account, concurrent, feature, slots)
  local wait = account[NEXT_EXPIRY] > now and account[NEXT_EXPIRY] - now or 1000
  return (account[HOLDS] >= concurrent or explains)
      and stops(SLOTS, account[HOLDS] >= concurrent, concurrent, account[HOLDS], 1, wait, concurrent)
    or slots >= 0 and (feature[HOLDS] >= slots or explains)
      and stops(FEATURE_SLOTS, feature[HOLDS] >= slots, slots, feature[HOLDS], 1, wait, slots)
end

-- The answer of the first rule that refused.
local function deny(shown, pool, left)
  return report(sub(LETTERS, denial, denial), denial >= OWN and amount or 0, denial == POOL and pool or shown, left,
    denial_retry, denial_detail)
end

-- Counts an open hold in an account or pool.
local function count_hold(of, expires)
  of[HOLDS] = of[HOLDS] + 1
  if of[NEXT_EXPIRY] == 0 or expires < of[NEXT_EXPIRY] then of[NEXT_EXPIRY] = expires end
end

-- Opens a hold and returns its record, to be written with the account; `names` and `pool_names` are what was taken for
-- it, false where nothing is drawn on.
local function book_hold(KEYS, ARGV, account, pool, names, pool_names, expires, bits)
  local hold, ids = ARGV[5], ARGV[2]
  local held, until_ms, created, kept = usual(amount), decimal(expires), decimal(now), usual(bits)
  names = names and with_period(account, names) or ''
  pool_names = pool_names and with_period(pool, pool_names) or ''
  count_hold(account, expires)
  if pool then
    count_hold(pool, expires)
    call('ZADD', KEYS[5], until_ms, hold_member(hold, kept, held, '-1', created, pool_names, ids))
  end
  local span = hold_span(held, until_ms, created, kept, '-1', names, pool_names)
  book(KEYS[3], 'reserve', 'b', ARGV[4], ids, 0, '', 0, '', 0,
    tail(hold, span, '', ARGV[7] or '', '', '', shadowed > 0 and shadowed or '', ''))
  return open_record(span, ids)
end

local function book_spend(KEYS, ARGV, names, pool_names)
  local metadata = ARGV[7] or ''
  book(KEYS[3], 'spend', 'b', ARGV[4], ARGV[2], amount, names, 0, pool_names, 0,
    (shadowed > 0 or metadata ~= '') and tail('', NO_SPAN, '', metadata, '', '', shadowed > 0 and shadowed or '', '')
      or nil)
end

register('check', {}, function(KEYS, ARGV)
  local version, lockout, verify, requests_us, requests_burst, tokens_us, tokens_burst, concurrent, hourly, daily,
    plan_shadow, budget_mode, budget_tokens, budget_rollover, budget_carry, budget_lower,
    pool_version, pool_mode, pool_tokens, pool_rollover, pool_carry, pool_lower, has_feature, position =
    unpack_struct('<ddddddddddddddddddddddd', ARGV[1])
  local epoch, deadline, tokens, mode, ttl, partial, options, start, stop, pool_start, pool_stop, day_start, day_end =
    unpack_struct('<ddddddddddddd', ARGV[3])
  now, us = clock()
  amount, day, day_stop, shadow = tokens, day_start, day_end, plan_shadow
  explains = options >= EXPLAIN and has(options, EXPLAIN)
  shadowed, rules, denial = 0, '', nil

  if now > deadline then return refuse('L') end
  local field, own_limits
  if has_feature == 1 then
    own_limits = {unpack_struct('<ddddddddd', ARGV[1], position)}
    field, position = 'f' .. match(ARGV[2], '[^\31]*$'), own_limits[10]
    shadow = shadow + own_limits[F_SHADOW] * 32
  end
  local account, raw_feature = open_account(KEYS[1], epoch, now, field)
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
  if verify == 1 then return refuse('V') end
  if lockout > 0 and now >= lockout then return refuse('K') end
  if (budget_mode == CALENDAR_BUDGET and (now < start or (stop > 0 and now >= stop)))
    or (pool and pool_mode == CALENDAR_BUDGET and (now < pool_start or (pool_stop > 0 and now >= pool_stop)))
    or now < day or now >= day_stop then
    return refuse('W')
  end

  -- Holds whose time has passed stop counting now. This is the clock's doing, not the check's: it is written
  -- whatever the answer will be.
  local stream, rights = KEYS[3], ARGV[1]
  local more, resolved = expire_due(account, KEYS[1], nil, stream, now, 'u', rights, position)
  if more or (expire_due(pool, KEYS[4], KEYS[5], stream, now, 't', rights, position)) then return refuse('G') end
  local feature
  if field then
    if resolved then raw_feature = call('HGET', KEYS[1], field) end
    feature = read_feature(raw_feature)
  end

  -- The period may have rolled over; that is kept only if something is taken.
  local began, pool_began
  local own = budget_mode ~= NO_BUDGET
  if budget_mode == CALENDAR_BUDGET then
    began = roll_period(account, budget_tokens, start, stop, budget_rollover, budget_carry, budget_lower)
  end
  local pooled = pool and pool_mode ~= NO_BUDGET
  if pooled and pool_mode == CALENDAR_BUDGET then
    pool_began = roll_period(pool, pool_tokens, pool_start, pool_stop, pool_rollover, pool_carry, pool_lower)
  end

  local shown = own and account or pooled and pool or account
  local left = requests_us > 0 and bucket_left(account[REQUESTS_TAT], us, requests_us, requests_burst) or -1
  local rest, pool_rest, _ = TOKENS_MAX, TOKENS_MAX, nil
  if own then _, _, _, rest = totals(account) end
  if pooled then _, _, _, pool_rest = totals(pool) end
  if feature and own_limits[FALLBACK] >= 0 and options >= ESTIMATE then
    amount = estimated(feature, own_limits[FALLBACK], options)
  end
  if partial == 1 then
    local least = rest < pool_rest and rest or pool_rest
    if least < amount then amount = least < 1 and 1 or least end
  end

  -- The rules, in order.
  local f_requests_tat, f_tokens_tat
  local requests_tat, tokens_tat =
    limit_rates(account, 1, requests_us, requests_burst, tokens_us, tokens_burst, hourly, daily)
  local stopped = not requests_tat
  if feature and not stopped then
    local f = own_limits
    f_requests_tat, f_tokens_tat = limit_rates(feature, 6, f[1], f[2], f[3], f[4], f[6], f[7])
    stopped = not f_requests_tat
  end
  local slots = feature and own_limits[F_CONCURRENT] or -1
  if stopped or mode == RESERVE and limit_slots(account, concurrent, feature, slots)
    or own and budget_stops(OWN, account, rest) or pooled and budget_stops(POOL, pool, pool_rest) or denial then
    return deny(shown, pool, left)
  end
  if mode == PEEK then return report('A', amount, shown, left, 0, 0) end

  -- Allowed: take or hold, in every account or (refused above) in none.
  local operation, ids = ARGV[4], ARGV[2]
  if began then book_period(stream, began, 'u', match(ids, '^[^\31]*\31[^\31]*') .. '\31', operation .. ':p') end
  if pool_began then
    book_period(stream, pool_began, 't', match(ids, '^[^\31]*(\31[^\31]*)') .. '\31', operation .. ':q')
  end
  local slot = mode == RESERVE and HELD or USED
  local names, pool_names = own and take(account, amount, slot), pooled and take(pool, amount, slot)
  account[REQUESTS_TAT], account[TOKENS_TAT] = requests_tat, tokens_tat
  if hourly >= 0 or daily >= 0 then count(account, now, day, amount) end
  local packed
  if feature then
    feature[REQUESTS_TAT], feature[TOKENS_TAT] = f_requests_tat, f_tokens_tat
    count(feature, now, day, amount)
    if mode == RESERVE then feature[HOLDS] = feature[HOLDS] + 1 end
    packed = pack_feature(feature)
  end
  local expires, record = 0, nil
  if mode == RESERVE then
    local bits = options % 2
    if feature then bits = bits + IN_FEATURE + (own_limits[FALLBACK] >= 0 and NOTES_USE or 0) end
    expires = now + ttl
    record = book_hold(KEYS, ARGV, account, pool, names, pool_names, expires, bits)
  else
    book_spend(KEYS, ARGV, names or '', pool_names or '')
  end
  if pool then save(KEYS[4], pool, stream, 't', ids, rights, position) end
  local limit, used, held, debt, resets, length
  limit, used, held, rest, debt, resets, length =
    save(KEYS[1], account, stream, 'u', ids, rights, position, field, packed, record and ARGV[5], record)
  if shown == pool then limit, used, held, rest, debt, resets, length = figures(pool) end
  if left > 0 then left = left - 1 end
  local result = answer('A', amount, limit, used, held, rest, debt, resets, length, left, 0, expires) .. rules
  call('SET', KEYS[2], decimal(rest))
  if replay_key then
    call('SET', replay_key, ARGV[6] .. '\31' .. (ARGV[5] or '') .. '\31' .. result, 'EX', '86400')
  end
  return result
end)
