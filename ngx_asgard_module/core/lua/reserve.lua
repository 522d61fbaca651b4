#!lua
-- Reserve: the hold without which no call goes upstream, over every window of
-- every budget at once, all or nothing.
--
-- KEYS  1 {pNN}:m  2 {pNN}:h:<id>  3 {pNN}:x  4 {pNN}:u:<epoch>
--       5... {pNN}:b:<budget>, 1 to 16
-- ARGV  1 fence  2 id  3 amount  4 ttl_s (1 to 604800)
--       5 mode: R reserve, A adopt (re-announce an open hold, no limit check)
--       6 not_after: Redis second after which it is refused; 0 none
--       7 detail (JSON, kept in the hold)  8 pins (A only, taken verbatim)
--
-- OK pins expires       held; adopt: held where the counters exist
-- DUP pins expires      open already with this amount; nothing moved
-- OVER budget w limit spent held reset [zone]
--                       a limit would be passed; of several such windows the
--                       one that frees last.  limit `-`: unlimited, the sum
--                       would pass 2^53 - 1.  reset 0: never.  zone: of a
--                       window that has one
-- UNSEEDED budget       a budget or counter is missing: it is not 0
-- GONE                  voided before it came
-- IDREUSE               open already with another amount
-- CLOSED                not open (R), or neither adopt nor open (A)
-- FENCE stored          another epoch or server process; '' when none
-- BACKLOG               the usage stream is full (R)
-- CLOCK                 TIME is more than 5 s behind what was seen, or
--                       not_after has passed (R)
-- ARG                   an argument or key is not of its grammar
--
-- An id `<call>.<n>` is a further attempt of the call `<call>`, which was
-- reserved before it: an amount like any other, but no further call.  What is
-- counted per call and not per amount must leave out the ids with a dot.
--
-- Invariants.  No write before the last check.  spent + held <= limit after
-- every OK in mode R; a limit of 0 refuses an amount of 0 too.  A window that
-- is missing is created at 0 only if it starts at or after the budget's `at`
-- and after the window last used; a field missing from the window in use is a
-- loss.  One that was seeded before it began is used as it is.  No allow-oom:
-- without memory this refuses and finish passes.
--
-- Cost in the server (Redis 7.0.15, one core, pipelined, mean of 20,000): 15 us
-- for one window, 31 us for two budgets with five.  Five windows with 45
-- boundaries each cost the same while the period is the first of the list,
-- about a fifth more when it is the eighth (a list is sent anew each week),
-- and twice as much when it is the last.

--@part base
--@part window
--@part pins

local m = call('HMGET', KEYS[1], 'f', 'st', 't', 'cap')
if m[1] ~= ARGV[1] then
    return {'FENCE', m[1] or ''}
end

local id, mode, detail = ARGV[2], ARGV[5], ARGV[7]
local amount, ttl, not_after = int(ARGV[3]), int(ARGV[4]), int(ARGV[6])
local adopt = mode == 'A'

if not amount or not ttl or ttl < 1 or ttl > 604800 or not not_after
    or not (adopt or mode == 'R') or not is_id(id) or not is_detail(detail)
    or #KEYS < 5 or #KEYS > 20
    or not is_hold_key(2, id) or not is_stream_key(4, ARGV[1]) then
    return {'ARG'}
end
if m[2] ~= 'open' and not (adopt and m[2] == 'adopt') then
    return {'CLOSED'}
end

local time = tonumber(call('TIME')[1])
local seen = int(m[3]) or 0
local now = time > seen and time or seen

-- What is there under this id?
local raw = call('GET', KEYS[2])
if raw then
    local a, _, expires, pins = match(raw, '^(%d+) (%d+) (%d+) (%S+) ')
    if not a then
        return {'GONE'}
    end
    return a == str(amount) and {'DUP', pins, expires} or {'IDREUSE'}
end

local function hold_write(pins)
    local expires = str(now + ttl)
    call('SET', KEYS[2], table.concat(
        {str(amount), str(now), expires, pins, detail}, ' '))
    call('ZADD', KEYS[3], expires, id)
    if now > seen then
        call('HSET', KEYS[1], 't', str(now))
    end
    return {'OK', pins, expires}
end

if adopt then
    local list = pins_parse(ARGV[8], 5)
    if not list then
        return {'ARG'}
    end
    pins_read(list)
    if not pins_have_room(list, amount, 0) then
        return {'ARG'}
    end
    pins_hold(list, amount)
    return hold_write(ARGV[8])
end

if time < seen - 5 or not_after > 0 and now > not_after then
    return {'CLOCK'}
end
if call('XLEN', KEYS[4]) >= (int(m[4]) or 0) then
    return {'BACKLOG'}
end

-- The windows of one budget at `now`, appended to `plan`; false: unseeded.
local function plan_budget(plan, key, budget)
    local head = call('HMGET', key, 'at', 'w')
    local at, text = int(head[1]), head[2]
    local fields, first, next_at = {}, #plan + 1, 1
    if not at or not text then
        return false
    end
    while next_at do
        local w, kind, from, after = entry_at(text, next_at)
        if not w then
            return false
        end
        local start, ends = window_at(text, kind, from, now)
        if not start then
            return false
        end
        next_at = after
        local wid = w .. ':' .. str(start)
        local n = #fields
        fields[n + 1], fields[n + 2] = 'l:' .. w, 'c:' .. w
        fields[n + 3], fields[n + 4] = 's:' .. wid, 'h:' .. wid
        plan[#plan + 1] = {key = key, budget = budget, w = w, start = start,
            ends = ends, wid = wid, text = text, from = from}
    end
    local v = call('HMGET', key, unpack(fields))
    for i = first, #plan do
        local win, n = plan[i], (i - first) * 4
        win.limit, win.last = v[n + 1], v[n + 2]
        win.spent, win.held = tonumber(v[n + 3]), tonumber(v[n + 4])
        if not win.limit then
            return false
        end
        if not win.spent or not win.held then
            local last = int(win.last)
            if win.spent or win.held or win.start < at
                or last and win.start <= last then
                return false
            end
            win.fresh, win.spent, win.held = true, 0, 0
        end
        win.turns = win.fresh or not win.last
            or win.start > tonumber(win.last)
    end
    return true
end

-- When the refusal of this window ends; nil: it does not refuse.
local function frees_at(win)
    local limit = win.limit == '-' and MAX or tonumber(win.limit)
    if limit > 0 and win.spent + win.held + amount <= limit
        and win.held + amount <= MAX then
        return nil
    end
    if win.ends == 0 or amount > limit or limit == 0 then
        return math.huge
    end
    return win.ends
end

local plan, names = {}, {}
for i = 5, #KEYS do
    local budget = budget_of(KEYS[i])
    if not budget or names[budget] then
        return {'ARG'}
    end
    names[budget] = true
    if not plan_budget(plan, KEYS[i], budget) then
        return {'UNSEEDED', budget}
    end
end

local worst, worst_at
for _, win in ipairs(plan) do
    local at = frees_at(win)
    if at and (not worst or at > worst_at) then
        worst, worst_at = win, at
    end
end
if worst then
    return {'OVER', worst.budget, worst.w, worst.limit, str(worst.spent),
        str(worst.held), str(worst.ends), zone_at(worst.text, worst.from)}
end

-- Every check is done: from here on only writes, one for each budget.
local pins, sets = {}, {}
for i, win in ipairs(plan) do
    local n = #sets
    pins[i] = win.budget .. ':' .. win.wid
    sets[n + 1], sets[n + 2] = 'h:' .. win.wid, str(win.held + amount)
    if win.fresh then
        sets[n + 3], sets[n + 4] = 's:' .. win.wid, '0'
    end
    if win.turns then
        local old = win.last and win.w .. ':' .. win.last
        if old and call('HGET', win.key, 'h:' .. old) == '0' then
            call('HDEL', win.key, 's:' .. old, 'h:' .. old)
        end
        sets[#sets + 1], sets[#sets + 2] = 'c:' .. win.w, str(win.start)
    end
    if not plan[i + 1] or plan[i + 1].key ~= win.key then
        call('HSET', win.key, unpack(sets))
        sets = {}
    end
end
return hold_write(table.concat(pins, ','))
