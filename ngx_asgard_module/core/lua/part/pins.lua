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

-- Reads the counters of each pin: held, spent (nil when not there), current.
local function pins_read(list)
    for _, pin in ipairs(list) do
        pin.h = 'h:' .. pin.w .. ':' .. pin.id
        pin.s = 's:' .. pin.w .. ':' .. pin.id
        local v = call('HMGET', pin.key, pin.h, pin.s, 'c:' .. pin.w)
        pin.held, pin.spent = v[1] and tonumber(v[1]), v[2] and tonumber(v[2])
        pin.current = v[3] == pin.id
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
