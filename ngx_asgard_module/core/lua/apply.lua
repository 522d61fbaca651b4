#!lua flags=allow-oom
-- Apply: a numbered correction of the ledger reaches the counters, once.
--
-- KEYS  1 {pNN}:m  2... {pNN}:b:<budget> of the pins, in their order
-- ARGV  1 fence  2 seq  3 delta (an integer, may have a `-`)
--       4 pins ('': only the number is taken)
--
-- OK             spent + delta on every pin whose counter is there
-- DUP            seq was applied before
-- GAP adj        seq is not adj + 1
-- CLOSED         neither adopt nor open, or no correction number is seeded
-- FENCE stored   another epoch or server process; '' when none
-- ARG            an argument or key is not of its grammar
--
-- Invariants.  No write before the last check.  Exactly adj + 1, and the number
-- moves with the counters.  A counter that is missing is skipped: its window is
-- over; but a window that nobody has opened yet is opened at 0, by the rule of
-- reserve.

--@part base
--@part window
--@part pins
--@part due
--@part pins_open

local m = call('HMGET', KEYS[1], 'f', 'st', 'adj')
if m[1] ~= ARGV[1] then
    return {'FENCE', m[1] or ''}
end

local seq = int(ARGV[2])
local sign, digits = match(ARGV[3] or '', '^(%-?)(%d+)$')
local delta, list = int(digits), pins_parse(ARGV[4], 2)
if not seq or not delta or not list or #KEYS > 17 then
    return {'ARG'}
end
local adj = int(m[3])
if m[2] ~= 'open' and m[2] ~= 'adopt' or not adj then
    return {'CLOSED'}
end
if seq <= adj then
    return {'DUP'}
end
if seq > adj + 1 then
    return {'GAP', str(adj)}
end

local epoch = match(ARGV[1], '^%d+')
pins_read(list, epoch)
if not pins_stay_in_range(list, 0, sign == '-' and -delta or delta) then
    return {'ARG'}
end

-- Every check is done: from here on only writes.
pins_open(list, epoch)
local sets = {}
for i, pin in ipairs(list) do
    if pin.spent then
        counter_rise(sets, pin, pin.s, pin.spent,
            sign == '-' and -delta or delta)
    end
    sets = sets_write(sets, list, i)
end
call('HSET', KEYS[1], 'adj', str(seq))
return {'OK'}
