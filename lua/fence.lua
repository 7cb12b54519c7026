-- Makes rights older than a version stale at once, before the new ones are known here: what a notification from
-- Postgres calls for. The account's version becomes half a step less than the one announced, which no principal
-- has; and a load that is under way is fenced off.
--
-- KEYS 1 account   2 lease of a load   ARGV 1 version announced
-- Returns 1 fenced, 0 no such account here, -1 as new or newer already.

register('fence', {'allow-oom'}, function(KEYS, ARGV)
  local version = tonumber(ARGV[1])
  call('DEL', KEYS[2])
  local raw = call('HGET', KEYS[1], 's')
  if not raw then return 0 end
  if unpack_struct('<d', raw) >= version - 0.5 then return -1 end
  call('HSET', KEYS[1], 's', pack('<d', version - 0.5) .. string.sub(raw, 9))
  return 1
end)
