-- Windows that a pin names and nobody has opened yet: Redis' clock was ahead
-- when the hold was made, and then all was lost.  Opened by their first reserve
-- they would begin without what the pin's call comes to.
--
-- Likewise those of an end user that its project's default holds: its first
-- call may be what is told.  No windows stand beside its counters; unless it
-- calls again they go by themselves, when the longest window must be over.  A
-- period that is over stays so: a reseed does not bring it back, and begun at 0
-- it would lack what the ledger has of it.  Nor does the period become the one
-- in use: its default may have another zone by now.  What an earlier epoch left
-- of an end user goes first.

local USER_KEEPS = '3456000'                -- s: 40 days

-- The period of the window that holds `id`, by the budget's entries, as
-- window_at() gives it.
local function period_at(entries, window, id)
    local next_at = 1
    while next_at do
        local w, kind, from, after = entry_at(entries, next_at)
        if w == window then
            return window_at(entries, kind, from, id)
        end
        next_at = w and after
    end
    return nil
end

-- After pins_read() with this epoch and the last check: opens them at 0, by the
-- rule of reserve.  One that is over, or was in use, or is none of the
-- budget, stays so, but what is held of it is counted from 0: should it be
-- opened later, it is known.
local function pins_open(list, epoch)
    for _, pin in ipairs(list) do
        if pin.stale then
            call('DEL', pin.key)
        end
        local w, id = pin.w, int(pin.id)
        local v = not pin.spent and not pin.held and id and call('HMGET',
            pin.key, 'at', 'w', 'l:' .. w, 'c:' .. w, 'a:' .. w)
        local at = v and v[3] and int(v[1])
        local of_user = v and not v[2] and w ~= 'total'
            and match(pin.key, '^{p%d%d}:b:e%.')
        if of_user then
            if id > (int(v[4]) or -1) and due_at(w, id) then
                call('HSET', pin.key, pin.s, '0', 'a:' .. w,
                    str(math.max(id, int(v[5]) or 0)))
                pin.spent, pin.current = 0, true
            end
            call('HSET', pin.key, pin.h, '0', 'e', epoch)
            pin.held = 0
            if call('HGET', pin.key, 'd') ~= '1' then
                call('EXPIRE', pin.key, USER_KEEPS)
            end
        elseif at and id >= at and id > (int(v[4]) or -1)
            and period_at(v[2] or '', w, id) == id then
            call('HSET', pin.key, pin.s, '0', pin.h, '0', 'a:' .. w,
                str(math.max(id, int(v[5]) or 0)))
            pin.spent, pin.held, pin.current = 0, 0, true
        elseif v then
            pin.held = 0
        end
    end
end
