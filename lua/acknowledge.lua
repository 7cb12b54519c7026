-- Takes booked entries out of the usage stream: acknowledged and deleted in one step, so that an entry which
-- is still in the stream is one that may not have been booked.
--
-- KEYS 1 usage stream   ARGV 1 consumer group   2… ids (at most 1,000)   Returns how many were deleted.

register('acknowledge', {'allow-oom'}, function(KEYS, ARGV)
  for index = 2, #ARGV do
    call('XACK', KEYS[1], ARGV[1], ARGV[index])
    call('XDEL', KEYS[1], ARGV[index])
  end
  return #ARGV - 1
end)
