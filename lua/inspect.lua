-- An account as it is at one moment, and how far its usage stream had come by then: what a comparison with the
-- books needs. Changes nothing, not even what the clock has decided.
--
-- KEYS 1 account   2 readable rest (of a user)   3 usage stream   4 its open holds (of a tenant)
-- ARGV 1 holds to give at most
-- Returns a list: now (ms), the newest id that the stream ever gave ('' for none), the readable rest ('' for none),
--   how many holds are open in all, then the account: '' if it is not here, else doubles: version, epoch, debt,
--   holds and earliest expiry as the header has them, number of grants, and per grant: kind, number, tokens, used,
--   held, expiry, priority, start, stop. Then per hold: its member, as a pool has them, and its expiry (ms).

register('inspect', {'no-writes'}, function(KEYS, ARGV)
  local now = clock()
  local newest = ''
  local info = redis.pcall('XINFO', 'STREAM', KEYS[3])
  for index = 1, #info, 2 do
    if info[index] == 'last-generated-id' then newest = info[index + 1] end
  end
  local open, count, most = {}, 0, tonumber(ARGV[1])
  if KEYS[4] then
    open, count = call('ZRANGE', KEYS[4], 0, most - 1, 'WITHSCORES'), call('ZCARD', KEYS[4])
  else
    local holds = holds_of_user(KEYS[1])
    count = #holds
    for index = 1, count < most and count or most do
      local id, expires, amount, created, bits, reported, names, ids = unpack(holds[index])
      open[2 * index - 1] =
        hold_member(id, usual(bits), usual(amount), usual(reported), decimal(created), names, ids)
      open[2 * index] = decimal(expires)
    end
  end
  local answer = {format('%d', now), newest, call('GET', KEYS[2]) or '', format('%d', count), ''}
  local raw = call('HGET', KEYS[1], 's')
  if not raw then return answer end

  -- All that is stored: which grants' time has passed is for the reader to say, who knows `now`.
  local account = read_account(raw, -1)
  local grants = account[LIST]
  local parts = {pack('<dddddd', account[VERSION], account[EPOCH], account[DEBT], account[HOLDS], account[NEXT_EXPIRY],
    #grants)}
  for index = 1, #grants do parts[index + 1] = pack_grant(grants[index]) end
  answer[5] = concat(parts)
  for index = 1, #open do answer[5 + index] = open[index] end
  return answer
end)
