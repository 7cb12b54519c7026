-- How the functions of this library are reached, and how they reach Redis. All of lua/ is one library: this file,
-- account.lua, then every decision in a block of its own. Redis makes it once, however often its functions are called.

-- While a library loads Redis lets it register functions, and nothing else: what they need is found at the first call.
local call, pack, unpack_struct, format, match, sub, concat, floor, ceil
local function bind()
  call, pack, unpack_struct, format = redis.call, struct.pack, struct.unpack, string.format
  match, sub, concat, floor, ceil = string.match, string.sub, table.concat, math.floor, math.ceil
end

-- Names of functions are common to all libraries of a Redis: RELEASE, a hash of this library's text that is put in
-- front of it, keeps those of one release of Tollgate apart from another's.
local function register(name, flags, decide)
  redis.register_function {
    function_name = name .. '_' .. RELEASE,
    flags = flags,
    callback = function(keys, arguments)
      if not call then bind() end
      return decide(keys, arguments)
    end,
  }
end
