-- Limits at reserve: requests and tokens of any 60 seconds and calls under
-- way, of each scope that has them.  It only reads.  Leaves `limits`: tidy(),
-- which gives places back, once every check is done; take(), which lets the
-- call in; no, the refusal, if a limit does not; head and marks, of the reply.
--
-- Requests and tokens are a ring of entries "first last count" (us), field
-- <k>:<i> from <k>a to before <k>z, and their sum <k>n.  An entry counts until
-- 60 s after its last; one more joins the newest while that is younger than
-- `step`, so what is counted is never less than what the 60 s have, and frees
-- at most `step` late.  A ring has as many entries as its limit, up to EXACT,
-- or 60 s / STEP + 2.  Under steady overload a place is taken again after 60 s
-- and at most STEP: 99.5 % of the limit.
--
-- Slots are a sorted set of call ids by the expiry of their hold.  An expiry
-- that has passed was perhaps put off: the holds of the call say.  What a slot
-- is then known to be is written by a refusal too: the next call looks at
-- others.

local MINUTE, STEP, EXACT = 60000000, 250000, 240
local RATES_KEEP, SLOTS_KEEP = '120', '691200'      -- s
local FURTHER, LAPSED = 9, '64'             -- holds of a call; looked at in one

limits = {marks = {}}
local todo, known, room = {}, {}, {}
local us = math.max(clock[1] * 1000000 + clock[2], now * 1000000)
local call_id = match(id, '^(.+)%.%d+$') or id
local tokens = int(ARGV[9])

-- Time goes on where it was seen last, unless that is further than a minute
-- off: then it is of a clock that was set back, and forgotten.
local function ring_read(key, k, limit, need, step)
    local ring = {key = key, k = k, limit = limit, need = need, step = step,
        at = us, gone = {}}
    local v = call('HMGET', key, k .. 'a', k .. 'z', k .. 'n')
    local a, z, used = int(v[1]) or 0, int(v[2]) or 0, int(v[3]) or 0

    local function entry(i)
        local text = call('HGET', key, k .. ':' .. str(i)) or ''
        local first, last, n = match(text, '^(%d+) (%d+) (%d+)$')
        return tonumber(first) or 0, tonumber(last) or 0, tonumber(n) or 0
    end

    local is_astray = false
    if a < z then
        ring.first, ring.last, ring.count = entry(z - 1)
        is_astray = ring.last > us + MINUTE
        ring.at = is_astray and us or math.max(us, ring.last)
    end
    while a < z do
        local _, last, n = entry(a)
        if last + MINUTE > ring.at and not is_astray then
            break
        end
        ring.gone[#ring.gone + 1] = k .. ':' .. str(a)
        used, a = used - n, a + 1
    end
    ring.used, ring.a, ring.z = a < z and math.max(used, 0) or 0, a, z
    ring.resets = a < z and ring.last + MINUTE - ring.at or 0

    local over = ring.used + need - limit
    if need > 0 and over > 0 then
        ring.retry = math.huge
        while over > 0 and a < z do
            local _, last, n = entry(a)
            over, a = over - n, a + 1
            if over <= 0 then
                ring.retry = last + MINUTE - ring.at
            end
        end
    end
    return ring
end

-- Counts `need` more: which entry has it.
local function ring_take(ring)
    local key, k, a, z, need = ring.key, ring.k, ring.a, ring.z, ring.need
    if need == 0 then
        return ''
    end
    local first, count = ring.at, need
    if a < z and ring.at - ring.first < ring.step then
        first, count, z = ring.first, ring.count + need, z - 1
    end
    todo[#todo + 1] = {'HSET', key, k .. 'a', str(a), k .. 'z', str(z + 1),
        k .. 'n', str(ring.used + need), k .. ':' .. str(z),
        table.concat({str(first), str(ring.at), str(count)}, ' ')}
    if ring.gone[1] then
        todo[#todo + 1] = {'HDEL', key, unpack(ring.gone)}
    end
    todo[#todo + 1] = {'EXPIRE', key, RATES_KEEP}
    return table.concat({str(z), str(first), str(need)}, ':')
end

local function run(commands)
    for _, command in ipairs(commands) do
        call(unpack(command))
    end
end

function limits.tidy()
    run(known)
end

function limits.take()
    run(todo)
end

-- The slots of a scope that are taken.
local function slots_read(key, most)
    local open = call('ZCARD', key)
    if open < most then
        return open
    end
    for _, one in ipairs(call('ZRANGEBYSCORE', key, '-inf', str(now), 'LIMIT',
            '0', LAPSED)) do
        local expires, n = tonumber(call('ZSCORE', KEYS[3], one) or 0), 1
        while expires <= now and n <= FURTHER do
            expires = tonumber(call('ZSCORE', KEYS[3], one .. '.' .. str(n))
                or 0)
            n = n + 1
        end
        if expires > now then
            known[#known + 1] = {'ZADD', key, str(expires), one}
        else
            known[#known + 1] = {'ZREM', key, one}
            open = open - 1
        end
    end
    return open
end

-- Of several refusals the one that lasts longest.
local function refuse(scope, kind, limit, used, retry)
    if not limits.no or retry > limits.longest then
        limits.no, limits.longest = {'RATE', scope, kind, str(limit), str(used),
            retry < math.huge and retry > 0 and str(math.ceil(retry / 1000))
            or retry > 0 and 'never' or 'unknown'}, retry
    end
end

-- The scope with the least room is the one that is told of.
local function room_note(k, ring, need)
    local left = math.max(ring.limit - ring.used - need, 0)
    if not room[k] or left < room[k][2] then
        room[k] = {ring.limit, left,
            math.ceil((need > 0 and MINUTE or ring.resets) / 1000)}
    end
end

local function number(s)
    return s == '-' and MAX or int(s)
end

-- Behind the budgets, and what holds an end user.
local rings, before = {}, #KEYS - 2 * scopes
for i = 1, scopes do
    local key, slots = KEYS[before + 2 * i - 1], KEYS[before + 2 * i]
    local scope = match(key, '^{p%d%d}:r:([%w._-]+)$')
    local rpm, tpm, parallel = match(ARGV[9 + i], '^(%S+) (%S+) (%S+)$')
    local most = number(parallel)
    if not scope or sub(slots, 6) ~= ':o:' .. scope or not tokens
        or not number(rpm) or not number(tpm) or not most then
        return {'ARG'}
    end
    if reserve and rpm ~= '-' then
        local ring = ring_read(key, 'q', number(rpm), call_id == id and 1 or 0,
            number(rpm) > EXACT and STEP or 0)
        rings[#rings + 1] = ring
        if ring.retry then
            refuse(scope, 'requests', ring.limit, ring.used, ring.retry)
        end
    end
    if reserve and tpm ~= '-' then
        local ring = ring_read(key, 't', number(tpm), tokens, STEP)
        rings[#rings + 1], ring.of = ring, i
        if ring.retry then
            refuse(scope, 'tokens', ring.limit, ring.used, ring.retry)
        end
    end
    if parallel ~= '-' then
        local is_new = reserve and call_id == id
        local open = is_new and slots_read(slots, most) or 0
        if is_new and open >= most then
            refuse(scope, 'parallel', most, open, most > 0 and 0 or math.huge)
        end
        todo[#todo + 1] = {'ZADD', slots, str(now + ttl), call_id}
        todo[#todo + 1] = {'EXPIRE', slots, SLOTS_KEEP}
    end
    limits.marks[i] = ''
end
for _, ring in ipairs(rings) do
    if limits.no then
        room_note(ring.k, ring, 0)
    else
        room_note(ring.k, ring, ring.need)
        local mark = ring_take(ring)
        if ring.of then
            limits.marks[ring.of] = mark
        end
    end
end

-- "limit left resets_ms" of requests, then of tokens.
limits.head = ''
for _, k in ipairs({'q', 't'}) do
    local text = room[k] and table.concat({str(room[k][1]), str(room[k][2]),
        str(room[k][3])}, ' ') or '- - -'
    limits.head = limits.head .. (limits.head ~= '' and ' ' or '') .. text
end
if limits.no then
    limits.no[7] = limits.head
end
