#!lua flags=allow-oom
-- Extend: a live call keeps its hold from expiring.
--
-- KEYS  1 {pNN}:m  2 {pNN}:h:<id>  3 {pNN}:x
-- ARGV  1 fence  2 id  3 ttl_s from now  4 maxlife_s from the reserve
--
-- OK expires     the later of the old expiry and min(now + ttl,
--                created + maxlife)
-- GONE           no open hold: it was charged in full already.  Keep serving
--                and settle later; the ledger corrects
-- CLOSED         neither adopt nor open
-- FENCE stored   another epoch or server process; '' when none
-- ARG            an argument or key is not of its grammar
--
-- Invariants.  Never shortens.  Amount, pins and detail stay as they are.

--@part base
--@part hold

local m = call('HMGET', KEYS[1], 'f', 'st', 't')
if m[1] ~= ARGV[1] then
    return {'FENCE', m[1] or ''}
end

local id, ttl, maxlife = ARGV[2], int(ARGV[3]), int(ARGV[4])
if not ttl or ttl < 1 or ttl > 604800 or not maxlife or maxlife > 604800
    or #KEYS ~= 3 or not is_id(id) or not is_hold_key(2, id) then
    return {'ARG'}
end
if m[2] ~= 'open' and m[2] ~= 'adopt' then
    return {'CLOSED'}
end

local raw, amount, created, expires, pins, at = hold_read(KEYS[2])
if not amount then
    return {'GONE'}
end

local now = math.max(tonumber(call('TIME')[1]), int(m[3]) or 0)
local later = math.min(now + ttl, tonumber(created) + maxlife)
if later <= tonumber(expires) then
    return {'OK', expires}
end

expires = str(later)
call('SET', KEYS[2], table.concat(
    {amount, created, expires, pins, sub(raw, at)}, ' '))
call('ZADD', KEYS[3], expires, id)
return {'OK', expires}
