-- Windows that a pin names and nobody has opened yet: Redis' clock was ahead
-- when the hold was made, and then all was lost.  Opened by their first reserve
-- they would begin without what the pin's call comes to.

-- Does a period of the window begin at `id`, by the budget's entries?
local function is_period(entries, window, id)
    local next_at = 1
    while next_at do
        local w, kind, from, after = entry_at(entries, next_at)
        if w == window then
            return window_at(entries, kind, from, id) == id
        end
        next_at = w and after
    end
    return false
end

-- After pins_read() and the last check: opens them at 0, by the rule of
-- reserve.  One that is over, or was in use, or is none of the budget, stays
-- so, but what is held of it is counted from 0: should it be opened later, it
-- is known.
local function pins_open(list)
    for _, pin in ipairs(list) do
        local w, id = pin.w, int(pin.id)
        local v = not pin.spent and not pin.held and id and call('HMGET',
            pin.key, 'at', 'w', 'l:' .. w, 'c:' .. w, 'a:' .. w)
        local at = v and v[3] and int(v[1])
        if at and id >= at and id > (int(v[4]) or -1)
            and is_period(v[2] or '', w, id) then
            call('HSET', pin.key, pin.s, '0', pin.h, '0', 'a:' .. w,
                str(math.max(id, int(v[5]) or 0)))
            pin.spent, pin.held, pin.current = 0, 0, true
        elseif v then
            pin.held = 0
        end
    end
end
