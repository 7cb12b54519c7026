-- Forgets an account that was found to differ from the books, so that the next question about it loads it from
-- there. At any moment: all that was spent of it is in the usage stream, which a load waits for. A load that is
-- under way may have read the books before that, and is fenced off.
--
-- KEYS 1 account   2 lease of a load   then, of a tenant: 3 its open holds   4… users' accounts
-- ARGV 1 doubles: version and epoch of the account that was compared   2… per user's account a hold in it that the
--      books don't have
-- Returns 1 evicted, 0 it is another one by now (look again).

register('evict', {'allow-oom'}, function(KEYS, ARGV)
  local version, epoch = unpack_struct('<dd', ARGV[1])
  local raw = call('HGET', KEYS[1], 's')
  if not raw then return 0 end
  local account = read_account(raw, clock())
  if account[VERSION] ~= version or account[EPOCH] ~= epoch then return 0 end
  call('DEL', KEYS[1], KEYS[2])
  if KEYS[3] then call('DEL', KEYS[3]) end
  for index = 4, #KEYS do call('HDEL', KEYS[index], ARGV[index - 2]) end
  return 1
end)
