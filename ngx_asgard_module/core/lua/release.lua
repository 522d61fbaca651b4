#!lua flags=allow-oom
-- Release: a call is over whose hold stays open, for nobody knows its outcome:
-- the slots that it took of max_parallel_requests are free at once.
--
-- KEYS  1... {pNN}:o:<scope>, 1 to 4
-- ARGV  1 id of the call, or of one of its holds (`<call>.<n>`)
--
-- OK   the call has no slot in these
-- ARG  an argument or key is not of its grammar
--
-- Invariants.  Needs no fence: an id is never used for another call, and a slot
-- that is not released ends with its hold.

--@part base

local id = ARGV[1]
if not is_id(id) or #KEYS < 1 or #KEYS > 4 then
    return {'ARG'}
end
for _, key in ipairs(KEYS) do
    if not match(key, '^{p%d%d}:o:[%w._-]+$') then
        return {'ARG'}
    end
end
for _, key in ipairs(KEYS) do
    call('ZREM', key, match(id, '^(.+)%.%d+$') or id)
end
return {'OK'}
