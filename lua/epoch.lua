-- Sets the epoch of the counters for this run of Redis; an older epoch never replaces a newer one.
--
-- KEYS 1 epoch record (`<epoch>:<run id>`)   ARGV 1 epoch   2 run id   Returns the epoch that now counts.

register('epoch', {'allow-oom'}, function(KEYS, ARGV)
  local stored = call('GET', KEYS[1])
  local epoch = stored and tonumber(match(stored, '^%d+')) or 0
  if epoch < tonumber(ARGV[1]) then epoch = tonumber(ARGV[1]) end
  call('SET', KEYS[1], format('%d:%s', epoch, ARGV[2]))
  return epoch
end)
