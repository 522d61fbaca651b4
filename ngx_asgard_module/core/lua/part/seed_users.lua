-- End users whom a default holds, written by a reseed: `users` of seed.lua.

-- The end users of ARGV, in the order of KEYS; nil when they are none.
local function users_parse(entries)
    local list, at = {}, 4
    for i = 4, #KEYS do
        local ends, n, set = int(ARGV[at]), int(ARGV[at + 1]), {}
        local upto = n and at + 1 + 2 * n
        if not ends or not n or upto > #ARGV or not budget_of(KEYS[i]) then
            return nil
        end
        for k = at + 2, upto, 2 do
            set[match(ARGV[k], '^[sh]:(%w+):') or 'total'] = true
        end
        local fields, last = fields_parse(set, at + 2, upto, entries)
        if not fields or set.total then
            return nil
        end
        list[#list + 1] = {KEYS[i], ends, fields, last}
        at = upto + 1
    end
    return at == #ARGV + 1 and list or nil
end

local function user_write(key, ends, fields, last)
    local mark, now = call('HMGET', key, 'd', 'e'), now_seen()
    if mark[1] and mark[2] == our_epoch then
        return
    end
    call('DEL', key)
    if ends > now then
        call('HSET', key, 'd', '1', 'e', our_epoch)
        counters_write(key, fields, last)
        call('EXPIRE', key, str(ends - now + USER_LINGERS))
        call('ZADD', KEYS[3], str(ends), budget_of(key))
    end
end

function verbs.users()
    local list = budget_of(KEYS[2]) and #KEYS > 3 and is_users_key(3, 2)
        and users_parse(call('HGET', KEYS[2], 'w') or '')
    if not list then
        return {'ARG'}
    end
    for _, user in ipairs(list) do
        user_write(unpack(user))
    end
    call('HSET', KEYS[2], 'un', str(call('ZCARD', KEYS[3])))
    return {'OK'}
end
