-- What an account has left, grant by grant. Writes only what the clock has already decided: expired holds.
--
-- KEYS 1 user's account   2 usage stream   [3 tenant's account   4 tenant's open holds]
--      or, of a tenant alone: 1 tenant's account   2 usage stream   3 its open holds
-- ARGV 1 the rights, 2 the request, as check.lua's 1 and 3 (its versions are not compared)   3 u or t: what 1 is
-- Returns a letter (A; M, Q unknown here; L late; W calendar off; G ask again), then doubles: now, and for the
--   user, then for the tenant if there is one: version, limit, used, held, remaining, debt, resets at, length of
--   the period, open holds, requests left (-1: no limit), tokens left, taken this hour, taken this day, number of
--   grants; then per grant: kind, number, tokens, left, expiry.

register('report', {'allow-oom'}, function(KEYS, ARGV)
  local now, us = clock()
  local _, _, _, requests_us, requests_burst, tokens_us, tokens_burst, _, _, _, _,
    budget_mode, budget_tokens, budget_rollover, budget_carry, budget_lower,
    _, pool_mode, pool_tokens, pool_rollover, pool_carry, pool_lower, has_feature, position =
    unpack_struct('<ddddddddddddddddddddddd', ARGV[1])
  if has_feature == 1 then position = position + 72 end
  local epoch, deadline, _, _, _, _, _, start, stop, pool_start, pool_stop, day, day_stop =
    unpack_struct('<ddddddddddddd', ARGV[2])
  local CALENDAR_BUDGET = 1
  if now > deadline then return 'L' end
  if now < day or now >= day_stop then return 'W' end

  local function left(arrival, interval, burst)
    return interval <= 0 and -1 or bucket_left(arrival, us, interval, burst)
  end

  local function describe(key, holds_key, side, mode, tokens, from, to, rollover, carry, lower)
    local of = open_account(key, epoch, now)
    if not of then return nil end
    if (expire_due(of, key, holds_key, KEYS[2], now, side, ARGV[1], position)) then return 'G' end
    if mode == CALENDAR_BUDGET then
      if now < from or (to > 0 and now >= to) then return 'W' end
      roll_period(of, tokens, from, to, rollover, carry, lower)
    end
    local limit, used, held, rest, debt, resets, length = figures(of)
    local hour = now - now % 3600000
    local grants = {}
    for index = 1, #of[LIST] do
      local g = of[LIST][index]
      if g[KIND] ~= SUPERSEDED then
        grants[#grants + 1] = pack('<ddddd', g[KIND], g[NUMBER], g[TOKENS], g[TOKENS] - g[USED] - g[HELD], g[EXPIRES])
      end
    end
    return pack('<dddddddddddddd', of[VERSION], limit, used, held, rest, debt, resets, length, of[HOLDS],
      left(of[REQUESTS_TAT], requests_us, requests_burst), left(of[TOKENS_TAT], tokens_us, tokens_burst), of[HOUR] == hour
        and of[HOUR_USED] or 0, of[DAY] == day and of[DAY_USED] or 0, #grants) .. concat(grants)
  end

  local is_pool = ARGV[3] == 't'
  local user = describe(KEYS[1], is_pool and KEYS[3], ARGV[3], budget_mode, budget_tokens, start, stop, budget_rollover,
    budget_carry, budget_lower)
  if not user then return 'M' end
  if #user == 1 then return user end
  local tenant = ''
  if KEYS[4] then
    tenant = describe(KEYS[3], KEYS[4], 't', pool_mode, pool_tokens, pool_start, pool_stop, pool_rollover, pool_carry,
      pool_lower)
    if not tenant then return 'Q' end
    if #tenant == 1 then return tenant end
  end
  return 'A' .. pack('<d', now) .. user .. tenant
end)
