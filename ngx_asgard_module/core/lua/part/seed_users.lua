-- End users whom a default holds, written by a reseed: `users` of seed.lua.
--
-- The counters of each period that may go on are written, also where the
-- default's windows say that it is over: another zone of before may come back.
-- But who takes a place in the set of the default, and until when, goes by the
-- real ends: a `1mo` of February must be over only 73 hours later, and for as
-- long the end users of both months would have to share the places.  Of a
-- window that the default has not, and of a zone that it had, no real end is at
-- hand: these keep their place until the period must be over.

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

-- When the period is over, by the default's entries if it is of these; 0: long
-- ago.  A list of boundaries begins with the period of now or so: what began
-- nine tenths of the longest period before was over by then (the shortest month
-- is that much of the longest), unless it is of another zone.
local function period_ends(entries, w, id)
    local due, start, ends = due_at(w, id), period_at(entries, w, id)
    if not due then
        return 0
    elseif start == id or not start and ends
        and ends - id >= 0.9 * (due - id) then
        return math.min(due, ends)
    end
    return due
end

-- When the last of its periods is over.
local function fields_end(entries, fields)
    local last = 0
    for field in pairs(fields) do
        local w, id = match(field, '^s:(%w+):(%d+)$')
        last = w and math.max(last, period_ends(entries, w, int(id))) or last
    end
    return last
end

local function user_write(entries, key, ends, fields, last)
    local mark, now = call('HMGET', key, 'd', 'e'), now_seen()
    if mark[1] and mark[2] == our_epoch then
        return
    end
    call('DEL', key)
    if ends > now then
        call('HSET', key, 'd', '1', 'e', our_epoch)
        counters_write(key, fields, last)
        call('EXPIRE', key, str(ends - now + USER_LINGERS))
        local needed = math.min(ends, fields_end(entries, fields))
        if needed > now then
            call('ZADD', KEYS[3], str(needed), budget_of(key))
        end
    end
end

function verbs.users()
    local entries = budget_of(KEYS[2]) and call('HGET', KEYS[2], 'w') or ''
    local list = #KEYS > 3 and is_users_key(3, 2) and users_parse(entries)
    if not list then
        return {'ARG'}
    end
    for _, user in ipairs(list) do
        user_write(entries, unpack(user))
    end
    call('HSET', KEYS[2], 'un', str(call('ZCARD', KEYS[3])))
    return {'OK'}
end
