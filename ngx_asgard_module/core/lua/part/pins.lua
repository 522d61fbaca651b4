-- Pins, "<budget>:<w>:<id>,...": the counters that a hold moves.
--
-- A counter that is not there is skipped, never created: an old window's
-- fields go when the window is over, and a lost field must stay lost until
-- the partition is seeded (reserve says UNSEEDED then).  Only of a window that
-- is still to come are they made before: pins_open.lua.

-- The pins, with room for what pins_read() finds; nil unless their budgets are
-- KEYS[first...last], or all from `first`.
local function pins_parse(pins, first, last)
    local list, at, budget, length, comma = {}, first - 1, nil, 0, ''
    if not pins or #pins > 16384 then
        return nil
    end
    for b, w, id, after in gmatch(pins, '([^:,]+):(%w+):(%d+)(,?)') do
        if b ~= budget then
            at, budget = at + 1, b
            if budget_of(KEYS[at]) ~= b then
                return nil
            end
        end
        list[#list + 1] = {key = KEYS[at], w = w, id = id, h = false,
            s = false, held = false, spent = false, current = false}
        length, comma = length + #b + #w + #id + 2 + #after, after
    end
    if at ~= (last or #KEYS) or length ~= #pins or comma ~= '' then
        return nil
    end
    return list
end

-- Reads the counters of each pin: held, spent (nil when not there), and whether
-- its window is not over: the one in use, or one that was seeded though it is
-- still to come.  With an epoch, what stands of an end user that its default
-- holds counts only if it is of that epoch (part/end_user.lua): else nothing is
-- there, and the first of its pins is stale.
local function pins_read(list, epoch)
    local last = 1
    while list[last] do
        local key, fields, first = list[last].key, {0, 0, 0, 0}, last
        while list[last] and list[last].key == key do
            local pin, n = list[last], (last - first) * 4
            local wid = pin.w .. ':' .. pin.id
            pin.h, pin.s = 'h:' .. wid, 's:' .. wid
            fields[n + 1], fields[n + 2] = pin.h, pin.s
            fields[n + 3], fields[n + 4] = 'c:' .. pin.w, 'a:' .. pin.w
            last = last + 1
        end
        local of_user = epoch and sub(key, 6, 10) == ':b:e.'
        if of_user then
            fields[#fields + 1], fields[#fields + 2] = 'w', 'e'
        end
        local v, all = call('HMGET', key, unpack(fields)), #fields
        if of_user and not v[all - 1] and v[all] ~= epoch then
            v, list[first].stale = {}, true
        end
        for i = first, last - 1 do
            local pin, n = list[i], (i - first) * 4
            local held, spent = v[n + 1], v[n + 2]
            local current, ahead = v[n + 3], v[n + 4]
            pin.held, pin.spent = held and tonumber(held),
                spent and tonumber(spent)
            pin.current = pin.id == current
                or ahead and tonumber(pin.id) <= tonumber(ahead)
                and tonumber(pin.id) > (tonumber(current) or -1)
        end
    end
end

-- False when an increment could leave the range of HINCRBY.
local function pins_stay_in_range(list, held, spent)
    for _, pin in ipairs(list) do
        if pin.held and pin.held + held > HUGE
            or pin.spent and math.abs(pin.spent + spent) > HUGE then
            return false
        end
    end
    return true
end

-- Lets a counter that is there rise by `n`: what it becomes goes behind `sets`,
-- the fields of one budget that are written at once.
local function counter_rise(sets, pin, field, old, n)
    local new, at = old + n, #sets
    if old > MAX or old < -MAX or new > MAX or new < -MAX then
        call('HINCRBY', pin.key, field, str(n))     -- no exact Lua number
    elseif n ~= 0 then
        sets[at + 1], sets[at + 2] = field, str(new)
    end
end

-- After the counters of list[i]: writes `sets` if it was the last of its
-- budget.  What gathers the next ones.
local function sets_write(sets, list, i)
    local key, after = list[i].key, list[i + 1]
    if after and after.key == key then
        return sets
    end
    if sets[1] then
        call('HSET', key, unpack(sets))
    end
    return {}
end
