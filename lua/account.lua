-- What the decisions share: how an account is packed, read, spent from and written.
--
-- An account (a user's own budget, or a tenant's pool) is one hash; its field `s` is one string of
-- little-endian doubles: a header, then nine doubles a grant. Doubles hold every integer to 2^53 exactly,
-- amounts end at 10^15-1, so nothing is ever rounded; and one field costs one read and one write,
-- however much it holds. Grants stand in the order in which they are spent. Beside it are the fields of features with
-- limits or an estimate of their own, `f<feature>`, and in a user's account the records of its open holds, by their
-- ids, `rsv_…`: one write of the account takes them along.

-- Header: entitlement version, epoch of the counters, debt, earliest expiry of an open hold (ms, 0: none),
-- open holds, GCRA arrival times of requests and of tokens (us since BASE), the hour and day that the two
-- caps count (their start, ms) with what was taken in them, the next threshold in per cent (-1: a period has
-- begun, and none was announced yet), and how many grants follow.
local VERSION, EPOCH, DEBT, NEXT_EXPIRY, HOLDS = 1, 2, 3, 4, 5
local REQUESTS_TAT, TOKENS_TAT, HOUR, HOUR_USED, DAY, DAY_USED, THRESHOLD, COUNT, LIST = 6, 7, 8, 9, 10, 11, 12, 13, 14
local HEADER = '<ddddddddddddd'
local HEADER_BYTES = 104
-- A grant: what it is, its number, amounts, expiry (ms, 0: never), priority, and the period it covers.
local KIND, NUMBER, TOKENS, USED, HELD, EXPIRES, PRIORITY, START, STOP = 1, 2, 3, 4, 5, 6, 7, 8, 9
local GRANT = '<ddddddddd'
local GRANT_BYTES = 72
local WITH_A_GRANT = HEADER .. 'ddddddddd' -- most accounts have one grant
local CALENDAR, PERIOD, ROLLOVER, SUPERSEDED = 0, 1, 3, 5 -- 2 is a top-up, 4 an adjustment
-- A feature's field has the header's numbers 5 to 11, for the feature alone; how often a settled use was noted; and
-- the last of those uses, in a ring.
local NOTED, USES = 12, 13
local USES_MAX, USES_LEAST = 20, 5
local NO_THRESHOLD = 1000000
-- What a hold has to remember of its feature and its request, as bits.
local RELEASES, IN_FEATURE, NOTES_USE = 1, 2, 4
local BASE = 1767225600000000 -- 2026-01-01, so that microseconds keep a resolution of 1/256 us
local TOKENS_MAX = 999999999999999
local GRANTS_MAX = 32
local EXPIRE_BATCH = 64

-- Redis' clock: milliseconds, and microseconds since BASE.
local function clock()
  local time = call('TIME')
  local us = time[1] * 1000000 + time[2]
  return floor(us / 1000), us - BASE
end

-- The account in `raw`, without the grants whose time has passed; `ended` is the calendar grant among
-- those, whose rest may roll over: it is kept until the next period begins. A superseded calendar grant stays
-- until its period is over, for it says what was used of it, but counts nowhere.
local function read_account(raw, now)
  local account = {unpack_struct(HEADER, raw)}
  local grants, live = {}, 0
  for position = HEADER_BYTES + 1, HEADER_BYTES + account[COUNT] * GRANT_BYTES, GRANT_BYTES do
    local grant = {unpack_struct(GRANT, raw, position)}
    if grant[EXPIRES] == 0 or grant[EXPIRES] > now then
      live = live + 1
      grants[live] = grant
    elseif grant[KIND] == CALENDAR then
      account.ended = grant
    end
  end
  account[LIST] = grants
  return account
end

local function pack_grant(g)
  return pack(GRANT, g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9])
end

-- Writes an account, and with it the field of a feature and the record of an open hold, where they are given.
local function write_account(key, account, field, value, hold, record)
  local grants, ended = account[LIST], account.ended
  local count = #grants
  local packed
  if count == 1 and not ended then
    local g = grants[1]
    packed = pack(WITH_A_GRANT, account[1], account[2], account[3], account[4], account[5], account[6], account[7],
      account[8], account[9], account[10], account[11], account[12], 1, g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8],
      g[9])
  else
    local parts = {pack(HEADER, account[1], account[2], account[3], account[4], account[5], account[6],
      account[7], account[8], account[9], account[10], account[11], account[12], count + (ended and 1 or 0))}
    for index = 1, count do parts[index + 1] = pack_grant(grants[index]) end
    if ended then parts[count + 2] = pack_grant(ended) end
    packed = concat(parts)
  end
  if field and hold then
    call('HSET', key, 's', packed, field, value, hold, record)
  elseif field or hold then
    call('HSET', key, 's', packed, field or hold, value or record)
  else
    call('HSET', key, 's', packed)
  end
end

-- limit, used (debt included), held, remaining: limit + debt = used + held + remaining.
local function totals(account)
  local limit, used, held, grants = 0, 0, 0, account[LIST]
  for index = 1, #grants do
    local g = grants[index]
    if g[KIND] ~= SUPERSEDED then
      limit = limit + g[TOKENS]
      used = used + g[USED]
      held = held + g[HELD]
    end
  end
  return limit, used + account[DEBT], held, limit - used - held
end

-- Whether the period of grant `a` comes after that of `b`: it starts later, or was made later.
local function is_later(a, b)
  return not b or a[START] > b[START] or a[START] == b[START] and a[NUMBER] > b[NUMBER]
end

-- The grant of the current period, if there is one: the last.
local function period_grant(account)
  local found, grants = nil, account[LIST]
  for index = 1, #grants do
    local g = grants[index]
    local kind = g[KIND]
    if (kind == CALENDAR or kind == PERIOD) and (not found or is_later(g, found)) then found = g end
  end
  return found
end

-- What an answer says of an account: its totals, debt, when it resets (ms, 0: never) and the period's length (ms).
local function figures(account)
  local limit, used, held, rest = totals(account)
  local period = period_grant(account)
  local resets = period and period[STOP] or 0
  return limit, used, held, rest, account[DEBT], resets, resets > 0 and resets - period[START] or 0
end

-- A whole number in decimal. Never an amount by `..` alone: that gives fourteen digits. `usual` is for numbers that
-- come again (amounts, starts of periods): it keeps the texts of the last of them, for making one costs as much as
-- reading a key.
local function decimal(number) return format('%d', number) end
local USUAL_MAX = 1000
local texts, text_count = {}, 0
local function usual(number)
  local text = texts[number]
  if text then return text end
  if text_count == USUAL_MAX then texts, text_count = {}, 0 end
  text = format('%d', number)
  texts[number], text_count = text, text_count + 1
  return text
end

-- `c1764547200000`, `r…`, `g17`: what names a grant in the books; and an allocation of it, `c1764547200000:10`.
local SERIES = {[CALENDAR] = 'c', [SUPERSEDED] = 'c', [ROLLOVER] = 'r'}
local function reference(grant)
  return (SERIES[grant[KIND]] or 'g') .. usual(grant[NUMBER])
end
local function allocation(grant, tokens)
  return (SERIES[grant[KIND]] or 'g') .. usual(grant[NUMBER]) .. ':' .. usual(tokens)
end

local function find_grant(account, name)
  local grants = account[LIST]
  for index = 1, #grants do
    if reference(grants[index]) == name then return grants[index] end
  end
end

-- Takes up to `amount` from the live grants in their order into `slot` (USED or HELD). Returns the
-- allocations as `name:tokens;…` and what could not be taken.
local function take(account, amount, slot)
  local grants, names = account[LIST], ''
  for index = 1, #grants do
    if amount <= 0 then break end
    local g = grants[index]
    if g[KIND] ~= SUPERSEDED then
      local left = g[TOKENS] - g[USED] - g[HELD]
      if left > 0 then
        local part = left < amount and left or amount
        g[slot] = g[slot] + part
        amount = amount - part
        local taken = allocation(g, part)
        names = names == '' and taken or names .. ';' .. taken
      end
    end
  end
  return names, amount
end

-- What is used or held of a grant can't be taken back: it is never worth less.
local function keep_taken(g)
  local least = g[USED] + g[HELD]
  if g[TOKENS] < least then g[TOKENS] = least end
end

-- Soonest expiry first (never: last), then lowest priority number, then oldest.
local function sort_grants(account)
  table.sort(account[LIST], function(a, b)
    local left, right = a[EXPIRES], b[EXPIRES]
    if left ~= right then
      if left == 0 then return false end
      return right == 0 or left < right
    end
    if a[PRIORITY] ~= b[PRIORITY] then return a[PRIORITY] < b[PRIORITY] end
    if a[NUMBER] ~= b[NUMBER] then return a[NUMBER] < b[NUMBER] end
    return a[KIND] < b[KIND]
  end)
end

-- What is left pays the debt first, so that in debt nothing remains. Returns allocations and the debt paid.
local function absorb_debt(account)
  if account[DEBT] <= 0 then return '', 0 end
  local names, rest = take(account, account[DEBT], USED)
  local paid = account[DEBT] - rest
  account[DEBT] = rest
  return names, paid
end

-- One line of the books. `ids` is user, tenant and feature, joined.
local function book(stream, kind, side, operation, ids, tokens, user_names, user_debt, tenant_names, tenant_debt, tail)
  call('XADD', stream, '*', 'e', kind .. '\31' .. side .. '\31' .. operation .. '\31' .. ids .. '\31' .. usual(tokens)
    .. '\31' .. user_names .. '\31' .. usual(user_debt) .. '\31' .. tenant_names .. '\31' .. usual(tenant_debt)
    .. (tail or ''))
end

-- The fields behind those of `book` that an entry may have: a hold and its span, an outcome, metadata, the grant of a
-- period, a threshold's crossing, limits that would have refused, and when it happened.
local NO_SPAN = '\31\31\31\31\31\31'
local function tail(hold, span, outcome, metadata, grant, crossing, shadowed, occurred)
  return '\31' .. hold .. '\31' .. span .. '\31' .. outcome .. '\31' .. metadata .. '\31' .. grant .. '\31' .. crossing
    .. '\31' .. shadowed .. '\31' .. occurred
end

-- Announces the thresholds that use has reached since the period began, each once: the header keeps the next one.
-- `list` has them from byte `at` on, as doubles in per cent, ascending; `ids` is any entry's of this account.
local function cross(account, limit, used, stream, side, ids, list, at)
  if limit <= 0 or used * 100 < limit * account[THRESHOLD] then return end
  local least, period = account[THRESHOLD], period_grant(account)
  local from, stop = period and period[START] or 0, period and period[STOP] or 0
  local whose = match(ids, side == 'u' and '^[^\31]*\31[^\31]*' or '^[^\31]*(\31[^\31]*)') .. '\31'
  account[THRESHOLD] = NO_THRESHOLD
  for position = at, #list, 8 do
    local percent = unpack_struct('<d', list, position)
    if percent >= least then
      if used * 100 < limit * percent then
        account[THRESHOLD] = percent
        break
      end
      book(stream, 'threshold', side, format('threshold:%d:%d', from, percent), whose, 0, '', 0, '', 0,
        tail('', NO_SPAN, '', '', '', format('%d:%d:%d:%d:%d', percent, from, used, limit, stop), '', ''))
    end
  end
end

-- Writes an account that was spent from, and announces the thresholds that this crossed. Returns `figures`.
local function save(key, account, stream, side, ids, list, at, field, value, hold, record)
  local limit, used, held, rest, debt, resets, length = figures(account)
  cross(account, limit, used, stream, side, ids, list, at)
  write_account(key, account, field, value, hold, record)
  return limit, used, held, rest, debt, resets, length
end

-- GCRA (ITU-T I.371, virtual scheduling), in microseconds: `interval` is the emission interval. What a bucket has left
-- at `us`; and the theoretical arrival time after `amount` more, with how much earlier than allowed that comes. Half a
-- microsecond absorbs the rounding of the interval.
local function bucket_left(arrival, us, interval, burst)
  if arrival < us then arrival = us end
  local left = floor((burst * interval - (arrival - us) + 0.5) / interval)
  return left < 0 and 0 or left
end
local function bucket_take(arrival, us, interval, burst, amount)
  local next_arrival = (arrival < us and us or arrival) + amount * interval
  return next_arrival, next_arrival - us - burst * interval
end

local function has(bits, bit) return floor(bits / bit) % 2 == 1 end

-- Replaces the account's period grant by `fresh`: what was unspent rolls over to `rollover_max`, debt is
-- forgiven or carried into the new grant. A calendar grant that is replaced before its time keeps its rest, for
-- the account may come back to it. Returns what the books have to say of it (see book_period).
local function start_period(account, fresh, rollover_max, carry)
  local grants, kept, leftover, extra = account[LIST], {fresh}, 0, nil
  local ended, extra_number = account.ended, fresh[KIND] == CALENDAR and fresh[NUMBER] or fresh[START]
  if ended and ended[STOP] == fresh[START] then leftover = ended[TOKENS] - ended[USED] - ended[HELD] end
  account.ended = nil
  for index = 1, #grants do
    local g = grants[index]
    if g[KIND] == PERIOD then
      local left = g[TOKENS] - g[USED] - g[HELD]
      if left > leftover then leftover = left end
    elseif g ~= fresh then
      if g[KIND] == CALENDAR then g[KIND] = SUPERSEDED end
      if g[KIND] == ROLLOVER and g[NUMBER] == extra_number then extra = g end
      kept[#kept + 1] = g
    end
  end
  local rolled = rollover_max - (extra and extra[TOKENS] or 0)
  if leftover < rolled then rolled = leftover end
  if rolled <= 0 then
    extra = nil
  elseif extra then
    extra[TOKENS] = extra[TOKENS] + rolled
  else
    extra = {ROLLOVER, extra_number, rolled, 0, 0, fresh[STOP], 50, fresh[START], fresh[STOP]}
    kept[#kept + 1] = extra
  end
  account[LIST] = kept
  sort_grants(account)
  local debt = account[DEBT]
  local names, paid = '', 0
  if carry == 1 then names, paid = absorb_debt(account) else account[DEBT] = 0 end
  account[THRESHOLD] = -1
  return {fresh = fresh, extra = extra, names = names, debt = account[DEBT] - debt}
end

local function grant_tail(g)
  return tail('', NO_SPAN, '', '', format('%s:%d:%d:%d:%d:%d:%d', reference(g), g[KIND], g[TOKENS], g[EXPIRES],
    g[PRIORITY], g[START], g[STOP]), '', '', '')
end

-- Books what start_period did. `side` is u or t; `ids` names the account.
local function book_period(stream, began, side, ids, operation)
  local names, debt = began.names, began.debt
  if began.extra then
    book(stream, 'period', side, operation .. ':r', ids, 0, '', 0, '', 0, grant_tail(began.extra))
  end
  book(stream, 'period', side, operation, ids, 0, side == 'u' and names or '', side == 'u' and debt or 0,
    side == 't' and names or '', side == 't' and debt or 0, grant_tail(began.fresh))
end

-- Gives a period's grant what the plan allows now: more at once, less only if `lower` is 1, and never less than
-- is used and held. Returns whether that changed it.
local function adjust(g, tokens, lower)
  local before = g[TOKENS]
  if tokens < before and lower ~= 1 then return false end
  g[TOKENS] = tokens
  keep_taken(g)
  return g[TOKENS] ~= before
end

-- Brings a calendar budget to the period [start, stop): a period that has passed rolls over here, on the
-- next look at it, whatever was down meanwhile. `stop` 0: never ends. A plan that allows more now raises
-- the grant; one that allows less waits for the next period unless `lower` is 1.
local function roll_period(account, tokens, start, stop, rollover_max, carry, lower)
  local current = period_grant(account)
  if current and current[START] >= start then
    if current[KIND] ~= CALENDAR or not adjust(current, tokens, lower) then return nil end
    local names, paid = absorb_debt(account)
    return {fresh = current, names = names, debt = -paid}
  end
  -- A day's and a month's grant that begin together have two names.
  local number = stop > 0 and stop - start < 172800000 and start + 1 or start
  local grants = account[LIST]
  for index = 1, #grants do
    local g = grants[index]
    if g[KIND] == SUPERSEDED and g[NUMBER] == number then
      -- Back on the calendar within a month that was begun before: what was used of it stays used.
      g[KIND] = CALENDAR
      adjust(g, tokens, lower)
      return start_period(account, g, 0, 1)
    end
  end
  return start_period(account, {CALENDAR, number, tokens, 0, 0, stop, 100, start, stop}, rollover_max, carry)
end

-- Corrects what a hold of `created` has put into the hour and day caps, of an account or a feature, if they still
-- count that window: a positive amount comes back, a negative one was taken besides.
local function uncount(state, created, amount)
  if created >= state[HOUR] and state[HOUR_USED] >= amount then
    state[HOUR_USED] = state[HOUR_USED] - amount
  end
  if created >= state[DAY] and state[DAY_USED] >= amount then
    state[DAY_USED] = state[DAY_USED] - amount
  end
end

-- Adds tokens to the hour and day caps, opening new windows as needed. `day` is the start of the day.
local function count(state, now, day, amount)
  local hour = now - now % 3600000
  if state[HOUR] < hour then state[HOUR], state[HOUR_USED] = hour, 0 end
  if state[DAY] < day then state[DAY], state[DAY_USED] = day, 0 end
  state[HOUR_USED] = state[HOUR_USED] + amount
  state[DAY_USED] = state[DAY_USED] + amount
end

-- A feature's own state in an account, from what its field holds (false: nothing yet).
local function read_feature(raw)
  local feature = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
  if raw then
    for index = HOLDS, NOTED + (#raw - 64) / 8 do
      feature[index] = unpack_struct('<d', raw, (index - HOLDS) * 8 + 1)
    end
  end
  return feature
end

local function pack_feature(feature)
  return pack('<' .. string.rep('d', #feature - HOLDS + 1), unpack(feature, HOLDS))
end

-- Notes what a request was settled at, in place of the oldest of the last USES_MAX.
local function note_use(feature, amount)
  feature[USES + feature[NOTED] % USES_MAX] = amount
  feature[NOTED] = feature[NOTED] + 1
end

-- The 95th percentile (nearest rank) of the noted uses: of USES_MAX the second largest, of fewer the largest; nil
-- while there are too few to tell.
local function estimate(feature)
  if feature[NOTED] < USES_LEAST then return nil end
  local first, second = 0, 0
  for index = USES, #feature do
    local amount = feature[index]
    if amount > first then first, second = amount, first elseif amount > second then second = amount end
  end
  return feature[NOTED] < USES_MAX and first or second
end

-- Allocations of a hold end in `@` and the start of the period that it was made in: work of a period never
-- touches the budget of another one. An account that a hold doesn't draw on has no allocations at all ('').
local function with_period(account, names)
  local period = period_grant(account)
  return names .. '@' .. usual(period and period[START] or 0)
end

-- Calls f(name, tokens) for each allocation in `names`.
local function each_allocation(names, f)
  for name, tokens in string.gmatch(names, '([^:;]+):(%d+)') do f(name, tonumber(tokens)) end
end

-- A hold's span: amount, expiry, when it was made, its bits, what was reported as used so far (-1: nothing), and its
-- allocations in the two accounts. The record of an open hold is `open`, its span and its ids, in a field of the
-- user's account. When its time has passed that becomes `expired`, in a key of its own for LATE more, so that a late
-- settle finds it: a clock that is set back opens no hold again. Of one that is resolved the ids are followed by what
-- was booked and the answer that was given, for the second settle. Numbers are given in decimal.
local LATE = 86400000
local function hold_span(amount, expires, created, bits, reported, names, pool_names)
  return amount .. '\31' .. expires .. '\31' .. created .. '\31' .. bits .. '\31' .. reported .. '\31' .. names .. '\31'
    .. pool_names
end
local function open_record(span, ids) return 'open\31' .. span .. '\31' .. ids end
local function expired_record(open) return 'expired' .. sub(open, 5) end
local RECORD = '^(%l+)\31(%d+)\31(%d+)\31(%d+)\31(%d)\31(%-?%d+)\31([^\31]*)\31([^\31]*)\31(.*)$'
local function read_hold(record)
  local state, amount, expires, created, bits, reported, names, pool_names, rest = match(record, RECORD)
  return state, tonumber(amount), tonumber(expires), tonumber(created), tonumber(bits), tonumber(reported), names,
    pool_names, rest
end

-- The key of a hold's record, in the slot of its account's `key`.
local function record_key(key, id) return match(key, '^[^}]*}:') .. 'r:' .. id end

-- A member of a pool's set of open holds: all that its expiry needs. Numbers are given in decimal.
local function hold_member(id, bits, amount, reported, created, names, ids)
  return id .. '\31' .. bits .. '\31' .. amount .. '\31' .. reported .. '\31' .. created .. '\31' .. names .. '\31'
    .. ids
end
local MEMBER = '^([^\31]*)\31(%d)\31(%d+)\31(%-?%d+)\31(%d+)\31([^\31]*)\31(.*)$'

-- What is charged for a hold whose time has passed: what was reported, else all of it or nothing.
local function charge_at_expiry(amount, bits, reported)
  if reported >= 0 then return reported end
  return has(bits, RELEASES) and 0 or amount
end

-- The open holds of a user's account: {id, expiry, amount, made, bits, reported, allocations, ids, record}, what
-- expires first before the rest.
local function holds_of_user(key)
  local holds, fields = {}, call('HGETALL', key)
  for index = 1, #fields, 2 do
    if sub(fields[index], 1, 4) == 'rsv_' then
      local record = fields[index + 1]
      local _, amount, expires, created, bits, reported, names, _, ids = read_hold(record)
      holds[#holds + 1] = {fields[index], expires, amount, created, bits, reported, names, ids, record}
    end
  end
  table.sort(holds, function(a, b) return a[2] < b[2] or a[2] == b[2] and a[1] < b[1] end)
  return holds
end

-- Those of a pool whose time has passed, at most EXPIRE_BATCH, with the member in place of the record.
local function due_of_pool(holds_key, now)
  local holds, due = {}, call('ZRANGEBYSCORE', holds_key, '-inf', now, 'WITHSCORES', 'LIMIT', 0, EXPIRE_BATCH)
  for index = 1, #due, 2 do
    local id, bits, amount, reported, created, names, ids = match(due[index], MEMBER)
    holds[#holds + 1] = {id, tonumber(due[index + 1]), tonumber(amount), tonumber(created), tonumber(bits),
      tonumber(reported), names, ids, due[index]}
  end
  return holds
end

-- Resolves holds whose time has passed, at most EXPIRE_BATCH of them: charged (held becomes used) or
-- released, in this account and in the books. Returns true when more are due, and the ids of the last one.
local function expire_holds(account, key, holds_key, stream, now, side)
  local holds = side == 'u' and holds_of_user(key) or due_of_pool(holds_key, now)
  local ended, last_id, last_ids, features, resolved = account.ended, nil, nil, {}, 0
  for index = 1, #holds do
    local id, expires, amount, created, bits, reported, names, ids, kept = unpack(holds[index])
    if expires > now or resolved == EXPIRE_BATCH then break end
    resolved = index
    local charge = charge_at_expiry(amount, bits, reported)
    local left, booked = charge, ''
    each_allocation(names, function(name, tokens)
      local used = left < tokens and left or tokens
      left = left - used
      local g = find_grant(account, name)
      if g then
        g[HELD] = g[HELD] - tokens
        g[USED] = g[USED] + used
      elseif ended and expires <= ended[EXPIRES] and reference(ended) == name then
        -- It came back before its period was over.
        ended[HELD] = ended[HELD] - tokens
        ended[USED] = ended[USED] + used
      end
      if used > 0 then booked = booked .. format(booked == '' and '%s:%d' or ';%s:%d', name, used) end
    end)
    if side == 'u' then
      if charge < amount then uncount(account, created, amount - charge) end
      if has(bits, IN_FEATURE) then
        local field = 'f' .. match(ids, '[^\31]*$')
        local feature = features[field] or read_feature(call('HGET', key, field))
        features[field] = feature
        if feature[HOLDS] > 0 then feature[HOLDS] = feature[HOLDS] - 1 end
        if charge < amount then uncount(feature, created, amount - charge) end
      end
      call('HDEL', key, id)
      local life = expires + LATE - now
      if life > 0 then call('SET', record_key(key, id), expired_record(kept), 'PX', decimal(life)) end
    else
      call('ZREM', holds_key, kept)
    end
    book(stream, 'expire', side, 'expire:' .. id, ids, charge, side == 'u' and booked or '', 0,
      side == 't' and booked or '', 0, format('\31%s', id))
    last_id, last_ids = id, ids
  end
  for field, feature in pairs(features) do call('HSET', key, field, pack_feature(feature)) end
  account[HOLDS] = account[HOLDS] - resolved
  if account[HOLDS] < 0 then account[HOLDS] = 0 end
  if side == 'u' then
    account[NEXT_EXPIRY] = holds[resolved + 1] and holds[resolved + 1][2] or 0
  else
    local first = call('ZRANGE', holds_key, 0, 0, 'WITHSCORES')
    account[NEXT_EXPIRY] = first[2] and tonumber(first[2]) or 0
  end
  if not last_id then return false, nil end
  local names, paid = absorb_debt(account)
  if paid > 0 then
    book(stream, 'balance', side, 'balance:' .. last_id, last_ids, 0, side == 'u' and names or '',
      side == 'u' and -paid or 0, side == 't' and names or '', side == 't' and -paid or 0)
  end
  return account[NEXT_EXPIRY] > 0 and account[NEXT_EXPIRY] <= now, last_ids
end

-- The account under `key`, and a field beside it if one is asked for, of a feature or a hold; nil when it isn't here,
-- or is of another epoch and so of no worth.
local function open_account(key, epoch, now, field)
  local raw, beside
  if field then
    local both = call('HMGET', key, 's', field)
    raw, beside = both[1], both[2]
  else
    raw = call('HGET', key, 's')
  end
  if not raw then return nil end
  local account = read_account(raw, now)
  return account[EPOCH] == epoch and account or nil, beside
end

-- Resolves the account's due holds, if there are any, and writes it: the clock's doing, whatever is asked. Only a pool
-- has a `holds_key`. `list` and `at` are the thresholds, as for `cross`. Returns true when more are due than one script
-- may resolve, and the question is to be asked again; and true when anything was resolved.
local function expire_due(account, key, holds_key, stream, now, side, list, at)
  if not account or account[NEXT_EXPIRY] == 0 or account[NEXT_EXPIRY] > now then return false, false end
  local more, ids = expire_holds(account, key, holds_key, stream, now, side)
  if ids then save(key, account, stream, side, ids, list, at) else write_account(key, account) end
  return more, true
end

-- What a question about a hold needs, KEYS as settle.lua has them: the user's account, and what `read_hold` says of the
-- hold, read together; nil for what isn't there. A hold whose time has passed is `expired`, also when nobody has
-- resolved it yet, and forgotten LATE after that.
local function find_hold(KEYS, epoch, now, hold)
  local account, record = open_account(KEYS[1], epoch, now, hold)
  record = record or call('GET', KEYS[4])
  if not record then return account end
  local state, amount, expires, created, bits, reported, names, pool_names, ids = read_hold(record)
  if state == 'open' and expires <= now then state = 'expired' end
  if state == 'expired' and expires + LATE <= now then return account end
  return account, state, amount, expires, created, bits, reported, names, pool_names, ids
end

-- Then the accounts that it is of, with what is due in them resolved. Returns the letter to answer with, M, Q or G, or
-- nil; and the pool, if there is one.
local function settle_due(KEYS, account, epoch, now, list)
  if not account then return 'M' end
  local pool
  if KEYS[5] then
    pool = open_account(KEYS[5], epoch, now)
    if not pool then return 'Q' end
  end
  if (expire_due(account, KEYS[1], nil, KEYS[3], now, 'u', list, 1))
    or (expire_due(pool, KEYS[5], KEYS[6], KEYS[3], now, 't', list, 1)) then
    return 'G'
  end
  return nil, pool
end

-- The answer that is kept under an idempotency key: `I` and the first one, `C` if it was given to another question, nil
-- if none is kept.
local function replay(key, fingerprint)
  local record = call('GET', key)
  if not record then return nil end
  local kept, first = match(record, '^([^\31]*)\31(.*)$')
  return kept == fingerprint and 'I' .. first or 'C'
end
