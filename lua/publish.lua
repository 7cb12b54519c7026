-- Writes the readable rest of a user anew, as the account has it.
--
-- KEYS 1 account   2 readable rest   ARGV 1 epoch   Returns 1 written, 0 no such account here.

register('publish', {'allow-oom'}, function(KEYS, ARGV)
  local now = clock()
  local account = open_account(KEYS[1], tonumber(ARGV[1]), now)
  if not account then return 0 end
  local _, _, _, rest = totals(account)
  call('SET', KEYS[2], decimal(rest))
  return 1
end)
