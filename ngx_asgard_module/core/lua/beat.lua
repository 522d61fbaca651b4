#!lua flags=allow-oom
-- Beat: a worker of a gateway lives, by the clock of Redis.  After a loss of
-- the counters a reseed waits for the workers that lived.
--
-- KEYS  1 {asg}:workers
-- ARGV  1 worker id  2 seconds after which a silent one is forgotten
--
-- OK   the worker's beat is now
-- ARG  an argument is not of its grammar
--
-- Invariants.  At most as many members as workers beat within the time given.

--@part base

local keep = int(ARGV[2])
if not is_id(ARGV[1]) or not keep or #KEYS ~= 1 then
    return {'ARG'}
end
local now = tonumber(call('TIME')[1])
call('ZADD', KEYS[1], str(now), ARGV[1])
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. str(now - keep))
return {'OK'}
