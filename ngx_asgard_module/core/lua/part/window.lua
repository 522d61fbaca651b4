-- Windows: which period of each entry of the hash field `w` holds `now`.
--
--     total:t    1h:p:<length>:<offset>    1mo:c:<boundary>/<boundary>/...
--     1d:c:<boundary>/<boundary>/...@<zone>
--
-- A list of boundaries is long, so no pattern runs over it: an entry is given
-- as the text it stands in and where its arguments begin.  The scan of a list
-- ends at the first boundary after `now`; ctl keeps that near its beginning.

-- name, kind, where the arguments begin, where the next entry begins (nil:
-- none) of the entry at `at`; nil when there is none.
local function entry_at(text, at)
    local w, kind, from = match(text, '^(%w+):(%a)()', at)
    if not w then
        return nil
    end
    local comma = find(text, ',', from, true)
    return w, kind, from, comma and comma + 1
end

-- id and end (0: never) of the period; nil when the entry does not say, and
-- then the last boundary, if it is of kind c.
local function window_at(text, kind, from, now)
    if kind == 't' then
        return 0, 0
    elseif kind == 'p' then
        local length, offset = match(text, '^:(%d+):(%d+)', from)
        length, offset = int(length), int(offset)
        if not length or length == 0 or not offset or now < offset then
            return nil
        end
        local id = now - (now - offset) % length
        return id, id + length
    elseif kind == 'c' then
        local id
        local boundary, at = match(text, '^[:/](%d+)()', from)
        while boundary do
            local b = tonumber(boundary)
            if b > now then
                return id, b
            end
            id = b
            boundary, at = match(text, '^/(%d+)()', at)
        end
        return nil, id
    end
    return nil
end
