#!lua
-- Reserve: the hold without which no call goes upstream, over every window of
-- every budget at once, all or nothing.
--
-- KEYS  1 {pNN}:m  2 {pNN}:h:<id>  3 {pNN}:x  4 {pNN}:u:<epoch>
--       5... {pNN}:b:<budget>, 1 to 16; where the last is an end user's (R
--       only) {pNN}:b:<default> and {pNN}:e:<default>, see part/end_user.lua;
--       then of each scope with limits, 0 to 4, {pNN}:r:<scope> and
--       {pNN}:o:<scope>
-- ARGV  1 fence  2 id  3 amount  4 ttl_s (1 to 604800)
--       5 mode: R reserve, A adopt (re-announce an open hold, no limit check),
--         L late: of a call that was let in without Redis (fail mode); as R,
--         but no limit refuses it
--       6 not_after: Redis second after which it is refused; 0 none
--       7 detail (JSON, kept in the hold)  8 pins (A only, taken verbatim)
--       9 tokens that the call uses by an estimate  10... of each scope "rpm
--       tpm parallel", an integer or `-` (no limit) each
--
-- OK pins expires [room mark...]
--                       held; adopt: held where the counters exist, and where
--                       nobody has opened the window yet.  room: of requests
--                       "limit left resets_ms", then of tokens, of the scope
--                       that has least left, `-` where none has a limit.
--                       mark: of each scope, what finish needs for its tokens
--                       L: instead of room 1 where a limit is passed, else 0
-- DUP pins expires      open already with this amount; nothing moved
-- OVER budget w limit spent held reset [zone]
--                       a limit would be passed; of several such windows the
--                       one that frees last.  limit `-`: unlimited, the sum
--                       would pass 2^53 - 1.  reset 0: never.  zone: of a
--                       window that has one
-- RATE scope kind limit used retry_ms room
--                       a limit of the scope's (kind: requests, tokens,
--                       parallel) would be passed, no budget's; of several the
--                       one that lasts longest.  retry_ms: `never` where the
--                       call is larger than the limit, `unknown` of parallel
-- UNSEEDED budget       a budget or counter is missing: it is not 0
-- CROWDED               a new end user, and no place among those of its project
-- GONE                  voided before it came
-- IDREUSE               open already with another amount
-- CLOSED                not open (R), or neither adopt nor open (A, L)
-- FENCE stored          another epoch or server process; '' when none
-- BACKLOG               the usage stream is full (R)
-- CLOCK                 TIME is more than 5 s behind what was seen, or
--                       not_after has passed (R)
-- ARG                   an argument or key is not of its grammar
--
-- An id `<call>.<n>` is a further attempt of the call `<call>`, which was
-- reserved before it: an amount like any other, but no further call.  What is
-- counted per call and not per amount leaves out the ids with a dot: requests
-- and slots.  A hold that is adopted, or late, takes its slot, and counts no
-- requests or tokens.
--
-- Invariants.  No write before the last check.  Then slots are given back whose
-- holds are over, also by OVER and RATE, which write nothing else
-- (part/limits.lua).  spent + held <= limit after every OK in mode R; a limit
-- of 0 refuses an amount of 0 too.  A window that is missing is created at 0
-- only if it starts at or after the budget's `at` and after the window last
-- used; a field missing from the window in use is a loss.  By the same rule
-- adopt creates one that its pins name.  One that was there before it began is
-- used as it is.  No allow-oom: without memory this refuses and finish passes.
--
-- Cost in the server (Redis 7.0.15, all of a pipelined call, by callgrind):
-- 242,000 instructions for one window, 677,000 for two budgets with five; some
-- 35 and 85 us of a busy machine.  Five windows with 45 boundaries each cost
-- the same while the period is the first of the list, about a fifth more when
-- it is the eighth (a list is sent anew each week), and twice as much when it
-- is the last.

--@part base
--@part window

local m = call('HMGET', KEYS[1], 'f', 'st', 't', 'cap')
if m[1] ~= ARGV[1] then
    return {'FENCE', m[1] or ''}
end

local id, mode, detail = ARGV[2], ARGV[5], ARGV[7]
local amount, ttl, not_after = int(ARGV[3]), int(ARGV[4]), int(ARGV[6])
local adopt, reserve = mode == 'A', mode == 'R'
local scopes = #ARGV > 9 and #ARGV - 9 or 0
local last = #KEYS - 2 * scopes             -- the last budget
local default, members                      -- of the last one, an end user's
if sub(KEYS[last] or '', 6, 8) == ':e:' then
    members, default, last = KEYS[last], KEYS[last - 1], last - 2
end

if not amount or not ttl or ttl < 1 or ttl > 604800 or not not_after
    or not (adopt or reserve or mode == 'L')
    or not is_id(id) or not is_detail(detail)
    or last < 5 or last > 20 or scopes > 4
    or not is_hold_key(2, id) or not is_stream_key(4, ARGV[1])
    or members and budget_of(default) ~= sub(members, 9) then
    return {'ARG'}
end
if m[2] ~= 'open' and (reserve or m[2] ~= 'adopt') then
    return {'CLOSED'}
end

local clock = call('TIME')
local time = tonumber(clock[1])
local seen = int(m[3]) or 0
local now = time > seen and time or seen

local limits
if scopes > 0 then
--@part limits
end

-- What is there under this id?
local raw = call('GET', KEYS[2])
if raw then
    local a, _, expires, pins = match(raw, '^(%d+) (%d+) (%d+) (%S+) ')
    if not a then
        return {'GONE'}
    end
    if not reserve and limits then
        limits.take()
    end
    return a == str(amount) and {'DUP', pins, expires} or {'IDREUSE'}
end

local pins, worst, worst_at

if adopt then
-- Defined where they are used: a function costs what a command does.
--@part pins
--@part due
--@part pins_open
--@part pins_hold
    pins = ARGV[8]
    local list = pins_parse(pins, 5, last)
    if not list then
        return {'ARG'}
    end
    local epoch = match(ARGV[1], '^%d+')
    pins_read(list, epoch)
    if not pins_stay_in_range(list, amount, 0) then
        return {'ARG'}
    end
    pins_open(list, epoch)
    pins_hold(list, amount)
else
    if reserve and (time < seen - 5 or not_after > 0 and now > not_after) then
        return {'CLOCK'}
    end
    if reserve and call('XLEN', KEYS[4]) >= (int(m[4]) or 0) then
        return {'BACKLOG'}
    end

    local user
    if default then
--@part due
--@part end_user
    end

    local names, writes, olds = {}, {}
    for i = 5, last do
        local key, budget = KEYS[i], budget_of(KEYS[i])
        if not budget or names[budget] then
            return {'ARG'}
        end
        if i < last then
            names[budget] = true
        end

        local head = call('HMGET', key, 'at', 'w')
        local at, text = int(head[1]), head[2]
        local by_default = not text and i == last and user
        if by_default then
            local refusal = user.find(key, budget)
            if refusal then
                return refusal
            end
            at, text = 0, user.windows
        end
        if not at or not text then
            return {'UNSEEDED', budget}
        end

        -- Its windows at `now`, four values each, and the four fields of each.
        -- The first has room made at once: a table that grows is made anew.
        local windows, fields = {0, 0, 0, 0}, {0, 0, 0, 0}
        local n, next_at = 0, text ~= '' and 1
        while next_at do
            local w, kind, from, after = entry_at(text, next_at)
            local start, ends
            if w then
                start, ends = window_at(text, kind, from, now)
            end
            if not start then
                return {'UNSEEDED', budget}
            end
            local wid = w .. ':' .. str(start)
            pins = (pins and pins .. ',' or '') .. budget .. ':' .. wid
            windows[n + 1], windows[n + 2] = w, start
            windows[n + 3], windows[n + 4] = ends, from
            fields[n + 1], fields[n + 2] = 'l:' .. w, 'c:' .. w
            fields[n + 3], fields[n + 4] = 's:' .. wid, 'h:' .. wid
            n, next_at = n + 4, after
        end

        local v, sets, put = call('HMGET', key, unpack(fields)), {0, 0}, 0
        if by_default then
            user.limits(v, windows, n, text)
        end
        for j = 0, n - 1, 4 do
            local start, ends = windows[j + 2], windows[j + 3]
            local limit, last = v[j + 1], v[j + 2]
            local spent, held = tonumber(v[j + 3]), tonumber(v[j + 4])
            if not limit then
                return {'UNSEEDED', budget}
            end
            local fresh = not spent or not held
            if fresh then
                if spent or start < at
                    or last and start <= (int(last) or MAX) then
                    return {'UNSEEDED', budget}
                end
                spent, held = 0, held or 0
                sets[put + 1], sets[put + 2] = fields[j + 3], '0'
                put = put + 2
            end
            sets[put + 1], sets[put + 2] = fields[j + 4], str(held + amount)
            put = put + 2
            if fresh or not last or start > tonumber(last) then
                sets[put + 1], sets[put + 2] = fields[j + 2], str(start)
                put = put + 2
                if last then
                    olds = olds or {}
                    olds[#olds + 1] = {key, windows[j + 1] .. ':' .. last}
                end
            end

            if not reserve and held + amount > MAX then
                return {'ARG'}
            end
            local most = limit == '-' and MAX or tonumber(limit)
            if most <= 0 or spent + held + amount > most
                or held + amount > MAX then
                -- When this refusal ends.
                local frees_at = (ends == 0 or amount > most or most == 0)
                    and math.huge or ends
                if not worst or frees_at > worst_at then
                    worst, worst_at = {'OVER', budget, windows[j + 1], limit,
                        str(spent), str(held), str(ends),
                        match(text, '^[%d:/]+@([^,]+)', windows[j + 4])},
                        frees_at
                end
            end
        end
        writes[i - 4] = n > 0 and sets or nil
    end
    -- Every check is done: from here on only writes, one for each budget.
    if limits then
        limits.tidy()
    end
    if reserve and (worst or limits and limits.no) then
        return worst or limits.no
    end
    for _, old in ipairs(olds or {}) do
        local key, wid = unpack(old)
        if call('HGET', key, 'h:' .. wid) == '0' then
            call('HDEL', key, 's:' .. wid, 'h:' .. wid)
        end
    end
    if user then
        user.clear()
    end
    for i, sets in ipairs(writes) do
        call('HSET', KEYS[i + 4], unpack(sets))
    end
    if user then
        user.keep()
    end
end

local expires = str(now + ttl)
call('SET', KEYS[2], table.concat(
    {str(amount), str(now), expires, pins, detail}, ' '))
call('ZADD', KEYS[3], expires, id)
if now > seen then
    call('HSET', KEYS[1], 't', str(now))
end
if limits then
    limits.take()
end
if mode == 'L' then
    return {'OK', pins, expires, worst and '1' or '0'}
end
if adopt or not limits then
    return {'OK', pins, expires}
end
return {'OK', pins, expires, limits.head, unpack(limits.marks)}
