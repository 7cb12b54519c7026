#!lua flags=allow-oom
-- Sets the epoch of the counters for this run of Redis; an older epoch never replaces a newer one.
--
-- KEYS 1 epoch record (`<epoch>:<run id>`)   ARGV 1 epoch   2 run id   Returns the epoch that now counts.

local stored = redis.call('GET', KEYS[1])
local epoch = stored and tonumber(string.match(stored, '^%d+')) or 0
if epoch < tonumber(ARGV[1]) then epoch = tonumber(ARGV[1]) end
redis.call('SET', KEYS[1], string.format('%d:%s', epoch, ARGV[2]))
return epoch
