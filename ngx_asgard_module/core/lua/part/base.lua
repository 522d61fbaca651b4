-- Numbers and names that every script of the money protocol shares.
--
-- An amount is an integer in [0, 2^53 - 1]: the largest range in which a Lua
-- number is exact.  tonumber() alone takes "nan", "0x10" and spaces, and
-- tostring() loses digits from 10^15 on: hence int() and str().  %d takes 64
-- bits and costs half of what %.0f does.

local call, match, gmatch = redis.call, string.match, string.gmatch
local format, sub, find = string.format, string.sub, string.find
local MAX = 9007199254740991
local HUGE = 4611686018427387904            -- 2^62: HINCRBY must never fail

local function int(s)
    if not s or #s > 16 or not find(s, '^%d+$') then
        return nil
    end
    local n = s + 0                         -- tonumber() reads the text twice
    return n <= MAX and n or nil
end

local function str(n)
    return format('%d', n)
end

local function is_id(s)
    return s and #s <= 64 and match(s, '^[%w._-]+$')
end

-- One line in braces.  A pattern over all of it was a tenth of the script: what
-- is inside is for the reader, who parses it as JSON.
local function is_detail(s)
    return s and #s <= 2048 and not find(s, '\n', 1, true)
        and (s == '' or sub(s, 1, 1) == '{' and sub(s, -1) == '}')
end

-- KEYS[i] must be the hold `id`; KEYS[j] the stream of the fence's epoch.
local function is_hold_key(i, id)
    return sub(KEYS[i], 6) == ':h:' .. id
end

local function is_stream_key(j, fence)
    local epoch = match(fence, '^(%d+):')
    return epoch and sub(KEYS[j], 6) == ':u:' .. epoch
end

local function budget_of(key)
    return match(key or '', '^{p%d%d}:b:([%w._-]+)$')
end
