-- Windows: which period of each entry of the hash field `w` holds `now`.
--
--     total:t    1h:p:<length>:<offset>    1mo:c:<boundary>/<boundary>/...

local WINDOW = '(%w+):(%a)([^,]*)'

-- id and end (0: never) of the period; nil when the entry does not say.
local function window_at(kind, args, now)
    if kind == 't' then
        return 0, 0
    elseif kind == 'p' then
        local length, offset = match(args, '^:(%d+):(%d+)$')
        length, offset = int(length), int(offset)
        if not length or length == 0 or not offset or now < offset then
            return nil
        end
        local id = now - (now - offset) % length
        return id, id + length
    elseif kind == 'c' then
        local id
        for boundary in gmatch(args, '%d+') do
            local b = tonumber(boundary)
            if b > now then
                return id, b
            end
            id = b
        end
    end
    return nil
end
