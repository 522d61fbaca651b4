#!lua flags=allow-oom
-- Finish: the one end of an open hold, and its usage event.
--
-- KEYS  1 {pNN}:m  2 {pNN}:h:<id>  3 {pNN}:x  4 {pNN}:u:<epoch>
--       5... {pNN}:b:<budget> of the hold's pins, in their order; then of each
--       scope whose limits counted the call, {pNN}:r:<scope> {pNN}:o:<scope>
-- ARGV  1 fence  2 id
--       3 verb: s settle by measured usage, e settle by estimate, v void,
--         x expire (charges the hold in full, frees nothing; meter's, and of
--         a gateway that must know when a call of unknown outcome is charged),
--         p the provider's own record (of `asgard-ctl evidence` only)
--       4 amount (s, e, p; x: what was held, or 0 of one who does not know;
--         v: 0)
--       5 pins as reserve gave them, used only when the hold is not there
--         (may be '' for v, whose reply to reserve was lost, and for x)
--       6 detail (JSON; '': the one kept in the hold)
--       7 what the hold held ('' or absent: not known, or it was perhaps never
--         granted).  Alone it is the word of the gateway that reserved it, and
--         an open hold ends as it stands
--       8 its project: of whoever has not reserved it.  With it 7 is wanted,
--         and an open hold must have these and the pins of ARGV 5 ('': any)
--       9 tokens that the call used ('': as reserved)  10... of each scope the
--         mark that reserve gave, or ''.  With these 8 may be ''
--
-- OK stream-id     held - hold, spent + amount, hold deleted, event written
-- LATE stream-id   no open hold: an event with d = 0, no counter moved; after
--                  a void the id is refused for 10 minutes (marker `V`).  Of x
--                  with an amount: it has expired, which the ledger knows, or
--                  was lost, and then the event is all that charges it.
--                  While adopting s and e are charged, d = amount: what the
--                  gateways tell again counts before the ledger has it, so
--                  that the door need not wait for the ledger.  What it had
--                  already it takes back.  Told twice it is charged once
--                  (marker `L <epoch> <amount>`, 10
--                  minutes)
-- LIVE expires     x: not yet
-- GONE stream-id   x without an amount: no open hold; nothing written.  What
--                  ended it stands at or before stream-id; 0-0: everything was
--                  trimmed
-- KEYS pins        KEYS 5... are not the budgets of these, the hold's pins
--                  (or, where a LATE is charged, those of ARGV)
-- OTHER what       the open hold has another project, pins or held than ARGV
--                  says; nothing written
-- CLOSED           neither adopt nor open
-- FENCE stored     another epoch or server process; '' when none
-- ARG              an argument or key is not of its grammar
--
-- Event: i id, v verb, a amount, d what spent rose by, h what the hold held:
-- of OK as Redis had it, of LATE as ARGV 7 says, absent when that does not say;
-- l 1 of LATE: no open hold was there, so the ledger may know of the hold
-- already; p pins, x detail, n `<epoch>:<number>`: the events of an epoch are
-- numbered, the first has 1, none has the number of another.  So an event that
-- was added to the stream again is told from one that a script wrote.
--
-- Invariants.  No write before the last check; counters and event are one
-- step.  A counter that is missing is skipped, never created, but where a LATE
-- is charged: a window that nobody has opened yet is opened at 0, by the rule
-- of reserve.  The fields of a window that is over go with its last hold.
-- Amounts above the hold (overshoot) are charged as given.
--
-- Cost in the server, measured as in reserve.lua: 259,000 instructions for one
-- window, 704,000 for two budgets with five.

--@part base
--@part hold
--@part pins

local m = call('HMGET', KEYS[1], 'f', 'st', 'n')
if m[1] ~= ARGV[1] then
    return {'FENCE', m[1] or ''}
end

local id, verb, pins, detail = ARGV[2], ARGV[3], ARGV[5], ARGV[6]
local amount = int(ARGV[4])
local charges = verb == 's' or verb == 'e'
local says = charges or verb == 'p'
local told, project = ARGV[7], ARGV[8]
local scopes = #ARGV > 9 and #ARGV - 9 or 0
local last = #KEYS - 2 * scopes             -- the last budget
if scopes > 0 and project == '' then
    project = nil                           -- of the gateway that reserved it
end

if not amount or not match(verb, '^[sevxp]$') or not is_id(id)
    or not is_detail(detail) or not pins or #pins > 16384
    or says and pins == ''
    or last < 4 or last > 20 or scopes > 4
    or not is_hold_key(2, id) or not is_stream_key(4, ARGV[1])
    or told and told ~= '' and not int(told)
    or project and not (int(told) and is_id(project)) then
    return {'ARG'}
end
if m[2] ~= 'open' and m[2] ~= 'adopt' then
    return {'CLOSED'}
end

-- The stream's name ends with the epoch, behind "{pNN}:u:".
local function event(a, d, p, x, ...)
    local number = str((int(m[3]) or 0) + 1)
    call('HSET', KEYS[1], 'n', number)
    return call('XADD', KEYS[4], '*', 'i', id, 'v', verb, 'a', str(a),
        'd', str(d), 'p', p, 'x', x, 'n', sub(KEYS[4], 9) .. ':' .. number, ...)
end

local limits_end
if scopes > 0 then
--@part limits_end
end

local raw, raw_amount, _, expires, held_pins, at = hold_read(KEYS[2])

-- Mostly they are the hold's own, and compared at once.
if pins ~= held_pins and not match(pins, '^[%w._:,-]*$') then
    return {'ARG'}
end

if not raw_amount then
    -- Without its hold: what it moved, or a refusal.
    local function charge_late()
        if m[2] ~= 'adopt' or not charges then
            return 0
        end
--@part window
--@part due
--@part pins_open
        local list = pins_parse(pins, 5, last)
        if not list then
            return nil, {'KEYS', pins}
        end
        local epoch = match(ARGV[1], '^%d+')
        local before = int(match(raw or '', '^L ' .. epoch .. ' (%d+)$')) or 0
        local more = math.max(amount - before, 0)
        pins_read(list, epoch)
        if not pins_stay_in_range(list, 0, more) then
            return nil, {'ARG'}
        end
        pins_open(list, epoch)
        local sets = {}
        for i, pin in ipairs(list) do
            if pin.spent then
                counter_rise(sets, pin, pin.s, pin.spent, more)
            end
            sets = sets_write(sets, list, i)
        end
        call('SET', KEYS[2], table.concat({'L', epoch,
            str(math.max(amount, before))}, ' '), 'EX', '600')
        return more
    end

    if verb == 'x' then
        call('ZREM', KEYS[3], id)
    end
    if verb == 'x' and amount == 0 then
        local event = call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', '1')[1]
        return {'GONE', event and event[1] or '0-0'}
    end
    if verb == 'v' then
        call('SET', KEYS[2], 'V', 'EX', '600')
    end
    local moved, refusal = charge_late()
    if refusal then
        return refusal
    end
    if limits_end then
        limits_end(false)
    end
    amount = verb ~= 'v' and amount or 0
    if int(told) then
        return {'LATE', event(amount, moved, pins, detail, 'l', '1',
            'h', str(int(told)))}
    end
    return {'LATE', event(amount, moved, pins, detail, 'l', '1')}
end

local hold = tonumber(raw_amount)
if project then
    local other = not find(',' .. held_pins, ',p.' .. project .. ':', 1, true)
        and 'project' or pins ~= '' and pins ~= held_pins and 'pins'
        or hold ~= int(told) and 'held'
    if other then
        return {'OTHER', other}
    end
end
if verb == 'x' then
    if tonumber(expires) > tonumber(call('TIME')[1]) then
        return {'LIVE', expires}
    end
    amount = hold
elseif verb == 'v' then
    amount = 0
end

local list = pins_parse(held_pins, 5, last)
if not list then
    return {'KEYS', held_pins}
end
pins_read(list)
if not pins_stay_in_range(list, 0, amount) then
    return {'ARG'}
end

-- Every check is done: from here on only writes.
local sets = {}
for i, pin in ipairs(list) do
    if pin.held and not pin.current and pin.held <= hold then
        call('HDEL', pin.key, pin.h, pin.s)
    else
        if pin.held then
            -- Never below 0: a negative held would be room nobody granted.
            counter_rise(sets, pin, pin.h, pin.held,
                -math.max(math.min(hold, pin.held), 0))
        end
        if pin.spent then
            counter_rise(sets, pin, pin.s, pin.spent, amount)
        end
    end
    sets = sets_write(sets, list, i)
end
call('DEL', KEYS[2])
call('ZREM', KEYS[3], id)
if limits_end then
    limits_end(true)
end
return {'OK', event(amount, amount, held_pins,
    detail ~= '' and detail or sub(raw, at), 'h', str(hold))}
