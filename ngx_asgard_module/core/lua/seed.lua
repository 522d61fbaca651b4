#!lua flags=allow-oom
-- Seed: the control plane's leader writes a partition, guarded by its token.
--
-- ARGV  1 verb  2 token  3 fence, then what the verb takes.  KEYS[1] is
-- {pNN}:m, then what the verb takes.  Order of a reseed:
-- close, drop..., budget..., hold..., adopt, (apply...), open.
--
-- close              token >= stored.  Takes the fence, forgets adj, cap, dur
--                    and n, sets t to TIME.  The epoch must be above the
--                    stored one, or the fence the stored one and the state
--                    closed
--
-- Only while closed, token and fence equal to the stored ones:
-- drop               KEYS 2... keys of the old epoch to delete, at most 1,000
-- budget version w at (w limit)... | (field value)...
--                    KEYS 2 the budget, written anew; 3, of the default of
--                    end users, {pNN}:e:<budget>, which is emptied.  Fields are
--                    s:<w>:<id> and h:<w>:<id>, values integers; of each
--                    window the highest id that has begun becomes the one in
--                    use (c:<w>), the highest that is still to come the last
--                    one kept (a:<w>; the clock went back), and a missing
--                    partner is 0.  g:<w>:<id>: what is held of a period that
--                    is no window's, written as h:<w>:<id> alone.  A window
--                    without a field is UNSEEDED for reserve until one begins
--                    at or after `at`
-- users (ends n (field value)...)...
--                    KEYS 2 the default of end users  3 {pNN}:e:<default>
--                    4... budgets of those whom it holds, each written anew
--                    with the n fields s:<w>:<id> and h:<w>:<id>.  `ends`:
--                    when the last of these periods must be over; into the set
--                    goes, with its real end, whom one keeps that is not
--                    (part/seed_users.lua).  In use is what is a period of the
--                    default's windows as they are now.  Who has been written
--                    in this epoch stays so, and whose `ends` has come is
--                    nobody
-- hold id amount created expires pins detail
--                    KEYS 2 the hold  3 {pNN}:x  4... budgets of the pins.  An
--                    open hold again, added to held where counters exist, and
--                    where nobody has opened the window yet
-- adopt [adj]        closed -> adopt; adj: number of the last correction that
--                    the sums contain, wanted when `apply` comes before open
--
-- open adj cap dur   adopt -> open.  adj must be the stored one when there is
--                    one.  cap: entries allowed in the usage stream.  dur:
--                    durable stream id, "<ms>-<seq>"
--
-- While adopt or open, token >= stored (and then stored), fence equal:
-- limit version w (w limit opening)...
--                    KEYS 2 the budget; 3 {pNN}:u:<epoch>, only read, for an
--                    opening that names an event.  Version, windows and limits
--                    only; a counter in use is never touched.  A window new to
--                    the budget starts with spent = opening, and held: what is
--                    held of it by then, be it from earlier or of holds that
--                    were adopted while it was not there.  So does one whose
--                    period now begins elsewhere than by the entry of before:
--                    another zone; what it counted goes with its last hold.  A
--                    window left out loses its limit, and its counters with
--                    its last hold
-- relimit version (w limit)...
--                    KEYS 2 the budget.  Of the windows that it has, the limits
--                    only, while an opening keeps `limit` of that version
--                    waiting: kept as lv, v stays
-- add version at w (w limit opening)...
--                    KEYS 2 a budget that is not there yet; 3 as for limit
-- dur stream-id      the durable stream id rises
--
-- limit: an integer or `-` (unlimited).  opening: `<id>:<amount>`, what was
-- spent in the window with that id; `<amount>`, for the window that holds
-- Redis' now; should a counter be left over from earlier, the larger counts.
-- `<id>:<spent>:<outside>:<adj>:<stream-id>[:<mark>]`, what the ledger has,
-- with every correction up to number adj and every event up to stream-id;
-- outside is the part of it that calls of the budget spent which do not name
-- the window, in its period.  mark: what stands in the detail of each call that
-- the budget is for, also before there was one, `"key":"<id>"`; lines of
-- several.  Spent is that and what the later events say that they moved, be
-- it of calls that name the window, whether or not the counter was there then,
-- for their corrections rely on it, or of calls that do not: these ended before
-- the window was there.  What is outside by then is kept with the last event
-- that is in it, o:<w> `<id>:<outside>:<stream-id>`; whoever sends the budget,
-- and whoever asks again, is told.  `-`, none (only for a window in use, see
-- UNSEEDED w).
--
-- OK (limit, add: [w o:<w>]...)
-- DUP (hold, add: is there already; limit: a window whose opening names an
-- event is in use, by another opening perhaps)
-- OLD (limit: version not above the stored, or below lv, [w o:<w>]...; relimit:
-- above neither; dur: not above)
-- UNSEEDED (limit, relimit: no such budget; UNSEEDED w: the window is not in
-- use, or now begins elsewhere, and needs an opening of the period that holds
-- Redis' now: none was given, or one of another period)
-- GAP adj (an opening contains other corrections than were applied: one would
-- count twice, or not at all)
-- BEHIND (the ledger must read on: the events after an opening are more than
-- 1,000, or some may be trimmed, or one is of a call that does not name the
-- window and had no open hold: the ledger may know of it already)
-- STALE stored (token or fence; `stored` is the token), STATE st (the state of
-- the partition does not allow the verb), ARG
--
-- Invariants.  No write before the last check.  A leader that lost its token,
-- or speaks of another epoch or server process, writes nothing.

--@part base
--@part window
--@part hold
--@part pins
--@part due
--@part pins_open
--@part pins_hold

local UNREAD_MOST, USER_LINGERS = 1000, 172800

local m = call('HMGET', KEYS[1], 'f', 'st', 'ctl', 'adj', 'dur')
local fence, state, leader = m[1], m[2], int(m[3]) or 0
local verb, token = ARGV[1], int(ARGV[2])
local our_epoch = match(fence or '', '^%d+')

-- A counter is a sum of amounts, written as it is: it may be above the largest
-- amount, where a comparison as a double still refuses all that comes.
local function is_counter(s)
    return s and #s <= 19 and match(s, '^%d+$') and tonumber(s) <= HUGE
end

local function is_limit(s)
    return s == '-' or int(s)
end

local function is_stream_id(s)
    local ms, seq = match(s or '', '^(%d+)%-(%d+)$')
    return int(ms) and int(seq)
end

-- Is the stream id `a` above `b`?
local function is_above(a, b)
    local am, as = match(a, '^(%d+)%-(%d+)$')
    local bm, bs = match(b or '0-0', '^(%d+)%-(%d+)$')
    am, as, bm, bs = int(am), int(as), int(bm), int(bs)
    return am > bm or am == bm and as > bs
end

-- Are these the arguments of kind c: 2 to 64 boundaries, ascending, and a zone
-- or none?
local function is_calendar(args)
    local list, zone = match(args, '^:([%d/]+)(.*)$')
    if not list or zone ~= '' and not match(zone, '^@%a[%a/_-]*$')
        or #zone > 48 then
        return false
    end
    local n, last, length = 0, -1, 0
    for boundary in gmatch(list, '%d+') do
        local b = int(boundary)
        if not b or b <= last then
            return false
        end
        n, last, length = n + 1, b, length + #boundary + 1
    end
    return n >= 2 and n <= 64 and length == #list + 1
end

local function is_entry(kind, args)
    if kind == 'c' then
        return is_calendar(args)
    end
    return kind == 't' and args == ''
        or kind == 'p' and match(args, '^:%d+:%d+$')
            and window_at(args, kind, 1, MAX)
end

-- The entries of a windows text as {w -> {kind, args}} and their number; nil
-- when the text is not exactly such entries, or more than 8.
local function windows_parse(text)
    local set, n, next_at = {}, 0, 1
    while next_at do
        local w, kind, from, after = entry_at(text or '', next_at)
        local args = w and string.sub(text, from, after and after - 2)
        if not w or set[w] or #w > 16 or n == 8
            or not is_entry(kind, args) then
            return nil
        end
        set[w], n, next_at = {kind, args}, n + 1, after
    end
    return set, n
end

-- ARGV[from...] as entries of `width` values, one for each window of `set`;
-- nil when a window is missing, twice or unknown, or a limit no limit.
local function limits_parse(set, n, from, width)
    local list, done = {}, {}
    for i = from, from + (n - 1) * width, width do
        local w = ARGV[i]
        if not w or not set[w] or done[w] or not is_limit(ARGV[i + 1]) then
            return nil
        end
        done[w] = true
        list[#list + 1] = {w = w, limit = ARGV[i + 1], opening = ARGV[i + 2]}
    end
    return list
end

-- id, amount, outside, adj, stream id and mark of an opening, of the period
-- that begins at `start` when it does not say; nil: none was given; false: no
-- opening.
local function opening_parse(text, start)
    if text == '-' then
        return nil
    end
    local id, amount, more = match(text or '', '^(%d+):(%d+)(.*)$')
    if not id then
        id, amount, more = start and str(start), text, ''
    end
    local outside, adj, last, mark = match(more,
        '^:(%d+):(%d+):(%d+%-%d+)(.*)$')
    if not int(id) or not int(amount)
        or more ~= '' and not (int(outside) and int(adj)
            and is_stream_id(last) and KEYS[3]
            and (mark == '' or match(mark, '^:"'))) then
        return false
    end
    return id, amount, int(outside), int(adj), last, sub(mark or '', 2)
end

local function now_seen()
    local seen = int(call('HGET', KEYS[1], 't')) or 0
    return math.max(tonumber(call('TIME')[1]), seen)
end

-- Does the window begin elsewhere, at `start`, by its new entry?  Then what was
-- counted since belongs to no period of the new one.  Past its last boundary
-- the old entry admitted nothing.
local function is_moved(old, start, now)
    local was, last = window_at(old[2], old[1], 1, now)
    if not start or was then
        return start and start ~= was
    end
    return not last or last > start
end

-- The events after `last`; nil when they are too many, or were perhaps trimmed:
-- that takes the oldest, and only what the ledger has, up to `dur`.
local function events_after(last)
    local first = call('XRANGE', KEYS[3], '-', '+', 'COUNT', '1')[1]
    if m[5] and is_above(m[5], last) and not (first
        and not is_above(first[1], last)) then
        return nil
    end
    local events = call('XRANGE', KEYS[3], '(' .. last, '+', 'COUNT',
        str(UNREAD_MOST + 1))
    return #events <= UNREAD_MOST and events or nil
end

local function is_named(pins, pin)
    return pins and find(',' .. pins .. ',', ',' .. pin .. ',', 1, true)
end

-- Does the detail have every line of the mark?
local function is_marked(detail, mark)
    for line in gmatch(mark, '[^\n]+') do
        if not find(detail or '', line, 1, true) then
            return false
        end
    end
    return mark ~= ''
end

-- What `events` say that they moved of the counter `pin`, and on other pins of
-- the budget, or of calls that it would have been for.  Nil: how much the
-- latter is only the ledger knows.
local function moved_sums(events, budget, pin, mark)
    local named, outside = 0, 0
    for _, event in ipairs(events) do
        local said, flat = {}, event[2]
        for i = 1, #flat, 2 do
            said[flat[i]] = flat[i + 1]
        end
        if is_named(said.p, pin) then
            named = named + (int(said.d) or 0)
        elseif find(',' .. (said.p or ''), ',' .. budget .. ':', 1, true)
            or is_marked(said.x, mark) then
            if said.l or not said.h then
                return nil
            end
            outside = outside + (int(said.d) or 0)
        end
    end
    return named, outside
end

-- The fields that open a window with an opening that names an event; or a
-- refusal.
local function opening_counted(win, id, amount, outside, adj, last, mark,
    counters)
    local budget, wid = budget_of(KEYS[2]), win.w .. ':' .. id
    if adj ~= int(m[4]) then
        return nil, {'GAP', m[4] or ''}
    end
    local events, named, more = events_after(last)
    if events then
        named, more = moved_sums(events, budget, budget .. ':' .. wid, mark)
    end
    if not named then
        return nil, {'BEHIND'}
    end
    last = events[1] and events[#events][1] or last
    return {'s:' .. wid, str(math.min(int(amount) + named + more, HUGE)),
        'h:' .. wid, counters['h:' .. wid] or '0',
        'o:' .. win.w, table.concat({id, str(outside + more), last}, ':')}
end

-- The same of one that does not.
local function opening_given(win, id, amount, counters)
    local wid = win.w .. ':' .. id
    local spent = int(counters['s:' .. wid]) or 0
    return {'s:' .. wid, str(math.max(spent, int(amount))),
        'h:' .. wid, counters['h:' .. wid] or '0'}
end

-- Finds for every window of `list` what must be written to open it.  Returns
-- a refusal, or nothing.
local function openings_read(set, list, counters)
    local now, olds = now_seen(), windows_parse(counters.w) or {}
    for _, win in ipairs(list) do
        local start = window_at(set[win.w][2], set[win.w][1], 1, now)
        local id, amount, outside, adj, last, mark = opening_parse(win.opening,
            start)
        local old = counters['c:' .. win.w] and olds[win.w]
        if id == false then
            return {'ARG'}
        end
        if not old or is_moved(old, start, now) then
            if not id or int(id) ~= start then
                return {'UNSEEDED', win.w}
            end
            local refusal
            if adj then
                win.fields, refusal = opening_counted(win, id, amount, outside,
                    adj, last, mark, counters)
            else
                win.fields = opening_given(win, id, amount, counters)
            end
            if refusal then
                return refusal
            end
            win.id = id
        elseif adj then
            return {'DUP'}
        end
    end
end

-- KEYS[i] must be the end users of the default KEYS[j].
local function is_users_key(i, j)
    return sub(KEYS[i], 6, 8) == ':e:' and sub(KEYS[i], 9) == budget_of(KEYS[j])
end

-- KEYS of limit and add: the budget, and perhaps the stream.
local function is_budget_keys()
    return budget_of(KEYS[2]) and (#KEYS == 2 or #KEYS == 3
        and is_stream_key(3, ARGV[3]))
end

local function limits_write(version, w, list)
    call('HSET', KEYS[2], 'v', str(version), 'w', w)
    call('HDEL', KEYS[2], 'lv')
    for _, win in ipairs(list) do
        call('HSET', KEYS[2], 'l:' .. win.w, win.limit)
        if win.id then
            call('HDEL', KEYS[2], 'o:' .. win.w)
            call('HSET', KEYS[2], 'c:' .. win.w, win.id, unpack(win.fields))
        end
    end
end

local verbs = {}

function verbs.close()
    local epoch, run = match(ARGV[3] or '', '^(%d+):(%w+)$')
    local stored = int(match(fence or '', '^(%d+):')) or 0
    if not int(epoch) or #run > 64 then
        return {'ARG'}
    end
    if int(epoch) < stored then
        return {'STALE', str(leader)}
    elseif int(epoch) == stored and ARGV[3] ~= fence then
        return {'STALE', str(leader)}
    elseif int(epoch) == stored and state ~= 'closed' then
        return {'STATE', state}
    end
    call('HDEL', KEYS[1], 'adj', 'cap', 'dur', 'n')
    call('HSET', KEYS[1], 'f', ARGV[3], 'st', 'closed', 'ctl', str(token),
        't', call('TIME')[1])
    return {'OK'}
end

function verbs.drop()
    if #KEYS < 2 or #KEYS > 1001 then
        return {'ARG'}
    end
    call('DEL', unpack(KEYS, 2))
    return {'OK'}
end

-- The explicit counters of a budget, ARGV[from...upto]: field -> value, c:<w>
-- and a:<w> -> highest id that has begun, and that has not; where `entries` are
-- given, of those that are periods of these.  What is held of no window is a
-- field alone.
local function fields_parse(set, from, upto, entries)
    local fields, last, now = {}, {}, now_seen()
    if (upto - from) % 2 == 0 then
        return nil
    end
    for i = from, upto, 2 do
        local kind, w, id = match(ARGV[i], '^([shg]):(%w+):(%d+)$')
        local field = kind == 'g' and 'h' .. sub(ARGV[i], 2) or ARGV[i]
        if not kind or kind ~= 'g' and not set[w] or not int(id)
            or fields[field] or not is_counter(ARGV[i + 1]) then
            return nil
        end
        fields[field] = ARGV[i + 1]
        if kind ~= 'g' then
            local other = (kind == 's' and 'h' or 's') .. ':' .. w .. ':' .. id
            fields[other] = fields[other] or false
            if not entries or period_at(entries, w, int(id)) == int(id) then
                local mark = (int(id) > now and 'a:' or 'c:') .. w
                last[mark] = math.max(last[mark] or 0, int(id))
            end
        end
    end
    return fields, last
end

local function counters_write(key, fields, last)
    for field, value in pairs(fields) do
        call('HSET', key, field, value or '0')
    end
    for mark, id in pairs(last) do
        call('HSET', key, mark, str(id))
    end
end

function verbs.budget()
    local version, at = int(ARGV[4]), int(ARGV[6])
    local set, n = windows_parse(ARGV[5])
    local list = set and limits_parse(set, n, 7, 2)
    local bar = set and 7 + 2 * n
    if not list or not version or not at or not budget_of(KEYS[2])
        or #KEYS ~= 2 and (#KEYS ~= 3 or not is_users_key(3, 2))
        or #ARGV > 2000
        or ARGV[bar] and ARGV[bar] ~= '|' then
        return {'ARG'}
    end
    local fields, last = fields_parse(set, bar + 1, #ARGV)
    if not fields and ARGV[bar] then
        return {'ARG'}
    end
    call('DEL', unpack(KEYS, 2))
    call('HSET', KEYS[2], 'at', str(at))
    limits_write(version, ARGV[5], list)
    counters_write(KEYS[2], fields or {}, last or {})
    return {'OK'}
end

--@part seed_users

function verbs.hold()
    local id, pins, detail = ARGV[4], ARGV[8], ARGV[9]
    local amount, created = int(ARGV[5]), int(ARGV[6])
    local expires, list = int(ARGV[7]), pins_parse(ARGV[8], 4)
    if not amount or not created or not expires or not list or #list == 0
        or not is_id(id) or not is_detail(detail) or #KEYS > 19
        or not is_hold_key(2, id) then
        return {'ARG'}
    end
    local _, open = hold_read(KEYS[2])
    if open then
        return {'DUP'}
    end
    pins_read(list, our_epoch)
    if not pins_stay_in_range(list, amount, 0) then
        return {'ARG'}
    end
    pins_open(list, our_epoch)
    pins_hold(list, amount)
    call('SET', KEYS[2], table.concat({str(amount), str(created),
        str(expires), pins, detail}, ' '))
    call('ZADD', KEYS[3], str(expires), id)
    return {'OK'}
end

function verbs.adopt()
    if ARGV[4] and not int(ARGV[4]) then
        return {'ARG'}
    end
    if state == 'adopt' then
        return (not ARGV[4] or m[4] and int(m[4]) >= int(ARGV[4]))
            and {'OK'} or {'STATE', state}
    end
    if ARGV[4] then
        call('HSET', KEYS[1], 'adj', str(int(ARGV[4])))
    end
    call('HSET', KEYS[1], 'st', 'adopt')
    return {'OK'}
end

function verbs.open()
    local adj, cap, dur = int(ARGV[4]), int(ARGV[5]), ARGV[6]
    if not adj or not cap or not match(dur or '', '^%d+%-%d+$') then
        return {'ARG'}
    end
    if state == 'open' then
        return {'OK'}
    end
    if m[4] and int(m[4]) ~= adj then
        return {'STATE', state}
    end
    call('HSET', KEYS[1], 'adj', str(adj), 'cap', str(cap), 'dur', dur,
        'st', 'open')
    return {'OK'}
end

local function leader_take()
    if token > leader then
        call('HSET', KEYS[1], 'ctl', str(token))
    end
end

-- The fields of the budget as a table; empty when it is not there.  Of an end
-- user's that another epoch left there is no more than that.
local function counters_read()
    local flat, fields = call('HGETALL', KEYS[2]), {}
    for i = 1, #flat, 2 do
        fields[flat[i]] = flat[i + 1]
    end
    return fields.e and fields.e ~= our_epoch and {e = fields.e} or fields
end

-- `verdict` and what the windows of the budget opened with.
local function opened_reply(verdict)
    local reply, counters = {verdict}, counters_read()
    for w in pairs(windows_parse(counters.w) or {}) do
        if counters['o:' .. w] then
            reply[#reply + 1] = w
            reply[#reply + 1] = counters['o:' .. w]
        end
    end
    return reply
end

function verbs.limit()
    local version, set, n = int(ARGV[4]), windows_parse(ARGV[5])
    local list = set and limits_parse(set, n, 6, 3)
    if not list or not version or #ARGV ~= 5 + 3 * n
        or not is_budget_keys() then
        return {'ARG'}
    end
    local counters = counters_read()
    if not counters.v or not counters.w then
        return {'UNSEEDED'}
    end
    if version <= int(counters.v) or version < (int(counters.lv) or 0) then
        return opened_reply('OLD')
    end
    local refusal = openings_read(set, list, counters)
    if refusal then
        return refusal
    end
    local opened = {}
    for _, win in ipairs(list) do
        opened[win.w] = win.id
    end
    for w in pairs(windows_parse(counters.w) or {}) do
        local id = counters['c:' .. w]
        if not set[w] then
            call('HDEL', KEYS[2], 'l:' .. w, 'c:' .. w, 'a:' .. w, 'o:' .. w)
        end
        if id and (not set[w] or opened[w] and opened[w] ~= id)
            and counters['h:' .. w .. ':' .. id] == '0' then
            call('HDEL', KEYS[2], 's:' .. w .. ':' .. id,
                'h:' .. w .. ':' .. id)
        end
    end
    limits_write(version, ARGV[5], list)
    leader_take()
    return opened_reply('OK')
end

function verbs.relimit()
    local version, limits = int(ARGV[4]), {}
    for i = 5, #ARGV, 2 do
        if limits[ARGV[i]] or not is_limit(ARGV[i + 1]) then
            return {'ARG'}
        end
        limits[ARGV[i]] = ARGV[i + 1]
    end
    if not version or #ARGV < 6 or #ARGV > 20 or #KEYS ~= 2
        or not budget_of(KEYS[2]) then
        return {'ARG'}
    end
    local counters = counters_read()
    if not counters.v or not counters.w then
        return {'UNSEEDED'}
    end
    if version <= math.max(int(counters.v), int(counters.lv) or 0) then
        return {'OLD'}
    end
    call('HSET', KEYS[2], 'lv', str(version))
    for w in pairs(windows_parse(counters.w) or {}) do
        if limits[w] then
            call('HSET', KEYS[2], 'l:' .. w, limits[w])
        end
    end
    leader_take()
    return {'OK'}
end

function verbs.add()
    local version, at = int(ARGV[4]), int(ARGV[5])
    local set, n = windows_parse(ARGV[6])
    local list = set and limits_parse(set, n, 7, 3)
    if not list or not version or not at or #ARGV ~= 6 + 3 * n
        or not is_budget_keys() then
        return {'ARG'}
    end
    local counters = counters_read()
    if counters.v then
        return {'DUP'}
    end
    local refusal = openings_read(set, list, counters)
    if refusal then
        return refusal
    end
    if next(counters) then                  -- an end user's: it stays now
        counters.d, counters.e = nil, nil
        call('DEL', KEYS[2])
        counters_write(KEYS[2], counters, {})
    end
    call('HSET', KEYS[2], 'at', str(at))
    limits_write(version, ARGV[6], list)
    leader_take()
    return opened_reply('OK')
end

function verbs.dur()
    if not is_stream_id(ARGV[4]) then
        return {'ARG'}
    end
    if m[5] and not is_above(ARGV[4], m[5]) then
        return {'OLD'}
    end
    call('HSET', KEYS[1], 'dur', ARGV[4])
    leader_take()
    return {'OK'}
end

-- verb -> the states that allow it, and whether the token may be a higher one.
local guards = {
    drop = {closed = true}, budget = {closed = true}, users = {closed = true},
    hold = {closed = true},
    adopt = {closed = true, adopt = true}, open = {adopt = true, open = true},
    limit = {adopt = true, open = true, higher = true},
    relimit = {adopt = true, open = true, higher = true},
    add = {adopt = true, open = true, higher = true},
    dur = {adopt = true, open = true, higher = true},
}

if not verb or not verbs[verb] or not token then
    return {'ARG'}
end
local guard = guards[verb]
if token < leader or guard and (not fence or ARGV[3] ~= fence
    or token > leader and not guard.higher) then
    return {'STALE', str(leader)}
end
if guard and not guard[state] then
    return {'STATE', state}
end
return verbs[verb]()
