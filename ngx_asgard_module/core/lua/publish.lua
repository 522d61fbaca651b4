#!lua flags=allow-oom
-- Publish: one record of the control plane, never replaced by an older one,
-- and the message that makes the gateways read it again.
--
-- KEYS  1 the record  2 {asg}:ver
-- ARGV  1 version (at least 1)  2 value ('': the record is deleted)
--       3 channel  4 message ('': none is sent)
--
-- OK    stored and announced
-- OLD   a version as high or higher is stored; nothing is written or sent.  The
--       same version once more is stored when the record itself is gone
-- ARG   an argument is not of its grammar
--
-- Invariants.  The version guard outlives the record.  allow-oom: a revocation
-- must pass when there is no memory for new calls.

--@part base

local version = int(ARGV[1])
if not version or version < 1 or #KEYS ~= 2 or #ARGV ~= 4 then
    return {'ARG'}
end
local stored = int(call('HGET', KEYS[2], KEYS[1]))
local is_lost = version == stored and ARGV[2] ~= ''
    and call('EXISTS', KEYS[1]) == 0
if stored and version <= stored and not is_lost then
    return {'OLD'}
end
if ARGV[2] == '' then
    call('DEL', KEYS[1])
else
    call('SET', KEYS[1], ARGV[2])
end
call('HSET', KEYS[2], KEYS[1], str(version))
if ARGV[4] ~= '' then
    call('PUBLISH', ARGV[3], ARGV[4])
end
return {'OK'}
