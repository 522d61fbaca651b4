-- Pins, "<budget>:<w>:<id>,...": the counters that a hold moves.
--
-- A counter that is not there is skipped, never created: an old window's
-- fields go when the window is over, and a lost field must stay lost until
-- the partition is seeded (reserve says UNSEEDED then).

-- The pins as {key, w, id}; nil unless their budgets are KEYS[first...].
local function pins_parse(pins, first)
    local list, at, budget, length = {}, first - 1, nil, 0
    if not pins or #pins > 16384 then
        return nil
    end
    for pin in gmatch(pins, '[^,]+') do
        local b, w, id = match(pin, '^([^:]+):(%w+):(%d+)$')
        if not b then
            return nil
        end
        if b ~= budget then
            at, budget = at + 1, b
            if budget_of(KEYS[at]) ~= b then
                return nil
            end
        end
        list[#list + 1] = {key = KEYS[at], w = w, id = id}
        length = length + #pin + 1
    end
    if at ~= #KEYS or length ~= (#pins > 0 and #pins + 1 or 0) then
        return nil
    end
    return list
end

-- Is the window `id` not over: the one in use, or one that was seeded though it
-- is still to come?
local function is_kept(id, current, ahead)
    return id == current or ahead and tonumber(id) <= tonumber(ahead)
        and tonumber(id) > (tonumber(current) or -1)
end

-- Reads the counters of the pins list[first...] of one budget; where the next
-- one begins.
local function budget_read(list, first)
    local key, fields, last = list[first].key, {}, first
    while list[last] and list[last].key == key do
        local pin, n = list[last], #fields
        local wid = pin.w .. ':' .. pin.id
        pin.h, pin.s = 'h:' .. wid, 's:' .. wid
        fields[n + 1], fields[n + 2] = pin.h, pin.s
        fields[n + 3], fields[n + 4] = 'c:' .. pin.w, 'a:' .. pin.w
        last = last + 1
    end
    local v = call('HMGET', key, unpack(fields))
    for i = first, last - 1 do
        local pin, n = list[i], (i - first) * 4
        local held, spent = v[n + 1], v[n + 2]
        pin.held, pin.spent = held and tonumber(held), spent and tonumber(spent)
        pin.current = is_kept(pin.id, v[n + 3], v[n + 4])
    end
    return last
end

-- Reads the counters of each pin: held, spent (nil when not there), current.
local function pins_read(list)
    local at = 1
    while list[at] do
        at = budget_read(list, at)
    end
end

-- False when an increment could leave the range of HINCRBY.
local function pins_have_room(list, held, spent)
    for _, pin in ipairs(list) do
        if pin.held and pin.held + held > HUGE
            or pin.spent and math.abs(pin.spent + spent) > HUGE then
            return false
        end
    end
    return true
end

local function pins_hold(list, amount)
    for _, pin in ipairs(list) do
        if pin.held then
            call('HINCRBY', pin.key, pin.h, str(amount))
        end
    end
end
