#!lua
-- May this user do this now? Decides in one step, in the contract's order of precedence, and takes or holds
-- the tokens if so. A denial changes nothing.
--
-- KEYS 1 user's account   2 readable rest (chatbot-usage:<user>)   3 usage stream   4 user's open holds
--      then, as they apply: tenant's account, tenant's open holds; hold record; idempotency record
-- ARGV 1 the rights: doubles, see below, then the thresholds as text; the same for every check of a principal
--      2 user, tenant, feature, joined by 0x1f
--      3 the request: doubles, see below
--      4 operation id   5 hold id   6 fingerprint of the idempotent request   7 metadata (5-7 only if any)
-- Returns one string: a letter, then twelve doubles: now (ms), tokens granted, limit, used, held, remaining,
--   debt, resets at (ms, 0: never), length of the period (ms), requests left, retry after (ms), detail.
--   A allowed                    V the versions are current (asked by `verify`)
--   K locked out                 R, T, H, Y over the request rate, token rate, hourly cap, daily cap
--   N too many holds (detail: the limit)            B, P user's budget, tenant's pool exhausted
--   C idempotency conflict       I an earlier answer, replayed
--   M, Q user, tenant unknown here    S, U user's, tenant's version differs (detail: the version here)
--   L past its deadline          W the caller's calendar is off            G more holds are due: ask again

local now, us = clock()
local version, lockout, verify, requests_us, requests_burst, tokens_us, tokens_burst, concurrent, hourly, daily, shadow,
  budget_mode, budget_tokens, budget_rollover, budget_carry, budget_lower,
  pool_version, pool_mode, pool_tokens, pool_rollover, pool_carry, pool_lower, position =
  unpack_struct('<dddddddddddddddddddddd', ARGV[1])
local epoch, deadline, tokens, mode, ttl, partial, on_expire, start, stop, pool_start, pool_stop, day, day_stop =
  unpack_struct('<ddddddddddddd', ARGV[3])
local PEEK, RESERVE = 0, 2
local NO_BUDGET, CALENDAR_BUDGET, GIVEN_BUDGET = 0, 1, 2 -- none of its own; by the calendar; by invoices

local function answer(letter, granted, limit, used, held, rest, debt, resets, length, left, retry, detail)
  return pack('<c1dddddddddddd', letter, now, granted, limit, used, held, rest, debt, resets, length, left, retry, detail)
end
local function refuse(letter, detail) return answer(letter, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, detail or 0) end

if now > deadline then return refuse('L') end
local account = open_account(KEYS[1], epoch, now)
if not account then return refuse('M') end
if account[VERSION] ~= version then return refuse('S', account[VERSION]) end

local next_key, pool = 5, nil
if pool_version > 0 then
  pool = open_account(KEYS[5], epoch, now)
  if not pool then return refuse('Q') end
  if pool[VERSION] ~= pool_version then return refuse('U', pool[VERSION]) end
  next_key = 7
end
local hold_key
if mode == RESERVE then
  hold_key = KEYS[next_key]
  next_key = next_key + 1
end
local replay_key = KEYS[next_key]
if replay_key then
  local record = call('GET', replay_key)
  if record then
    local fingerprint, first = string.match(record, '^([^\31]*)\31(.*)$')
    if fingerprint ~= ARGV[6] then return refuse('C') end
    return 'I' .. first
  end
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
local stream = KEYS[3]
if expire_due(account, KEYS[1], KEYS[4], stream, now, 'u') or expire_due(pool, KEYS[5], KEYS[6], stream, now, 't') then
  return refuse('G')
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
local left
if requests_us > 0 then
  local arrival = account[REQUESTS_TAT]
  if arrival < us then arrival = us end
  left = floor((requests_burst * requests_us - (arrival - us) + 0.5) / requests_us)
  if left < 0 then left = 0 end
else
  left = -1
end
local function report(letter, granted, retry, detail)
  local limit, used, held, rest = totals(shown)
  local period = period_grant(shown)
  local resets = period and period[STOP] or 0
  local length = resets > 0 and resets - period[START] or 0
  return answer(letter, granted, limit, used, held, rest, shown[DEBT], resets, length, left, retry, detail or 0)
end

local rest, pool_rest = TOKENS_MAX, TOKENS_MAX
if own then
  local _, _, _, remaining = totals(account)
  rest = remaining
end
if pooled then
  local _, _, _, remaining = totals(pool)
  pool_rest = remaining
end
local amount = tokens
if partial == 1 then
  local least = rest < pool_rest and rest or pool_rest
  if least < amount then amount = least < 1 and 1 or least end
end

-- Limits, in order; bit n of `shadow` lets the nth through.
local shadowed = 0
local function enforced(bit)
  if floor(shadow / bit) % 2 == 1 then
    shadowed = shadowed + bit
    return false
  end
  return true
end
local requests_tat, tokens_tat = account[REQUESTS_TAT], account[TOKENS_TAT]
if requests_us > 0 then
  -- GCRA (ITU-T I.371, virtual scheduling): a request may come once its theoretical arrival time is no
  -- further ahead than the burst allows. Half a microsecond absorbs the rounding of the interval.
  requests_tat = (requests_tat < us and us or requests_tat) + requests_us
  local early = requests_tat - us - requests_burst * requests_us
  if early > 0.5 and enforced(1) then return report('R', 0, math.ceil(early / 1000)) end
end
if tokens_us > 0 and amount > 0 then
  tokens_tat = (tokens_tat < us and us or tokens_tat) + amount * tokens_us
  local early = tokens_tat - us - tokens_burst * tokens_us
  if early > 0.5 and enforced(2) then return report('T', 0, math.ceil(early / 1000)) end
end
if hourly >= 0 then
  local hour = now - now % 3600000
  local taken = account[HOUR] == hour and account[HOUR_USED] or 0
  if amount > 0 and taken + amount > hourly and enforced(8) then return report('H', 0, hour + 3600000 - now) end
end
if daily >= 0 then
  local taken = account[DAY] == day and account[DAY_USED] or 0
  if amount > 0 and taken + amount > daily and enforced(16) then return report('Y', 0, day_stop - now) end
end
if mode == RESERVE and account[HOLDS] >= concurrent and enforced(4) then
  return report('N', 0, account[NEXT_EXPIRY] > now and account[NEXT_EXPIRY] - now or 1000, concurrent)
end
if amount > rest then return report('B', 0, 0, rest) end
if amount > pool_rest then
  shown = pool
  return report('P', 0, 0, pool_rest)
end
if mode == PEEK then return report('A', amount, 0) end

-- Allowed: take or hold, in every account or (refused above) in none.
if began then book_period(stream, began, 'u', string.match(ARGV[2], '^[^\31]*\31[^\31]*') .. '\31', ARGV[4] .. ':p') end
if pool_began then
  book_period(stream, pool_began, 't', string.match(ARGV[2], '^[^\31]*(\31[^\31]*)') .. '\31', ARGV[4] .. ':q')
end
local slot = mode == RESERVE and HELD or USED
local names, pool_names = '', ''
if own then names = take(account, amount, slot) end
if pooled then pool_names = take(pool, amount, slot) end
account[REQUESTS_TAT], account[TOKENS_TAT] = requests_tat, tokens_tat
if hourly >= 0 or daily >= 0 then count(account, now, day, amount) end

if mode == RESERVE then
  local expires = now + ttl
  if own then names = with_period(account, names) end
  if pooled then pool_names = with_period(pool, pool_names) end
  account[HOLDS] = account[HOLDS] + 1
  if account[NEXT_EXPIRY] == 0 or expires < account[NEXT_EXPIRY] then account[NEXT_EXPIRY] = expires end
  call('ZADD', KEYS[4], expires, hold_member(ARGV[5], on_expire, amount, now, names, ARGV[2]))
  if pool then
    pool[HOLDS] = pool[HOLDS] + 1
    if pool[NEXT_EXPIRY] == 0 or expires < pool[NEXT_EXPIRY] then pool[NEXT_EXPIRY] = expires end
    call('ZADD', KEYS[6], expires, hold_member(ARGV[5], on_expire, amount, now, pool_names, ARGV[2]))
  end
  local span = format('%d\31%d\31%d\31%d\31%s\31%s', amount, expires, now, on_expire, names, pool_names)
  call('SET', hold_key, format('open\31%s\31%s', span, ARGV[2]), 'PX', ttl + 86400000)
  book(stream, 'reserve', 'b', ARGV[4], ARGV[2], 0, '', 0, '', 0,
    format('\31%s\31%s\31\31%s', ARGV[5], span, ARGV[7] or ''))
else
  book(stream, 'spend', 'b', ARGV[4], ARGV[2], amount, names, 0, pool_names, 0,
    ARGV[7] and ARGV[7] ~= '' and '\31\31\31\31\31\31\31\31\31' .. ARGV[7] or '')
end
write_account(KEYS[1], account)
if pool then write_account(KEYS[5], pool) end
if left > 0 then left = left - 1 end
local result = report('A', amount, 0, mode == RESERVE and now + ttl or 0)
local _, _, _, remaining = totals(shown)
call('SET', KEYS[2], format('%d', remaining))
if replay_key then
  call('SET', replay_key, ARGV[6] .. '\31' .. (ARGV[5] or '') .. '\31' .. result, 'EX', 86400)
end
return result
