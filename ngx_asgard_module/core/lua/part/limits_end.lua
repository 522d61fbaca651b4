-- Limits at the end of a hold: the slot of its call is free, and the tokens
-- that reserve counted, in the entry that the mark names, become what was used.
-- Where that entry is over, or another one by now, nothing is to be corrected.
limits_end = function(is_counted)
    local used = int(ARGV[9])
    local call_id = match(id, '^(.+)%.%d+$') or id
    for i = 1, scopes do
        local key = KEYS[last + 2 * i - 1]
        local at, first, need = match(ARGV[9 + i], '^(%d+):(%d+):(%d+)$')
        if is_counted and used and at then
            local field = 't:' .. at
            local v = call('HMGET', key, field, 'tn')
            local since, newest, n = match(v[1] or '', '^(%d+) (%d+) (%d+)$')
            if since == first then
                local less = math.min(need - used, tonumber(n))
                call('HSET', key, field, table.concat({since, newest,
                    str(n - less)}, ' '), 'tn', str(math.max(
                    (int(v[2]) or 0) - less, 0)))
            end
        end
        call('ZREM', KEYS[last + 2 * i], call_id)
    end
end
