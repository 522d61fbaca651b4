-- An end user without a budget of its own: its project's default holds it.
--
-- The default, {pNN}:b:<default>, has windows and limits for all of them, and
-- `un`, how many {pNN}:e:<default> has: a sorted set of their budgets by the
-- second at which the last window that one was used in is over.  Who is not in
-- it has spent nothing in a window that is not: a reseed puts in whoever has.
-- So nobody is unknown and nobody unlimited: an end user begins with its first
-- call, in the step that holds it.  The counters are in a hash of its own, like
-- any budget's but without windows and limits, marked `d`, which goes four days
-- after the set has no use for it.  `e` is the epoch that it is of: a reseed
-- looks for nobody who is not needed any more, and what stands there of another
-- epoch is worth nothing.
--
-- There is place for 10,000 whose windows are not over.  Others may stand in
-- the set as well, after a reseed any number: who takes a place removes up to
-- 16 of them, so the set grows only while all that it has are needed.
--
-- Leaves `user`: find(), limits() while reading, then clear(), and keep() when
-- all else is written.

local USERS_MOST, PRUNES = 10000, '16'

-- s: 4 days.  A correction of a period is taken for a first sign of an end user
-- while due_at() gives one, so the counters must still be there then: the
-- shortest month, 28 days less an hour, is over 74 hours before it must be, the
-- longest by that, 31 days and an hour.
local LINGERS = 345600

local epoch = match(ARGV[1], '^%d+')
user = {ends = 0}

-- May it be held by the default?  Then user.windows are those, but `total`,
-- which has no end; '' where there are no others.
function user.find(key, budget)
    local head = call('HMGET', default, 'at', 'w', 'un')
    local n = int(head[3] or '0')
    if not int(head[1]) or not head[2] or n ~= call('ZCARD', members) then
        return {'UNSEEDED', budget_of(default)}
    end
    local score = tonumber(call('ZSCORE', members, budget) or nil)
    local mark = call('HMGET', key, 'd', 'e')
    user.stale = mark[2] ~= epoch
    user.marked = mark[1] == '1' and not user.stale
    if score and score > now and not user.marked then
        return {'UNSEEDED', budget}
    end
    if not score or score <= now then
        if n >= USERS_MOST and call('ZCOUNT', members, '(' .. str(now), '+inf')
            >= USERS_MOST then
            return {'CROWDED'}
        end
        user.gone = call('ZRANGEBYSCORE', members, '-inf', str(now), 'LIMIT',
            '0', PRUNES)
    end

    local kept, next_at = {}, 1
    while next_at do
        local w, _, _, after = entry_at(head[2], next_at)
        if w and w ~= 'total' then
            kept[#kept + 1] = sub(head[2], next_at, after and after - 2)
        end
        next_at = w and after
    end
    user.key, user.budget, user.score = key, budget, score
    user.windows = table.concat(kept, ',')
end

-- Does `last`, once in use, belong to another zone that the window had?  It may
-- come back: for as long as that period lasts its counters stay.
local function is_astray(w, start, last, text, from)
    return last and last ~= start and due_at(w, last)
        and window_at(text, sub(text, from - 1, from - 1), from, last) ~= last
end

-- The limits of its windows into their places, and when the last one ends.
-- Nothing has been in use of another zone, or in a hash of another epoch.
function user.limits(v, windows, n, text)
    for j = 0, n - 1, 4 do
        v[j + 1] = call('HGET', default, 'l:' .. windows[j + 1])
        user.ends = math.max(user.ends, windows[j + 3])
        if user.stale then
            v[j + 2], v[j + 3], v[j + 4] = false, false, false
        elseif is_astray(windows[j + 1], windows[j + 2], int(v[j + 2]), text,
                windows[j + 4]) then
            v[j + 2] = false
        end
    end
end

function user.clear()
    if user.stale then
        call('DEL', user.key)
    end
end

function user.keep()
    if user.ends == 0 or user.marked and user.score
        and user.score >= user.ends then
        return
    end
    if user.gone and user.gone[1] then
        call('ZREM', members, unpack(user.gone))
    end
    call('ZADD', members, str(user.ends), user.budget)
    call('HSET', default, 'un', str(call('ZCARD', members)))
    call('HSET', user.key, 'd', '1', 'e', epoch)
    call('EXPIRE', user.key, str(user.ends - now + LINGERS))
end
